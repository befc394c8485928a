"""The packet of a fetched map: its notice's facts without the position, and the file's bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocols.map_notice import is_map_packet, map_fits, write_map_packet
from protocols.notice_parser import parse_notice
from pyros.domain.alert.notice import NoticeError

DATA = Path(__file__).parents[1] / "data" / "alerts"
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
GBM = (DATA / "fermi_gbm" / "792135758_fermi_gbm_gnd_pos_1701.xml").read_bytes()


def test_a_maps_packet_speaks_for_its_notice() -> None:
    """Mission, id, time and class stay, the position goes, the map is inside."""
    raw = write_map_packet(GBM, b"SIMPLE  =bytes\nmore", "https://gcn.gsfc.nasa.gov/x.fits")
    assert is_map_packet(raw)
    assert map_fits(raw) == b"SIMPLE  =bytes\nmore"
    named = parse_notice(GBM, source="gcn-kafka", received_utc=NOW)
    found = parse_notice(raw, source="gcn-kafka", topic="t", received_utc=NOW)
    assert (found.stream, found.event_id, found.t0_utc) == (
        named.stream,
        named.event_id,
        named.t0_utc,
    )
    assert found.notice_id == f"{named.notice_id}#sky-map"
    assert found.ra_deg is found.error_deg is None
    assert found.sky_map is not None
    assert found.sky_map.inline
    assert found.content_sha256 != named.content_sha256


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (b'{"schema":"pyros:sky-map:1","url":"x","notice_bytes":3}', "without a header"),
        (b'{"schema":"pyros:sky-map:1","url":3}\nabc', "without a header"),
        (b'{"schema":"pyros:sky-map:1","url":"x","notice_bytes":99}\nabc', "99 bytes of notice"),
        (b'{"schema":"pyros:sky-map:1","url":"x","notice_bytes":-1}\nabc', "-1 bytes of notice"),
        (write_map_packet(write_map_packet(GBM, b"a", "u"), b"b", "u"), "names another one"),
        (write_map_packet(b"no alert at all", b"b", "u"), "XML"),
    ],
)
def test_a_broken_maps_packet_is_no_alert(raw: bytes, match: str) -> None:
    """No header, impossible lengths, a map of a map: refused in one line."""
    with pytest.raises(NoticeError, match=match):
        parse_notice(raw, source="mqtt", received_utc=NOW)
