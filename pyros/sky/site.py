"""The place from which the sky is seen: the sky layer's own type, that callers fill from theirs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyros.sky.horizon import HorizonMask


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A point on the Earth (WGS84) with its horizon.

    Args:
        latitude_deg: Geodetic latitude, north positive, -90..90.
        longitude_deg: East positive, -180..360.
        height_m: Above the ellipsoid.
        name: For messages only.
        horizon: Obstacles; a free horizon at 0 degrees when None.
        utc_offset_h: Civil time minus UTC, used only to label nights. The local mean solar time of
            the longitude when None, which suits every site but those whose date line is political.
    """

    latitude_deg: float
    longitude_deg: float
    height_m: float = 0.0
    name: str = ""
    horizon: HorizonMask | None = None
    utc_offset_h: float | None = None

    def faults(self) -> list[str]:
        """What is wrong with the numbers, one line per fault; empty when nothing is."""
        limits = (
            ("latitude", self.latitude_deg, -90.0, 90.0, "deg"),
            ("longitude", self.longitude_deg, -180.0, 360.0, "deg"),
            ("height", self.height_m, -500.0, 100_000.0, "m"),
            ("UTC offset", self.utc_offset_h or 0.0, -14.0, 14.0, "h"),
        )
        return [
            f"site {self.name or '(unnamed)'}: {what} {value:g} {unit} is outside {low:g}..{high:g}"
            for what, value, low, high, unit in limits
            if not (math.isfinite(value) and low <= value <= high)
        ]

    @property
    def noon_offset_s(self) -> float:
        """Seconds by which local time runs ahead of UTC, for night labels."""
        if self.utc_offset_h is not None:
            return self.utc_offset_h * 3600.0
        longitude_deg = (self.longitude_deg + 180.0) % 360.0 - 180.0
        return longitude_deg * 240.0
