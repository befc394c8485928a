"""The sky of the pages: the night's twilights and curves, and where everything stands now.

Pure: site and instants in, JSON-able sections out. The numbers are `pyros.sky`'s, computed for all
targets and times at once.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from actors.web_gateway.json_values import instant
from pyros.clock import datetime_from_unix, unix_from_datetime
from pyros.sky.bodies import moon_illumination, moon_now, sun_altaz, track
from pyros.sky.engine import engine_for, local_sidereal_deg
from pyros.sky.twilight import Night

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from actors.scheduler.messages import ScheduledSequence
    from actors.web_gateway.changes import Json
    from pyros.sky.site import Site

CURVE_STEP_S = 600.0
BLOCK_POINTS = 7
"""Points of a target's altitude within its block."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target of the plan: its sequence and where it is (ICRS)."""

    sequence_id: str
    ra_deg: float
    dec_deg: float


def night_section(site: Site, label: str) -> dict[str, Json]:
    """A night from noon to noon: events, and the Sun's and Moon's altitudes every ten minutes.

    Args:
        site: Where.
        label: The local date (YYYY-MM-DD) on which the night begins.

    Raises:
        ValueError: When the label is no date.
    """
    night = Night(site, label)
    times = np.arange(night.start_unix_s, night.end_unix_s + 1.0, CURVE_STEP_S)
    lit, phase = moon_illumination(night.engine, night.engine.mid_unix_s)
    return {
        "night": label,
        "start_utc": _instant(night.start_unix_s),
        "end_utc": _instant(night.end_unix_s),
        "events": {name: _instant(at) for name, at in night.events().items()},
        "step_s": CURVE_STEP_S,
        "sun_alt_deg": _rounded(track(night.engine, "sun", times).altitude_deg),
        "moon_alt_deg": _rounded(track(night.engine, "moon", times).altitude_deg),
        "moon_illumination": round(float(lit[0]), 3),
        "moon_phase_deg": round(float(phase[0]), 1),
    }


def night_label(site: Site, unix_s: float) -> str:
    """The label of the night to which an instant belongs."""
    return Night.at(site, unix_s).label


def block_curves(
    site: Site, label: str, scheduled: tuple[ScheduledSequence, ...]
) -> dict[str, Json]:
    """Each scheduled target's altitude (degrees) at evenly spread times of its block.

    Returns:
        Per sequence id, `BLOCK_POINTS` altitudes from the block's start to its end.
    """
    if not scheduled:
        return {}
    engine = Night(site, label).engine
    places = engine.places([s.ra_deg for s in scheduled], [s.dec_deg for s in scheduled])
    starts = np.array([unix_from_datetime(s.start_utc) for s in scheduled])
    ends = np.array([unix_from_datetime(s.end_utc) for s in scheduled])
    steps = np.linspace(0.0, 1.0, BLOCK_POINTS)
    times = starts[:, None] + (ends - starts)[:, None] * steps
    axes = engine.axes(times.ravel())
    zenith = axes.zenith.reshape(len(scheduled), BLOCK_POINTS, 6)
    east = axes.east.reshape(zenith.shape)
    north = axes.north.reshape(zenith.shape)
    along = [np.einsum("bpk,kb->bp", axis, places) for axis in (east, north, zenith)]
    altitude, _ = engine.horizontal(*along)
    return {item.sequence_id: _rounded(row) for item, row in zip(scheduled, altitude, strict=True)}


def sky_section(site: Site, unix_s: float, targets: tuple[Target, ...]) -> dict[str, Json]:
    """Where Sun, Moon, bright stars and targets stand at one instant.

    Directions are `[azimuth_deg, altitude_deg]`, azimuth from north through east; stars below the
    horizon are left out.
    """
    engine = engine_for(site, unix_s)
    sun_alt, sun_az = sun_altaz(site, unix_s)
    moon = moon_now(site, unix_s)
    stars = bright_stars()
    star_alt, star_az = engine.altaz(stars[:, 0], stars[:, 1], unix_s)
    up = star_alt[0] > 0.0
    seen = np.column_stack([star_az[0], star_alt[0], stars[:, 2]])[up]
    return {
        "time_utc": _instant(unix_s),
        "lst_deg": round(local_sidereal_deg(site, unix_s), 4),
        "sun": [round(sun_az, 2), round(sun_alt, 2)],
        "moon": [round(moon.azimuth_deg, 2), round(moon.altitude_deg, 2)],
        "moon_illumination": round(moon.illumination, 3),
        "moon_phase_deg": round(moon.phase_deg, 1),
        "stars": [[round(float(x), 1) for x in row] for row in seen],
        "targets": _target_directions(site, unix_s, targets),
    }


def _target_directions(site: Site, unix_s: float, targets: tuple[Target, ...]) -> dict[str, Json]:
    if not targets:
        return {}
    altitude, azimuth = engine_for(site, unix_s).altaz(
        [target.ra_deg for target in targets], [target.dec_deg for target in targets], unix_s
    )
    return {
        target.sequence_id: [round(float(az), 1), round(float(alt), 1)]
        for target, az, alt in zip(targets, azimuth[0], altitude[0], strict=True)
    }


@cache
def bright_stars() -> NDArray[np.float64]:
    """Stars of the plot, brightest first, shape (n, 3): ra_deg, dec_deg (ICRS), V magnitude."""
    text = resources.files("actors.web_gateway").joinpath("bright_stars.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return np.array([[float(r["ra_deg"]), float(r["dec_deg"]), float(r["v_mag"])] for r in rows])


def _rounded(values: NDArray[np.float64]) -> list[Json]:
    return [round(float(value), 1) for value in values]


def _instant(unix_s: float | None) -> str | None:
    moment: datetime | None = None if unix_s is None else datetime_from_unix(unix_s)
    return instant(moment)
