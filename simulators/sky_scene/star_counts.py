"""How many stars stand behind a square degree, by galactic position and limiting magnitude.

Bahcall & Soneira 1980 (ApJS 44, 73), appendix B, integrated V counts, said to be right to 15 per
cent for |b| >= 20 degrees. Nearer to the plane dust outruns the formula: it is held at 13 degrees.
Its mean over the whole sky is then 60 per cent of the counts of Tycho-2 and UCAC4 to V = 14 and 16.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LOWEST_LATITUDE_DEG = 13.0


def stars_per_deg2(limit_mag: ArrayLike, longitude_deg: float, latitude_deg: float) -> Floats:
    """Stars brighter than V magnitudes per square degree.

    Args:
        limit_mag: V, scalar or array.
        longitude_deg: Galactic.
        latitude_deg: Galactic.
    """
    mag = np.asarray(limit_mag, dtype=float)
    b = np.radians(max(abs(latitude_deg), LOWEST_LATITUDE_DEG))
    towards_centre = float(np.cos(np.radians(longitude_deg)))
    mu = np.clip(0.0075 * (mag - 12.0) + 0.03, 0.03, 0.09)
    gamma = np.clip(0.36 - 0.04 * (mag - 12.0), 0.04, 0.36)
    sigma = 1.45 - 0.20 * np.cos(b) * towards_centre
    disc = 925.0 * 10.0 ** (0.035 * (mag - 15.75)) / (1.0 + 10.0 ** (-0.132 * (mag - 15.75))) ** 3.0
    disc /= (np.sin(b) * (1.0 - mu / np.tan(b) * towards_centre)) ** (3.0 - 5.0 * gamma)
    halo = 1050.0 * 10.0 ** (0.087 * (mag - 17.5)) / (1.0 + 10.0 ** (-0.180 * (mag - 17.5))) ** 2.5
    halo /= (1.0 - np.cos(b) * towards_centre) ** sigma
    return np.asarray(disc + halo)
