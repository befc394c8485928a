"""Recorded alerts become young ones that differ in nothing else, and written ones are valid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocols.notice_parser import parse_notice
from protocols.notice_restamp import restamp
from protocols.voevent_writer import Author, OutgoingVoEvent, write_voevent
from pyros.domain.alert.gate import actionable
from pyros.domain.alert.notice import Citation, Notice, NoticeError
from pyros.errors import PermanentError

DATA = Path(__file__).parents[1] / "data" / "alerts"
T0_UTC = datetime(2026, 11, 23, 1, 2, 3, 450000, tzinfo=UTC)


def read(raw: bytes) -> Notice:
    """The notice of a packet."""
    return parse_notice(raw, source="test", received_utc=T0_UTC)


@pytest.mark.parametrize(
    "name",
    [
        "swift/BAT_GRB_Pos_1194500-314.xml",
        "fermi_gbm/792135758_fermi_gbm_flt_pos_8127.xml",
        "svom/sb26050402_eclairs_312.xml",
        "svom/sb26050402_mxt_50.xml",
        "gecam/GND_Event_2022-10-09T1291_22_09.92_000009-206.xml",
        "icecube/ICECUBE_GOLD_Event2019-09-22T09_42_45.62_24_133091_000081419_0.xml",
        "einstein_probe/alert_249.json",
        "gcn_unified_json/swift__bat__guano.loc_arc_min.example.json",
    ],
)
def test_restamper_moves_time_place_and_ids_only(name: str) -> None:
    """The young alert acts like the old one, at the new time and place, under a new id."""
    raw = (DATA / name).read_bytes()
    young = read(restamp(raw, time_utc=T0_UTC, ra_deg=120.5, dec_deg=20.25, serial=7))
    old = read(raw)
    assert young.t0_utc == T0_UTC
    assert (young.ra_deg, young.dec_deg) == (120.5, 20.25)
    assert young.notice_id != old.notice_id
    assert young.event_id != old.event_id
    assert old.t0_utc is not None
    if old.notice_utc is not None and young.notice_utc is not None:
        kept = (young.notice_utc - T0_UTC) - (old.notice_utc - old.t0_utc)
        assert abs(kept) < timedelta(milliseconds=1)
    same = ("stream", "packet_type", "error_deg", "classification", "role", "test", "conflicts")
    assert [getattr(young, key) for key in same] == [getattr(old, key) for key in same]
    assert actionable(young)[0] is actionable(old)[0]


def test_restamper_keeps_a_chain_together() -> None:
    """Packets of one burst, restamped with one serial, still share id, T0 and citations."""
    names = ("sb26050402_grm_345", "sb26050402_eclairs_312", "sb26050402_mxt_50")
    chain = [
        read(restamp((DATA / f"svom/{n}.xml").read_bytes(), time_utc=T0_UTC, serial=3))
        for n in names
    ]
    assert len({notice.event_id for notice in chain}) == 1
    assert chain[0].notice_id in {cite.ivorn for cite in chain[2].cites}


def test_restamper_refuses_what_has_no_time() -> None:
    """What states no T0 cannot be given another."""
    raw = (DATA / "gcn_unified_json/boom__alert.example.json").read_bytes()
    with pytest.raises(NoticeError, match="no T0"):
        restamp(raw, time_utc=T0_UTC, serial=1)


def test_writer_writes_valid_voevents_that_read_back() -> None:
    """Role, time, place, parameters and citations survive the way out and in."""
    pytest.importorskip("voeventparse", reason="voevent-parse installs on Python 3.11 only")
    event = OutgoingVoEvent(
        stream="drill",
        local_id="2026-11-23-1",
        role="test",
        written_utc=T0_UTC + timedelta(seconds=5),
        time_utc=T0_UTC,
        ra_deg=10.5,
        dec_deg=-5.25,
        error_deg=0.1,
        params={"Packet_Type": "61", "TrigID": "7", "GRB_Identified": "true"},
        cites=(Citation(ivorn="ivo://org.example/pyros#0", kind="followup"),),
        description="Drill",
    )
    author = Author(ivo="org.example/pyros", contact_email="night@example.org")
    notice = read(write_voevent(event, author))
    assert notice.ivorn == "ivo://org.example/pyros/drill#2026-11-23-1"
    assert (notice.stream, notice.role, notice.t0_utc) == ("swift-bat", "test", T0_UTC)
    assert (notice.ra_deg, notice.dec_deg, notice.error_deg) == (10.5, -5.25, 0.1)
    assert notice.cites == event.cites
    with pytest.raises(PermanentError, match="role"):
        write_voevent(OutgoingVoEvent(**{**_fields(event), "role": "drill"}), author)


def _fields(event: OutgoingVoEvent) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__slots__}
