"""Every recorded packet is read for what it says, and what is no alert is refused in one line."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocols.notice_parser import parse_notice
from pyros.domain.alert.gate import actionable
from pyros.domain.alert.notice import Notice, NoticeError

DATA = Path(__file__).parents[1] / "data" / "alerts"
RECEIVED_UTC = datetime(2026, 6, 1, tzinfo=UTC)
NOT_ALERTS = {
    "bad_utf8.xml": "not well-formed XML",
    "billion_laughs.xml": "not well-formed XML",
    "broker_unknown_topic.xml": "not well-formed XML",
    "deep_nesting.xml": "not well-formed XML",
    "empty.xml": "packet is empty",
    "json_in_xml_topic.xml": "no alert that is known",
    "no_ivorn.xml": "without an ivorn",
    "truncated.xml": "not well-formed XML",
    "utf16_doctype.xml": "DOCTYPE",
    "xxe_file.xml": "DOCTYPE",
}


def read(name: str, *, topic: str | None = None) -> Notice:
    """The notice of a recorded packet."""
    raw = (DATA / name).read_bytes()
    return parse_notice(raw, source="test", topic=topic, received_utc=RECEIVED_UTC)


def recorded() -> list[Path]:
    """Every recorded packet."""
    return sorted(p for p in DATA.glob("*/*") if p.suffix in {".xml", ".json"})


@pytest.mark.parametrize("path", recorded(), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_parser_reads_every_recorded_packet_or_refuses_it_in_one_line(path: Path) -> None:
    """A packet is a notice with an identity, or a NoticeError of one line; nothing else happens."""
    expected_error = NOT_ALERTS.get(path.name) if path.parent.name == "malformed" else None
    if expected_error:
        with pytest.raises(NoticeError, match=expected_error) as refused:
            read(f"malformed/{path.name}")
        assert "\n" not in str(refused.value)
        return
    notice = parse_notice(path.read_bytes(), source="test", received_utc=RECEIVED_UTC)
    assert notice.notice_id
    assert (notice.ra_deg is None) == (notice.dec_deg is None)
    if notice.error_deg is not None:
        assert 0 < notice.error_deg < 180
    if notice.retraction:
        assert not notice.has_position


def test_parser_reads_a_swift_position() -> None:
    """A BAT position has its stream, id, time, 90 % circle and class."""
    notice = read("swift/BAT_GRB_Pos_1194500-314.xml")
    assert (notice.stream, notice.packet_type, notice.event_id) == ("swift-bat", 61, "1194500")
    assert (notice.ra_deg, notice.dec_deg, notice.error_deg) == (23.7891, 83.7908, 0.05)
    assert (notice.containment, notice.classification) == (0.9, "GRB")
    assert notice.t0_utc == datetime(2023, 11, 4, 1, 47, 39, 910000, UTC)
    assert notice.notice_utc == datetime(2023, 11, 4, 1, 47, 55, tzinfo=UTC)
    assert notice.authority == "nasa.gsfc.gcn/swift"


def test_parser_takes_svom_t0_from_the_alert_sequence_not_from_mxt() -> None:
    """MXT's ISOTime is two minutes after the burst; its T0 is that of the whole sequence."""
    eclairs = read("svom/sb26050402_eclairs_312.xml")
    mxt = read("svom/sb26050402_mxt_50.xml")
    assert mxt.t0_utc == eclairs.t0_utc == datetime(2026, 5, 4, 9, 31, 19, 587000, UTC)
    assert mxt.event_id == eclairs.event_id == "sb26050402"


def test_parser_gives_no_error_radius_for_minus_one() -> None:
    """GRM writes an error of -1 for "unknown": the position stays, its error is None."""
    notice = read("svom/sb26050402_grm_345.xml")
    assert (notice.ra_deg, notice.error_deg, notice.containment) == (72.6054, None, None)


@pytest.mark.parametrize(
    "name",
    [
        "fermi_gbm/792135758_fermi_gbm_alert_3785.xml",  # 0, 0, 0
        "ipn/Raw_2014-04-28T21_44_35.45_-00001-143.xml",  # -1, -1, -1
        "snews/Event2015-12-08T17_00_01.00_1000049-017.xml",  # 0, 0, 360
        "svom/sb26020402_grm_285.xml",  # none at all
        "malformed/dec_out_of_range.xml",
        "malformed/units_radian.xml",
        "gcn_unified_json/fermi__gbm__trigger.alert.example.json",
    ],
)
def test_parser_never_makes_a_position_of_nothing(name: str) -> None:
    """Missing, (0, 0) without error, out of range and in another unit are None, never 0."""
    notice = read(name)
    assert (notice.ra_deg, notice.dec_deg, notice.error_deg) == (None, None, None)


@pytest.mark.parametrize("value", ["NaN", "inf", "-0x1", "1_0", "", "9" * 500])
def test_parser_takes_no_coordinate_that_is_no_number(value: str) -> None:
    """What float() might make of hostile text is no coordinate."""
    raw = (DATA / "svom/sb26050402_eclairs_312.xml").read_text().replace("351.2451", value)
    notice = parse_notice(raw.encode(), source="test", received_utc=RECEIVED_UTC)
    assert notice.ra_deg is None


@pytest.mark.parametrize("frame", ["UTC-GALACTIC-GEO", "UTC-FK4-GEO", "UTC-ECLIPTIC-BARY", ""])
def test_parser_takes_no_position_in_an_unknown_frame(frame: str) -> None:
    """Numbers in a frame that is not ICRS or FK5 are no right ascension."""
    raw = (DATA / "svom/sb26050402_eclairs_312.xml").read_text().replace("UTC-ICRS-GEO", frame)
    notice = parse_notice(raw.encode(), source="test", received_utc=RECEIVED_UTC)
    assert not notice.has_position


@pytest.mark.parametrize(
    ("frame", "ahead_of_utc_s"), [("TT-ICRS-GEO", 69.184), ("GPS-ICRS-GEO", 18.0)]
)
def test_parser_converts_time_scales_to_utc(frame: str, ahead_of_utc_s: float) -> None:
    """TT is 69.184 s and GPS 18 s ahead of UTC since 2017 (IERS bulletin C)."""
    text = (DATA / "svom/sb26050402_eclairs_312.xml").read_text().replace("UTC-ICRS-GEO", frame)
    raw = text.replace("Alert_Seq_T0", "Other_T0").encode()
    notice = parse_notice(raw, source="test", received_utc=RECEIVED_UTC)
    written = datetime(2026, 5, 4, 9, 31, 19, 287000, UTC)
    assert notice.t0_utc == written - timedelta(seconds=ahead_of_utc_s)
    assert notice.has_position


def test_parser_knows_a_retraction_without_a_flag_and_gives_it_no_position() -> None:
    """SVOM 219 says observation and carries a position; it takes back, it does not locate."""
    notice = read("svom/sb26020402_grm_286.xml")
    assert notice.retraction
    assert not notice.has_position
    assert {cite.kind for cite in notice.cites} == {"retraction"}
    assert len(notice.cites) == 3


@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("traps/TEST_Event2015-12-20T03_40_00.00_099999-011.xml", True),  # role=observation
        ("test_role/swift_bat_grb_pos_test_9266.xml", True),
        ("gecam/FLT_Event_2022-10-01T1532_07_24.80_000008-700.xml", True),  # number >= 1e8
        ("lvk_voevent/lvc_initial_16322.xml", True),
        ("gcn_unified_json/burstcube__test.example.json", True),
        ("gcn_unified_json/superk__sn_alert.test.example.json", True),
        ("gecam/GND_Event_2022-10-09T1291_22_09.92_000009-206.xml", False),
        ("swift/BAT_GRB_Pos_1194500-314.xml", False),
    ],
)
def test_parser_knows_every_mark_of_a_test(name: str, *, test: bool) -> None:
    """Role, packet type, trigger number, superevent prefix and tense each make a test."""
    assert read(name).test is test


@pytest.mark.parametrize(
    ("name", "classification"),
    [
        ("fermi_gbm/792135758_fermi_gbm_flt_pos_8127.xml", "GRB"),
        ("fermi_gbm/fermi_gbm_flt_pos_8135.xml", "TGF"),
        ("fermi_gbm/fermi_gbm_flt_pos_8130.xml", "SOLAR_FLARE"),
        ("gecam/333-FLT-not_grb.json", "SOLAR_FLARE"),
        ("swift/BAT_GRB_Pos_570069-383.xml", "KNOWN_SOURCE"),
        ("svom/sb25082402_svom_voevent_sb25082402_eclairs-catalog.xml", "KNOWN_SOURCE"),
        ("einstein_probe/alert_249.json", "X_RAY_TRANSIENT"),
        ("icecube/ICECUBE_GOLD_Event2019-09-22T09_42_45.62_24_133091_000081419_0.xml", "NEUTRINO"),
    ],
)
def test_parser_states_what_the_source_is(name: str, classification: str) -> None:
    """The class is the packet's own statement, not its generic concept."""
    assert read(name).classification == classification


def test_parser_notes_contradictions_instead_of_choosing() -> None:
    """Two different packet types are no packet type."""
    notice = read("malformed/dup_params.xml")
    assert notice.packet_type is None
    assert notice.conflicts == ("Packet_Type is given as 219 and 202",)
    assert read("malformed/future_time.xml").conflicts


def test_parser_reads_the_same_from_json_and_xml() -> None:
    """A VOEvent written as JSON is the same notice as its XML."""
    notice = read("swift/1187142v2-BAT_GRB_POS.json")
    assert (notice.format, notice.stream, notice.packet_type) == ("voevent-json", "swift-bat", 61)
    assert (notice.ra_deg, notice.dec_deg) == (261.9416, -16.2138)
    superevent = read("lvk_voevent/S240421ar-INITIAL-cbc_no_dist.json")
    assert [cite.kind for cite in superevent.cites] == ["supersedes"] * 3


def test_parser_reads_version_1_1_and_2_1() -> None:
    """Version 1.1 is read as recorded, version 2.1 (proposed 2026) by its new namespace."""
    old = read("traps/Point_Dir_2014-04-28T19_53_26.00_000000-020.xml")
    assert (old.format, old.packet_type, old.role) == ("voevent-1.1", 51, "utility")
    raw = (DATA / "svom/sb26050402_eclairs_312.xml").read_text()
    new = raw.replace("VOEvent/v2.0", "VOEvent/v2.1").replace('version="2.0"', 'version="2.1"')
    notice = parse_notice(new.encode(), source="test", received_utc=RECEIVED_UTC)
    assert (notice.format, notice.ra_deg) == ("voevent-2.1", 351.2451)


def test_parser_falls_back_to_gcn_day_and_second() -> None:
    """An ISOTime of "2022-01-00" is no date; the packet's TJD 19579 is 2021-12-31."""
    notice = read("superk/Event_2022-01-00T23_16_14.46_000002-526.xml")
    assert notice.t0_utc == datetime(2021, 12, 31, 23, 16, 14, 460000, UTC)


def test_parser_refuses_oversized_packets() -> None:
    """No byte of an oversized packet is parsed."""
    with pytest.raises(NoticeError, match="at most 99999"):
        parse_notice(b"<" + b"x" * 200_000, source="test", received_utc=RECEIVED_UTC)
    with pytest.raises(NoticeError, match="at most 4194304"):
        parse_notice(b"{" + b" " * 5_000_000, source="test", received_utc=RECEIVED_UTC)


def test_parser_keeps_the_role_missing_when_it_is_not_written() -> None:
    """The standard's default role is observation; a default never moves a telescope."""
    raw = (DATA / "svom/sb26050402_eclairs_312.xml").read_text()
    notice = parse_notice(
        raw.replace('role="observation"', "").encode(), source="test", received_utc=RECEIVED_UTC
    )
    assert notice.role is None


def test_parser_reads_the_same_without_voevent_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Python 3.12 and later voevent-parse is absent; every packet reads the same."""

    def everything() -> list[Notice]:
        found = []
        for path in recorded():
            with suppress(NoticeError):
                raw = path.read_bytes()
                found.append(parse_notice(raw, source="test", received_utc=RECEIVED_UTC))
        return found

    with_it = everything()
    monkeypatch.setattr("protocols.voevent._voeventparse", None)
    assert everything() == with_it
    assert len(with_it) > 200


def gcn(path: str, **fields: object) -> Notice:
    """A notice of GCN's schema, in the shape of the schema's own examples."""
    packet = {
        "$schema": f"https://gcn.nasa.gov/schema/main/gcn/notices/{path}.schema.json",
        "alert_type": "update",
        "alert_tense": "current",
        "trigger_time": "2026-09-12T01:46:39.180Z",
        "ra": 124.6332,
        "dec": 33.9949,
        "ra_dec_error": 0.05,
        "id": "1253910",
        **fields,
    }
    return parse_notice(json.dumps(packet).encode(), source="test", received_utc=RECEIVED_UTC)


def test_parser_reads_swifts_json_as_its_voevents() -> None:
    """Streams, classes and the lost star tracker, and products that never act."""
    burst = gcn("swift/bat/position", classification={"known": 0.0, "unknown": 1.0})
    assert (burst.stream, burst.mission, burst.classification) == ("swift-bat", "Swift", "GRB")
    named = gcn("swift/bat/position", classification={"EXO_0748-676": 1.0, "unknown": 0.0})
    assert named.classification == "KNOWN_SOURCE"
    assert gcn("swift/bat/position", star_tracker_locked=False).flags == ("lost_lock",)
    xrt = gcn("swift/xrt/position", trigger_time=None, observation_start="2026-09-12T01:48:25Z")
    assert (xrt.stream, xrt.t0_utc) == ("swift-xrt", datetime(2026, 9, 12, 1, 48, 25, tzinfo=UTC))
    assert actionable(burst)[0]
    assert actionable(xrt)[0]
    for notice in (gcn("swift/uvot/image"), gcn("swift/xrt/spectrum"), named):
        assert not actionable(notice)[0]


@pytest.mark.parametrize(
    ("field", "text", "stream"),
    [
        ("pipeline", "Bronze Track Alert", "icecube-bronze"),
        ("analysis_pipeline", "IceCube Gold Track alert", "icecube-gold"),
        ("pipeline", "Cascade Alert", "icecube-cascade"),
        ("pipeline", "something else", "icecube"),
    ],
)
def test_parser_grades_icecube_by_its_pipeline(field: str, text: str, stream: str) -> None:
    """Gold, bronze and cascades are streams of their own, as in VOEvents."""
    assert gcn("icecube/single_neutrino_alerts", **{field: text}).stream == stream
