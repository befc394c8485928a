"""The gnomonic (TAN) projection between ICRS and pixels, and the WCS cards that say the same.

Sky east is to the left and north up at position angle 0. Pixels are numpy's (x right, y up, the
centre of the first pixel at 0, 0); FITS counts from 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TangentPlane:
    """Where a detector looks.

    Attributes:
        ra_deg: ICRS right ascension at the detector's middle.
        dec_deg: ICRS declination there.
        scale_arcsec: Of one pixel.
        width_px: Pixels in x.
        height_px: Pixels in y.
        position_angle_deg: Of the detector's y axis, from north through east.
    """

    ra_deg: float
    dec_deg: float
    scale_arcsec: float
    width_px: int
    height_px: int
    position_angle_deg: float = 0.0

    @property
    def radius_deg(self) -> float:
        """From the middle to a corner."""
        corner_px = np.hypot(self.width_px, self.height_px) / 2.0
        return float(np.degrees(np.arctan(np.radians(corner_px * self.scale_arcsec / 3600.0))))

    def pixels(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[Floats, Floats]:
        """Pixel coordinates of directions, which must be within 90 degrees of the middle."""
        ra, dec = np.radians(ra_deg), np.radians(dec_deg)
        dec0, hour = np.radians(self.dec_deg), ra - np.radians(self.ra_deg)
        sin0, cos0 = np.sin(dec0), np.cos(dec0)
        along = np.sin(dec) * sin0 + np.cos(dec) * cos0 * np.cos(hour)
        east = np.cos(dec) * np.sin(hour) / along
        north = (np.sin(dec) * cos0 - np.cos(dec) * sin0 * np.cos(hour)) / along
        turn, per_px = np.radians(self.position_angle_deg), np.radians(self.scale_arcsec / 3600.0)
        x = (-east * np.cos(turn) + north * np.sin(turn)) / per_px
        y = (east * np.sin(turn) + north * np.cos(turn)) / per_px
        return x + (self.width_px - 1) / 2.0, y + (self.height_px - 1) / 2.0

    def cards(self) -> dict[str, tuple[float | int | str, str]]:
        """The FITS WCS of this plane: keyword to (value, comment)."""
        turn, scale_deg = np.radians(self.position_angle_deg), self.scale_arcsec / 3600.0
        sine, cosine = float(np.sin(turn)) * scale_deg, float(np.cos(turn)) * scale_deg
        return {
            "WCSAXES": (2, "number of world axes"),
            "CTYPE1": ("RA---TAN", "gnomonic projection"),
            "CTYPE2": ("DEC--TAN", "gnomonic projection"),
            "CUNIT1": ("deg", "unit of CRVAL1 and CD1_*"),
            "CUNIT2": ("deg", "unit of CRVAL2 and CD2_*"),
            "CRVAL1": (self.ra_deg, "[deg] right ascension at CRPIX"),
            "CRVAL2": (self.dec_deg, "[deg] declination at CRPIX"),
            "CRPIX1": ((self.width_px + 1) / 2.0, "middle of the detector"),
            "CRPIX2": ((self.height_px + 1) / 2.0, "middle of the detector"),
            "CD1_1": (-cosine, "[deg/px]"),
            "CD1_2": (sine, "[deg/px]"),
            "CD2_1": (sine, "[deg/px]"),
            "CD2_2": (cosine, "[deg/px]"),
            "RADESYS": ("ICRS", "frame of CRVAL"),
        }
