"""How an alt-az mount moves: standing, following a star, or slewing along its two real axes. Pure.

A slew aims at where the target will be when the axes arrive. Azimuth turns the short way round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from pyros.sky.engine import altaz_now, icrs_from_altaz
from simulators.kinematics import Rates, Travel, shortest_turn_deg

if TYPE_CHECKING:
    from pyros.sky.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """At rest against the ground."""

    alt_deg: float
    az_deg: float
    parked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """Turning with the sky."""

    ra_deg: float
    dec_deg: float


Goal = Standing | Following


@dataclass(frozen=True, slots=True, kw_only=True)
class Slewing:
    """On the way to a goal.

    Attributes:
        altitude: Of the tube, degrees.
        azimuth: Of the fork, degrees, not reduced to one turn.
        arrival_unix_s: When both axes have stopped and the structure has settled.
        goal: What it does from then on.
    """

    altitude: Travel
    azimuth: Travel
    arrival_unix_s: float
    goal: Goal


Motion = Standing | Following | Slewing


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    """Where the tube points: ICRS, and altitude and azimuth from north through east."""

    ra_deg: float
    dec_deg: float
    alt_deg: float
    az_deg: float


def now_doing(motion: Motion, unix_s: float) -> Motion:
    """The motion as it is at an instant: a finished slew has become its goal."""
    if isinstance(motion, Slewing) and unix_s >= motion.arrival_unix_s:
        return motion.goal
    return motion


def horizontal_deg(motion: Motion, site: Site, unix_s: float) -> tuple[float, float]:
    """(altitude, azimuth 0..360) in degrees at an instant."""
    motion = now_doing(motion, unix_s)
    match motion:
        case Standing():
            return motion.alt_deg, motion.az_deg
        case Following():
            return altaz_now(site, motion.ra_deg, motion.dec_deg, unix_s)
        case Slewing():
            return motion.altitude.position(unix_s), motion.azimuth.position(unix_s) % 360.0
    assert_never(motion)


def pointing(motion: Motion, site: Site, unix_s: float) -> Pointing:
    """Where the tube points at an instant."""
    motion = now_doing(motion, unix_s)
    alt_deg, az_deg = horizontal_deg(motion, site, unix_s)
    if isinstance(motion, Following):
        ra_deg, dec_deg = motion.ra_deg, motion.dec_deg
    else:
        ra_deg, dec_deg = icrs_from_altaz(site, alt_deg, az_deg, unix_s)
    return Pointing(ra_deg=ra_deg, dec_deg=dec_deg, alt_deg=alt_deg, az_deg=az_deg)


SKY_TURN_DEG_S = 360.985_647_366 / 86_400.0
"""The Earth turns by so much against the stars in a second (Capitaine et al. 2003)."""


def drifted(standing: Pointing, elapsed_s: float) -> Pointing:
    """Where a tube at rest points some minutes later: right to 0.01 deg after ten."""
    ra_deg = (standing.ra_deg + SKY_TURN_DEG_S * elapsed_s) % 360.0
    return replace(standing, ra_deg=ra_deg)


def slew(
    motion: Motion, goal: Goal, site: Site, unix_s: float, *, rates: Rates, settle_s: float
) -> Slewing:
    """Begin to move to a goal from wherever the mount is now."""
    alt0_deg, az0_deg = horizontal_deg(motion, site, unix_s)
    arrival_s = unix_s
    altitude = azimuth = Travel.resting(0.0, rates)
    for _ in range(5):  # the sky turns slowly: each round is a hundred times nearer
        alt_deg, az_deg = horizontal_deg(goal, site, arrival_s)
        altitude = Travel(start_unix_s=unix_s, start=alt0_deg, end=alt_deg, rates=rates)
        end_deg = az0_deg + shortest_turn_deg(az0_deg, az_deg)
        azimuth = Travel(start_unix_s=unix_s, start=az0_deg, end=end_deg, rates=rates)
        arrival_s = max(altitude.end_unix_s, azimuth.end_unix_s) + settle_s
    return Slewing(altitude=altitude, azimuth=azimuth, arrival_unix_s=arrival_s, goal=goal)


def halted(motion: Motion, site: Site, unix_s: float) -> Standing:
    """Standing where it is now; parked only if it stood parked."""
    motion = now_doing(motion, unix_s)
    alt_deg, az_deg = horizontal_deg(motion, site, unix_s)
    parked = isinstance(motion, Standing) and motion.parked
    return Standing(alt_deg=alt_deg, az_deg=az_deg, parked=parked)


def displaced(
    ra_deg: float, dec_deg: float, east_arcsec: float, north_arcsec: float
) -> tuple[float, float]:
    """An ICRS direction a small way to the east and north, as autoguiders and dithers mean it."""
    dec = max(-90.0, min(90.0, dec_deg + north_arcsec / 3600.0))
    cosine = max(1e-6, math.cos(math.radians(dec_deg)))
    return (ra_deg + east_arcsec / 3600.0 / cosine) % 360.0, dec
