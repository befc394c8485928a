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
            lo = p.window_lo[k]
            return max(t, lo)
    return -1


@jit
def latest(p: Tables, item: int, t: int) -> int:
    """Latest start of an item at or before t, or -1."""
    for k in range(p.window_to[item] - 1, p.window_at[item] - 1, -1):
        if t >= p.window_lo[k]:
            hi = p.window_hi[k]
            return min(t, hi)
    return -1


@jit
def worth(p: Tables, item: int, t: int) -> float:
    """Value of an item that starts at t."""
    quality = p.q0[item] + p.qc[item] * p.cos_t[t] + p.qs[item] * p.sin_t[t]
    quality = min(quality, 1.0)
    value = p.weight[item] * (0.8 + 0.2 * quality) + p.bonus[item]
    if p.told[item] >= 0 and not -MOVED_S <= t - p.told[item] <= MOVED_S:
        value -= p.move_cost[item]
    return value


@jit
def forward(p: Tables, s: State, tel: int, first: int) -> None:
    """Earliest starts from position `first` on; stops where they no longer change."""
    base = tel * p.capacity
    for i in range(base + first, base + s.length[tel]):
        item, t = s.route[i], 0
        if i > base:
            before = s.route[i - 1]
            t = s.early[i - 1] + p.duration[before] + p.setup[p.row[before] + p.group[item]]
        fixed = p.kind[item] == FIXED
        s.early[i] = p.window_lo[p.window_at[item]] if fixed else earliest(p, item, t)


@jit
def backward(p: Tables, s: State, tel: int, last: int) -> None:
    """Latest starts from position `last` down to 0."""
    base = tel * p.capacity
    for i in range(base + last, base - 1, -1):
        item, t = s.route[i], len(p.cos_t) - 1
        if i < base + s.length[tel] - 1:
            after = s.route[i + 1]
            t = s.late[i + 1] - p.setup[p.row[item] + p.group[after]] - p.duration[item]
        fixed = p.kind[item] == FIXED
        s.late[i] = p.window_lo[p.window_at[item]] if fixed else latest(p, item, t)


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
    forward(p, s, tel, place)
    backward(p, s, tel, place)


@jit
def compact(p: Tables, s: State, tel: int, gone: Ints) -> None:
    """Take the positions marked in `gone` (indexed by item) out of a route; bounds are renewed."""
    base = tel * p.capacity
    kept = 0
    for i in range(base, base + s.length[tel]):
        item = s.route[i]
        if gone[item] == 1:
            gone[item] = 0
            s.placed[p.group[item]] = 0
            s.used[p.programme[item]] -= p.duration[item]
        else:
            s.route[base + kept] = item
            kept += 1
    s.length[tel] = kept
    forward(p, s, tel, 0)
    backward(p, s, tel, kept - 1)


@jit
def best_place(p: Tables, s: State, item: int, rate: float) -> tuple[int, float]:
    """(place, score) of the best feasible insertion of an item, place -1 when there is none.

    The score is the value at the best start that the gap allows, less `rate` per second of set-up
    added.
    """
    tel = p.telescope[item]
    base, count = tel * p.capacity, s.length[tel]
    duration, row = p.duration[item], p.row[item]
    best, best_score = -1, -1e300
    before = after = 0
    opens = p.window_lo[p.window_at[item]]
    closes = p.window_hi[p.window_to[item] - 1] + duration
    for place in range(count + 1):
        ready, added = 0, 0
        due = len(p.cos_t) - 1 + duration
        if place > 0:
            before = s.route[base + place - 1]
            ready = s.early[base + place - 1] + p.duration[before]
            if ready > closes:
                break
        if place < count:
            after = s.route[base + place]
            due = s.late[base + place]
            if due < opens or due - ready < duration:
                continue
            setup = p.setup[row + p.group[after]]
            due -= setup
            added += setup
        if place > 0:
            setup = p.setup[p.row[before] + p.group[item]]
            ready += setup
            added += setup
        if due - ready < duration:
            continue
        t = earliest(p, item, ready)
        if t < 0 or t + duration > due:
            continue
        if p.top[item] > t:
            later = p.top[item]
            later = min(later, due - duration)
            later = latest(p, item, later)
            t = max(t, later)
        if 0 < place < count:
            added -= p.setup[p.row[before] + p.group[after]]
        score = worth(p, item, t) - rate * added
        if score > best_score:
            best, best_score = place, score
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
            room = s.late[i] - ready
            most = max(most, room)
            ready = s.early[i] + p.duration[s.route[i]]
        room = len(p.cos_t) - 1 - ready + p.shortest
        most = max(most, room)
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
        begins, ends = s.start[i], s.start[i] + p.duration[other]
        near = begins < t + p.duration[item] + around and ends > t - around
        if near and p.kind[other] < FIXED:
            gone[other] = 1
            if p.programme[other] == p.programme[item]:
                missing -= p.duration[other]
    for _ in range(3):
        for _ in range(12):
            if missing <= 0 or count == 0:
                break
            other = s.route[base + draw(rng, count)]
            same = p.programme[other] == p.programme[item]
            if same and gone[other] == 0 and p.kind[other] < FIXED:
                gone[other] = 1
                missing -= p.duration[other]
                break
    compact(p, s, tel, gone)
    if fits_quota(p, s, item):
        place, _ = best_place(p, s, item, 0.0)
        if place >= 0:
            insert(p, s, item, place)
    return t


@jit
def copy_routes(p: Tables, route: Ints, length: Ints, to_route: Ints, to_length: Ints) -> None:
    """Copy the routes and their lengths."""
    for tel in range(p.telescopes):
        to_length[tel] = length[tel]
        base = tel * p.capacity
        for i in range(base, base + length[tel]):
            to_route[i] = route[i]


@jit
def restore(p: Tables, s: State, route: Ints, length: Ints) -> None:
    """Make the state that of saved routes."""
    for tel in range(p.telescopes):
        base = tel * p.capacity
        for i in range(base, base + s.length[tel]):
            item = s.route[i]
            s.placed[p.group[item]] = 0
            s.used[p.programme[item]] -= p.duration[item]
    copy_routes(p, route, length, s.route, s.length)
    for tel in range(p.telescopes):
        base = tel * p.capacity
        for i in range(base, base + s.length[tel]):
            item = s.route[i]
            s.placed[p.group[item]] = 1
            s.used[p.programme[item]] += p.duration[item]
        forward(p, s, tel, 0)
        backward(p, s, tel, s.length[tel] - 1)


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
        work: (gone, saved_route, saved_length, best_route, best_length).
    """
    gone, saved_route, saved_length, best_route, best_length = work
    spread, heat, turns = chances
    current = settle(p, s)
    best = current
    copy_routes(p, s.route, s.length, best_route, best_length)
    copy_routes(p, s.route, s.length, saved_route, saved_length)
    for turn in range(turns):
        around = -1
        item = draw(rng, p.items)
        if draw(rng, 100) < 30 and s.placed[p.group[item]] == 0:
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
            copy_routes(p, s.route, s.length, saved_route, saved_length)
            if value > best + 1e-6:
                best = value
                copy_routes(p, s.route, s.length, best_route, best_length)
        else:
            restore(p, s, saved_route, saved_length)
            settle(p, s)
    restore(p, s, best_route, best_length)
    return settle(p, s)
