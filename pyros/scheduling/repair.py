"""The instant answer to an event: keep what is valid where it is, drop what is not, fill the holes.

A burst, a closure or a lost device changes the instance; starts that remain possible are pinned
(they move by five minutes at most, and only to make room), the cheapest of what collides is
dropped, and the holes are offered to everything else. It takes milliseconds; the search runs
afterwards, elsewhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyros.scheduling import ruin_recreate as loop
from pyros.scheduling.events import (
    AlertArrived,
    Closure,
    Event,
    Overrun,
    apply,
)
from pyros.scheduling.greedy import place_fixed, second_value
from pyros.scheduling.instance import Committed, Instance
from pyros.scheduling.night_plan import finish
from pyros.scheduling.orders import make_orders
from pyros.scheduling.plan import Placement, Plan, Reason, Rejection
from pyros.scheduling.problem import Problem, build
from pyros.scheduling.reasons import clock
from pyros.scheduling.tables import MOVED_S, PINNED, State, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """A plan that is valid again.

    Args:
        instance: The instance after the event, with what is done or runs as committed.
        plan: The new plan.
        dropped: Ids that were planned and are not any more, in their old order.
        moved_s: Ids that start at another time, with the difference in seconds.
    """

    instance: Instance
    plan: Plan
    dropped: tuple[str, ...]
    moved_s: Mapping[str, int]


def repair(instance: Instance, plan: Plan, event: Event, *, now_s: float) -> Repaired:
    """Make a plan valid after an event.

    Args:
        instance: What the plan was made for.
        plan: The plan.
        event: What happened.
        now_s: Present, seconds after the night's start. What started before is done or runs.
    """
    after = replace(apply(instance, event, now_s=now_s), committed=())
    after = replace(after, committed=_begun(after, plan, event, now_s))
    return refit(after, plan, event, now_s=now_s)


def refit(after: Instance, plan: Plan, event: Event | None = None, *, now_s: float) -> Repaired:
    """Fit a plan to an instance that has changed in any way: several events at once.

    Args:
        after: The instance as it is now, with what runs and what is frozen as committed.
        plan: The plan made for the instance as it was.
        event: What changed it, when that is one thing; reasons name it.
        now_s: Present, seconds after the night's start.
    """
    problem = build(after, now_s=now_s)
    tables = problem.tables(compiled=False)
    state = problem.state()
    place_fixed(problem, tables, state)
    _place_alerts(problem, tables, state)
    _pin(problem, tables, state, plan)
    order = make_orders(problem, seed=0, epochs=0, versions=1).whole_night()
    loop.recreate(tables, state, order, 0, len(order), second_value(problem), 0, [1])
    digest = hashlib.sha256(f"{plan.input_hash} {now_s!r} {event!r}".encode()).hexdigest()
    known = {} if event is None else _known_reasons(problem, tables, state, plan, event)
    new = finish(problem, tables, state, seed=plan.seed, iterations=0, digest=digest, dropped=known)
    starts = {p.id: p.start_s for p in new.placements}
    return Repaired(
        instance=after,
        plan=new,
        dropped=tuple(p.id for p in plan.placements if p.id not in starts),
        moved_s={
            p.id: starts[p.id] - p.start_s
            for p in plan.placements
            if p.id in starts and starts[p.id] != p.start_s
        },
    )


def _begun(instance: Instance, plan: Plan, event: Event, now_s: float) -> tuple[Committed, ...]:
    """What has started stays, unless the event ends it; what was committed ahead stays too."""
    ids = {s.id for s in instance.sequences}
    found = []
    for placement in plan.placements:
        running = placement.start_s < now_s < placement.end_s
        if placement.id not in ids or not (placement.start_s < now_s or placement.committed):
            continue
        if running and _interrupts(event, placement):
            continue
        if placement.start_s >= now_s and _forbids(event, placement):
            continue
        end = event.end_s if isinstance(event, Overrun) and event.id == placement.id else None
        standing = end if end is not None else float(placement.end_s)
        found.append(
            Committed(
                id=placement.id,
                start_s=placement.start_s,
                telescope=placement.telescope,
                end_s=standing,
            )
        )
    return tuple(found)


def _interrupts(event: Event, placement: Placement) -> bool:
    if isinstance(event, AlertArrived):
        return event.interrupt
    return _forbids(event, placement)


def _forbids(event: Event, placement: Placement) -> bool:
    """Whether a closure covers part of a placement."""
    return (
        isinstance(event, Closure)
        and event.telescope in ("", placement.telescope)
        and event.start_s < placement.end_s
        and event.end_s > placement.start_s
    )


def _place_alerts(problem: Problem, tables: Tables, state: State) -> None:
    """Insert alert sequences as early as committed work allows."""
    for index, sequence in enumerate(problem.instance.sequences):
        if not sequence.alert or state.placed[index]:
            continue
        best: tuple[int, int, int] | None = None
        for item in problem.items_of(index):
            found = _earliest_place(tables, state, item)
            if found is not None and (best is None or found[0] < best[0]):
                best = (found[0], found[1], item)
        if best is not None:
            start, place, item = best
            _hold(tables, item, [(start, start)], start)
            loop.insert(tables, state, item, place)


def _earliest_place(tables: Tables, state: State, item: int) -> tuple[int, int] | None:
    """(start, place) of the earliest feasible insertion of an item, or None."""
    tel = tables.telescope[item]
    base, count = tel * tables.capacity, state.length[tel]
    for place in range(count + 1):
        ready, due = 0, len(tables.cos_t) - 1
        if place > 0:
            before = state.route[base + place - 1]
            ready = state.early[base + place - 1] + tables.duration[before]
            ready += tables.setup[tables.row[before] + tables.group[item]]
        if place < count:
            after = state.route[base + place]
            due = state.late[base + place] - tables.setup[tables.row[item] + tables.group[after]]
        start = loop.earliest(tables, item, ready)
        if start >= 0 and start + tables.duration[item] <= due:
            return start, place
    return None


def _pin(problem: Problem, tables: Tables, state: State, plan: Plan) -> None:
    """Put the old placements back where they were; what collides is tried within five minutes.

    Old placements cannot collide with each other, only with committed work, alerts and new limits.
    """
    old = _old_items(problem, tables, state, plan)
    for tel in range(tables.telescopes):
        mine = _within_quota(tables, state, [x for x in old if tables.telescope[x[1]] == tel])
        loop.settle(tables, state)
        base = tel * tables.capacity
        route = [
            (state.start[i], state.route[i], True) for i in range(base, base + state.length[tel])
        ]
        route += [(start, item, False) for start, item in mine]
        kept = _without_collisions(tables, sorted(route))
        for start, item, stands in kept:
            if not stands:
                _narrow(tables, item, start)
                tables.kind[item] = PINNED
                state.placed[tables.group[item]] = 1
                state.used[tables.programme[item]] += tables.duration[item]
        for i, (_, item, _) in enumerate(kept):
            state.route[base + i] = item
        state.length[tel] = len(kept)
        loop.bound(tables, state, tel)
    for start, item in old:
        if not state.placed[tables.group[item]]:
            _squeeze_in(tables, state, item, start)


def _old_items(problem: Problem, tables: Tables, state: State, plan: Plan) -> list[tuple[int, int]]:
    """(start, item) of old placements that are not placed yet, the worthiest first."""
    index_of = {s.id: i for i, s in enumerate(problem.instance.sequences)}
    number_of = {t.id: i for i, t in enumerate(problem.instance.telescopes)}
    found: list[tuple[int, int]] = []
    for placement in sorted(plan.placements, key=lambda p: (-p.value, p.start_s)):
        index = index_of.get(placement.id)
        if placement.bonus or index is None or state.placed[index]:
            continue
        number = number_of.get(placement.telescope)
        mine = (item for item in problem.items_of(index) if tables.telescope[item] == number)
        found.extend((placement.start_s, item) for item in mine)
    return found


def _within_quota(
    tables: Tables, state: State, old: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Old placements for which quotas suffice, the worthiest first."""
    left = [quota - used for quota, used in zip(tables.quota, state.used, strict=True)]
    kept = []
    for start, item in old:
        if tables.duration[item] <= left[tables.programme[item]]:
            left[tables.programme[item]] -= tables.duration[item]
            kept.append((start, item))
    return kept


def _without_collisions(
    tables: Tables, route: list[tuple[int, int, bool]]
) -> list[tuple[int, int, bool]]:
    """A route less the old placements that new work or new limits make impossible.

    Args:
        tables: Plain tables.
        route: (start, item, whether it stands whatever happens), in order of start.
    """
    kept: list[tuple[int, int, bool]] = []
    for start, item, stands in route:
        if not stands and loop.earliest(tables, item, start) != start:
            continue
        while kept:
            begun, before, before_stands = kept[-1]
            ready = begun + tables.duration[before]
            ready += tables.setup[tables.row[before] + tables.group[item]]
            if ready <= start or before_stands:
                break
            if not stands:
                break
            kept.pop()
        if kept and not stands:
            begun, before, _ = kept[-1]
            ready = begun + tables.duration[before]
            if ready + tables.setup[tables.row[before] + tables.group[item]] > start:
                continue
        kept.append((start, item, stands))
    return kept


def _narrow(tables: Tables, item: int, start_s: int) -> bool:
    """Cut an item's windows to five minutes around its old start; False when nothing is left."""
    at, to = tables.window_at[item], tables.window_to[item]
    near = [
        (
            max(tables.window_lo[k], start_s - MOVED_S),
            min(tables.window_hi[k], start_s + MOVED_S),
        )
        for k in range(at, to)
    ]
    near = [span for span in near if span[1] >= span[0]]
    if near:
        _hold(tables, item, near, start_s)
    return bool(near)


def _hold(tables: Tables, item: int, spans: list[tuple[int, int]], start_s: int) -> None:
    """Replace an item's spans of possible starts; `start_s` becomes its best."""
    tables.window_at[item] = len(tables.window_lo)
    tables.window_lo.extend(span[0] for span in spans)
    tables.window_hi.extend(span[1] for span in spans)
    tables.window_to[item] = len(tables.window_lo)
    tables.top[item] = start_s


def _squeeze_in(tables: Tables, state: State, item: int, start_s: int) -> None:
    """Insert an item within five minutes of its old start; its windows stay whole if that fails."""
    if not loop.fits_quota(tables, state, item):
        return
    whole = tables.window_at[item], tables.window_to[item], tables.top[item]
    if not _narrow(tables, item, start_s):
        return
    place, _ = loop.best_place(tables, state, item, 0.0)
    if place >= 0:
        tables.kind[item] = PINNED
        loop.insert(tables, state, item, place)
    else:
        tables.window_at[item], tables.window_to[item], tables.top[item] = whole


def _known_reasons(
    problem: Problem, tables: Tables, state: State, plan: Plan, event: Event
) -> dict[str, Rejection]:
    """Reasons of sequences that this event pushed out."""
    planned = {p.id: p for p in plan.placements}
    found: dict[str, Rejection] = {}
    alert = _alert_item(problem, tables, state, event)
    for index, sequence in enumerate(problem.instance.sequences):
        if state.placed[index] or sequence.id not in planned:
            continue
        old = planned[sequence.id]
        collides = alert is not None and _collides(tables, *alert, index, old)
        reason = _pushed_out(event, old, by_alert=collides)
        if reason is not None:
            found[sequence.id] = reason
    return found


def _alert_item(
    problem: Problem, tables: Tables, state: State, event: Event
) -> tuple[int, int] | None:
    """(item, start) of the event's alert, or None when there is none or it found no place."""
    if not isinstance(event, AlertArrived):
        return None
    for i in range(tables.telescopes * tables.capacity):
        tel, place = divmod(i, tables.capacity)
        item = state.route[i]
        if place < state.length[tel] and problem.sequence(item).id == event.sequence.id:
            return item, state.early[i]
    return None


def _collides(tables: Tables, item: int, start_s: int, index: int, old: Placement) -> bool:
    """Whether an old placement leaves no time for an alert and the slews to and from it."""
    other = tables.row[item] - tables.row[tables.group[item]] + tables.row[index]
    before = tables.setup[other + tables.group[item]]
    after = tables.setup[tables.row[item] + index]
    end_s = start_s + tables.duration[item]
    return old.start_s < end_s + after and old.end_s > start_s - before


def _pushed_out(event: Event, old: Placement, *, by_alert: bool) -> Rejection | None:
    numbers: dict[str, float | str] = {"planned_start_s": float(old.start_s), "value": old.value}
    if isinstance(event, AlertArrived) and by_alert:
        return Rejection(
            id=old.id,
            reason=Reason.DROPPED_BY_ALERT,
            sentence=(
                f"was planned at {clock(old.start_s)}, worth {old.value:.1f}; alert sequence "
                f"{event.sequence.id} takes its time and no other place was free"
            ),
            numbers={**numbers, "alert": event.sequence.id},
        )
    if isinstance(event, Closure) and _forbids(event, old):
        return Rejection(
            id=old.id,
            reason=Reason.WEATHER,
            sentence=(
                f"was planned at {clock(old.start_s)}, closed from {clock(event.start_s)} to "
                f"{clock(event.end_s)}; no other place was free"
            ),
            numbers={
                **numbers,
                "closed_from_s": event.start_s,
                "closed_until_s": event.end_s,
            },
        )
    return None
