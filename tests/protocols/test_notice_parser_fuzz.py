"""No packet, however mangled, raises anything but NoticeError."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.notice_parser import parse_notice
from pyros.domain.alert.gate import GatePolicy, actionable, judge
from pyros.domain.alert.notice import NoticeError

DATA = Path(__file__).parents[1] / "data" / "alerts"
NOW_UTC = datetime(2026, 6, 1, tzinfo=UTC)
SEEDS = [
    (DATA / name).read_bytes()
    for name in (
        "svom/sb26050402_eclairs_312.xml",
        "fermi_gbm/792135758_fermi_gbm_flt_pos_8127.xml",
        "swift/1187142v2-BAT_GRB_POS.json",
        "einstein_probe/alert_249.json",
        "lvk_voevent/S240421ar-INITIAL-cbc_no_dist.json",
        "gcn_unified_json/maxi__gsc.unknown.ellipse.example.json",
        "traps/Point_Dir_2014-04-28T19_53_26.00_000000-020.xml",
    )
]
LVK = orjson.dumps(
    {
        "alert_type": "PRELIMINARY",
        "superevent_id": "S260601a",
        "time_created": "2026-06-01T00:00:00Z",
        "event": {"time": "2026-06-01T00:00:00Z", "far": 1e-9, "skymap": "U0lNUExF"},
    }
)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.lists(st.none() | st.integers() | st.text(max_size=5), max_size=4),
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=5), max_size=3),
)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def digest(raw: bytes) -> None:
    """Parse, judge, and let nothing but a NoticeError out."""
    with suppress(NoticeError):
        notice = parse_notice(raw, source="fuzz", topic="gcn.notices.x.y", received_utc=NOW_UTC)
        verdict, reasons = actionable(notice)
        assert isinstance(verdict, bool)
        assert reasons
        judge(notice, NOW_UTC, GatePolicy())
        str(notice)


@FUZZ
@given(st.sampled_from(SEEDS), st.data())
def test_parser_survives_mangled_bytes(seed: bytes, data: st.DataObject) -> None:
    """Bytes cut, repeated, overwritten and inserted anywhere."""
    mangled = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, max(0, len(mangled) - 1)))
        match data.draw(st.sampled_from("cirt")):
            case "c":
                del mangled[at : at + data.draw(st.integers(1, 200))]
            case "i":
                mangled[at:at] = data.draw(st.binary(max_size=12))
            case "r":
                mangled[at:at] = mangled[at : at + data.draw(st.integers(1, 300))]
            case _:
                mangled = mangled[:at]
    digest(bytes(mangled))


@FUZZ
@given(st.sampled_from(SEEDS[:2]), st.text(max_size=40), st.data())
def test_parser_survives_any_value(seed: bytes, text: str, data: st.DataObject) -> None:
    """Any value between quotes or tags replaced by any text, well-formed all the same."""
    source = seed.decode()
    quoted = data.draw(st.sampled_from(sorted({v for v in source.split('"')[1::2] if len(v) < 60})))
    clean = "".join(c for c in text if c.isprintable() and c not in "<>&\"'")
    digest(source.replace(quoted, clean).encode())


@FUZZ
@given(st.sampled_from([LVK, *SEEDS[2:6]]), st.data())
def test_parser_survives_any_json_shape(seed: bytes, data: st.DataObject) -> None:
    """Any node of a JSON alert replaced by anything."""
    packet: Any = orjson.loads(seed)
    holder = packet
    for _ in range(data.draw(st.integers(0, 6))):
        inner = [v for v in holder.values() if isinstance(v, dict) and v]
        if not inner:
            break
        holder = inner[data.draw(st.integers(0, len(inner) - 1))]
    key = data.draw(st.sampled_from(sorted(holder)))
    holder[key] = data.draw(JUNK)
    with suppress(TypeError):  # an integer beyond 64 bits cannot be written
        digest(orjson.dumps(packet))


@FUZZ
@given(st.binary(max_size=300))
def test_parser_survives_noise(noise: bytes) -> None:
    """Noise, alone and after the first bytes of each format."""
    for head in (b"", b"{", b"[", b"<", b"Obj\x01", b"\xff\xfe<\x00", b'{"superevent_id":'):
        digest(head + noise)
