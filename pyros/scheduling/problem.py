"""An instance turned into the numbers that the inner loop works on.

Times become whole seconds (durations and window starts rounded up, ends down), a sequence becomes one
*item* per telescope that can do it, its windows are cut by the present, by closures and by lost devices,
and altitude becomes three coefficients of the cosine and sine of the Earth's turn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyros.scheduling import ruin_recreate as loop
from pyros.scheduling.instance import (
    MAX_NIGHT_S,
    Instance,
    Sequence,
    Span,
    Telescope,
    without,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIDEREAL_DEG_PER_S = 360.98564736629 / 86400
SIDEREAL_RAD_PER_S = math.radians(SIDEREAL_DEG_PER_S)
SIDEREAL_DAY_S = 360.0 / SIDEREAL_DEG_PER_S
QUALITY_STEP_S = 10
"""The best altitude over a sequence's windows is taken on this grid of starts."""
ALERT_BONUS = 1e7
MANDATORY_BONUS = 1e5
UNLIMITED_S = 10**9


@lru_cache(maxsize=1)
def _turn_tables() -> tuple[Floats, Floats, list[float], list[float]]:
    """Cosine and sine of the Earth's turn for every second of a day, as arrays and lists."""
    angle = SIDEREAL_RAD_PER_S * np.arange(MAX_NIGHT_S + 1)
    cosine, sine = np.cos(angle), np.sin(angle)
    return cosine, sine, cosine.tolist(), sine.tolist()


@dataclass(frozen=True, eq=False)
class Problem:
    """Numbers of one instance at one moment.

    Args:
        instance: What it was made of.
        now_s: Nothing but committed work starts before.
        items: Per item (sequence index, telescope index).
        columns: Arrays by the names of `ruin_recreate.Tables`.
        fixed: Items of committed placements, in order of start.
        first_item: Per sequence its first item; one entry more than there are sequences.
    """

    instance: Instance
    now_s: int
    items: tuple[tuple[int, int], ...]
    columns: Mapping[str, Any]
    fixed: tuple[int, ...]
    first_item: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of items."""
        return len(self.items)

    def sequence(self, item: int) -> Sequence:
        """The sequence of an item."""
        return self.instance.sequences[self.items[item][0]]

    def turn(self) -> tuple[Floats, Floats]:
        """Cosine and sine of the Earth's turn for every second of a day."""
        return _turn_tables()[:2]

    def tables(self, *, compiled: bool) -> loop.Tables:
        """Tables for the inner loop: lists when plain, arrays when compiled."""
        night_s = self.columns["night_s"]
        cosine, sine, cosine_list, sine_list = _turn_tables()
        columns = {k: v for k, v in self.columns.items() if k != "night_s"}
        if compiled:
            columns["cos_t"], columns["sin_t"] = cosine[: night_s + 1], sine[: night_s + 1]
        else:
            columns = {
                k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in columns.items()
            }
            columns["cos_t"], columns["sin_t"] = (
                cosine_list[: night_s + 1],
                sine_list[: night_s + 1],
            )
        return loop.Tables(**columns)

    def state(self, *, compiled: bool) -> loop.State:
        """An empty plan."""
        telescopes, capacity = self.columns["telescopes"], self.columns["capacity"]
        sizes = (
            telescopes * capacity, telescopes, telescopes * capacity, telescopes * capacity,
            telescopes * capacity, len(self.instance.sequences),
            max(1, len(self.instance.programmes)),
        )  # fmt: skip
        if compiled:
            return loop.State(*(np.zeros(size, dtype=np.int64) for size in sizes))
        return loop.State(*([0] * size for size in sizes))


def _quality(
    instance: Instance, duration_s: Floats, windows: list[tuple[int, float, float]]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Per sequence (q0, qc, qs, culminating start): quality = q0 + qc cos(wt) + qs sin(wt).

    Quality is sin(altitude at mid-exposure) over the best of it among all starts that the windows
    allow, on a 10 s grid, before any closure is cut out of them.
    """
    night = instance.night
    count = len(instance.sequences)
    ra = np.radians(np.array([s.ra_deg for s in instance.sequences], dtype=float))
    dec = np.radians(np.array([s.dec_deg for s in instance.sequences], dtype=float))
    phi = math.radians(night.latitude_deg)
    level, swing = np.sin(phi) * np.sin(dec), np.cos(phi) * np.cos(dec)
    phase = math.radians(night.lst_at_start_deg) - ra + SIDEREAL_RAD_PER_S * duration_s / 2.0
    culmination = (-phase / SIDEREAL_RAD_PER_S) % SIDEREAL_DAY_S
    best = np.full(count, -2.0)
    middle = np.full(count, night.duration_s / 2.0)
    if windows:
        owner = np.array([w[0] for w in windows])
        first = np.trunc([w[1] for w in windows])
        steps = (np.trunc([w[2] - duration_s[w[0]] for w in windows]) - first) // QUALITY_STEP_S
        usable = steps >= 0
        owner, first, steps = owner[usable], first[usable], steps[usable]
        for turn in (-1.0, 0.0, 1.0):
            top = (culmination[owner] + turn * SIDEREAL_DAY_S - first) // QUALITY_STEP_S
            for step in (np.zeros_like(steps), steps, top, top + 1.0):
                at = first + QUALITY_STEP_S * np.clip(step, 0.0, steps)
                sine = level[owner] + swing[owner] * np.cos(
                    phase[owner] + SIDEREAL_RAD_PER_S * at
                )
                np.maximum.at(best, owner, sine)
        order = np.argsort(steps, kind="stable")
        middle[owner[order]] = first[order] + steps[order] * QUALITY_STEP_S / 2.0
    best = np.where(best == -2.0, 1.0, np.where(np.abs(best) < 1e-12, 1e-12, best))
    culmination += SIDEREAL_DAY_S * np.round((middle - culmination) / SIDEREAL_DAY_S)
    qc, qs = swing * np.cos(phase) / best, -swing * np.sin(phase) / best
    return level / best, qc, qs, culmination


def _setup(sequences: tuple[Sequence, ...], telescope: Telescope) -> Ints:
    """Set-up in whole seconds from each sequence to each other, flattened (n * n).

    Slews are rounded up with a margin of 2 microseconds, against the last bit of an arc cosine.
    """
    ra = np.radians(np.array([s.ra_deg for s in sequences], dtype=float))
    dec = np.radians(np.array([s.dec_deg for s in sequences], dtype=float))
    names = {name: i for i, name in enumerate(dict.fromkeys(s.filter for s in sequences))}
    filters = np.array([names[s.filter] for s in sequences], dtype=np.int64)
    vectors = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
    cosine = vectors @ vectors.T
    np.clip(cosine, -1.0, 1.0, out=cosine)
    slew = np.arccos(cosine, out=cosine)
    slew *= math.degrees(1.0) / telescope.slew_rate_deg_s
    slew += telescope.settle_s + 2e-6
    np.ceil(slew, out=slew)
    change = math.ceil(telescope.filter_change_s - 1e-9)
    np.maximum(slew, change, out=slew, where=filters[:, None] != filters[None, :])
    return slew.astype(np.int64).ravel()


def _starts(spans: tuple[Span, ...], duration_s: int, low_s: int, high_s: int) -> list[Span]:
    """Spans of whole-second starts that keep a duration inside the spans and the limits."""
    found = []
    for start, end in spans:
        first = max(math.ceil(start - 1e-9), low_s)
        last = min(math.floor(end + 1e-9), high_s) - duration_s
        if last >= first:
            found.append((first, last))
    return found


def lost_spans(instance: Instance, sequence: Sequence) -> tuple[Span, ...]:
    """Spans in which a device that the sequence needs is lost."""
    return tuple(
        span for device in sequence.devices for span in instance.device_down.get(device, ())
    )


def cut_windows(
    sequence: Sequence, holes: tuple[Span, ...], *, now_s: int, night_s: int
) -> list[Span]:
    """Spans of possible starts of a sequence, in whole seconds, clear of the holes."""
    spans = tuple(sorted(sequence.windows_s))
    if holes:
        spans = without(spans, holes)
    return _starts(spans, math.ceil(sequence.duration_s - 1e-9), now_s, night_s)


class _Rows:
    """Collects one row per item while the sequences are walked through."""

    def __init__(self) -> None:
        self.items: list[tuple[int, int]] = []
        self.at: list[int] = [0]
        self.low: list[int] = []
        self.high: list[int] = []
        self.kind: list[int] = []
        self.told: list[int] = []
        self.fixed: list[tuple[int, int]] = []

    def add(self, item: tuple[int, int], spans: list[Span], kind: int, told: int) -> None:
        """One item with its spans of possible starts."""
        if kind == loop.FIXED:
            self.fixed.append((int(spans[0][0]), len(self.items)))
        self.items.append(item)
        self.low.extend(int(span[0]) for span in spans)
        self.high.extend(int(span[1]) for span in spans)
        self.at.append(len(self.low))
        self.kind.append(kind)
        self.told.append(told)


def _near(spans: list[Span], start_s: int) -> list[Span]:
    near = ((max(a, start_s - loop.MOVED_S), min(b, start_s + loop.MOVED_S)) for a, b in spans)
    return [span for span in near if span[1] >= span[0]]


def options(instance: Instance, sequence: Sequence) -> list[int]:
    """Indices of the telescopes that may do a sequence."""
    return [
        number
        for number, telescope in enumerate(instance.telescopes)
        if not sequence.telescopes or telescope.id in sequence.telescopes
    ]


def _collect(
    instance: Instance, now_s: int, pinned: Mapping[str, int]
) -> tuple[_Rows, list[int]]:
    """Rows of all items, and each sequence's first item."""
    committed = {item.id: item for item in instance.committed}
    night_s = math.floor(instance.night.duration_s)
    rows, first = _Rows(), []
    for index, sequence in enumerate(instance.sequences):
        first.append(len(rows.items))
        stands, pin = committed.get(sequence.id), pinned.get(sequence.id)
        told = pin if pin is not None else round(instance.published.get(sequence.id, -1.0))
        lost = lost_spans(instance, sequence)
        for number in options(instance, sequence):
            telescope = instance.telescopes[number]
            if stands is not None:
                here = stands.telescope in ("", telescope.id)
                start = min(max(0, round(stands.start_s)), night_s)
                if here and not any(item[0] == index for item in rows.items[first[-1] :]):
                    rows.add((index, number), [(start, start)], loop.FIXED, -1)
                    continue
                rows.add((index, number), [], 0, -1)
                continue
            holes = (*telescope.closed_s, *lost)
            spans = cut_windows(sequence, holes, now_s=now_s, night_s=night_s)
            if pin is None:
                rows.add((index, number), spans, 0, told)
            else:
                rows.add((index, number), _near(spans, pin), loop.PINNED, told)
    first.append(len(rows.items))
    return rows, first


def build(
    instance: Instance, *, now_s: float = 0.0, pinned: Mapping[str, int] | None = None
) -> Problem:
    """Turn an instance into numbers.

    Args:
        instance: A faultless instance.
        now_s: Present, seconds after the night's start.
        pinned: Starts to keep: these sequences may move by five minutes at most.
    """
    sequences = instance.sequences
    present = max(0, math.ceil(now_s))
    rows, first = _collect(instance, present, pinned or {})
    owner = np.array([item[0] for item in rows.items], dtype=np.int64)
    telescope = np.array([item[1] for item in rows.items], dtype=np.int64)
    exact = np.array([s.duration_s for s in sequences], dtype=float)
    windows = [(i, a, b) for i, s in enumerate(sequences) for a, b in s.windows_s]
    q0, qc, qs, top = _quality(instance, exact, windows)
    night_s = math.floor(instance.night.duration_s)
    duration = np.ceil(exact - 1e-9).astype(np.int64)
    weight = np.array([s.priority for s in sequences], dtype=float) * exact / 60.0
    bonus = np.array(
        [ALERT_BONUS * s.alert + MANDATORY_BONUS * s.mandatory for s in sequences], dtype=float
    )
    programmes = {p.id: i for i, p in enumerate(instance.programmes)}
    programme = np.array([programmes[s.programme] for s in sequences], dtype=np.int64)
    told = np.array(rows.told, dtype=np.int64)
    turned = np.clip(np.round(top), 0, night_s).astype(np.int64)[owner]
    count = len(sequences)
    shortest = int(duration.min()) if count else 1
    columns = {
        "telescopes": len(instance.telescopes),
        "capacity": min(count, night_s // max(1, shortest) + len(instance.committed) + 2) + 1,
        "items": len(rows.items),
        "duration": duration[owner],
        "group": owner,
        "telescope": telescope,
        "programme": programme[owner],
        "weight": weight[owner],
        "q0": q0[owner],
        "qc": qc[owner],
        "qs": qs[owner],
        "bonus": bonus[owner],
        "top": np.where(told >= 0, told, turned),
        "kind": np.array(rows.kind, dtype=np.int64),
        "told": told,
        "move_cost": weight[owner] * instance.move_penalty,
        "row": telescope * count * count + owner * count,
        "window_at": np.array(rows.at, dtype=np.int64),
        "window_lo": np.array(rows.low, dtype=np.int64),
        "window_hi": np.array(rows.high, dtype=np.int64),
        "setup": np.concatenate([_setup(sequences, t) for t in instance.telescopes]),
        "quota": np.array(
            [min(math.floor(p.quota_s), UNLIMITED_S) for p in instance.programmes] or [0],
            dtype=np.int64,
        ),
        "shortest": shortest,
        "night_s": night_s,
    }
    return Problem(
        instance=instance,
        now_s=present,
        items=tuple(rows.items),
        columns=columns,
        fixed=tuple(item for _, item in sorted(rows.fixed)),
        first_item=tuple(first),
    )
