"""Payloads on the wire: what fits round-trips, what does not is refused in one line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from protocols.payloads import (
    DeviceEvent,
    FirstPhotonEvent,
    PayloadError,
    PropertyPayload,
    decode,
    encode,
)

NOW = datetime(2026, 11, 24, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.mark.parametrize("value", [12.3, -4, "open", True, None])
def test_properties_round_trip(value: object) -> None:
    """Value, unit, time and quality come back as they were sent."""
    sent = PropertyPayload(v=value, u="deg_C", t=NOW, q="bad", seq=7)  # type: ignore[arg-type]  # any wire value
    assert decode("p", encode(sent), PropertyPayload) == sent


def test_events_are_told_apart_by_their_tag() -> None:
    """A union decodes to the event that was sent."""
    sent = FirstPhotonEvent(exposure_id="x-1", start_utc=NOW)
    assert decode("evt", encode(sent), DeviceEvent) == sent  # type: ignore[arg-type]  # a union


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"v": 1}', b"\xff\xfe", b'{"e":"bang"}'])
def test_what_does_not_fit_is_refused_in_one_line(raw: bytes) -> None:
    """The line names the topic; a union is no worse than a struct."""
    for kind in (PropertyPayload, DeviceEvent):
        with pytest.raises(PayloadError) as caught:
            decode("pyros/1/spm/t1/dome/p/shutter", raw, kind)  # type: ignore[arg-type]  # a union
        assert str(caught.value).startswith("pyros/1/spm/t1/dome/p/shutter: ")
        assert "\n" not in str(caught.value)
