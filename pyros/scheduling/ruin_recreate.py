"""The inner loop of planning: insert, remove, time and judge, over flat sequences of numbers.

Every function is scalar code that runs as plain Python on lists and compiled on arrays (see
`pyros.scheduling.compilation`); all of it is in one file, so that a change recompiles all of it.

A route keeps, per place, the earliest start (all before it as early as possible) and the latest
(all after it as late as possible): an insertion is judged in constant time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyros.scheduling.compilation import jit
from pyros.scheduling.tables import FILLER, FIXED, MOVED_S, PINNED

if TYPE_CHECKING:
    from pyros.scheduling.tables import Ints, State, Tables

MODULUS = 2147483647
MULTIPLIER = 48271
"""Lehmer's generator (Park & Miller 1993): products fit in 64 bits, so both speeds agree."""


@jit
def draw(rng: Ints, bound: int) -> int:
    """Next random integer in 0..bound-1."""
    rng[0] = rng[0] * MULTIPLIER % MODULUS
    return rng[0] % bound


@jit
def earliest(p: Tables, item: int, t: int) -> int:
    """Earliest start of an item at or after t, or -1."""
    for k in range(p.window_at[item], p.window_to[item]):
        if t <= p.window_hi[k]:
            return max(t, p.window_lo[k])
    return -1


@jit
def latest(p: Tables, item: int, t: int) -> int:
    """Latest start of an item at or before t, or -1."""
    for k in range(p.window_to[item] - 1, p.window_at[item] - 1, -1):
        if t >= p.window_lo[k]:
            return min(t, p.window_hi[k])
    return -1


@jit
def worth(p: Tables, item: int, t: int) -> float:
    """Value of an item that starts at t."""
    quality = min(p.q0[item] + p.qc[item] * p.cos_t[t] + p.qs[item] * p.sin_t[t], 1.0)
    value = p.weight[item] * (0.8 + 0.2 * quality) + p.bonus[item]
    if p.told[item] >= 0 and not -MOVED_S <= t - p.told[item] <= MOVED_S:
        value -= p.move_cost[item]
    return value


@jit
def forward(p: Tables, s: State, tel: int, first: int, right: int) -> None:
    """Renew earliest starts from position `first` on.

    From `right` on they are right unless what precedes them changed: the first that stays ends it.
    """
    base = tel * p.capacity
    for i in range(base + first, base + s.length[tel]):
        item, t = s.route[i], 0
        if i > base:
            before = s.route[i - 1]
            t = s.early[i - 1] + p.duration[before] + p.setup[p.row[before] + p.group[item]]
        t = p.window_lo[p.window_at[item]] if p.kind[item] == FIXED else earliest(p, item, t)
        if i >= base + right and s.early[i] == t:
            return
        s.early[i] = t


@jit
def backward(p: Tables, s: State, tel: int, last: int, right: int) -> None:
    """Renew latest starts from position `last` down; from `right` down as in `forward`."""
    base = tel * p.capacity
    for i in range(base + last, base - 1, -1):
        item, t = s.route[i], len(p.cos_t) - 1
        if i < base + s.length[tel] - 1:
            after = s.route[i + 1]
            t = s.late[i + 1] - p.setup[p.row[item] + p.group[after]] - p.duration[item]
        t = p.window_lo[p.window_at[item]] if p.kind[item] == FIXED else latest(p, item, t)
        if i <= base + right and s.late[i] == t:
            return
        s.late[i] = t


@jit
def bound(p: Tables, s: State, tel: int) -> None:
    """Work out all earliest and latest starts of a route anew."""
    forward(p, s, tel, 0, s.length[tel])
    backward(p, s, tel, s.length[tel] - 1, -1)


@jit
def insert(p: Tables, s: State, item: int, place: int) -> None:
    """Put an item before a place of its telescope's route and renew the bounds."""
    tel = p.telescope[item]
    base = tel * p.capacity
    for i in range(base + s.length[tel], base + place, -1):
        s.route[i] = s.route[i - 1]
        s.early[i] = s.early[i - 1]
        s.late[i] = s.late[i - 1]
    s.route[base + place] = item
    s.length[tel] += 1
    s.placed[p.group[item]] = 1
    s.used[p.programme[item]] += p.duration[item]
    forward(p, s, tel, place, place + 1)
    backward(p, s, tel, place, place - 1)


@jit
def compact(p: Tables, s: State, tel: int, gone: Ints) -> None:
    """Take the positions marked in `gone` (indexed by item) out of a route; bounds are renewed."""
    base = tel * p.capacity
    kept, first, last = 0, -1, 0
    for i in range(base, base + s.length[tel]):
        item = s.route[i]
        if gone[item] == 1:
            gone[item] = 0
            s.placed[p.group[item]] = 0
            s.used[p.programme[item]] -= p.duration[item]
            first = kept if first < 0 else first
            last = kept
        else:
            s.route[base + kept] = item
            s.early[base + kept] = s.early[i]
            s.late[base + kept] = s.late[i]
            kept += 1
    s.length[tel] = kept
    if first >= 0:
        forward(p, s, tel, first, last)
        backward(p, s, tel, last - 1, first - 1)


@jit
def best_place(p: Tables, s: State, item: int, rate: float) -> tuple[int, float]:
    """(place, score) of the best feasible insertion of an item, place -1 when there is none.

    The score is the value at the best start that the gap allows, less `rate` per second of set-up
    added.
    """
    tel = p.telescope[item]
    base, end = tel * p.capacity, tel * p.capacity + s.length[tel]
    route, early, late = s.route, s.early, s.late
    durations, setups, rows = p.duration, p.setup, p.row
    duration, row, group, top = durations[item], rows[item], p.group[item], p.top[item]
    best, best_score = -1, -1e300
    before = after = 0
    opens, closes = p.window_lo[p.window_at[item]], p.window_hi[p.window_to[item] - 1]
    first, last = base, end  # places before `first` are too early for it: their limits are in order
    while first < last:
        middle = (first + last) // 2
        if late[middle] < opens + duration:
            first = middle + 1
        else:
            last = middle
    for place in range(first, end + 1):
        ready, added = 0, 0
        due = len(p.cos_t) - 1 + duration
        if place > base:
            before = route[place - 1]
            ready = early[place - 1] + durations[before]
            if ready > closes:
                break
        if place < end:
            due = late[place]
            if due - ready < duration:
                continue
            after = route[place]
            setup = setups[row + p.group[after]]
            due -= setup
            added += setup
        if place > base:
            setup = setups[rows[before] + group]
            ready += setup
            added += setup
        if due - ready < duration:
            continue
        t = earliest(p, item, ready)
        if t < 0 or t + duration > due:
            continue
        if top > t:
            t = max(t, latest(p, item, min(top, due - duration)))
        if base < place < end:
            added -= setups[rows[before] + p.group[after]]
        score = worth(p, item, t) - rate * added
        if score > best_score:
            best, best_score = place - base, score
    return best, best_score


@jit
def fits_quota(p: Tables, s: State, item: int) -> bool:
    """Whether an unplaced item may still be charged to its programme."""
    return (
        s.placed[p.group[item]] == 0
        and s.used[p.programme[item]] + p.duration[item] <= p.quota[p.programme[item]]
    )


@jit
def widest(p: Tables, s: State) -> int:
    """The longest time that any gap of any route could give, set-up not counted."""
    most = 0
    for tel in range(p.telescopes):
        base, count = tel * p.capacity, s.length[tel]
        ready = 0
        for i in range(base, base + count):
            most = max(most, s.late[i] - ready)
            ready = s.early[i] + p.duration[s.route[i]]
        most = max(most, len(p.cos_t) - 1 - ready + p.shortest)
    return most


@jit
def recreate(  # noqa: PLR0917 - the compiled loop takes positional arguments only
    p: Tables, s: State, order: Ints, first: int, last: int, rate: float, skip: int, rng: Ints
) -> None:
    """Insert what fits of `order[first:last]`; each is skipped with a chance of skip / 1000."""
    room = widest(p, s)
    for k in range(first, last):
        item = order[k]
        if p.duration[item] > room or not fits_quota(p, s, item):
            continue
        if skip > 0 and draw(rng, 1000) < skip:
            continue
        place, _ = best_place(p, s, item, rate)
        if place >= 0:
            insert(p, s, item, place)
            room = widest(p, s)
            if room < p.shortest:
                return


@jit
def settle(p: Tables, s: State) -> float:
    """Choose start times for all routes and return the plan's value.

    Earliest starts first, then from the last item back each moves later if it gains by it.
    """
    total = 0.0
    for tel in range(p.telescopes):
        base, count = tel * p.capacity, s.length[tel]
        limit = len(p.cos_t) - 1
        for i in range(base + count - 1, base - 1, -1):
            item = s.route[i]
            t = s.early[i]
            value = worth(p, item, t)
            if i < base + count - 1:
                limit = s.start[i + 1] - p.setup[p.row[item] + p.group[s.route[i + 1]]]
                limit -= p.duration[item]
            if p.top[item] > t:
                later = latest(p, item, min(limit, p.top[item]))
                if later > t:
                    gain = worth(p, item, later)
                    if gain > value or p.kind[item] == PINNED:
                        t, value = later, gain
            s.start[i] = t
            total += value
    return total


@jit
def ruin(p: Tables, s: State, gone: Ints, rng: Ints) -> int:
    """Take some items out; returns the time (seconds) around which the plan was opened, or -1."""
    tel = draw(rng, p.telescopes)
    base, count = tel * p.capacity, s.length[tel]
    if count == 0:
        return -1
    dice = draw(rng, 100)
    if dice < 70:
        size = 1 + draw(rng, 3 if dice < 35 else 10)
        at = draw(rng, count)
        around = s.early[base + at]
        for i in range(at, min(count, at + size)):
            item = s.route[base + i]
            if p.kind[item] < FIXED:
                gone[item] = 1
    elif dice < 95:
        around = -1
        for _ in range(1 + draw(rng, 4)):
            item = s.route[base + draw(rng, count)]
            if p.kind[item] < FIXED:
                gone[item] = 1
    else:
        around = -1
        programme = p.programme[s.route[base + draw(rng, count)]]
        for i in range(base, base + count):
            item = s.route[i]
            if p.programme[item] == programme and p.kind[item] < FIXED and draw(rng, 10) < 6:
                gone[item] = 1
    compact(p, s, tel, gone)
    return around


@jit
def force(p: Tables, s: State, item: int, gone: Ints, rng: Ints) -> int:
    """Make room for an unplaced item near a random time of its windows, then insert it.

    What stands there goes, and what else of its programme holds the quota. Returns the time, or -1.
    """
    tel = p.telescope[item]
    base, count = tel * p.capacity, s.length[tel]
    window = p.window_at[item]
    window += draw(rng, p.window_to[item] - window)
    t = p.window_lo[window] + draw(rng, p.window_hi[window] - p.window_lo[window] + 1)
    if draw(rng, 2) == 0 and p.window_lo[window] <= p.top[item] <= p.window_hi[window]:
        t = p.top[item]
    missing = s.used[p.programme[item]] + p.duration[item] - p.quota[p.programme[item]]
    around = draw(rng, 4) * draw(rng, 4) * p.duration[item] // 4
    for i in range(base, base + count):
        other = s.route[i]
        near = t - around < s.start[i] + p.duration[other]
        near = near and s.start[i] < t + p.duration[item] + around
        if near and p.kind[other] < FIXED:
            gone[other] = 1
            if p.programme[other] == p.programme[item]:
                missing -= p.duration[other]
    for _ in range(24):
        if missing <= 0 or count == 0:
            break
        other = s.route[base + draw(rng, count)]
        same = p.programme[other] == p.programme[item]
        if same and gone[other] == 0 and p.kind[other] < FIXED:
            gone[other] = 1
            missing -= p.duration[other]
    compact(p, s, tel, gone)
    if fits_quota(p, s, item):
        place, _ = best_place(p, s, item, 0.0)
        if place >= 0:
            insert(p, s, item, place)
    return t


@jit
def copy(s: State, to: State) -> None:
    """Copy a plan over another."""
    to.route[:] = s.route
    to.length[:] = s.length
    to.early[:] = s.early
    to.late[:] = s.late
    to.start[:] = s.start
    to.placed[:] = s.placed
    to.used[:] = s.used


@jit
def search(  # noqa: PLR0917 - the compiled loop takes positional arguments only
    p: Tables, s: State, o: Any, chances: Any, rate: float, rng: Ints, work: Any
) -> float:
    """Ruin and recreate under simulated annealing; the state ends as the best found.

    Args:
        p: Tables.
        s: A valid plan.
        o: `pyros.scheduling.orders.Orders`.
        chances: (1,024 draws of the exponential distribution, temperature at each of 256 stages,
            number of turns).
        rate: Value of a second, for set-up.
        rng: One integer, the generator's state.
        work: (a zero per item, two more states).
    """
    gone, saved, best = work
    spread, heat, turns = chances
    for tel in range(p.telescopes):
        bound(p, s, tel)
    forced = 30 + min(40, 1500 // p.items)  # in a small pool every sequence left out is worth a try
    current = most = settle(p, s)
    copy(s, saved)
    copy(s, best)
    for turn in range(turns):
        around = -1
        item = draw(rng, p.items)
        if draw(rng, 100) < forced and s.placed[p.group[item]] == 0:
            if p.kind[item] < FILLER and p.window_at[item] < p.window_to[item]:
                around = force(p, s, item, gone, rng)
        else:
            around = ruin(p, s, gone, rng)
        epoch = o.epochs
        if around >= 0 and draw(rng, 4) > 0:
            epoch = around // o.epoch_s
        which = epoch * o.versions + draw(rng, o.versions)
        recreate(p, s, o.items, o.at[which], o.at[which + 1], rate, 20, rng)
        value = settle(p, s)
        if value >= current - heat[turn * 256 // turns] * spread[draw(rng, 1024)]:
            current = value
            copy(s, saved)
            if value > most + 1e-6:
                most = value
                copy(s, best)
        else:
            copy(saved, s)
    copy(best, s)
    return most
