"""The Sun, the Moon and the planets as a site sees them.

Geocentric vectors are fitted by a Chebyshev polynomial over the engine's span (13 nodes, errors far
below 0.01 arcsec), then the site's parallax, aberration and the Earth's rotation are applied at
each time. Light-time is included, light deflection is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import erfa
import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike, NDArray

from pyros.sky.earth_rotation import tt_jd
from pyros.sky.engine import SkyEngine, engine_for
from pyros.sky.ephemeris import BODIES, LIGHT_KM_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyros.sky.site import Site

Floats = NDArray[np.float64]

MOON_RADIUS_KM = 1737.4
_NODES = 13
_REACH = 1.25
"""The polynomial reaches this many half-spans from the middle."""
_OBLIQUITY_J2000 = np.radians(23.4392911)


@dataclass(frozen=True, slots=True)
class BodyTrack:
    """A body's positions at given times; every array has the shape (n_times,) unless said.

    Args:
        altitude_deg: Of the centre, no refraction, topocentric.
        azimuth_deg: From north through east.
        ra_deg: Topocentric astrometric right ascension, ICRS axes.
        dec_deg: Topocentric astrometric declination.
        distance_km: From the site.
        direction: Apparent unit vectors, CIRS, shape (n_times, 3), for separations.
    """

    altitude_deg: Floats
    azimuth_deg: Floats
    ra_deg: Floats
    dec_deg: Floats
    distance_km: Floats
    direction: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class MoonNow:
    """The Moon at one instant.

    Args:
        altitude_deg: Of the centre, no refraction.
        azimuth_deg: From north through east.
        ra_deg: Topocentric, ICRS.
        dec_deg: Topocentric, ICRS.
        distance_km: From the site.
        illumination: Lit fraction of the disc, 0..1.
        phase_deg: Moon's ecliptic longitude minus the Sun's: 0 new, 90 first quarter, 180 full.
    """

    altitude_deg: float
    azimuth_deg: float
    ra_deg: float
    dec_deg: float
    distance_km: float
    illumination: float
    phase_deg: float


@lru_cache(maxsize=256)
def _coefficients(engine: SkyEngine, body: str) -> Floats:
    """Chebyshev coefficients of the geocentric astrometric vector in CIRS km, (n_nodes, 3)."""
    if body not in BODIES:
        raise ValueError(f"unknown body {body!r}; choose one of {', '.join(BODIES)}")
    nodes = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
    unix = engine.mid_unix_s + nodes * _REACH * engine.half_span_s
    jd1, jd2 = tt_jd(unix)
    earth = engine.ephemeris.barycentric_km("earth", jd1, jd2)
    vector = engine.ephemeris.barycentric_km(body, jd1, jd2) - earth
    for _ in range(2):
        light_days = np.linalg.norm(vector, axis=1) / LIGHT_KM_PER_DAY
        vector = engine.ephemeris.barycentric_km(body, jd1, jd2 - light_days) - earth
    turned = engine.cirs_from_icrs(vector, unix)
    return np.asarray(chebyshev.chebfit(nodes, turned, _NODES - 1))


def geocentric_km(engine: SkyEngine, body: str, unix_s: ArrayLike) -> Floats:
    """Geocentric astrometric CIRS position of a body in km, shape (n_times, 3).

    Raises:
        ValueError: When the body is unknown, or a time is further from the engine's middle than
            1.25 half-spans.
    """
    tau = engine.tau(np.atleast_1d(np.asarray(unix_s, dtype=float))) / _REACH
    if tau.size and np.max(np.abs(tau)) > 1.0 + 1e-9:
        raise ValueError(
            f"{body} asked {np.max(np.abs(tau)) * _REACH:.2f} half-spans from the engine's middle; "
            f"it serves {_REACH:g}: make an engine nearer to the time"
        )
    return np.asarray(chebyshev.chebval(tau, _coefficients(engine, body)).T)


def apparent_direction(
    engine: SkyEngine, heliocentric_km: Callable[[Floats, Floats], Floats], unix_s: ArrayLike
) -> Floats:
    """Apparent topocentric CIRS unit vectors of a body on its own orbit, shape (n_times, 3).

    Args:
        engine: The sky.
        heliocentric_km: ICRS position of the body from the Sun for a TDB Julian date in two parts.
        unix_s: Times, shape (n_times,).
    """
    times = np.atleast_1d(np.asarray(unix_s, dtype=float))
    jd1, jd2 = tt_jd(times)
    earth = engine.ephemeris.barycentric_km("earth", jd1, jd2)
    sun = engine.ephemeris.barycentric_km("sun", jd1, jd2)
    vector = sun + heliocentric_km(jd1, jd2) - earth
    for _ in range(2):
        light_days = np.linalg.norm(vector, axis=1) / LIGHT_KM_PER_DAY
        vector = sun + heliocentric_km(jd1, jd2 - light_days) - earth
    seen = engine.cirs_from_icrs(vector, times) - engine.site_position_km(times)
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    return engine.aberrated(seen, times)


def track(engine: SkyEngine, body: str, unix_s: ArrayLike) -> BodyTrack:
    """Where a body stands for the engine's site.

    Args:
        engine: The sky; its middle within 1.25 half-spans of the times.
        body: One of `pyros.sky.ephemeris.BODIES`.
        unix_s: Times, scalar or shape (n_times,).

    Raises:
        ValueError: See `geocentric_km`.
    """
    axes = engine.axes(unix_s)
    vector = geocentric_km(engine, body, axes.unix_s) - engine.site_position_km(axes.unix_s)
    distance = np.linalg.norm(vector, axis=1)
    astrometric = vector / distance[:, None]
    seen = engine.aberrated(astrometric, axes.unix_s)
    altitude, azimuth = engine.horizontal(
        np.sum(axes.east[:, :3] * seen, axis=1),
        np.sum(axes.north[:, :3] * seen, axis=1),
        np.sum(axes.zenith[:, :3] * seen, axis=1),
    )
    ra, dec = erfa.c2s(engine.icrs_from_cirs(astrometric, axes.unix_s))
    return BodyTrack(
        altitude_deg=altitude,
        azimuth_deg=azimuth,
        ra_deg=np.degrees(ra) % 360.0,
        dec_deg=np.degrees(dec),
        distance_km=distance,
        direction=seen,
    )


def moon_illumination(engine: SkyEngine, unix_s: ArrayLike) -> tuple[Floats, Floats]:
    """(lit fraction 0..1, phase 0..360 degrees) of the Moon at each time, shape (n_times,)."""
    times = np.atleast_1d(np.asarray(unix_s, dtype=float))
    site = engine.site_position_km(times)
    moon = geocentric_km(engine, "moon", times)
    sun = geocentric_km(engine, "sun", times)
    to_sun, to_site = sun - moon, site - moon
    cosine = np.sum(to_sun * to_site, axis=1)
    cosine /= np.linalg.norm(to_sun, axis=1) * np.linalg.norm(to_site, axis=1)
    longitudes = []
    for body in (moon, sun):
        x, y, z = (engine.icrs_from_cirs(body, times)).T
        ecliptic_y = np.cos(_OBLIQUITY_J2000) * y + np.sin(_OBLIQUITY_J2000) * z
        longitudes.append(np.arctan2(ecliptic_y, x))
    phase = np.degrees(longitudes[0] - longitudes[1]) % 360.0
    return (1.0 + cosine) / 2.0, phase


def sun_altaz(site: Site, unix_s: float) -> tuple[float, float]:
    """(altitude_deg, azimuth_deg) of the Sun's centre at one instant, no refraction."""
    sun = track(engine_for(site, unix_s), "sun", unix_s)
    return float(sun.altitude_deg[0]), float(sun.azimuth_deg[0])


def moon_now(site: Site, unix_s: float) -> MoonNow:
    """The Moon at one instant."""
    engine = engine_for(site, unix_s)
    moon = track(engine, "moon", unix_s)
    lit, phase = moon_illumination(engine, unix_s)
    return MoonNow(
        altitude_deg=float(moon.altitude_deg[0]),
        azimuth_deg=float(moon.azimuth_deg[0]),
        ra_deg=float(moon.ra_deg[0]),
        dec_deg=float(moon.dec_deg[0]),
        distance_km=float(moon.distance_km[0]),
        illumination=float(lit[0]),
        phase_deg=float(phase[0]),
    )


def body_now(site: Site, body: str, unix_s: float) -> BodyTrack:
    """A body at one instant: arrays of shape (1,).

    Raises:
        ValueError: When the body is unknown.
    """
    return track(engine_for(site, unix_s), body, unix_s)
