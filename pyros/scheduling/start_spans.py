"""Windows as spans of possible starts, cut by the present, closures and lost devices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyros.scheduling.instance import Committed, Instance, Sequence, Span, without
from pyros.scheduling.tables import FIXED

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WindowList:
    """All windows of all sequences, in order of sequence and start.

    Args:
        owner: Sequence index, shape (n_windows,).
        start: In seconds, same shape.
        end: In seconds, same shape.
    """

    owner: Ints
    start: Floats
    end: Floats

    @classmethod
    def of(cls, instance: Instance) -> WindowList:
        """The windows of an instance."""
        rows = [
            (index, start, end)
            for index, sequence in enumerate(instance.sequences)
            for start, end in sorted(sequence.windows_s)
        ]
        table = np.array(rows, dtype=float).reshape(len(rows), 3)
        return cls(table[:, 0].astype(np.int64), table[:, 1], table[:, 2])

    def keep(self, mask: NDArray[np.bool_]) -> WindowList:
        """The windows where the mask is true."""
        return WindowList(self.owner[mask], self.start[mask], self.end[mask])

    def without(self, hole: Span, concerned: NDArray[np.bool_]) -> WindowList:
        """The windows less a hole, for the sequences concerned (a mask per sequence)."""
        low, high = hole
        hit = concerned[self.owner] & (self.start < high) & (self.end > low)
        if not hit.any():
            return self
        before, after = hit & (self.start < low), hit & (self.end > high)
        return WindowList(
            np.concatenate([self.owner[~hit], self.owner[before], self.owner[after]]),
            np.concatenate([self.start[~hit], self.start[before], np.full(after.sum(), high)]),
            np.concatenate([self.end[~hit], np.full(before.sum(), low), self.end[after]]),
        )


@dataclass(frozen=True, slots=True)
class StartSpans:
    """Possible starts of every item; item = telescope index * number of sequences + sequence index.

    Args:
        at: First span of each item, shape (n_items,).
        to: Position after its last span, same shape.
        low: Earliest start of each span, shape (n_spans,).
        high: Latest start of each span, same shape.
        kind: FIXED for committed items, else 0, shape (n_items,).
        fixed: Committed items in order of start.
    """

    at: Ints
    to: Ints
    low: Ints
    high: Ints
    kind: Ints
    fixed: tuple[int, ...]


def options(instance: Instance, sequence: Sequence) -> list[int]:
    """Indices of the telescopes that may do a sequence."""
    return [
        number
        for number, telescope in enumerate(instance.telescopes)
        if not sequence.telescopes or telescope.id in sequence.telescopes
    ]


def lost_spans(instance: Instance, sequence: Sequence) -> tuple[Span, ...]:
    """Spans in which a device that the sequence needs is lost."""
    return tuple(
        span for device in sequence.devices for span in instance.device_down.get(device, ())
    )


def has_start(sequence: Sequence, holes: tuple[Span, ...], *, now_s: int, night_s: int) -> bool:
    """Whether a sequence could start at all, clear of the holes."""
    duration_s = math.ceil(sequence.duration_s - 1e-9)
    spans = without(sequence.windows_s, holes) if holes else sequence.windows_s
    return any(
        min(math.floor(end + 1e-9), night_s) - duration_s >= max(math.ceil(start - 1e-9), now_s)
        for start, end in spans
    )


def _where(instance: Instance, sequence: Sequence, stands: Committed) -> int:
    """Index of the telescope of a committed sequence: the one named, or the first that can."""
    choices = options(instance, sequence)
    named = [number for number in choices if instance.telescopes[number].id == stands.telescope]
    return (named or choices or [-1])[0]


def _committed(instance: Instance, night_s: int) -> dict[int, tuple[int, int]]:
    """Sequence index to (telescope index, start) of committed placements."""
    if not instance.committed:
        return {}
    index_of = {sequence.id: index for index, sequence in enumerate(instance.sequences)}
    found = {}
    for stands in instance.committed:
        index = index_of.get(stands.id)
        if index is not None:
            telescope = _where(instance, instance.sequences[index], stands)
            found[index] = (telescope, min(max(0, round(stands.start_s)), night_s))
    return found


def _device_masks(instance: Instance) -> list[tuple[Span, NDArray[np.bool_]]]:
    """Holes of lost devices with the sequences that need them."""
    found: list[tuple[Span, NDArray[np.bool_]]] = []
    for device, spans in instance.device_down.items():
        if spans:
            needs = np.array([device in s.devices for s in instance.sequences], dtype=bool)
            found.extend((span, needs) for span in spans)
    return found


def start_spans(
    instance: Instance, windows: WindowList, duration_s: Ints, *, now_s: int, night_s: int
) -> StartSpans:
    """Spans of possible starts of all items.

    Args:
        instance: Telescopes, devices and committed work.
        windows: Its windows.
        duration_s: Whole seconds per sequence, shape (n_sequences,).
        now_s: Nothing but committed work starts before.
        night_s: Nothing runs past.
    """
    count = len(instance.sequences)
    committed = _committed(instance, night_s)
    free = np.ones(count, dtype=bool)
    free[list(committed)] = False
    everything = np.ones(count, dtype=bool)
    devices = _device_masks(instance)
    restricted = any(s.telescopes for s in instance.sequences)
    kind = np.zeros(count * len(instance.telescopes), dtype=np.int64)
    owners, lows, highs = [], [], []
    for number, telescope in enumerate(instance.telescopes):
        allowed = free
        if restricted:
            can = [not s.telescopes or telescope.id in s.telescopes for s in instance.sequences]
            allowed = free & np.array(can, dtype=bool)
        cut = windows.keep(allowed[windows.owner])
        for hole in telescope.closed_s:
            cut = cut.without(hole, everything)
        for hole, needs in devices:
            cut = cut.without(hole, needs)
        low = np.maximum(np.ceil(cut.start - 1e-9), now_s)
        high = np.minimum(np.floor(cut.end + 1e-9), night_s) - duration_s[cut.owner]
        good = high >= low
        here = [(i, start) for i, (tel, start) in committed.items() if tel == number]
        fixed_owner = np.array([i for i, _ in here], dtype=np.int64)
        fixed_start = np.array([start for _, start in here], dtype=np.int64)
        kind[number * count + fixed_owner] = FIXED
        owners.append(number * count + np.concatenate([cut.owner[good], fixed_owner]))
        lows.append(np.concatenate([low[good].astype(np.int64), fixed_start]))
        highs.append(np.concatenate([high[good].astype(np.int64), fixed_start]))
    owner, low, high = np.concatenate(owners), np.concatenate(lows), np.concatenate(highs)
    order = np.lexsort((low, owner))
    owner = owner[order]
    items = np.arange(kind.size)
    fixed = sorted((start, tel * count + i) for i, (tel, start) in committed.items() if tel >= 0)
    return StartSpans(
        at=np.searchsorted(owner, items, side="left"),
        to=np.searchsorted(owner, items, side="right"),
        low=low[order],
        high=high[order],
        kind=kind,
        fixed=tuple(item for _, item in fixed),
    )
