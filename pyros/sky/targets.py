"""What can be pointed at: stars, bodies, orbits, dated tables and satellites.

Each kind gives its apparent direction along times; stars also give `places`, the fast form that
`pyros.sky.engine` multiplies with a whole grid.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from pyros.sky.bodies import apparent_direction, track
from pyros.sky.engine import SkyEngine, unit_vectors
from pyros.sky.orbit import Orbit, heliocentric_km
from pyros.sky.satellites import Satellite, satellite_direction

Floats = NDArray[np.float64]

MAX_TABLE_POINTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedTarget:
    """A star or another sidereal object, ICRS at epoch J2000.0.

    Args:
        ra_deg: Right ascension.
        dec_deg: Declination.
        pm_ra_mas_yr: Proper motion in right ascension, times cos(dec).
        pm_dec_mas_yr: Proper motion in declination.
        parallax_mas: Annual parallax.
    """

    ra_deg: float
    dec_deg: float
    pm_ra_mas_yr: float = 0.0
    pm_dec_mas_yr: float = 0.0
    parallax_mas: float = 0.0

    def places(self, engine: SkyEngine) -> Floats:
        """Apparent place, shape (6, 1)."""
        return engine.places(
            self.ra_deg,
            self.dec_deg,
            pm_ra_mas_yr=self.pm_ra_mas_yr,
            pm_dec_mas_yr=self.pm_dec_mas_yr,
            parallax_mas=self.parallax_mas,
        )


@dataclass(frozen=True, slots=True)
class BodyTarget:
    """The Sun, the Moon or a planet, by its lower-case name."""

    body: str


@dataclass(frozen=True, slots=True)
class OrbitTarget:
    """A comet or minor planet on a Kepler orbit."""

    orbit: Orbit


@dataclass(frozen=True, slots=True)
class TableTarget:
    """A moving object by dated topocentric ICRS positions, joined along great circles.

    Args:
        points: (unix_s, ra_deg, dec_deg), times increasing, 1 to 20 of them; ends are held.
    """

    points: tuple[tuple[float, float, float], ...]

    def faults(self) -> list[str]:
        """What is wrong with the table, one line per fault."""
        if not 1 <= len(self.points) <= MAX_TABLE_POINTS:
            return [f"{len(self.points)} dated positions given; 1 to {MAX_TABLE_POINTS} allowed"]
        times = [point[0] for point in self.points]
        return [
            f"dated position {i + 1} at {b:.0f} s is not after the one before it at {a:.0f} s"
            for i, (a, b) in enumerate(itertools.pairwise(times), start=1)
            if not b > a
        ]

    def icrs_vectors(self, unix_s: Floats) -> Floats:
        """Astrometric ICRS unit vectors at the times, shape (n_times, 3)."""
        times, ra, dec = np.array(self.points, dtype=float).T
        vectors = unit_vectors(ra, dec)
        joined = np.stack([np.interp(unix_s, times, axis) for axis in vectors.T], axis=1)
        return np.asarray(joined / np.linalg.norm(joined, axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class SatelliteTarget:
    """An Earth satellite by its two-line elements."""

    satellite: Satellite


Target = FixedTarget | BodyTarget | OrbitTarget | TableTarget | SatelliteTarget


def direction_along(engine: SkyEngine, target: Target, unix_s: Floats) -> Floats:
    """Apparent topocentric CIRS unit vectors of a target at the times, shape (n_times, 3)."""
    match target:
        case FixedTarget():
            places = target.places(engine)[:, 0]
            moved = places[:3] + engine.tau(unix_s)[:, None] * places[3:]
            return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))
        case BodyTarget():
            return track(engine, target.body, unix_s).direction
        case OrbitTarget():
            return apparent_direction(
                engine, lambda jd1, jd2: heliocentric_km(target.orbit, jd1, jd2), unix_s
            )
        case TableTarget():
            return engine.aberrated(
                engine.cirs_from_icrs(target.icrs_vectors(unix_s), unix_s), unix_s
            )
        case SatelliteTarget():
            return satellite_direction(engine, target.satellite, unix_s)
    assert_never(target)
