"""The vectorised sky: apparent places once a night, one matrix product per grid of times.

A target's apparent direction (CIRS: precession, nutation, aberration, light deflection) hardly
moves in a night, so it is computed at two instants and taken as linear between them. The site's
zenith, east and north turn with the Earth. Stacked as `[axis, tau * axis]` against `[p0; p1]`, the
altitudes of all targets at all times are one product of a (n_times, 6) and a (6, n_targets)
matrix.

Altitudes are geometric (no refraction), azimuths run from north through east, right ascension and
declination are ICRS. `pyros.sky.bodies` adds the Sun, the Moon and the planets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import erfa
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyros.sky.earth_rotation import (
    DAY_S,
    EARTH_TURN_RAD_PER_S,
    UNIX_EPOCH_JD,
    EarthOrientation,
    earth_orientation,
    tt_jd,
)
from pyros.sky.ephemeris import Ephemeris, default_ephemeris

if TYPE_CHECKING:
    from pyros.sky.site import Site

Floats = NDArray[np.float64]
T = TypeVar("T", np.float32, np.float64)

LIGHT_M_PER_S = 299792458.0
_BLAS_ALONE = 200_000
"""Multiplications below which OpenBLAS stays on one thread (its limit is 262,144)."""
BLOCK_S = 43200.0
"""Engines for single instants are shared within blocks of this length (`engine_for`)."""


def unit_vectors(ra_deg: ArrayLike, dec_deg: ArrayLike) -> Floats:
    """Unit vectors of directions, shape (..., 3)."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    cos_dec = np.cos(dec)
    return np.stack([cos_dec * np.cos(ra), cos_dec * np.sin(ra), np.sin(dec)], axis=-1)


def separation_deg(
    ra1_deg: ArrayLike, dec1_deg: ArrayLike, ra2_deg: ArrayLike, dec2_deg: ArrayLike
) -> Floats:
    """Angle between directions in degrees, broadcast; exact at 0 and 180 degrees."""
    a, b = unit_vectors(ra1_deg, dec1_deg), unit_vectors(ra2_deg, dec2_deg)
    a, b = np.broadcast_arrays(a, b)
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.asarray(np.degrees(np.arctan2(cross, np.sum(a * b, axis=-1))))


def thin_product(rows: NDArray[T], columns: NDArray[T]) -> NDArray[T]:
    """`rows @ columns` for few inner terms, in blocks too small for BLAS to wake its threads.

    With three or six terms the threads cost several times what they save.
    """
    out = np.empty((rows.shape[0], columns.shape[1]), dtype=rows.dtype)
    block = max(1, _BLAS_ALONE // max(1, columns.size))
    for first in range(0, rows.shape[0], block):
        np.matmul(rows[first : first + block], columns, out=out[first : first + block])
    return out


@dataclass(frozen=True, slots=True)
class Axes:
    """The site's axes against CIRS at given times, ready for the product with places.

    Args:
        unix_s: Times, shape (n_times,).
        zenith: `[zenith, tau * zenith]`, shape (n_times, 6).
        east: The same for east.
        north: The same for north.
    """

    unix_s: Floats
    zenith: Floats
    east: Floats
    north: Floats


@dataclass(frozen=True)
class _Ground:
    """The site in the terrestrial intermediate frame (polar motion applied), and its speed."""

    zenith: Floats
    east: Floats
    north: Floats
    position_km: Floats
    speed_c: float


@dataclass(frozen=True, eq=False)
class SkyEngine:
    """The sky of one site around one instant.

    Args:
        site: Where.
        mid_unix_s: The middle of the span that will be asked about, usually of the night.
        half_span_s: Half the span for which places are interpolated; 12 h is right to 0.02 arcsec.
        orientation: Earth orientation; the installed IERS table by default.
        ephemeris: Bodies; DE421 by default.
        dut1_s: UT1-UTC imposed by a caller (comparisons); the table's value when None.
    """

    site: Site
    mid_unix_s: float
    half_span_s: float = 43200.0
    orientation: EarthOrientation = field(default_factory=earth_orientation, repr=False)
    ephemeris: Ephemeris = field(default_factory=default_ephemeris, repr=False)
    dut1_s: float | None = None

    @cached_property
    def earth(self) -> tuple[float, float, float]:
        """(UT1-UTC in s, polar x in rad, polar y in rad) at mid-span."""
        dut1, pole_x, pole_y = self.orientation.at(self.mid_unix_s)
        return (dut1 if self.dut1_s is None else self.dut1_s), pole_x, pole_y

    @cached_property
    def _ground(self) -> _Ground:
        _, pole_x, pole_y = self.earth
        lon, lat = np.radians(self.site.longitude_deg), np.radians(self.site.latitude_deg)
        jd1, jd2 = tt_jd(self.mid_unix_s)
        to_tirs = erfa.pom00(pole_x, pole_y, erfa.sp00(jd1, jd2)).T
        zenith = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        east = np.array([-np.sin(lon), np.cos(lon), 0.0])
        position = to_tirs @ erfa.gd2gc(erfa.WGS84, lon, lat, self.site.height_m)
        return _Ground(
            zenith=to_tirs @ zenith,
            east=to_tirs @ east,
            north=to_tirs @ np.cross(zenith, east),
            position_km=position / 1000.0,
            speed_c=float(np.hypot(*position[:2])) * EARTH_TURN_RAD_PER_S / LIGHT_M_PER_S,
        )

    @cached_property
    def astrometry(self) -> tuple[Any, Any]:
        """Erfa's star-independent parameters at the two ends of the span (geocentric)."""
        ends = [tt_jd(self.mid_unix_s + sign * self.half_span_s) for sign in (-1.0, 1.0)]
        first, last = (erfa.apci13(jd1, jd2)[0] for jd1, jd2 in ends)
        return first, last

    def tau(self, unix_s: ArrayLike) -> Floats:
        """Times in half-spans from the middle: -1 at the start, +1 at the end."""
        return (np.asarray(unix_s, dtype=float) - self.mid_unix_s) / self.half_span_s

    def earth_angle_rad(self, unix_s: ArrayLike) -> Floats:
        """Earth rotation angle at each instant, not reduced to one turn."""
        dut1 = self.earth[0]
        day, second = divmod(self.mid_unix_s, DAY_S)
        at_mid = float(erfa.era00(UNIX_EPOCH_JD + day, (second + dut1) / DAY_S))
        elapsed = np.asarray(unix_s, dtype=float) - self.mid_unix_s
        return np.asarray(at_mid + EARTH_TURN_RAD_PER_S * elapsed)

    def _turn(self, vector: Floats, angle: Floats) -> Floats:
        """A terrestrial vector in CIRS after the Earth turned by each angle, shape (n, 3)."""
        cos, sin = np.cos(angle), np.sin(angle)
        x, y, z = vector
        return np.stack([cos * x - sin * y, sin * x + cos * y, np.full_like(cos, z)], axis=-1)

    def axes(self, unix_s: ArrayLike) -> Axes:
        """The site's axes at each of the times, shape (n_times,)."""
        times = np.atleast_1d(np.asarray(unix_s, dtype=float))
        angle, tau, ground = self.earth_angle_rad(times), self.tau(times)[:, None], self._ground
        zenith, east, north = (
            self._turn(v, angle) for v in (ground.zenith, ground.east, ground.north)
        )
        return Axes(
            unix_s=times,
            zenith=np.hstack([zenith, tau * zenith]),
            east=np.hstack([east, tau * east]),
            north=np.hstack([north, tau * north]),
        )

    def site_position_km(self, unix_s: ArrayLike) -> Floats:
        """Geocentric CIRS position of the site, shape (n_times, 3)."""
        return self._turn(self._ground.position_km, self.earth_angle_rad(unix_s))

    def places(
        self,
        ra_deg: ArrayLike,
        dec_deg: ArrayLike,
        *,
        pm_ra_mas_yr: ArrayLike = 0.0,
        pm_dec_mas_yr: ArrayLike = 0.0,
        parallax_mas: ArrayLike = 0.0,
    ) -> Floats:
        """Apparent places of sidereal targets, to be multiplied with `axes`.

        Args:
            ra_deg: ICRS right ascension at epoch J2000.0, scalar or shape (n,).
            dec_deg: ICRS declination, same shape.
            pm_ra_mas_yr: Proper motion in right ascension, times cos(dec).
            pm_dec_mas_yr: Proper motion in declination.
            parallax_mas: Annual parallax.

        Returns:
            Shape (6, n): mean and half-difference of the directions at the ends of the span.
        """
        ra, dec = np.atleast_1d(np.radians(ra_deg)), np.atleast_1d(np.radians(dec_deg))
        if ra.shape != dec.shape:
            ra, dec = np.broadcast_arrays(ra, dec)
        per_year = np.pi / 648000.0 / 1000.0
        motion = (pm_ra_mas_yr, pm_dec_mas_yr, parallax_mas)
        still = all(isinstance(part, float) and part == 0.0 for part in motion)
        ends = []
        for astrom in self.astrometry:
            if still:
                ri, di = erfa.atciqz(ra, dec, astrom)
            else:
                pm_ra = np.asarray(pm_ra_mas_yr) * per_year / np.cos(dec)
                pm_dec = np.asarray(pm_dec_mas_yr) * per_year
                px = np.asarray(parallax_mas) / 1000.0
                ri, di = erfa.atciq(ra, dec, pm_ra, pm_dec, px, 0.0, astrom)
            cos_dec = np.cos(di)
            ends.append(np.array((cos_dec * np.cos(ri), cos_dec * np.sin(ri), np.sin(di))))
        return np.concatenate([(ends[0] + ends[1]) / 2.0, (ends[1] - ends[0]) / 2.0])

    @cached_property
    def _frame(self) -> tuple[Floats, Floats, Floats, Floats]:
        """GCRS-to-CIRS matrix and the Earth's velocity (CIRS, in c): mean and half-difference."""
        first, last = self.astrometry
        speeds = [astrom["bpn"] @ astrom["v"] for astrom in (first, last)]
        return (
            (first["bpn"] + last["bpn"]) / 2.0,
            (last["bpn"] - first["bpn"]) / 2.0,
            (speeds[0] + speeds[1]) / 2.0,
            (speeds[1] - speeds[0]) / 2.0,
        )

    def cirs_from_icrs(self, vectors: Floats, unix_s: ArrayLike) -> Floats:
        """Turn ICRS axes to CIRS (no aberration), shape (n_times, 3)."""
        mean, slope, _, _ = self._frame
        return np.asarray(vectors @ mean.T + self.tau(unix_s)[:, None] * (vectors @ slope.T))

    def icrs_from_cirs(self, vectors: Floats, unix_s: ArrayLike) -> Floats:
        """Turn CIRS axes to ICRS (no aberration), shape (n_times, 3)."""
        mean, slope, _, _ = self._frame
        return np.asarray(vectors @ mean + self.tau(unix_s)[:, None] * (vectors @ slope))

    def aberrated(self, directions: Floats, unix_s: ArrayLike) -> Floats:
        """CIRS unit vectors after annual aberration, to first order in v/c (0.001 arcsec)."""
        _, _, mean, slope = self._frame
        velocity = mean + self.tau(unix_s)[:, None] * slope
        along = np.sum(directions * velocity, axis=1, keepdims=True)
        seen = directions + velocity - along * directions
        return np.asarray(seen / np.linalg.norm(seen, axis=1, keepdims=True))

    def horizontal(self, east: Floats, north: Floats, zenith: Floats) -> tuple[Floats, Floats]:
        """Altitude and azimuth in degrees of directions given along the site's axes.

        Adds the aberration of the site's own motion (up to 0.32 arcsec eastwards).
        """
        east = east + self._ground.speed_c
        altitude = np.degrees(np.arctan2(zenith, np.hypot(east, north)))
        return altitude, np.degrees(np.arctan2(east, north)) % 360.0

    def altaz(
        self, ra_deg: ArrayLike, dec_deg: ArrayLike, unix_s: ArrayLike
    ) -> tuple[Floats, Floats]:
        """Altitude and azimuth of sidereal targets.

        Args:
            ra_deg: ICRS, scalar or shape (n_targets,).
            dec_deg: ICRS, same shape.
            unix_s: Times, scalar or shape (n_times,).

        Returns:
            Two arrays of shape (n_times, n_targets), degrees, no refraction.
        """
        return self.altaz_of_places(self.places(ra_deg, dec_deg), self.axes(unix_s))

    def altaz_of_places(self, places: Floats, axes: Axes) -> tuple[Floats, Floats]:
        """Altitude and azimuth, shape (n_times, n_targets), of `places` at the times of `axes`."""
        east, north, zenith = (
            thin_product(axis, places) for axis in (axes.east, axes.north, axes.zenith)
        )
        return self.horizontal(east, north, zenith)

    @cached_property
    def _axes_at_mid(self) -> tuple[float, tuple[list[float], list[float], list[float]], float]:
        """Earth rotation angle at mid-span, the site's axes, its speed: as plain floats."""
        ground = self._ground
        axes = (ground.east.tolist(), ground.north.tolist(), ground.zenith.tolist())
        return float(self.earth_angle_rad(self.mid_unix_s)), axes, ground.speed_c

    def altaz_of_place(self, place: tuple[float, ...], unix_s: float) -> tuple[float, float]:
        """`altaz_of_places` of one place (6 floats) at one instant, in 5 us instead of 150."""
        at_mid, axes, speed_c = self._axes_at_mid
        elapsed_s = unix_s - self.mid_unix_s
        tau, angle = elapsed_s / self.half_span_s, at_mid + EARTH_TURN_RAD_PER_S * elapsed_s
        px, py, pz = (place[i] + tau * place[i + 3] for i in range(3))
        x, y = (
            px * math.cos(angle) + py * math.sin(angle),
            py * math.cos(angle) - px * math.sin(angle),
        )
        east, north, zenith = (ax * x + ay * y + az * pz for ax, ay, az in axes)
        east += speed_c
        altitude = math.degrees(math.atan2(zenith, math.hypot(east, north)))
        return altitude, math.degrees(math.atan2(east, north)) % 360.0

    def hour_angle_dec_deg(self, altitude_deg: ArrayLike, azimuth_deg: ArrayLike) -> Any:
        """Apparent (hour angle -180..180, declination) in degrees of horizontal directions."""
        hour, dec = erfa.ae2hd(
            np.radians(azimuth_deg), np.radians(altitude_deg), np.radians(self.site.latitude_deg)
        )
        return (np.degrees(hour) + 180.0) % 360.0 - 180.0, np.degrees(dec)

    def icrs_from_altaz(
        self, altitude_deg: float, azimuth_deg: float, unix_s: float
    ) -> tuple[float, float]:
        """ICRS (ra_deg, dec_deg) that stands in a horizontal direction: the inverse of `altaz`."""
        alt, az = np.radians(altitude_deg), np.radians(azimuth_deg)
        axes, ground = self.axes(unix_s), self._ground
        along = np.array([np.cos(alt) * np.sin(az), np.cos(alt) * np.cos(az), np.sin(alt)])
        seen_east = along[0] - ground.speed_c * (1.0 - along[0] ** 2)
        scale = along[0] * ground.speed_c
        vector = (
            seen_east * axes.east[0, :3]
            + along[1] * (1.0 + scale) * axes.north[0, :3]
            + along[2] * (1.0 + scale) * axes.zenith[0, :3]
        )
        ri, di = erfa.c2s(vector)
        jd1, jd2 = tt_jd(unix_s)
        ra, dec = erfa.aticq(ri, di, erfa.apci13(jd1, jd2)[0])
        return float(np.degrees(ra)) % 360.0, float(np.degrees(dec))


@lru_cache(maxsize=16)
def _block_engine(site: Site, block: int) -> SkyEngine:
    return SkyEngine(site, (block + 0.5) * BLOCK_S, half_span_s=BLOCK_S / 2.0)


def engine_for(site: Site, unix_s: float) -> SkyEngine:
    """A shared engine of the half-day that holds the instant, for single positions.

    The result depends on the instant alone, never on what was asked before.
    """
    return _block_engine(site, int(unix_s // BLOCK_S))


@lru_cache(maxsize=256)
def _place(engine: SkyEngine, ra_deg: float, dec_deg: float) -> tuple[float, ...]:
    """A star's apparent place, the costly half of `altaz_now`: asked for all night by a mount."""
    return tuple(engine.places(ra_deg, dec_deg)[:, 0].tolist())


def altaz_now(site: Site, ra_deg: float, dec_deg: float, unix_s: float) -> tuple[float, float]:
    """(altitude_deg, azimuth_deg) of one ICRS direction at one instant, no refraction."""
    engine = engine_for(site, unix_s)
    return engine.altaz_of_place(_place(engine, ra_deg, dec_deg), unix_s)


def icrs_from_altaz(
    site: Site, altitude_deg: float, azimuth_deg: float, unix_s: float
) -> tuple[float, float]:
    """ICRS (ra_deg, dec_deg) of a horizontal direction at one instant, no refraction."""
    return engine_for(site, unix_s).icrs_from_altaz(altitude_deg, azimuth_deg, unix_s)


def hour_angle_deg(site: Site, ra_deg: float, dec_deg: float, unix_s: float) -> float:
    """Apparent hour angle of an ICRS direction, -180..180 degrees, west positive."""
    engine = engine_for(site, unix_s)
    hour, _ = engine.hour_angle_dec_deg(*altaz_now(site, ra_deg, dec_deg, unix_s))
    return float(hour)


def parallactic_angle_deg(site: Site, ra_deg: float, dec_deg: float, unix_s: float) -> float:
    """Angle at the target from the pole to the zenith, -180..180 degrees, west positive."""
    engine = engine_for(site, unix_s)
    hour, dec = engine.hour_angle_dec_deg(*altaz_now(site, ra_deg, dec_deg, unix_s))
    latitude = np.radians(site.latitude_deg)
    return float(np.degrees(erfa.hd2pa(np.radians(hour), np.radians(dec), latitude)))


def local_sidereal_deg(site: Site, unix_s: float) -> float:
    """Local apparent sidereal time, 0..360 degrees (IAU 2006/2000A)."""
    dut1, _, _ = engine_for(site, unix_s).earth
    day, second = divmod(unix_s, DAY_S)
    tt1, tt2 = tt_jd(unix_s)
    gast = erfa.gst06a(UNIX_EPOCH_JD + day, (second + dut1) / DAY_S, tt1, tt2)
    return float(np.degrees(gast) + site.longitude_deg) % 360.0
