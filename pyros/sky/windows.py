"""When targets can be observed: every constraint held over the whole exposure.

A window is a span in which all constraints hold without a break and into which the exposure fits,
so "the whole sequence lies in a window" is all that a planner has to check. A target has 0 to N
windows.

Each smooth constraint is a margin that is positive where it holds; the smallest margin is sampled
on the grid (in single precision) and its zero crossings are interpolated, to a tenth of a second
for altitudes. Sun, user's dates and device availability are spans, and are intersected exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyros.sky.airmass import altitude_of_airmass_deg
from pyros.sky.brightness import brightness_tables, nanolambert
from pyros.sky.engine import thin_product
from pyros.sky.targets import FixedTarget, Target, direction_along

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyros.sky.grid import SkyGrid, Span
    from pyros.sky.horizon import HorizonMask

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.intp]

SKY_LEVELS = 256
"""Steps of sin(altitude) for the sky's brightness (0.01 mag at 15 degrees)."""
MASK_STEPS = 7200
"""Steps of azimuth for the local horizon."""
MOON_AVOIDANCE_WIDTH_D = 7.0
"""Half-width of the Moon avoidance curve; full avoidance at full Moon, half a week from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What must hold for every second of an exposure; None switches a constraint off.

    Args:
        min_altitude_deg: Geometric altitude at least; the site's horizon mask holds beside it.
        max_altitude_deg: Altitude at most (the zenith hole of an altazimuth mount).
        max_airmass: Air mass at most.
        max_sun_altitude_deg: Sun's centre at most.
        min_moon_separation_deg: Distance from a full Moon; falls off with the days from full Moon
            as 1 / (1 + (days / 7)^2). Off while the Moon is down.
        max_moon_illumination: Lit fraction at most, 0..1, while the Moon is up.
        min_sky_mag: Sky brightness, V mag/arcsec^2, at least this faint.
        user_spans: Spans (start, end) in Unix seconds that the astronomer allows (JD1-JD2).
        device_spans: Spans in which the devices needed are available.
    """

    min_altitude_deg: float = 15.0
    max_altitude_deg: float | None = None
    max_airmass: float | None = None
    max_sun_altitude_deg: float | None = -12.0
    min_moon_separation_deg: float | None = 40.0
    max_moon_illumination: float | None = None
    min_sky_mag: float | None = 16.0
    user_spans: tuple[Span, ...] | None = None
    device_spans: tuple[Span, ...] | None = None

    @property
    def lowest_altitude_deg(self) -> float:
        """The stricter of altitude and air mass."""
        if self.max_airmass is None:
            return self.min_altitude_deg
        return max(self.min_altitude_deg, altitude_of_airmass_deg(self.max_airmass))


@dataclass(frozen=True, slots=True)
class _Limits:
    """What the constraints ask on one grid, computed once for all targets.

    Args:
        first: First step of the grid that lies in an allowed span.
        last: Step after the last.
        times: Grid times from `first` to `last`, shape (n_steps,).
        zenith: Zenith directions there, single precision, shape (3, n_steps).
        moon: Moon's directions, same shape.
        low: Sine of the lowest altitude.
        high: Sine of the highest altitude, or None.
        moon_cosine: Cosine of the distance from the Moon at most, shape (n_steps,); 2 while it is
            down; None when the Moon does not matter.
        moon_up: -sin(altitude) of the Moon where it is about to rise or set, else None.
        sky: Largest scattering factor per step and altitude, shape (n_steps * levels,), or None.
        allowed: Spans left by the Sun, the user's dates and the devices.
    """

    first: int
    last: int
    times: Floats
    zenith: Singles
    moon: Singles
    low: float
    high: float | None
    moon_cosine: Singles | None
    moon_up: Singles | None
    sky: Singles | None
    allowed: tuple[Span, ...]


@lru_cache(maxsize=256)
def _limits(grid: SkyGrid, limits: Constraints) -> _Limits:
    allowed = _allowed_spans(grid, limits)
    times = grid.unix_s
    if not allowed:
        first = last = 0
    else:
        first = max(0, int(np.searchsorted(times, allowed[0][0], "right")) - 1)
        last = min(times.size, int(np.searchsorted(times, max(b for _, b in allowed))) + 1)
    part = slice(first, last)
    cosine, up = _moon_limit(grid, limits, part)
    low = float(np.sin(np.radians(limits.lowest_altitude_deg)))
    high = limits.max_altitude_deg
    return _Limits(
        first=first,
        last=last,
        times=times[part],
        zenith=np.ascontiguousarray(grid.axes.zenith[part, :3].T, dtype=np.float32),
        moon=np.ascontiguousarray(grid.moon.direction[part].T, dtype=np.float32),
        low=low,
        high=None if high is None else float(np.sin(np.radians(high))),
        moon_cosine=cosine,
        moon_up=up,
        sky=_sky_limit(grid, limits, part, low),
        allowed=tuple(allowed),
    )


def _moon_limit(
    grid: SkyGrid, limits: Constraints, part: slice
) -> tuple[Singles | None, Singles | None]:
    """(cosine of the least distance, -sin(Moon's altitude) when it rises or sets) per step."""
    altitude = grid.moon.altitude_deg[part]
    if altitude.size == 0 or altitude.max() <= 0.0:
        return None, None
    cosine = np.full(altitude.shape, 2.0)
    if limits.min_moon_separation_deg is not None:
        required = moon_distance_required_deg(grid, limits.min_moon_separation_deg)[part]
        cosine = np.cos(np.radians(required))
    if limits.max_moon_illumination is not None:
        cosine[grid.moon_phase[0][part] > limits.max_moon_illumination] = -2.0
    if np.all(cosine == 2.0):
        return None, None
    if altitude.min() > 0.0:
        return cosine.astype(np.float32), None
    return cosine.astype(np.float32), -np.sin(np.radians(altitude)).astype(np.float32)


def _sky_limit(grid: SkyGrid, limits: Constraints, part: slice, low: float) -> Singles | None:
    """Largest allowed scattering factor, flattened (n_steps * levels), or None when never reached.

    Brightness = dark(altitude) + twilight + moonlight * scattering(distance) * share(altitude), so
    a limit on brightness is a limit on scattering for each step and altitude.
    """
    if limits.min_sky_mag is None:
        return None
    tables, most_nl = brightness_tables(), float(nanolambert(limits.min_sky_mag))
    levels = np.linspace(0, tables.dark.size - 1, SKY_LEVELS).astype(int)
    dark, share = tables.dark[levels], tables.share[levels]
    usable = levels >= int(max(0.0, low) * (tables.dark.size - 1))
    moonlight, twilight = grid.moonlight[part], grid.twilight[part]
    brightest = (
        dark[usable].max() + twilight + moonlight * tables.scatter.max() * share[usable].max()
    )
    if brightest.size == 0 or brightest.max() <= most_nl:
        return None
    left = most_nl - dark[None, :] - twilight[:, None]
    factor = left / (np.maximum(moonlight, 1e-30)[:, None] * share[None, :])
    return np.asarray(np.clip(factor, -1e30, 1e30).astype(np.float32).ravel())


@lru_cache(maxsize=1)
def _scatter_table() -> Singles:
    return brightness_tables().scatter.astype(np.float32)


def moon_distance_required_deg(grid: SkyGrid, at_full_moon_deg: float) -> Floats:
    """Least distance from the Moon at the grid's times, shape (n_times,)."""
    days = grid.days_from_full_moon / MOON_AVOIDANCE_WIDTH_D
    return np.asarray(at_full_moon_deg / (1.0 + days**2))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Targets along the steps of a `_Limits`; arrays are (n_targets, n_steps).

    Args:
        sine: Sine of the altitude.
        cosine: Cosine of the distance from the Moon, or None.
        horizontal: East and north components of chosen (target, step) pairs.
    """

    sine: Singles
    cosine: Singles | None
    horizontal: Callable[[Ints, Ints], tuple[Floats, Floats]]


def _margins(grid: SkyGrid, asked: _Limits, seen: _Seen) -> Singles:
    """The smallest margin of all sampled constraints, shape (n_targets, n_steps)."""
    margin = seen.sine - np.float32(asked.low)
    if asked.high is not None:
        np.minimum(margin, np.float32(asked.high) - seen.sine, out=margin)
    if asked.moon_cosine is not None and seen.cosine is not None:
        moon = asked.moon_cosine - seen.cosine
        if asked.moon_up is not None:
            np.maximum(moon, asked.moon_up, out=moon)
        np.minimum(margin, moon, out=margin)
    mask = grid.engine.site.horizon
    if mask is not None and np.sin(np.radians(mask.highest_deg)) > asked.low:
        _lower_by_horizon(mask, seen, margin)
    if asked.sky is not None and seen.cosine is not None:
        _lower_by_sky(asked.sky, seen, margin)
    return margin


def _lower_by_sky(allowed: Singles, seen: _Seen, margin: Singles) -> None:
    """Lower `margin` in place where scattered moonlight exceeds what the sky's limit leaves.

    Only what all other constraints allow is looked at.
    """
    assert seen.cosine is not None  # noqa: S101 - the caller checks it
    table = _scatter_table()
    flat = np.flatnonzero(margin.ravel() >= 0.0).astype(np.int32)
    step = flat % np.int32(margin.shape[1])
    level = seen.sine.ravel()[flat]
    level *= np.float32(SKY_LEVELS - 0.001)
    index = level.astype(np.int32)
    step *= np.int32(SKY_LEVELS)
    index += step
    factor = allowed.take(index, mode="clip")
    near = seen.cosine.ravel()[flat]
    near += np.float32(1.0)
    near *= np.float32((table.size - 1) / 2.0)
    scattered = table.take(near.astype(np.int32), mode="clip")
    factor -= scattered
    factor /= scattered
    lowered = margin.ravel()
    lowered[flat] = np.minimum(lowered[flat], factor)


@lru_cache(maxsize=16)
def _mask_table(mask: HorizonMask) -> Singles:
    """Sine of the horizon's altitude for every twentieth of a degree of azimuth."""
    azimuth = np.arange(MASK_STEPS) * (360.0 / MASK_STEPS)
    return np.sin(np.radians(mask.altitude_deg(azimuth))).astype(np.float32)


def _lower_by_horizon(mask: HorizonMask, seen: _Seen, margin: Singles) -> None:
    """Lower `margin` in place where the local horizon hides a target."""
    top = np.float32(np.sin(np.radians(mask.highest_deg)) + 0.01)
    target, step = np.nonzero((margin >= -0.01) & (seen.sine < top))
    east, north = seen.horizontal(target, step)
    azimuth = np.arctan2(east, north) * (MASK_STEPS / (2.0 * np.pi)) + 0.5
    line = _mask_table(mask).take(np.floor(azimuth).astype(np.intp), mode="wrap")
    above = seen.sine[target, step] - line
    margin[target, step] = np.minimum(margin[target, step], above)


def _runs(times: Floats, margin: Singles) -> tuple[Ints, Floats, Floats]:
    """(target index, start, end) of all runs of non-negative margin, times interpolated."""
    count, steps = margin.shape
    good = np.zeros((count, steps + 2), dtype=bool)
    np.greater_equal(margin, 0.0, out=good[:, 1:-1])
    flat = good.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    row, edge = np.divmod(edges, steps + 2)
    left, right = np.maximum(edge - 1, 0), np.minimum(edge, steps - 1)
    before, after = margin[row, left].astype(float), margin[row, right].astype(float)
    inner = left != right
    share = np.where(inner, before / np.where(inner, before - after, 1.0), 0.0)
    instants = times[left] + share * (times[right] - times[left])
    return row[0::2], instants[0::2], instants[1::2]


def _allowed_spans(grid: SkyGrid, limits: Constraints) -> list[Span]:
    """Intersection of Sun, user's dates and device availability with the grid's span."""
    spans: list[Span] = [(grid.start_unix_s, grid.end_unix_s)]
    if limits.max_sun_altitude_deg is not None:
        spans = intersect(spans, grid.dark_spans(limits.max_sun_altitude_deg))
    for wanted in (limits.user_spans, limits.device_spans):
        if wanted is not None:
            spans = intersect(spans, wanted)
    return spans


def intersect(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Intersections of two lists of spans, in order of start; empty ones are left out."""
    both = [(max(a, c), min(b, d)) for a, b in spans for c, d in others]
    return sorted(span for span in both if span[1] > span[0])


def _fitting(
    count: int,
    runs: tuple[Ints, Floats, Floats],
    allowed: Sequence[Span],
    exposure_s: Floats,
) -> list[list[Span]]:
    """Runs cut to the allowed spans, those kept that hold their target's exposure."""
    found: list[list[Span]] = [[] for _ in range(count)]
    row, start, end = runs
    for low, high in allowed:
        cut_start, cut_end = np.maximum(start, low), np.minimum(end, high)
        keep = np.flatnonzero((cut_end - cut_start >= exposure_s[row]) & (cut_end > cut_start))
        kept = zip(
            row[keep].tolist(), cut_start[keep].tolist(), cut_end[keep].tolist(), strict=True
        )
        for target, first, last in kept:
            found[target].append((first, last))
    if len(allowed) > 1:
        for spans in found:
            spans.sort()
    return found


def windows_of_places(
    grid: SkyGrid, places: Floats, limits: Constraints, *, exposure_s: ArrayLike = 0.0
) -> list[list[Span]]:
    """Windows of many sidereal targets under the same constraints.

    Args:
        grid: Times and sky.
        places: `SkyEngine.places` of the grid's engine, shape (6, n_targets).
        limits: The constraints.
        exposure_s: Whole duration per target, scalar or shape (n_targets,).

    Returns:
        Per target the windows (start, end) in Unix seconds, in order.
    """
    count = places.shape[1]
    asked = _limits(grid, limits)
    if not asked.allowed or count == 0:
        return [[] for _ in range(count)]
    middle = float(grid.engine.tau(asked.times[asked.times.size // 2]))
    now = (places[:3] + middle * places[3:]).T
    single = now.astype(np.float32)
    needs_moon = asked.moon_cosine is not None or asked.sky is not None

    def horizontal(target: Ints, step: Ints) -> tuple[Floats, Floats]:
        east = grid.axes.east[asked.first + step, :3]
        north = grid.axes.north[asked.first + step, :3]
        return np.sum(east * now[target], axis=1), np.sum(north * now[target], axis=1)

    sine = thin_product(single, asked.zenith)
    cosine = thin_product(single, asked.moon) if needs_moon else None
    seen = _Seen(sine, cosine, horizontal)
    runs = _runs(asked.times, _margins(grid, asked, seen))
    return _fitting(count, runs, asked.allowed, np.broadcast_to(exposure_s, (count,)))


def windows(
    grid: SkyGrid, target: Target, limits: Constraints, *, exposure_s: float = 0.0
) -> list[Span]:
    """Windows (start, end) in Unix seconds of one target of any kind, in order."""
    if isinstance(target, FixedTarget):
        places = target.places(grid.engine)
        return windows_of_places(grid, places, limits, exposure_s=exposure_s)[0]
    asked = _limits(grid, limits)
    if not asked.allowed:
        return []
    part = slice(asked.first, asked.last)
    vectors = direction_along(grid.engine, target, asked.times)

    def horizontal(_: Ints, step: Ints) -> tuple[Floats, Floats]:
        east, north = grid.axes.east[part, :3][step], grid.axes.north[part, :3][step]
        return np.sum(east * vectors[step], axis=1), np.sum(north * vectors[step], axis=1)

    seen = _Seen(
        np.sum(grid.axes.zenith[part, :3] * vectors, axis=1)[None, :].astype(np.float32),
        np.sum(grid.moon.direction[part] * vectors, axis=1)[None, :].astype(np.float32),
        horizontal,
    )
    runs = _runs(asked.times, _margins(grid, asked, seen))
    return _fitting(1, runs, asked.allowed, np.array([exposure_s], dtype=float))[0]
