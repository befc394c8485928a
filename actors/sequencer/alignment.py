"""Pure check that light can reach the detector: dome open, slit before the telescope, on target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyros.domain.device import Quality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyros.domain.device import Reading

_ZENITH_COS = math.cos(math.radians(89.0))


def light_blocked(
    dome: Mapping[str, Reading], telescope: Mapping[str, Reading], *, within_deg: float
) -> str | None:
    """Why no light would fall on the detector now, or None when the way is free.

    Args:
        dome: Readings of the dome.
        telescope: Readings of the telescope.
        within_deg: Allowed |slit azimuth - telescope azimuth| times cos(altitude), degrees.
    """
    shutter = _good(dome, "shutter")
    if shutter != "open":
        return f"the dome is {shutter or 'in an unknown state'}"
    cover = _good(telescope, "cover")
    if cover != "open":
        return f"the mirror cover is {cover or 'in an unknown state'}"
    slit_deg = _number(dome, "azimuth_deg")
    az_deg = _number(telescope, "az_deg")
    alt_deg = _number(telescope, "alt_deg")
    if slit_deg is None or az_deg is None or alt_deg is None:
        return "slit or telescope azimuth is unknown"
    away_deg = abs((slit_deg - az_deg + 180.0) % 360.0 - 180.0)
    across_deg = away_deg * max(math.cos(math.radians(alt_deg)), _ZENITH_COS)
    if across_deg > within_deg:
        return (
            f"the slit at azimuth {slit_deg:.1f} deg is {across_deg:.1f} deg off the telescope "
            f"at {az_deg:.1f} deg (limit {within_deg:.1f} deg)"
        )
    return None


def _good(readings: Mapping[str, Reading], name: str) -> object | None:
    reading = readings.get(name)
    return reading.value if reading is not None and reading.quality is Quality.GOOD else None


def _number(readings: Mapping[str, Reading], name: str) -> float | None:
    value = _good(readings, name)
    return float(value) if isinstance(value, int | float) else None
