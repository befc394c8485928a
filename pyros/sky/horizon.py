"""The local horizon: how high the trees, hills and walls rise in each azimuth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class HorizonMask:
    """A closed line of (azimuth, altitude) points, joined by straight segments.

    Args:
        points: Pairs (azimuth_deg, altitude_deg), azimuth from north through east, at least one.
    """

    points: tuple[tuple[float, float], ...]

    @classmethod
    def from_points(cls, points: Iterable[tuple[float, float]]) -> HorizonMask:
        """A mask with its points sorted and brought into 0..360 degrees.

        Raises:
            ValueError: When there is no point, or an altitude lies outside -90..90 degrees.
        """
        ordered = sorted((float(az) % 360.0, float(alt)) for az, alt in points)
        if not ordered:
            raise ValueError("horizon mask has no point; give (azimuth_deg, altitude_deg) pairs")
        for azimuth_deg, altitude_deg in ordered:
            if not -90.0 <= altitude_deg <= 90.0:
                raise ValueError(
                    f"horizon altitude {altitude_deg:g} deg at azimuth {azimuth_deg:g} deg "
                    "is outside -90..90"
                )
        return cls(tuple(ordered))

    @property
    def highest_deg(self) -> float:
        """The highest altitude of the line."""
        return max(alt for _, alt in self.points)

    def altitude_deg(self, azimuth_deg: ArrayLike) -> NDArray[np.float64]:
        """Altitude of the line at each azimuth, same shape as `azimuth_deg`, in degrees."""
        azimuths, altitudes = zip(*self.points, strict=True)
        return np.asarray(np.interp(np.asarray(azimuth_deg), azimuths, altitudes, period=360.0))
