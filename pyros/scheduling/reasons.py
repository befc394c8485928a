"""Why a sequence is not in the plan: one code, its numbers, and a sentence, for every one left out.

The first cause that applies is given, from the sky to the competition: no window at all, too short
a window, closed or lost in all of it, no quota left, and then what its best place would displace.
That last question is asked for all sequences at once in numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pyros.scheduling import ruin_recreate as loop
from pyros.scheduling.geometry import turn_tables
from pyros.scheduling.plan import Reason, Rejection
from pyros.scheduling.start_spans import has_start, lost_spans, options
from pyros.scheduling.tables import FIXED, State, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyros.scheduling.instance import Instance, Sequence
    from pyros.scheduling.problem import Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def clock(seconds: float) -> str:
    """Seconds after the night's start as +h:mm:ss."""
    whole = round(seconds)
    sign = "-" if whole < 0 else "+"
    whole = abs(whole)
    return f"{sign}{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def explain(
    problem: Problem,
    tables: Tables,
    state: State,
    *,
    charged: tuple[int, ...],
    broken: frozenset[int] = frozenset(),
    known: Mapping[str, Rejection] | None = None,
) -> tuple[Rejection, ...]:
    """A rejection for every sequence that is not placed, in the order of the instance.

    Args:
        problem: What was planned.
        tables: Its plain tables.
        state: The plan.
        charged: Seconds that it charges to each programme's quota; `state.used` counts bonus too.
        broken: Sequences given up because their request could not be completed.
        known: Reasons that the caller knows already.
    """
    known = known or {}
    found: dict[int, Rejection] = {}
    contenders: list[int] = []
    committed = {item.id for item in problem.instance.committed}
    for index, sequence in enumerate(problem.instance.sequences):
        if state.placed[index]:
            continue
        reason = known.get(sequence.id)
        if reason is None:
            reason = _without_competition(problem, tables, index, committed)
        if reason is None and index in broken:
            reason = Rejection(
                id=sequence.id,
                reason=Reason.ALL_OR_NOTHING,
                sentence=f"request {sequence.request} is all-or-nothing and not all of it fits",
                numbers={"request": sequence.request},
            )
        if reason is None:
            reason = _quota(problem, tables, state, charged, index)
        if reason is None:
            contenders.append(index)
        else:
            found[index] = reason
    found.update(_competition(problem, tables, state, contenders))
    return tuple(found[index] for index in sorted(found))


def _without_competition(
    problem: Problem, tables: Tables, index: int, committed: set[str]
) -> Rejection | None:
    """The reason that would hold on an empty telescope, or None."""
    if any(tables.window_at[item] < tables.window_to[item] for item in problem.items_of(index)):
        return None
    instance = problem.instance
    sequence = instance.sequences[index]
    if sequence.id in committed:
        return Rejection(
            id=sequence.id,
            reason=Reason.COMMITTED_WORK,
            sentence="its committed start overlaps work committed before it",
        )
    if sequence.telescopes and not options(instance, sequence):
        wanted = ", ".join(sequence.telescopes)
        return Rejection(
            id=sequence.id,
            reason=Reason.NO_TELESCOPE,
            sentence=f"needs {wanted}, which is not among the telescopes of this night",
            numbers={"telescopes": wanted},
        )
    return _no_window(problem, sequence)


def _no_window(problem: Problem, sequence: Sequence) -> Rejection:
    instance, night_s = problem.instance, problem.night_s
    if not sequence.windows_s:
        if sequence.no_window is not None:
            given = sequence.no_window
            return Rejection(
                id=sequence.id,
                reason=Reason(given.reason),
                sentence=given.sentence,
                numbers=given.numbers,
            )
        return Rejection(
            id=sequence.id,
            reason=Reason.NEVER_VISIBLE,
            sentence="no time of this night meets all its constraints",
        )
    longest = max(end - start for start, end in sequence.windows_s)
    if longest < sequence.duration_s:
        return Rejection(
            id=sequence.id,
            reason=Reason.TOO_LONG_FOR_WINDOW,
            sentence=(
                f"lasts {sequence.duration_s:g} s, its longest window has {longest:g} s: "
                f"{sequence.duration_s - longest:g} s short"
            ),
            numbers={"duration_s": sequence.duration_s, "longest_window_s": longest},
        )
    dark = [min(end, night_s) - max(start, 0.0) for start, end in sequence.windows_s]
    if max(dark) < sequence.duration_s:
        return Rejection(
            id=sequence.id,
            reason=Reason.TWILIGHT,
            sentence=(
                f"lasts {sequence.duration_s:g} s, the night (0 to {night_s} s) leaves "
                f"{max(0.0, *dark):g} s of its windows"
            ),
            numbers={"duration_s": sequence.duration_s, "dark_window_s": max(0.0, *dark)},
        )
    return _closed(problem, instance, sequence)


def _closed(problem: Problem, instance: Instance, sequence: Sequence) -> Rejection:
    limits = {"now_s": problem.now_s, "night_s": problem.night_s}
    latest = max(end for _, end in sequence.windows_s) - sequence.duration_s
    if latest < problem.now_s or not has_start(sequence, (), **limits):
        return Rejection(
            id=sequence.id,
            reason=Reason.WINDOW_PASSED,
            sentence=f"had to start by {clock(latest)}, it is {clock(problem.now_s)}",
            numbers={"latest_start_s": latest, "now_s": float(problem.now_s)},
        )
    telescopes = [instance.telescopes[number] for number in options(instance, sequence)]
    if any(has_start(sequence, t.closed_s, **limits) for t in telescopes):
        lost = sorted(d for d in sequence.devices if instance.device_down.get(d))
        until = max(end for _, end in lost_spans(instance, sequence))
        back = f"lost until {clock(until)}" if until < problem.night_s else "lost"
        return Rejection(
            id=sequence.id,
            reason=Reason.DEVICE_DOWN,
            sentence=f"needs {', '.join(lost)}: {back}",
            numbers={"devices": ", ".join(lost), "until_s": until},
        )
    closed = [span for t in telescopes for span in t.closed_s]
    start, until = min(s for s, _ in closed), max(e for _, e in closed)
    return Rejection(
        id=sequence.id,
        reason=Reason.WEATHER,
        sentence=(
            f"closed from {clock(start)} to {clock(until)}; no span of its "
            f"{sequence.duration_s:g} s is left in its windows"
        ),
        numbers={"closed_from_s": start, "closed_until_s": until},
    )


def _quota(
    problem: Problem, tables: Tables, state: State, charged: tuple[int, ...], index: int
) -> Rejection | None:
    sequence = problem.instance.sequences[index]
    item = problem.items_of(index)[0]
    programme = tables.programme[item]
    used, quota, needs = charged[programme], tables.quota[programme], tables.duration[item]
    if used + needs <= quota:
        return None
    sentence = (
        f"programme {sequence.programme} has {quota} s left tonight, other sequences take "
        f"{used} s; this one needs {needs} s"
    )
    if problem.instance.fill_idle:
        sentence += " and does not fit into idle time"
    return Rejection(
        id=sequence.id,
        reason=Reason.QUOTA,
        sentence=sentence,
        numbers={
            "programme": sequence.programme,
            "quota_s": float(quota),
            "used_s": float(used),
            "bonus_s": float(state.used[programme] - used),
            "over_s": float(used + needs - quota),
        },
    )


@dataclass(frozen=True, slots=True)
class Bid:
    """The best place that an unplaced item could have had.

    Args:
        item: Which item.
        start_s: Its start there; -1 when no displacement makes room.
        own: What it is worth there.
        first: Position in the route of the first neighbour to go.
        last: Position after the last neighbour to go; equal to `first` when a gap holds it.
        cost: What those neighbours are worth.
    """

    item: int
    start_s: int
    own: float
    first: int
    last: int
    cost: float


def bids(
    problem: Problem, tables: Tables, state: State, items: list[int], telescope: int
) -> list[Bid]:
    """For every item the place on a telescope with the best value less what it displaces.

    Starts of all others are taken as they stand. Arrays are (n_items, n_places).
    """
    columns = problem.columns
    base, count = telescope * tables.capacity, state.length[telescope]
    route = np.array(state.route[base : base + count], dtype=np.int64)
    starts = np.array(state.start[base : base + count], dtype=np.int64)
    ends = starts + columns["duration"][route]
    values = np.array([loop.worth(tables, r, t) for r, t in zip(route, starts, strict=True)])
    values[columns["kind"][route] == FIXED] = 1e12
    summed = np.concatenate([[0.0], np.cumsum(values)])
    chosen = np.array(items, dtype=np.int64)
    groups, duration = columns["group"][chosen], columns["duration"][chosen][:, None]
    setup = columns["setup"]
    after = setup[columns["row"][route][None, :] + groups[:, None]]
    before = setup[columns["row"][chosen][:, None] + columns["group"][route][None, :]]
    ready = np.full((chosen.size, count + 1), problem.now_s, dtype=np.int64)
    np.maximum(ends[None, :] + after, problem.now_s, out=ready[:, 1:])
    start = _earliest(problem, chosen, ready)
    done = start + duration
    last = np.searchsorted(starts, done.ravel()).reshape(done.shape)
    padded = np.concatenate([starts, [10**9]])
    need = np.concatenate([before, np.zeros((chosen.size, 1), dtype=np.int64)], axis=1)
    rows = np.arange(chosen.size)[:, None]
    late = padded[last] < done + need[rows, last]
    last = np.minimum(last + late, count)
    first = np.broadcast_to(np.arange(count + 1)[None, :], last.shape)
    last = np.maximum(last, first)
    cosine, sine = turn_tables()
    valid = np.maximum(start, 0)
    quality = columns["q0"][chosen][:, None] + columns["qc"][chosen][:, None] * cosine[valid]
    quality += columns["qs"][chosen][:, None] * sine[valid]
    own = columns["weight"][chosen][:, None] * (0.8 + 0.2 * np.minimum(quality, 1.0))
    cost = summed[last] - summed[first]
    net = np.where(start >= 0, own - cost, -1e15)
    best = np.argmax(net, axis=1)
    at = (np.arange(chosen.size), best)
    return [
        Bid(int(i), int(t), float(v), int(a), int(b), float(c))
        for i, t, v, a, b, c in zip(
            chosen, start[at], own[at], first[at], last[at], cost[at], strict=True
        )
    ]


def _earliest(problem: Problem, items: Ints, ready: Ints) -> Ints:
    """Earliest start of each item at or after each time, or -1; shape of `ready`."""
    columns = problem.columns
    at, to = columns["window_at"], columns["window_to"]
    most = int(np.max(to[items] - at[items], initial=0))
    start = np.full(ready.shape, -1, dtype=np.int64)
    for number in reversed(range(most)):
        window = at[items] + number
        has = window < to[items]
        window = np.minimum(window, columns["window_lo"].size - 1)
        low = columns["window_lo"][window][:, None]
        high = np.where(has, columns["window_hi"][window], -1)[:, None]
        start = np.where(ready <= high, np.maximum(low, ready), start)
    return start


def _competition(
    problem: Problem, tables: Tables, state: State, contenders: list[int]
) -> dict[int, Rejection]:
    """OUTBID or SETUP_GAP for sequences that the plan's other work keeps out."""
    best: dict[int, tuple[int, Bid]] = {}
    for telescope in range(tables.telescopes):
        items = [
            item
            for index in contenders
            for item in problem.items_of(index)
            if tables.telescope[item] == telescope
            and tables.window_at[item] < tables.window_to[item]
        ]
        if not items:
            continue
        for bid in bids(problem, tables, state, items, telescope):
            index = tables.group[bid.item]
            held = best.get(index)
            if held is None or bid.own - bid.cost > held[1].own - held[1].cost:
                best[index] = (telescope, bid)
    gaps = [_gaps(tables, state, telescope) for telescope in range(tables.telescopes)]
    return {
        index: _outbid(problem, tables, state, gaps[best[index][0]], *best[index])
        for index in contenders
    }


def _outbid(
    problem: Problem,
    tables: Tables,
    state: State,
    gaps: list[tuple[int, int]],
    telescope: int,
    bid: Bid,
) -> Rejection:
    sequence = problem.sequence(bid.item)
    base = telescope * tables.capacity
    places = range(base + bid.first, base + bid.last)
    others = [problem.sequence(state.route[i]) for i in places]
    room = _widest_gap(tables, gaps, bid.item)
    if room >= tables.duration[bid.item]:
        return Rejection(
            id=sequence.id,
            reason=Reason.SETUP_GAP,
            sentence=(
                f"its widest gap has {room} s for its {tables.duration[bid.item]} s, which leaves "
                "too little for the slews before and after it"
            ),
            numbers={"gap_s": float(room), "duration_s": float(tables.duration[bid.item])},
        )
    if bid.start_s < 0 or any(tables.kind[state.route[i]] == FIXED for i in places):
        return Rejection(
            id=sequence.id,
            reason=Reason.COMMITTED_WORK,
            sentence="committed work takes all the time that its windows leave",
        )
    names = [other.id for other in others]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return Rejection(
        id=sequence.id,
        reason=Reason.OUTBID,
        sentence=(
            f"best at {clock(bid.start_s)} worth {bid.own:.1f}, where it would displace "
            f"{shown} worth {bid.cost:.1f}"
        ),
        numbers={
            "best_start_s": float(bid.start_s),
            "own_value": round(bid.own, 3),
            "displaced": ", ".join(names),
            "displaced_value": round(bid.cost, 3),
        },
    )


def _gaps(tables: Tables, state: State, telescope: int) -> list[tuple[int, int]]:
    """Idle spans (from, until) of a telescope that could hold the shortest sequence."""
    base, count = telescope * tables.capacity, state.length[telescope]
    found, free = [], 0
    for i in range(base, base + count):
        if state.start[i] - free >= tables.shortest:
            found.append((free, state.start[i]))
        free = state.start[i] + tables.duration[state.route[i]]
    night_s = len(tables.cos_t) - 1
    return [*found, (free, night_s)] if night_s - free >= tables.shortest else found


def _widest_gap(tables: Tables, gaps: list[tuple[int, int]], item: int) -> int:
    """Longest idle time inside an item's windows, set-up not counted."""
    most = 0
    for free, until in gaps:
        for k in range(tables.window_at[item], tables.window_to[item]):
            closes = tables.window_hi[k] + tables.duration[item]
            most = max(most, min(until, closes) - max(free, tables.window_lo[k]))
    return most
