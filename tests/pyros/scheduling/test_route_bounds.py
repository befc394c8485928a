"""The bounds that the planner's inner loop keeps up as it goes: earliest and latest starts."""

from __future__ import annotations

import pytest

from pyros.scheduling import ruin_recreate as loop
from pyros.scheduling.greedy import first_state
from pyros.scheduling.problem import build


@pytest.mark.parametrize("name", ["pool-200-0", "short-300-0"])
def test_bounds_renewed_in_part_are_those_worked_out_anew(name, instances):
    """After any removals and insertions the bounds are the same as from the whole route."""
    problem = build(instances[name])
    tables = problem.tables(compiled=False)
    state = first_state(problem, tables)
    loop.settle(tables, state)
    rng, gone = [7], [0] * tables.items
    changed = 0
    for _ in range(60):
        before = state.route[: state.length[0]]
        if loop.draw(rng, 2):
            loop.ruin(tables, state, gone, rng)
        else:
            free = [i for i in range(tables.items) if not state.placed[tables.group[i]]]
            item = free[loop.draw(rng, len(free))]
            if tables.window_at[item] < tables.window_to[item]:
                loop.force(tables, state, item, gone, rng)
        order = list(range(tables.items))
        loop.recreate(tables, state, order, 0, len(order), 0.0, 300, rng)
        loop.settle(tables, state)
        count = state.length[0]
        kept = state.early[:count], state.late[:count]
        loop.bound(tables, state, 0)
        assert kept == (state.early[:count], state.late[:count])
        changed += state.route[:count] != before
    assert changed > 20
