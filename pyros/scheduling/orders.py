"""In which order sequences are offered a place: by value per second, with noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyros.scheduling.geometry import SIDEREAL_RAD_PER_S
from pyros.scheduling.tables import FIXED

if TYPE_CHECKING:
    from pyros.scheduling.problem import Problem

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EPOCHS = 24
VERSIONS = 16
NOISE = 0.4
SETUP_GUESS_S = 15.0


class Orders(NamedTuple):
    """Lists of items, flattened; the last `versions` lists serve the whole night.

    Args:
        items: All lists, one after the other.
        at: Where each begins; one entry more than there are lists.
        epochs: Number of epochs.
        versions: Lists per epoch; the first of each is without noise.
        epoch_s: Length of an epoch.
    """

    items: Ints
    at: Ints
    epochs: int
    versions: int
    epoch_s: int

    def whole_night(self, version: int = 0) -> list[int]:
        """One list for the whole night."""
        which = self.epochs * self.versions + version
        return [int(item) for item in self.items[self.at[which] : self.at[which + 1]]]


def _quality(problem: Problem, items: Ints, starts: Ints) -> Floats:
    columns = problem.columns
    angle = SIDEREAL_RAD_PER_S * starts
    quality = (
        columns["q0"][items]
        + columns["qc"][items] * np.cos(angle)
        + columns["qs"][items] * np.sin(angle)
    )
    return np.asarray(np.minimum(quality, 1.0))


def _density(problem: Problem, items: Ints, quality: Floats) -> Floats:
    columns = problem.columns
    value = columns["weight"][items] * (0.8 + 0.2 * quality) + columns["bonus"][items]
    return np.asarray(value / (columns["duration"][items] + SETUP_GUESS_S))


def _around(problem: Problem, middle: int, reach: int) -> tuple[Ints, Floats]:
    """Items that may start within `reach` of a time, and their best value density there."""
    columns = problem.columns
    low = np.maximum(columns["window_lo"], middle - reach)
    high = np.minimum(columns["window_hi"], middle + reach)
    counts = columns["window_to"] - columns["window_at"]
    owner = np.repeat(np.arange(problem.size), counts)
    usable = low <= high
    owner, low, high = owner[usable], low[usable], high[usable]
    starts = np.clip(
        np.clip(columns["top"][owner], middle - reach // 2, middle + reach // 2), low, high
    )
    density = _density(problem, owner, _quality(problem, owner, starts))
    best = np.full(problem.size, -1.0)
    np.maximum.at(best, owner, density)
    items = np.flatnonzero(best >= 0.0)
    return items, best[items]


def movable(problem: Problem) -> Ints:
    """Items that have a window, are not committed and are no filler."""
    columns = problem.columns
    filler = np.array([s.filler for s in problem.instance.sequences], dtype=bool)
    has_window = columns["window_to"] > columns["window_at"]
    return np.flatnonzero(has_window & (columns["kind"] != FIXED) & ~filler[columns["group"]])


def make_orders(
    problem: Problem, *, seed: int, epochs: int = EPOCHS, versions: int = VERSIONS
) -> Orders:
    """Lists for a search; the same seed gives the same lists.

    Args:
        problem: What is planned.
        seed: Of the noise.
        epochs: Times of night with lists of their own.
        versions: Lists per epoch.
    """
    random = np.random.default_rng(seed)
    columns = problem.columns
    epoch_s = problem.night_s // max(1, epochs) + 1
    allowed = np.zeros(problem.size, dtype=bool)
    allowed[movable(problem)] = True
    lists: list[Ints] = []
    at = [0]
    for epoch in range(epochs + 1):
        if epoch < epochs:
            items, density = _around(problem, epoch * epoch_s + epoch_s // 2, epoch_s * 3 // 2)
            keep = allowed[items]
            items, density = items[keep], density[keep]
        else:
            items = np.flatnonzero(allowed)
            density = _density(problem, items, np.ones(items.size))
        for version in range(versions):
            noisy = density
            if version:
                by_programme = 1.0 + NOISE * random.uniform(-1.0, 1.0, columns["quota"].size)
                by_item = 1.0 + NOISE * random.uniform(-1.0, 1.0, items.size)
                noisy = density * by_programme[columns["programme"][items]] * by_item
            lists.append(items[np.argsort(-noisy, kind="stable")])
            at.append(at[-1] + items.size)
    joined = np.concatenate(lists) if lists else np.zeros(0, dtype=np.int64)
    return Orders(joined.astype(np.int64), np.array(at, dtype=np.int64), epochs, versions, epoch_s)
