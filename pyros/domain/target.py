"""Where an observation points: sidereal targets in ICRS."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A sidereal target.

    Attributes:
        name: What astronomers call it.
        ra_deg: ICRS right ascension at `epoch_jyear`, degrees, 0 <= ra < 360.
        dec_deg: ICRS declination at `epoch_jyear`, degrees, -90..90.
        pm_ra_mas_yr: Proper motion in right ascension times cos(dec), mas per Julian year.
        pm_dec_mas_yr: Proper motion in declination, mas per Julian year.
        epoch_jyear: Epoch of the position, Julian year.
    """

    name: str
    ra_deg: float
    dec_deg: float
    pm_ra_mas_yr: float = 0.0
    pm_dec_mas_yr: float = 0.0
    epoch_jyear: float = 2000.0

    def __post_init__(self) -> None:
        """Refuse positions that are not on the sky.

        Raises:
            ValueError: When a coordinate is not finite or outside its range.
        """
        if not (math.isfinite(self.ra_deg) and 0.0 <= self.ra_deg < 360.0):
            raise ValueError(f"target {self.name}: ra_deg = {self.ra_deg} is outside 0 <= ra < 360")
        if not (math.isfinite(self.dec_deg) and -90.0 <= self.dec_deg <= 90.0):
            raise ValueError(f"target {self.name}: dec_deg = {self.dec_deg} is outside -90..90")
