"""The first plan, in milliseconds: sequences by value density, each where it is worth most.

Several orders are tried (density, earliest closing window), the best plan is taken and polished by
a few turns of ruin and recreate. Deterministic, plain Python over lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyros.scheduling import ruin_recreate as loop
from pyros.scheduling.orders import make_orders, movable

if TYPE_CHECKING:
    from pyros.scheduling.problem import Problem
    from pyros.scheduling.tables import State, Tables

SECOND_VALUE_SHARE = 0.8


def second_value(problem: Problem) -> float:
    """What a second is worth: the value density of the sequence that fills the night."""
    columns = problem.columns
    items = movable(problem)
    if items.size == 0:
        return 0.0
    density = columns["weight"][items] / columns["duration"][items]
    order = np.argsort(-density, kind="stable")
    night_s = problem.night_s * columns["telescopes"]
    filled = np.cumsum(columns["duration"][items][order])
    last = int(np.searchsorted(filled, night_s))
    return float(density[order][min(last, items.size - 1)]) * SECOND_VALUE_SHARE


def place_fixed(problem: Problem, tables: Tables, state: State) -> None:
    """Put the committed work into an empty plan, in order of start.

    A committed start that an earlier one makes impossible is left out: the telescope cannot do
    both.
    """
    for item in problem.fixed:
        tel = tables.telescope[item]
        count = state.length[tel]
        if count:
            before = state.route[tel * tables.capacity + count - 1]
            start_before = tables.window_lo[tables.window_at[before]]
            start = tables.window_lo[tables.window_at[item]]
            if start_before + tables.duration[before] > start:
                continue
        loop.insert(tables, state, item, count)


def closing_order(problem: Problem) -> list[int]:
    """Items by the end of their last window, ties by value density."""
    columns = problem.columns
    items = movable(problem)
    if items.size == 0:
        return []
    closes = columns["window_hi"][columns["window_to"][items] - 1] // 600
    density = columns["weight"][items] / columns["duration"][items]
    rank = np.lexsort((-density, closes, -columns["bonus"][items]))
    return [int(item) for item in items[rank]]


def first_state(problem: Problem, tables: Tables) -> State:
    """A good valid plan at once."""
    orders = make_orders(problem, seed=0, epochs=0, versions=4)
    rate = second_value(problem)
    candidates = [orders.whole_night(0), orders.whole_night(1), closing_order(problem)]
    best: State | None = None
    best_value = -1.0
    for order in candidates:
        state = problem.state()
        place_fixed(problem, tables, state)
        loop.recreate(tables, state, order, 0, len(order), rate, 0, [1])
        value = loop.settle(tables, state)
        if value > best_value:
            best, best_value = state, value
    assert best is not None  # noqa: S101 - three candidates were tried
    return best


def published_state(problem: Problem, tables: Tables) -> State:
    """A plan that keeps the published starts that are still possible, and fills what is left."""
    state = problem.state()
    place_fixed(problem, tables, state)
    orders = make_orders(problem, seed=0, epochs=0, versions=1)
    order = orders.whole_night()
    told = [item for item in order if tables.told[item] >= 0]
    rate = second_value(problem)
    for item in sorted(told, key=lambda i: tables.told[i]):
        spans = tables.window_at[item], tables.window_to[item]
        start = tables.told[item]
        if loop.earliest(tables, item, start) != start or not loop.fits_quota(tables, state, item):
            continue
        tables.window_at[item] = len(tables.window_lo)
        tables.window_lo.append(start)
        tables.window_hi.append(start)
        tables.window_to[item] = len(tables.window_lo)
        place, _ = loop.best_place(tables, state, item, rate)
        if place >= 0:
            loop.insert(tables, state, item, place)
        tables.window_at[item], tables.window_to[item] = spans
    for tel in range(tables.telescopes):
        loop.bound(tables, state, tel)
    loop.recreate(tables, state, order, 0, len(order), rate, 0, [1])
    return state
