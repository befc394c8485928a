"""Where an observation points: sidereal targets in ICRS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

J2000_JYEAR: Final = 2000.0
_J2000_UTC: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)
_JULIAN_YEAR_S: Final = 365.25 * 86400.0
_MAS_RAD: Final = math.pi / 648_000_000.0


def julian_year(time_utc: datetime) -> float:
    """The Julian year of an instant; the minute between UTC and TT moves no star."""
    return J2000_JYEAR + (time_utc - _J2000_UTC).total_seconds() / _JULIAN_YEAR_S


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
    epoch_jyear: float = J2000_JYEAR

    def __post_init__(self) -> None:
        """Refuse positions that are not on the sky, and motions that lead nowhere.

        Raises:
            ValueError: When a number is not finite or outside its range.
        """
        if not (math.isfinite(self.ra_deg) and 0.0 <= self.ra_deg < 360.0):
            raise ValueError(f"target {self.name}: ra_deg = {self.ra_deg} is outside 0 <= ra < 360")
        if not (math.isfinite(self.dec_deg) and -90.0 <= self.dec_deg <= 90.0):
            raise ValueError(f"target {self.name}: dec_deg = {self.dec_deg} is outside -90..90")
        if not (math.isfinite(self.pm_ra_mas_yr) and math.isfinite(self.pm_dec_mas_yr)):
            raise ValueError(
                f"target {self.name}: proper motion {self.pm_ra_mas_yr}, {self.pm_dec_mas_yr} is "
                "not finite; give mas per year, or leave it out"
            )
        if not 1800.0 <= self.epoch_jyear <= 2200.0:
            raise ValueError(
                f"target {self.name}: epoch_jyear = {self.epoch_jyear} is outside 1800..2200; "
                "give the catalogue's, e.g. 2016.0"
            )

    def position(self, jyear: float) -> tuple[float, float]:
        """ICRS right ascension and declination in degrees at an epoch, moved by proper motion.

        Straight along the great circle of the motion, without radial velocity (ESA SP-1200 vol. 1,
        section 1.5.5); exactly the position given when there is no motion.

        Args:
            jyear: Julian year wanted.
        """
        years = jyear - self.epoch_jyear
        if years == 0.0 or (self.pm_ra_mas_yr == 0.0 and self.pm_dec_mas_yr == 0.0):
            return self.ra_deg, self.dec_deg
        ra, dec = math.radians(self.ra_deg), math.radians(self.dec_deg)
        east, north = (rate * _MAS_RAD * years for rate in (self.pm_ra_mas_yr, self.pm_dec_mas_yr))
        out = math.cos(dec) - north * math.sin(dec)  # away from the pole's axis, towards the target
        up = math.sin(dec) + north * math.cos(dec)
        moved_ra = math.degrees(ra + math.atan2(east, out)) % 360.0
        return moved_ra, math.degrees(math.atan2(up, math.hypot(out, east)))
