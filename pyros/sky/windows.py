"""When targets can be observed: every constraint held over the whole exposure.

A window is a span in which all constraints hold without a break and into which the exposure fits, so
"the whole sequence lies in a window" is all that a planner has to check. A target has 0 to N windows.

Each smooth constraint is a margin that is positive where it holds; the smallest margin is sampled on
the grid and its zero crossings are interpolated (0.1 s for altitudes). Sun, user's dates and device
availability are spans, and are intersected exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyros.sky.brightness import brightness_tables, nanolambert
from pyros.sky.engine import altitude_of_airmass_deg
from pyros.sky.grid import SkyGrid, Span
from pyros.sky.targets import FixedTarget, Target, direction_along

Floats = NDArray[np.float64]

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
class Directions:
    """Targets along the times of a grid.

    Args:
        sin_altitude: Shape (n_targets, n_times).
        cos_moon: Cosine of the distance from the Moon, same shape; None when nobody asks.
        east: Component towards east, same shape; None when the horizon is free.
        north: Component towards north, same shape; None when the horizon is free.
    """

    sin_altitude: Floats
    cos_moon: Floats | None
    east: Floats | None
    north: Floats | None


def moon_distance_required_deg(grid: SkyGrid, at_full_moon_deg: float) -> Floats:
    """Least distance from the Moon at the grid's times, shape (n_times,)."""
    days = grid.days_from_full_moon / MOON_AVOIDANCE_WIDTH_D
    return np.asarray(at_full_moon_deg / (1.0 + days**2))


def directions_of_places(
    grid: SkyGrid, places: Floats, *, moon: bool = True, horizon: bool = True
) -> Directions:
    """Directions of sidereal targets (`SkyEngine.places`, shape (6, n_targets)) along a grid."""
    columns = places.T
    return Directions(
        sin_altitude=columns @ grid.axes.zenith.T,
        cos_moon=columns[:, :3] @ grid.moon.direction.T if moon else None,
        east=columns @ grid.axes.east.T if horizon else None,
        north=columns @ grid.axes.north.T if horizon else None,
    )


def _directions_of_vectors(grid: SkyGrid, vectors: Floats) -> Directions:
    """Directions of one moving target given as CIRS unit vectors, shape (n_times, 3)."""
    return Directions(
        sin_altitude=np.sum(grid.axes.zenith[:, :3] * vectors, axis=1)[None, :],
        cos_moon=np.sum(grid.moon.direction * vectors, axis=1)[None, :],
        east=np.sum(grid.axes.east[:, :3] * vectors, axis=1)[None, :],
        north=np.sum(grid.axes.north[:, :3] * vectors, axis=1)[None, :],
    )


def _moon_margin(grid: SkyGrid, limits: Constraints, cos_moon: Floats | None) -> Floats | None:
    """Margin of Moon distance and phase, broadcastable to (n_targets, n_times), or None."""
    if grid.moon.altitude_deg.max() <= 0.0:
        return None
    down = -np.sin(np.radians(grid.moon.altitude_deg))
    margin: Floats | None = None
    if limits.min_moon_separation_deg is not None and cos_moon is not None:
        required = moon_distance_required_deg(grid, limits.min_moon_separation_deg)
        margin = np.cos(np.radians(required)) - cos_moon
    if limits.max_moon_illumination is not None:
        phase = limits.max_moon_illumination - grid.moon_phase[0]
        margin = phase[None, :] if margin is None else np.minimum(margin, phase)
    return None if margin is None else np.maximum(margin, down, out=margin)


def _horizon_margin(grid: SkyGrid, seen: Directions, margin: Floats) -> None:
    """Lower `margin` in place where the local horizon hides a target."""
    mask = grid.engine.site.horizon
    if mask is None or seen.east is None or seen.north is None:
        return
    rows, columns = np.nonzero(
        (margin >= -0.02) & (seen.sin_altitude < np.sin(np.radians(mask.highest_deg)) + 0.02)
    )
    azimuth = np.degrees(np.arctan2(seen.east[rows, columns], seen.north[rows, columns]))
    line = np.sin(np.radians(mask.altitude_deg(azimuth)))
    above = seen.sin_altitude[rows, columns] - line
    margin[rows, columns] = np.minimum(margin[rows, columns], above)


def _sky_margin(grid: SkyGrid, limits: Constraints, seen: Directions, margin: Floats) -> None:
    """Lower `margin` in place where the sky is too bright."""
    if limits.min_sky_mag is None or seen.cos_moon is None:
        return
    tables, most_nl = brightness_tables(), float(nanolambert(limits.min_sky_mag))
    lowest = max(0.0, np.sin(np.radians(limits.lowest_altitude_deg)))
    low = int(lowest * (tables.dark.size - 1))
    worst = grid.moonlight * (tables.scatter.max() * tables.share[low:].max())
    worst = worst + grid.twilight + tables.dark[low:].max()
    columns = np.flatnonzero(worst > most_nl)
    if columns.size == 0:
        return
    first, last = int(columns[0]), int(columns[-1]) + 1
    part = margin[:, first:last]
    flat = np.flatnonzero(part.ravel() > 0.0)
    column = flat % (last - first)
    nl = tables.total_nl(
        seen.sin_altitude[:, first:last].ravel()[flat],
        seen.cos_moon[:, first:last].ravel()[flat],
        grid.moonlight[first:last][column],
        grid.twilight[first:last][column],
    )
    lowered = np.minimum(part.ravel()[flat], 1.0 - nl / most_nl)
    part[flat // (last - first), column] = lowered


def margins(grid: SkyGrid, seen: Directions, limits: Constraints) -> Floats:
    """The smallest margin of all sampled constraints, shape (n_targets, n_times)."""
    margin = seen.sin_altitude - np.sin(np.radians(limits.lowest_altitude_deg))
    if limits.max_altitude_deg is not None:
        ceiling = np.sin(np.radians(limits.max_altitude_deg))
        np.minimum(margin, ceiling - seen.sin_altitude, out=margin)
    moon = _moon_margin(grid, limits, seen.cos_moon)
    if moon is not None:
        np.minimum(margin, moon, out=margin)
    _horizon_margin(grid, seen, margin)
    _sky_margin(grid, limits, seen, margin)
    return margin


def _runs(times: Floats, margin: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """(target index, start, end) of all runs of non-negative margin, times interpolated."""
    count, steps = margin.shape
    good = np.zeros((count, steps + 2), dtype=bool)
    np.greater_equal(margin, 0.0, out=good[:, 1:-1])
    edges = np.flatnonzero(good.ravel()[1:] != good.ravel()[:-1])
    row, edge = np.divmod(edges, steps + 2)
    left, right = np.maximum(edge - 1, 0), np.minimum(edge, steps - 1)
    before, after = margin[row, left], margin[row, right]
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
    runs: tuple[NDArray[np.intp], Floats, Floats],
    allowed: list[Span],
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
    allowed = _allowed_spans(grid, limits)
    if not allowed or count == 0:
        return [[] for _ in range(count)]
    needs_moon = limits.min_moon_separation_deg is not None or limits.min_sky_mag is not None
    seen = directions_of_places(
        grid, places, moon=needs_moon, horizon=grid.engine.site.horizon is not None
    )
    runs = _runs(grid.unix_s, margins(grid, seen, limits))
    return _fitting(count, runs, allowed, np.broadcast_to(exposure_s, (count,)))


def directions(grid: SkyGrid, target: Target) -> Directions:
    """One target of any kind along a grid: arrays of shape (1, n_times)."""
    if isinstance(target, FixedTarget):
        return directions_of_places(grid, target.places(grid.engine))
    return _directions_of_vectors(grid, direction_along(grid.engine, target, grid.unix_s))


def windows(
    grid: SkyGrid, target: Target, limits: Constraints, *, exposure_s: float = 0.0
) -> list[Span]:
    """Windows (start, end) in Unix seconds of one target of any kind, in order."""
    if isinstance(target, FixedTarget):
        places = target.places(grid.engine)
        return windows_of_places(grid, places, limits, exposure_s=exposure_s)[0]
    allowed = _allowed_spans(grid, limits)
    if not allowed:
        return []
    runs = _runs(grid.unix_s, margins(grid, directions(grid, target), limits))
    return _fitting(1, runs, allowed, np.array([exposure_s], dtype=float))[0]
