"""Makes a plan better: ruin and recreate under simulated annealing, by seed and number of turns.

After Christiaens & Vanden Berghe 2020 (Transportation Science 54, 417), with moves for quotas
(empty one programme) and for single sequences (force one in). Never by the clock: the same
instance, seed and turns give the same plan on every machine, compiled or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyros.scheduling import ruin_recreate as plain
from pyros.scheduling.compilation import can_compile, compiled_loop
from pyros.scheduling.greedy import second_value
from pyros.scheduling.orders import Orders, make_orders
from pyros.scheduling.tables import State

if TYPE_CHECKING:
    from types import ModuleType

    from pyros.scheduling.instance import Instance
    from pyros.scheduling.problem import Problem

HEAT_START = 0.1
HEAT_END = 0.002
"""First and last temperature, in shares of a typical sequence's value; less warm when starts were
published, since then a neighbour of the plan in force is wanted."""
STAGES = 256
DRAWS = 1024
DEFAULT_CPU_S = 3.0
PLAIN_SLOWDOWN = 12.0
"""A default search is sized for this time of a busy core; the plain loop is that much slower."""


def default_turns(instance: Instance, *, compiled: bool | None = None) -> int:
    """A number of turns that takes two to three seconds of a core, by the instance's size.

    It depends on whether numba is installed, not on the clock; a plan's record keeps the number.
    """
    count = len(instance.sequences) * len(instance.telescopes)
    if count == 0:
        return 0
    typical_s = float(np.median([s.duration_s for s in instance.sequences]))
    night_s = instance.night.duration_s * len(instance.telescopes)
    places = min(count, night_s / max(1.0, typical_s))
    turn_us = 4.5 + 0.055 * count + 0.3 * places + 0.0007 * places**2
    if not (can_compile() if compiled is None else compiled):
        turn_us *= PLAIN_SLOWDOWN
    return max(50, int(DEFAULT_CPU_S * 1e6 / turn_us))


def _heat(problem: Problem) -> np.ndarray[Any, np.dtype[np.float64]]:
    weight = problem.columns["weight"]
    typical = float(np.median(weight)) if weight.size else 1.0
    warm = HEAT_END * 5.0 if problem.instance.published else HEAT_START
    ratio = HEAT_END / warm
    return typical * warm * ratio ** (np.arange(STAGES) / (STAGES - 1))


def improve(
    problem: Problem,
    state: State,
    *,
    seed: int,
    turns: int,
    compiled: bool | None = None,
    orders: Orders | None = None,
) -> State:
    """A state at least as good as the one given.

    Args:
        problem: What is planned.
        state: A valid plan, plain; it is not changed.
        seed: Of the noise and of the moves.
        turns: Number of iterations.
        compiled: Use the compiled loop; when None, if numba is installed and it pays.
        orders: Reuse these lists of `make_orders`.
    """
    if turns <= 0 or problem.size == 0:
        return state
    if compiled is None:
        compiled = can_compile() and turns > 200
    orders = orders or make_orders(problem, seed=seed)
    loop: ModuleType = compiled_loop(plain.__name__) if compiled else plain
    tables = problem.tables(compiled=compiled)
    work_state = State(*(_array(column, compiled=compiled) for column in state))
    spread = -np.log(1.0 - (np.arange(DRAWS) + 0.5) / DRAWS)
    others = [State(*(_array(column, compiled=compiled) for column in state)) for _ in range(2)]
    loop.search(
        tables,
        work_state,
        orders._replace(
            items=_array(orders.items, compiled=compiled), at=_array(orders.at, compiled=compiled)
        ),
        (
            _array(spread, compiled=compiled),
            _array(_heat(problem), compiled=compiled),
            turns,
        ),
        second_value(problem),
        _array([1 + (seed * 7919 + 12345) % (plain.MODULUS - 1)], compiled=compiled),
        (_array([0] * problem.size, compiled=compiled), *others),
    )
    return State(*(_array(column, compiled=False) for column in work_state))


def _array(values: Any, *, compiled: bool) -> Any:
    if compiled:
        return np.array(values)
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
