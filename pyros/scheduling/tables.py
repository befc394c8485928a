"""The numbers that the inner loop works on, and the plan under work.

An *item* is a sequence on one of its telescopes; a *route* is the order of items on a telescope,
stored from `telescope * capacity` on. Times are whole seconds after the night's start. Columns are
lists for the plain loop and arrays for the compiled one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints = list[int]

PINNED = 1
FILLER = 2
FIXED = 3
MOVED_S = 300
"""A published start may drift this far without the cost of having moved."""


class Tables(NamedTuple):
    """What does not change during a search; one entry per item unless said.

    Args:
        telescopes: Number of telescopes.
        capacity: Most items of a route.
        items: Number of items.
        duration: Seconds.
        group: Index of the sequence; at most one item of a sequence is placed.
        telescope: Index of the telescope.
        programme: Index of the programme.
        weight: Priority x minutes.
        q0: Altitude quality at start t is q0 + qc cos(wt) + qs sin(wt), at most 1.
        qc: See `q0`.
        qs: See `q0`.
        bonus: Added to the value of alerts and mandatory sequences.
        top: Start that is best for it.
        kind: 0, PINNED, FILLER (never forced in) or FIXED (never taken out).
        told: Published start, or -1.
        move_cost: Value lost when it moves away from `told`.
        row: Where its row of `setup` begins.
        window_at: First of its spans of possible starts.
        window_to: Position after the last.
        window_lo: Earliest start, one per span.
        window_hi: Latest start, one per span.
        setup: Set-up between two sequences of a telescope: `setup[row[first] + group[second]]`.
        cos_t: Cosine of the Earth's turn, one per second of the night and one more.
        sin_t: Its sine.
        quota: Seconds, one per programme.
        shortest: Shortest duration.
    """

    telescopes: int
    capacity: int
    items: int
    duration: list[int]
    group: list[int]
    telescope: list[int]
    programme: list[int]
    weight: list[float]
    q0: list[float]
    qc: list[float]
    qs: list[float]
    bonus: list[float]
    top: list[int]
    kind: list[int]
    told: list[int]
    move_cost: list[float]
    row: list[int]
    window_at: list[int]
    window_to: list[int]
    window_lo: list[int]
    window_hi: list[int]
    setup: Sequence[int]
    cos_t: list[float]
    sin_t: list[float]
    quota: list[int]
    shortest: int


class State(NamedTuple):
    """A plan under work, changed in place.

    Args:
        route: Items, telescope by telescope.
        length: Items on each telescope.
        early: Earliest start at each place of the routes.
        late: Latest start there.
        start: Chosen start there.
        placed: 1 for each sequence that is placed.
        used: Seconds used by each programme.
    """

    route: list[int]
    length: list[int]
    early: list[int]
    late: list[int]
    start: list[int]
    placed: list[int]
    used: list[int]
