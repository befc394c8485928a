"""Earth satellites by two-line elements: passes, and the age of the elements.

Skyfield (SGP4) computes the positions and finds the passes, on a time scale built from the same
IERS table as everything else here: the one inside Skyfield is old and would cost 2.5 arcsec.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyros.sky.earth_rotation import (
    ARCSEC_RAD,
    DAY_S,
    TT_MINUS_TAI_S,
    UNIX_EPOCH_JD,
    UNIX_EPOCH_MJD,
    earth_orientation,
    leap_second_table,
    tt_jd,
    unix_from_tt_jd,
)

if TYPE_CHECKING:
    from pyros.sky.engine import SkyEngine
    from pyros.sky.site import Site

Floats = NDArray[np.float64]
Span = tuple[float, float]

MAX_PASSES = 12
MAX_ELEMENTS_AGE_D = 14.0
_LINE_LENGTH = 69


@dataclass(frozen=True, slots=True)
class Satellite:
    """Two-line elements.

    Args:
        line1: First line, 69 characters.
        line2: Second line, 69 characters.
        name: For messages.
    """

    line1: str
    line2: str
    name: str = ""

    def faults(self) -> list[str]:
        """What is wrong with the lines: length, number, checksum; one text per fault."""
        found = []
        for number, line in ((1, self.line1), (2, self.line2)):
            if len(line) != _LINE_LENGTH or not line.startswith(f"{number} "):
                found.append(
                    f"satellite {self.name or '(unnamed)'}: line {number} must have 69 characters "
                    f"and start with '{number} '; it has {len(line)}"
                )
                continue
            total = sum(int(c) if c.isdigit() else c == "-" for c in line[:-1]) % 10
            if line[-1] != str(total):
                found.append(
                    f"satellite {self.name or '(unnamed)'}: checksum of line {number} is "
                    f"{line[-1]}, the digits give {total}"
                )
        return found

    def age_days(self, unix_s: float) -> float:
        """Days from the elements' epoch to an instant; negative before the epoch."""
        jd1, jd2 = tt_jd(unix_s)
        return float(jd1 + jd2) - float(_earth_satellite(self).epoch.tt)

    def staleness(self, unix_s: float, *, max_age_d: float = MAX_ELEMENTS_AGE_D) -> str | None:
        """A sentence when the elements are too old (or too far ahead) for an instant, else None."""
        age = self.age_days(unix_s)
        if abs(age) <= max_age_d:
            return None
        return (
            f"elements of {self.name or 'the satellite'} are {age:.0f} days old, the limit is "
            f"{max_age_d:g}; fetch new ones"
        )


@lru_cache(maxsize=1)
def timescale() -> Any:
    """Skyfield's time scale from the installed IERS table; nothing is read from the network."""
    from skyfield.timelib import Timescale  # noqa: PLC0415 - heavy; only satellites need it

    table = earth_orientation()
    starts, tai_utc = leap_second_table()
    tt1, tt2 = tt_jd((table.mjd - UNIX_EPOCH_MJD) * DAY_S)
    delta_t = TT_MINUS_TAI_S - table.ut1_minus_tai_s
    scale = Timescale((tt1 + tt2, delta_t), UNIX_EPOCH_JD + starts[1:] / DAY_S, tai_utc[1:])
    scale.polar_motion_table = (
        tt1 + tt2,
        table.pole_x_rad / ARCSEC_RAD,
        table.pole_y_rad / ARCSEC_RAD,
    )
    return scale


def _time(unix_s: Any) -> Any:
    jd1, jd2 = tt_jd(unix_s)
    return timescale().tt_jd(jd1, jd2)


@lru_cache(maxsize=64)
def _earth_satellite(satellite: Satellite) -> Any:
    from skyfield.api import EarthSatellite  # noqa: PLC0415 - heavy; only satellites need it

    return EarthSatellite(satellite.line1, satellite.line2, satellite.name, timescale())


@lru_cache(maxsize=16)
def _ground_point(site: Site) -> Any:
    from skyfield.api import wgs84  # noqa: PLC0415 - heavy; only satellites need it

    return wgs84.latlon(site.latitude_deg, site.longitude_deg, elevation_m=site.height_m)


def satellite_direction(engine: SkyEngine, satellite: Satellite, unix_s: Floats) -> Floats:
    """Topocentric CIRS unit vectors of a satellite at the times, shape (n_times, 3)."""
    seen = (_earth_satellite(satellite) - _ground_point(engine.site)).at(_time(unix_s))
    vectors = np.asarray(seen.xyz.km).T
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return engine.cirs_from_icrs(vectors, unix_s)


def passes(
    site: Site,
    satellite: Satellite,
    start_unix_s: float,
    end_unix_s: float,
    *,
    min_altitude_deg: float = 10.0,
    max_passes: int = MAX_PASSES,
) -> list[Span]:
    """Spans (rise, set) in Unix seconds above an altitude, in order, at most `max_passes`.

    A pass under way at either end is cut there.

    Raises:
        ValueError: When the end is not after the start, or SGP4 cannot propagate the elements.
    """
    if not end_unix_s > start_unix_s:
        raise ValueError(f"satellite passes: end {end_unix_s:g} is not after {start_unix_s:g}")
    orbit, ground = _earth_satellite(satellite), _ground_point(site)
    ends = _time(np.array([start_unix_s, end_unix_s]))
    altitudes = (orbit - ground).at(ends).altaz()[0].degrees
    if not all(math.isfinite(value) for value in altitudes):
        raise ValueError(
            f"SGP4 cannot propagate {satellite.name or 'the satellite'} to these dates "
            f"(elements {satellite.age_days(start_unix_s):.0f} days old); fetch new elements"
        )
    times, kinds = orbit.find_events(ground, ends[0], ends[1], altitude_degrees=min_altitude_deg)
    unix = unix_from_tt_jd(times.whole, times.tt_fraction) if len(kinds) else np.zeros(0)
    spans: list[Span] = []
    opened = start_unix_s if altitudes[0] >= min_altitude_deg else None
    for instant, kind in zip(unix.tolist(), kinds, strict=True):
        if kind == 0:
            opened = instant
        elif kind == 2 and opened is not None:
            spans.append((opened, instant))
            opened = None
    if opened is not None:
        spans.append((opened, end_unix_s))
    return spans[:max_passes]
