"""Whether light can reach the detector."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from actors.dome.settings import DomeSettings
from actors.sequencer.alignment import light_blocked
from pyros.domain.device import Quality, Reading

GEOMETRY = DomeSettings()
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def reading(value: object, quality: Quality = Quality.GOOD) -> Reading:
    return Reading(value=value, unit="", time_utc=NOW, quality=quality)  # type: ignore[arg-type]  # any value of the wire


def blocked(
    *,
    shutter: object = "open",
    slit: float = 100.0,
    cover: object = "open",
    az: float = 101.0,
    alt: float = 45.0,
    slewing: bool = False,
    quality: Quality = Quality.GOOD,
) -> str | None:
    dome = {"shutter": reading(shutter, quality), "azimuth_deg": reading(slit, quality)}
    telescope = {
        "cover": reading(cover),
        "az_deg": reading(az),
        "alt_deg": reading(alt),
        "slewing": reading(slewing),
    }
    return light_blocked(dome, telescope, GEOMETRY)


def test_light_passes_an_open_aligned_dome() -> None:
    """Open, uncovered, aligned: nothing is in the way."""
    assert blocked() is None


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"shutter": "closed"}, "closed"),
        ({"shutter": "opening"}, "opening"),
        ({"cover": "closed"}, "cover"),
        ({"slit": 150.0}, "slit"),
        ({"slewing": True}, "slewing"),
        ({"quality": Quality.STALE}, "unknown"),
    ],
)
def test_light_is_blocked_with_a_reason(change: dict[str, object], word: str) -> None:
    """Each obstacle is named; a stale reading is an obstacle."""
    reason = blocked(**change)  # type: ignore[arg-type]  # one keyword at a time
    assert reason is not None
    assert word in reason


def test_alignment_wraps_at_north() -> None:
    """359 and 1 degree are two degrees apart."""
    assert blocked(slit=359.0, az=1.0) is None


def test_alignment_matters_less_near_the_zenith() -> None:
    """At 85 degrees altitude, 40 degrees of azimuth are 3.5 degrees across the slit."""
    assert blocked(slit=100.0, az=140.0, alt=85.0) is None
    assert blocked(slit=100.0, az=140.0, alt=45.0) is not None
