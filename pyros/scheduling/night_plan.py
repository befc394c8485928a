"""From an instance to a plan: first plan, search, whole requests, idle time, reasons.

`plan_night` is the door of the planner; `repair` (its own module) answers events in milliseconds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from pyros.scheduling import ruin_recreate as loop
from pyros.scheduling.greedy import first_state, published_state, second_value
from pyros.scheduling.orders import make_orders
from pyros.scheduling.plan import Metrics, Placement, Plan, Rejection, Rejections
from pyros.scheduling.problem import UNLIMITED_S, Problem, build
from pyros.scheduling.reasons import explain
from pyros.scheduling.search import improve
from pyros.scheduling.tables import FIXED, State, Tables

if TYPE_CHECKING:
    from pyros.scheduling.instance import Committed, Instance


def input_hash(instance: Instance, *, seed: int, iterations: int, now_s: float) -> str:
    """SHA-256 over everything that a plan depends on, the same on every machine."""
    content = [instance, seed, iterations, now_s]
    text = json.dumps(content, separators=(",", ":"), default=_fields)
    return hashlib.sha256(text.encode()).hexdigest()


def _fields(value: Any) -> Any:
    """A dataclass or a mapping as something that JSON knows."""
    if isinstance(value, Mapping):
        return dict(value)
    return [getattr(value, field.name) for field in fields(value)]


def plan_night(
    instance: Instance,
    *,
    seed: int = 0,
    iterations: int = 0,
    fixed: Iterable[Committed] = (),
    now_s: float = 0.0,
    compiled: bool | None = None,
) -> Plan:
    """Plan a night, or the rest of it.

    Args:
        instance: A faultless instance (`instance_file` checks those from outside).
        seed: Of the search.
        iterations: Turns of the search; 0 gives the first plan at once.
        fixed: Placements that stand, beside the instance's own.
        now_s: Present, seconds after the night's start; nothing else starts before it.
        compiled: Force the compiled or the plain loop (the plan is the same).

    Returns:
        The plan, with a reason for every sequence that is not in it.
    """
    fixed = tuple(fixed)
    if fixed:
        instance = replace(instance, committed=(*instance.committed, *fixed))
    problem = build(instance, now_s=now_s)
    tables = problem.tables(compiled=False)
    state = first_state(problem, tables)
    if instance.published:
        told = published_state(problem, tables)
        if loop.settle(tables, told) > loop.settle(tables, state):
            state = told
    if iterations > 0:
        orders = make_orders(problem, seed=seed)
        state = improve(
            problem, state, seed=seed, turns=iterations, compiled=compiled, orders=orders
        )
    digest = input_hash(instance, seed=seed, iterations=iterations, now_s=now_s)
    return finish(problem, tables, state, seed=seed, iterations=iterations, digest=digest)


def finish(
    problem: Problem,
    tables: Tables,
    state: State,
    *,
    seed: int,
    iterations: int,
    digest: str,
    dropped: Mapping[str, Rejection] | None = None,
) -> Plan:
    """Complete a state to a plan: whole requests only, idle time filled, reasons given.

    Args:
        problem: What was planned.
        tables: Its plain tables.
        state: A valid plan; changed in place.
        seed: For the record.
        iterations: For the record.
        digest: Hash of the inputs.
        dropped: Reasons that are known already (what an alert displaced).
    """
    broken = keep_whole_requests(problem, tables, state)
    counted = {s for s, flag in enumerate(state.placed) if flag}
    charged = tuple(state.used)
    fill_idle(problem, tables, state, broken)
    loop.settle(tables, state)
    placements = _placements(problem, tables, state, counted)
    known = dropped or {}
    rejected = Rejections(
        lambda: explain(problem, tables, state, charged=charged, broken=broken, known=known)
    )
    metrics = _metrics(problem, placements)
    return Plan(
        placements=placements,
        rejected=rejected,
        value=metrics.value,
        metrics=metrics,
        seed=seed,
        iterations=iterations,
        input_hash=digest,
    )


def keep_whole_requests(problem: Problem, tables: Tables, state: State) -> frozenset[int]:
    """Take out the sequences of all-or-nothing requests that are incomplete, and refill.

    Returns:
        Indices of the sequences that were given up with their request.
    """
    members: dict[str, list[int]] = {}
    for index, sequence in enumerate(problem.instance.sequences):
        if sequence.all_or_nothing and sequence.request:
            members.setdefault(sequence.request, []).append(index)
    broken: set[int] = set()
    while members:
        partial = [
            request
            for request, group in members.items()
            if not all(state.placed[index] for index in group)
        ]
        if not partial:
            break
        for request in partial:
            broken.update(members.pop(request))
        take_out(tables, state, broken)
        order = [
            item
            for item in make_orders(problem, seed=0, epochs=0, versions=1).whole_night()
            if tables.group[item] not in broken
        ]
        loop.recreate(tables, state, order, 0, len(order), second_value(problem), 0, [1])
    return frozenset(broken)


def take_out(tables: Tables, state: State, sequences: Iterable[int]) -> None:
    """Remove sequences (by index) from a state; committed ones stay."""
    gone = [0] * tables.items
    wanted = set(sequences)
    for item in range(tables.items):
        if tables.group[item] in wanted and tables.kind[item] != FIXED:
            gone[item] = 1
    for tel in range(tables.telescopes):
        loop.compact(tables, state, tel, gone)


def fill_idle(problem: Problem, tables: Tables, state: State, broken: frozenset[int]) -> None:
    """Give time left over to fillers, and beyond quotas where the instance says so."""
    instance = problem.instance
    fillers = [
        item
        for item in range(tables.items)
        if instance.sequences[tables.group[item]].filler and tables.kind[item] != FIXED
    ]
    rate = second_value(problem)
    if fillers:
        loop.recreate(tables, state, fillers, 0, len(fillers), rate, 0, [1])
    if instance.fill_idle:
        order = [
            item
            for item in make_orders(problem, seed=0, epochs=0, versions=1).whole_night()
            if tables.group[item] not in broken
        ]
        order += fillers
        free = tables._replace(quota=[UNLIMITED_S] * len(tables.quota))
        loop.recreate(free, state, order, 0, len(order), rate, 0, [1])


def _placements(
    problem: Problem, tables: Tables, state: State, counted: set[int]
) -> tuple[Placement, ...]:
    instance = problem.instance
    stands = {item.id: item for item in instance.committed}
    plain = tables._replace(bonus=[0.0] * tables.items, told=[-1] * tables.items)
    found = []
    for tel in range(tables.telescopes):
        base = tel * tables.capacity
        before = -1
        for i in range(base, base + state.length[tel]):
            item, start = state.route[i], state.start[i]
            index = tables.group[item]
            sequence = instance.sequences[index]
            fixed = tables.kind[item] == FIXED
            begins = round(stands[sequence.id].start_s) if fixed else start
            found.append(
                Placement(
                    id=sequence.id,
                    start_s=begins,
                    end_s=begins + tables.duration[item],
                    telescope=instance.telescopes[tel].id,
                    setup_s=tables.setup[tables.row[before] + index] if before >= 0 else 0,
                    value=loop.worth(plain, item, start),
                    bonus=index not in counted or sequence.filler,
                    committed=fixed,
                )
            )
            before = item
    return tuple(sorted(found, key=lambda p: (p.start_s, p.telescope)))


def _metrics(problem: Problem, placements: tuple[Placement, ...]) -> Metrics:
    instance = problem.instance
    by_id = {s.id: s for s in instance.sequences}
    used = {p.id: 0 for p in instance.programmes}
    bonus = {p.id: 0 for p in instance.programmes}
    best = 0.0
    for placement in placements:
        sequence = by_id[placement.id]
        ledger = bonus if placement.bonus else used
        ledger[sequence.programme] += placement.end_s - placement.start_s
        best += sequence.priority * sequence.duration_s / 60.0
    value = sum(p.value for p in placements)
    available = problem.night_s * len(instance.telescopes)
    science = sum(p.end_s - p.start_s for p in placements)
    setup = sum(p.setup_s for p in placements)
    return Metrics(
        value=value,
        placed=len(placements),
        science_fraction=science / available if available else 0.0,
        setup_fraction=setup / available if available else 0.0,
        mean_quality=(value / best - 0.8) / 0.2 if best else 0.0,
        used_s=used,
        bonus_s=bonus,
    )
