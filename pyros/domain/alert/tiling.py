"""Covers an error region with telescope fields: which fields, in which order, holding how much.

Probability on the sky is a table of HEALPix cells, each a range of nested indices at order 29; a
field is a set of such ranges. Both being sorted ranges of one axis, the probability within any
field is a difference of cumulative sums, so thousands of fields take milliseconds once their
ranges are made (tenths of a second, with mocpy). Fields are taken greedily, each credited only with
what those before it have left: overlaps would otherwise sum to more than there is.

Everything here is pure and heavy: call it in a worker.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from mocpy import MOC

from pyros.domain.alert.localisation import separation_deg
from pyros.domain.alert.sky_density import (
    SkyDensity,
    TilingError,
    degrees,
    latitude,
    longitude,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pyros.domain.alert.strategy import TilingRule

_CELLS_ACROSS = 16
"""Cells across a field whose ranges are made one by one."""
_CELL_SIDE_DEG = 58.6
"""Side of a HEALPix cell of order 0."""
_MOST_SAMPLES = 20_000


@dataclass(frozen=True, slots=True)
class FieldGrid:
    """Fields of one event's region, with their ranges.

    Attributes:
        ra_deg: Centre of each field, shape (m,).
        dec_deg: Centre of each field, shape (m,).
        ranges: Order-29 ranges of all fields one after the other, shape (k, 2).
        starts: Where each field's ranges begin in `ranges`, shape (m + 1,).
    """

    ra_deg: NDArray[np.float64]
    dec_deg: NDArray[np.float64]
    ranges: NDArray[np.int64]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.ra_deg.size)

    def probabilities(self, density: SkyDensity) -> NDArray[np.float64]:
        """Probability within each field, shape (m,)."""
        each = density.below(self.ranges[:, 1]) - density.below(self.ranges[:, 0])
        sums = np.concatenate(([0.0], np.cumsum(each)))
        inside: NDArray[np.float64] = sums[self.starts[1:]] - sums[self.starts[:-1]]
        return inside

    def field(self, index: int) -> NDArray[np.int64]:
        """Ranges of one field, shape (r, 2)."""
        return self.ranges[self.starts[index] : self.starts[index + 1]]


def fields_near(
    density: SkyDensity,
    width_deg: float,
    height_deg: float,
    *,
    count: int,
    overlap: float = 0.05,
) -> FieldGrid:
    """Only the fields where a source most likely is, for small fields and for one event.

    A grid of the whole sky has millions of fields of a tenth of a degree; nobody observes them all.

    Args:
        density: Where the source is.
        width_deg: Field of view along right ascension, in degrees.
        height_deg: Field of view along declination.
        count: About how many fields' area of the densest sky is covered.
        overlap: Fraction by which neighbours overlap.
    """
    if not (0 < width_deg <= 30 and 0 < height_deg <= 30 and 0 <= overlap < 0.5 and count > 0):
        raise TilingError(f"{count} fields of {width_deg:g} x {height_deg:g} deg")
    step_deg = min(width_deg, height_deg) * (1 - overlap)
    ra, dec = density.densest(count * width_deg * height_deg, step_deg / 2, _MOST_SAMPLES)
    rows = max(1, math.ceil(180.0 / (height_deg * (1 - overlap))))
    row = np.clip(((dec + 90.0) * rows / 180.0).astype(np.int64), 0, rows - 1)
    row_dec = (row + 0.5) * 180.0 / rows - 90.0
    edge = np.clip(np.abs(row_dec) - 90.0 / rows, 0.0, None)
    around = np.maximum(
        1, np.ceil(360.0 * np.cos(np.radians(edge)) / (width_deg * (1 - overlap)))
    ).astype(np.int64)
    shift = 0.5 * (row % 2)
    column = np.floor(ra * around / 360.0 - shift + 0.5).astype(np.int64) % around
    _, first = np.unique(row * (int(around.max()) + 1) + column, return_index=True)
    first = np.sort(first)  # the densest come first
    return _fields(
        ((column + shift) * 360.0 / around)[first] % 360.0,
        row_dec[first],
        (width_deg, height_deg),
        depth=min(14, max(6, math.ceil(math.log2(_CELL_SIDE_DEG * _CELLS_ACROSS / step_deg)))),
    )


def _fields(
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    size_deg: tuple[float, float],
    *,
    depth: int,
) -> FieldGrid:
    """Fields at the given centres with their ranges."""
    mocs = MOC.from_boxes(
        lon=longitude(ra),
        lat=latitude(dec),
        a=degrees(np.full(ra.shape, size_deg[0] / 2)),  # mocpy takes half widths
        b=degrees(np.full(ra.shape, size_deg[1] / 2)),
        angle=degrees(np.zeros(ra.shape)),
        max_depth=depth,
        n_threads=1,
    )
    each = [np.asarray(moc.to_depth29_ranges, dtype=np.int64) for moc in mocs]
    starts = np.concatenate(([0], np.cumsum([len(one) for one in each]))).astype(np.int64)
    return FieldGrid(ra, dec, np.concatenate(each), starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One field to observe.

    Attributes:
        ra_deg: Centre.
        dec_deg: Centre.
        probability: What it adds to the fields before it in order of choice.
        index: Its index in the grid.
    """

    ra_deg: float
    dec_deg: float
    probability: float
    index: int


def choose_tiles(
    density: SkyDensity,
    grid: FieldGrid,
    rule: TilingRule,
    usable: Callable[[float, float], bool] | None = None,
) -> tuple[Tile, ...]:
    """The fields to observe, in order of what each adds.

    Args:
        density: Where the source is.
        grid: The telescope's fields.
        rule: How many, down to which probability, up to which contour.
        usable: Whether a field (right ascension, declination) can be observed at all.

    Returns:
        At most `rule.max_tiles` tiles.
    """
    single = grid.probabilities(density)
    heap = [
        (-float(single[i]), int(i), 0) for i in np.nonzero(single >= rule.min_tile_probability)[0]
    ]
    heapq.heapify(heap)
    covered = _Covered(density)
    chosen: list[Tile] = []
    reached = 0.0
    while heap and len(chosen) < rule.max_tiles and reached < rule.contour:
        negative, index, counted = heapq.heappop(heap)
        ra_deg, dec_deg = float(grid.ra_deg[index]), float(grid.dec_deg[index])
        if counted < len(chosen):
            # Others were taken since: what is left can only be less, so look again when on top.
            left = float(single[index]) - covered.within(grid.field(index))
            if left >= rule.min_tile_probability:
                heapq.heappush(heap, (-left, index, len(chosen)))
            continue
        if usable is not None and not usable(ra_deg, dec_deg):
            continue
        chosen.append(Tile(ra_deg=ra_deg, dec_deg=dec_deg, probability=-negative, index=index))
        reached -= negative
        covered.add(grid.field(index))
    return tuple(chosen)


class _Covered:
    """What the chosen fields hold already, as sorted ranges with cumulative probability."""

    def __init__(self, density: SkyDensity) -> None:
        self._density = density
        self._ranges = np.zeros((0, 2), dtype=np.int64)
        self._before = np.zeros(1)

    def add(self, ranges: NDArray[np.int64]) -> None:
        """Cover a field's ranges too."""
        both = np.concatenate((self._ranges, ranges))
        both = both[np.argsort(both[:, 0], kind="stable")]
        highest = np.maximum.accumulate(both[:, 1])
        opens = np.concatenate(([True], both[1:, 0] > highest[:-1]))
        last = np.concatenate((np.nonzero(opens)[0][1:] - 1, [len(both) - 1]))
        self._ranges = np.stack((both[opens, 0], highest[last]), axis=1)
        each = self._density.below(self._ranges[:, 1]) - self._density.below(self._ranges[:, 0])
        self._before = np.concatenate(([0.0], np.cumsum(each)))

    def within(self, ranges: NDArray[np.int64]) -> float:
        """Covered probability within a field's ranges."""
        return float(np.sum(self._below(ranges[:, 1]) - self._below(ranges[:, 0])))

    def _below(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Covered probability of all indices below each of `index`."""
        if not len(self._ranges):
            return np.zeros(index.shape)
        at = np.clip(np.searchsorted(self._ranges[:, 0], index, side="right") - 1, 0, None)
        start, end = self._ranges[at, 0], self._ranges[at, 1]
        upto = np.clip(index, start, end)
        inside: NDArray[np.float64] = (
            self._before[at] + self._density.below(upto) - self._density.below(start)
        )
        return inside


def order_tiles(
    tiles: Sequence[Tile],
    *,
    sets_s: Callable[[Tile], float],
    rises_s: Callable[[Tile], float],
    visit_s: float,
    slew_deg_per_s: float,
    start_deg: tuple[float, float],
) -> tuple[tuple[Tile, float], ...]:
    """Tiles in the order of observation, with the second at which each begins.

    At each step the tile with the most probability per second of slew and visit is taken among
    those that are up; before it, one that would set while it is observed. Tiles that set before
    their turn are left out.

    Args:
        tiles: What to observe.
        sets_s: When a tile sets, in seconds from now.
        rises_s: When it rises, in seconds from now; 0 when it is up.
        visit_s: Seconds a visit takes.
        slew_deg_per_s: The mount's speed.
        start_deg: Where the telescope points now: right ascension and declination.
    """
    left, now_s, here = list(tiles), 0.0, start_deg
    done: list[tuple[Tile, float]] = []
    while left:
        arrivals = {
            tile.index: max(now_s + _apart_deg(here, tile) / slew_deg_per_s, rises_s(tile))
            for tile in left
        }
        left = [tile for tile in left if arrivals[tile.index] + visit_s <= sets_s(tile)]
        if not left:
            break

        def gain(tile: Tile, at: dict[int, float] = arrivals, since_s: float = now_s) -> float:
            return tile.probability / (at[tile.index] - since_s + visit_s)

        best = max(left, key=gain)
        ends_s = arrivals[best.index] + visit_s
        urgent = [
            tile
            for tile in left
            if tile is not best
            and ends_s + visit_s > sets_s(tile)
            and arrivals[tile.index] + 2 * visit_s <= sets_s(best)
        ]
        taken = max(urgent, key=gain) if urgent else best
        done.append((taken, arrivals[taken.index]))
        now_s, here = arrivals[taken.index] + visit_s, (taken.ra_deg, taken.dec_deg)
        left.remove(taken)
    return tuple(done)


def _apart_deg(here: tuple[float, float], tile: Tile) -> float:
    """Angle from here to a tile."""
    return separation_deg(*here, tile.ra_deg, tile.dec_deg)
