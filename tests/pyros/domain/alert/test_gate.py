"""The act gate lets real bursts through, nothing else, and says why with numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pyros.domain.alert.gate import (
    Decision,
    GatePolicy,
    Observability,
    SourcePolicy,
    Trust,
    actionable,
    judge,
)
from pyros.domain.alert.notice import Citation, Notice, SkyMap

T0_UTC = datetime(2026, 5, 4, 9, 31, 19, tzinfo=UTC)
NOW_UTC = T0_UTC + timedelta(seconds=40)
POLICY = GatePolicy(
    sources={
        "kafka": SourcePolicy(trust=Trust.ACT, authorities=("org.svom/fsc", "nasa.gsfc.gcn")),
        "drill": SourcePolicy(trust=Trust.ACT, authorities=("*",), injected=True),
        "lan": SourcePolicy(trust=Trust.LOG, authorities=("*",)),
    }
)
BURST = Notice(
    notice_id="ivo://org.svom/fsc#sb26050402_eclairs-wakeup",
    ivorn="ivo://org.svom/fsc#sb26050402_eclairs-wakeup",
    authority="org.svom/fsc",
    format="voevent-2.0",
    stream="svom-eclairs",
    packet_type=202,
    packet_name="ECLAIRs wakeup",
    mission="SVOM",
    event_id="sb26050402",
    role="observation",
    test=False,
    retraction=False,
    t0_utc=T0_UTC,
    notice_utc=NOW_UTC,
    received_utc=NOW_UTC,
    source="kafka",
    content_sha256="0" * 64,
    ra_deg=351.2451,
    dec_deg=-80.3291,
    error_deg=0.0819,
    containment=0.9,
    frame="UTC-ICRS-GEO",
    classification="GRB",
)


def codes(notice: Notice) -> set[str]:
    """The codes of what `actionable` says."""
    verdict, reasons = actionable(notice)
    assert verdict is ({r.code for r in reasons} == {"may-act"})
    return {r.code for r in reasons}


def test_gate_lets_a_real_burst_act_and_says_where() -> None:
    """A burst with a position acts, and the reason has the numbers."""
    verdict, reasons = actionable(BURST)
    assert verdict
    assert "351.2451" in reasons[0].text
    assert judge(BURST, NOW_UTC, POLICY).decision is Decision.ACCEPTED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"role": None}, "role-missing"),
        ({"role": "drill"}, "role"),
        ({"role": "test"}, "role"),
        ({"test": True}, "test"),
        ({"retraction": True}, "retraction"),
        ({"tense": "archival"}, "tense"),
        ({"conflicts": ("two types",)}, "contradictory"),
        ({"packet_type": 203}, "type"),
        ({"stream": "konus"}, "type"),
        ({"classification": "SOLAR_FLARE"}, "class"),
        ({"classification": None}, "class"),
        ({"flags": ("lost_lock",)}, "lost-lock"),
        ({"ra_deg": None, "dec_deg": None}, "no-position"),
        ({"error_deg": None}, "no-error"),
        ({"error_deg": 45.0}, "error-too-large"),
        ({"pointing": True}, "pointing"),
    ],
)
def test_gate_refuses_what_is_no_burst(change: dict[str, object], code: str) -> None:
    """Each thing that disqualifies is found by itself and named."""
    assert codes(replace(BURST, **change)) == {code}  # type: ignore[arg-type]  # parametrised


def test_gate_gives_every_reason_not_the_first() -> None:
    """An operator sees at once all that is wrong."""
    assert codes(replace(BURST, role="test", test=True, error_deg=None)) == {
        "role",
        "test",
        "no-error",
    }


def test_gate_takes_a_sky_map_for_a_position_only_when_it_is_in_the_packet() -> None:
    """A map in the packet can be tiled, a map at an address is not there yet."""
    gw = replace(
        BURST, stream="lvk", packet_type="INITIAL", classification="GW", ra_deg=None, dec_deg=None
    )
    assert codes(replace(gw, sky_map=SkyMap(inline_bytes=1000))) == {"may-act"}
    assert codes(replace(gw, sky_map=SkyMap(url="https://x/y.fits"))) == {"no-position"}


def test_gate_trusts_the_source_not_the_ivorn() -> None:
    """A source acts only for its own authorities, a stranger only logs."""
    spoofed = replace(BURST, authority="org.svom/fscx")
    assert judge(spoofed, NOW_UTC, POLICY).reasons[0].code == "spoofed-authority"
    below = replace(BURST, authority="nasa.gsfc.gcn/swift")
    assert judge(below, NOW_UTC, POLICY).decision is Decision.ACCEPTED
    for source in ("lan", "stranger"):
        judged = judge(replace(BURST, source=source), NOW_UTC, POLICY)
        assert judged.reasons[0].code == "source-logs-only"


def test_gate_lets_injected_tests_act() -> None:
    """An operator's own test alert acts like a real one, from its own source only."""
    drill = replace(BURST, source="drill", role="test", test=True, tense="test")
    assert judge(drill, NOW_UTC, POLICY).decision is Decision.ACCEPTED
    assert judge(replace(drill, source="kafka"), NOW_UTC, POLICY).decision is Decision.IGNORED


def test_gate_measures_age_from_t0() -> None:
    """Too old, too young and timeless bursts are refused with the numbers."""
    old = judge(BURST, T0_UTC + timedelta(hours=25), POLICY)
    assert (old.decision, old.reasons[0].code) == (Decision.IGNORED, "too-old")
    assert "25.0 h old, limit 24.0 h" in old.reasons[0].text
    assert judge(BURST, T0_UTC - timedelta(seconds=61), POLICY).reasons[0].code == "in-the-future"
    assert judge(BURST, T0_UTC - timedelta(seconds=59), POLICY).decision is Decision.ACCEPTED
    assert judge(replace(BURST, t0_utc=None), NOW_UTC, POLICY).reasons[0].code == "no-time"


def test_gate_defers_to_the_next_window_within_the_age_limit() -> None:
    """Not visible now means the next window, or a refusal when the burst is too old by then."""
    hidden = Observability(
        now=False, text="altitude 12 deg, limit 20 deg", next_start_utc=T0_UTC + timedelta(hours=9)
    )
    judged = judge(BURST, NOW_UTC, POLICY, hidden)
    assert (judged.decision, judged.not_before_utc) == (Decision.DEFERRED, hidden.next_start_utc)
    late = replace(hidden, next_start_utc=T0_UTC + timedelta(hours=30))
    assert judge(BURST, NOW_UTC, POLICY, late).reasons[-1].code == "too-old-when-visible"
    never = replace(hidden, next_start_utc=None)
    assert judge(BURST, NOW_UTC, POLICY, never).reasons[-1].code == "never-observable"


def test_gate_asks_the_sky_only_when_all_else_passes() -> None:
    """Visibility costs time; a test alert never asks for it."""

    def ask(notice: Notice) -> Observability:
        raise AssertionError(notice.notice_id)

    assert judge(replace(BURST, role="utility"), NOW_UTC, POLICY, ask).decision is Decision.IGNORED


def test_gate_passes_retractions_of_trusted_sources_whatever_their_age() -> None:
    """A retraction names what it takes back; a spoofed one is ignored."""
    retraction = replace(
        BURST,
        packet_type=219,
        retraction=True,
        ra_deg=None,
        dec_deg=None,
        error_deg=None,
        classification=None,
        cites=(Citation(ivorn=BURST.notice_id, kind="retraction"),),
    )
    judged = judge(retraction, T0_UTC + timedelta(days=3), POLICY)
    assert judged.decision is Decision.RETRACTION
    assert BURST.notice_id in judged.reasons[0].text
    spoofed = replace(retraction, authority="evil")
    assert judge(spoofed, NOW_UTC, POLICY).decision is Decision.IGNORED
