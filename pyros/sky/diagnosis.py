"""Why a target has no window tonight: the first constraint that stands in the way, with numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pyros.sky.bodies import track
from pyros.sky.engine import separation_deg
from pyros.sky.targets import FixedTarget, Target, direction_along
from pyros.sky.windows import Constraints, moon_distance_required_deg, windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyros.sky.grid import SkyGrid, Span


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a target from being observed.

    Args:
        code: BELOW_HORIZON, TWILIGHT, USER_WINDOW, DEVICE_DOWN, MOON, SKY_BRIGHTNESS or
            TOO_LONG_FOR_WINDOW.
        sentence: With the numbers, for people.
        numbers: For programs.
    """

    code: str
    sentence: str
    numbers: Mapping[str, float]


def _longest(spans: list[Span]) -> float:
    return max((end - start for start, end in spans), default=0.0)


def obstacle(
    grid: SkyGrid, target: Target, limits: Constraints, *, exposure_s: float = 0.0
) -> Obstacle | None:
    """The first constraint without which there would be time, or None when there is a window.

    Constraints are added one by one, from the sky to the wishes, until the time is gone.
    """
    if windows(grid, target, limits, exposure_s=exposure_s):
        return None
    free = Constraints(
        min_altitude_deg=limits.min_altitude_deg,
        max_altitude_deg=limits.max_altitude_deg,
        max_airmass=limits.max_airmass,
        max_sun_altitude_deg=None,
        min_moon_separation_deg=None,
        min_sky_mag=None,
    )
    steps = (
        ("BELOW_HORIZON", free),
        ("TWILIGHT", free := replace(free, max_sun_altitude_deg=limits.max_sun_altitude_deg)),
        ("USER_WINDOW", free := replace(free, user_spans=limits.user_spans)),
        ("DEVICE_DOWN", free := replace(free, device_spans=limits.device_spans)),
        (
            "MOON",
            free := replace(
                free,
                min_moon_separation_deg=limits.min_moon_separation_deg,
                max_moon_illumination=limits.max_moon_illumination,
            ),
        ),
        ("SKY_BRIGHTNESS", limits),
    )
    before_s = grid.end_unix_s - grid.start_unix_s
    for code, tried in steps:
        left_s = _longest(windows(grid, target, tried))
        if left_s <= 0.0:
            return _explained(grid, target, limits, code)
        if left_s < exposure_s:
            return Obstacle(
                "TOO_LONG_FOR_WINDOW",
                f"takes {exposure_s:.0f} s, the longest window is {left_s:.0f} s "
                f"(cut from {before_s:.0f} s by {code})",
                {"duration_s": exposure_s, "longest_window_s": left_s},
            )
        before_s = left_s
    return None


def _explained(grid: SkyGrid, target: Target, limits: Constraints, code: str) -> Obstacle:
    altitude, moon_deg = _along(grid, target)
    if code == "BELOW_HORIZON":
        highest = float(altitude.max())
        return Obstacle(
            code,
            f"stands {highest:.1f} deg high at most, {limits.lowest_altitude_deg:.1f} deg and the "
            "local horizon are asked",
            {"highest_deg": highest, "limit_deg": limits.lowest_altitude_deg},
        )
    if code == "TWILIGHT":
        limit = limits.max_sun_altitude_deg if limits.max_sun_altitude_deg is not None else 90.0
        sun = track(grid.engine, "sun", grid.unix_s).altitude_deg
        lowest = float(sun[altitude >= limits.lowest_altitude_deg].min(initial=90.0))
        return Obstacle(
            code,
            f"the Sun is above {limit:g} deg whenever the target is up (lowest {lowest:.1f} deg)",
            {"sun_lowest_deg": lowest, "limit_deg": limit},
        )
    if code == "MOON":
        asked = limits.min_moon_separation_deg or 0.0
        required = float(moon_distance_required_deg(grid, asked).max())
        nearest = float(moon_deg.min())
        return Obstacle(
            code,
            f"{nearest:.1f} deg from the Moon ({float(grid.moon_phase[0].mean()):.0%} lit), "
            f"{required:.1f} deg are asked tonight",
            {"separation_deg": nearest, "limit_deg": required},
        )
    sentences = {
        "USER_WINDOW": "is not up within the dates that the astronomer gave",
        "DEVICE_DOWN": "the devices that it needs are not available while it is up",
        "SKY_BRIGHTNESS": f"the sky is brighter than {limits.min_sky_mag} mag/arcsec2 throughout",
    }
    return Obstacle(code, sentences[code], {})


def _along(
    grid: SkyGrid, target: Target
) -> tuple[
    np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]
]:
    """(altitude, distance from the Moon) in degrees at the grid's times."""
    if isinstance(target, FixedTarget):
        altitude = grid.engine.altaz(target.ra_deg, target.dec_deg, grid.unix_s)[0][:, 0]
        moon = separation_deg(target.ra_deg, target.dec_deg, grid.moon.ra_deg, grid.moon.dec_deg)
        return altitude, moon
    vectors = direction_along(grid.engine, target, grid.unix_s)
    sine = np.sum(grid.axes.zenith[:, :3] * vectors, axis=1)
    cosine = np.clip(np.sum(grid.moon.direction * vectors, axis=1), -1.0, 1.0)
    return np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))), np.degrees(np.arccos(cosine))
