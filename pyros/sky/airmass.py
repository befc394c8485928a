"""Relative air mass for an altitude, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def airmass(altitude_deg: ArrayLike) -> Floats:
    """Relative air mass, finite down to the horizon (Kasten & Young 1989, Appl. Opt. 28, 4735).

    NaN below the horizon.
    """
    altitude = np.asarray(altitude_deg, dtype=float)
    up = np.where(altitude >= 0.0, altitude, np.nan)
    return np.asarray(1.0 / (np.sin(np.radians(up)) + 0.50572 * (up + 6.07995) ** -1.6364))


def altitude_of_airmass_deg(airmass_limit: float) -> float:
    """The altitude below which the air mass exceeds a limit; the inverse of `airmass`, 0..90."""
    low, high = 0.0, 90.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if float(airmass(middle)) > airmass_limit else (low, middle)
    return high
