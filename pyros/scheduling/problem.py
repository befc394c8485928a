"""An instance turned into the numbers that the inner loop works on.

Times become whole seconds (durations and window starts rounded up, ends down), a sequence becomes
one *item* per telescope, altitude becomes three coefficients of the cosine and sine of the Earth's
turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyros.scheduling.geometry import quality_terms, setup_seconds, turn_lists, turn_tables
from pyros.scheduling.start_spans import WindowList, start_spans
from pyros.scheduling.tables import FILLER, State, Tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyros.scheduling.instance import Instance, Sequence

Ints = NDArray[np.int64]

ALERT_BONUS = 1e7
MANDATORY_BONUS = 1e5
UNLIMITED_S = 10**9


@dataclass(frozen=True, eq=False)
class Problem:
    """Numbers of one instance at one moment.

    Args:
        instance: What it was made of.
        now_s: Nothing but committed work starts before.
        night_s: Nothing runs past.
        columns: Values by the names of `ruin_recreate.Tables`, without the turn's tables.
        fixed: Items of committed placements, in order of start.
    """

    instance: Instance
    now_s: int
    night_s: int
    columns: Mapping[str, Any]
    fixed: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of items."""
        return len(self.instance.sequences) * len(self.instance.telescopes)

    def items_of(self, index: int) -> range:
        """The items of a sequence, one per telescope."""
        if len(self.instance.telescopes) == 1:
            return range(index, index + 1)
        return range(index, self.size, len(self.instance.sequences))

    def sequence(self, item: int) -> Sequence:
        """The sequence of an item."""
        return self.instance.sequences[item % len(self.instance.sequences)]

    def tables(self, *, compiled: bool) -> Tables:
        """Tables for the inner loop: arrays when compiled, else lists (set-up: a memory view)."""
        columns = dict(self.columns)
        last = self.night_s + 1
        if compiled:
            columns["cos_t"], columns["sin_t"] = (turn[:last] for turn in turn_tables())
            return Tables(**columns)
        setup = memoryview(columns.pop("setup"))
        columns = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in columns.items()}
        columns["cos_t"], columns["sin_t"] = (turn[:last] for turn in turn_lists())
        return Tables(**columns, setup=setup)

    def state(self) -> State:
        """An empty plan, plain."""
        telescopes, room = self.columns["telescopes"], self.columns["capacity"]
        sizes = (
            telescopes * room, telescopes, telescopes * room, telescopes * room,
            telescopes * room, len(self.instance.sequences), self.columns["quota"].size,
        )  # fmt: skip
        return State(*([0] * size for size in sizes))


def _durations(instance: Instance, duration: Ints) -> Ints:
    """Seconds that each item occupies: its duration, or what a committed start and end leave."""
    occupied = np.tile(duration, len(instance.telescopes))
    if instance.committed:
        index_of = {sequence.id: index for index, sequence in enumerate(instance.sequences)}
        for stands in instance.committed:
            index = index_of.get(stands.id)
            if index is not None:
                end = stands.start_s + duration[index] if stands.end_s is None else stands.end_s
                left = max(0, math.ceil(end) - max(0, round(stands.start_s)))
                occupied[index :: duration.size] = left
    return occupied


def build(instance: Instance, *, now_s: float = 0.0) -> Problem:
    """Turn an instance into numbers.

    Args:
        instance: A faultless instance.
        now_s: Present, seconds after the night's start.
    """
    sequences, telescopes = instance.sequences, len(instance.telescopes)
    count, present = len(sequences), max(0, math.ceil(now_s))
    night_s = math.floor(instance.night.duration_s)
    exact = np.array([s.duration_s for s in sequences], dtype=float)
    duration = np.ceil(exact - 1e-9).astype(np.int64)
    windows = WindowList.of(instance)
    spans = start_spans(instance, windows, duration, now_s=present, night_s=night_s)
    q0, qc, qs, top = quality_terms(instance, windows.owner, windows.start, windows.end)
    weight = np.array([s.priority for s in sequences], dtype=float) * exact / 60.0
    bonus = [ALERT_BONUS * s.alert + MANDATORY_BONUS * s.mandatory for s in sequences]
    programmes = {p.id: i for i, p in enumerate(instance.programmes)}
    programme = np.array([programmes[s.programme] for s in sequences], dtype=np.int64)
    filler = np.tile(np.array([s.filler for s in sequences], dtype=bool), telescopes)
    told = np.array([round(instance.published.get(s.id, -1.0)) for s in sequences], dtype=np.int64)
    culmination = np.clip(np.round(top), 0, night_s).astype(np.int64)
    shortest = max(1, int(duration.min())) if count else 1
    occupied = _durations(instance, duration)

    def tiled(values: Any) -> Any:
        return np.tile(values, telescopes) if telescopes > 1 else np.asarray(values)

    columns = {
        "telescopes": telescopes,
        "capacity": min(count, night_s // shortest + len(instance.committed) + 2) + 1,
        "items": count * telescopes,
        "duration": occupied,
        "group": tiled(np.arange(count)),
        "telescope": np.repeat(np.arange(telescopes), count),
        "programme": tiled(programme),
        "weight": tiled(weight),
        "q0": tiled(q0),
        "qc": tiled(qc),
        "qs": tiled(qs),
        "bonus": tiled(np.array(bonus, dtype=float)),
        "top": tiled(np.where(told >= 0, told, culmination)),
        "kind": np.where(filler & (spans.kind == 0), FILLER, spans.kind),
        "told": tiled(told),
        "move_cost": tiled(weight * instance.move_penalty),
        "row": np.arange(count * telescopes) * count,
        "window_at": spans.at,
        "window_to": spans.to,
        "window_lo": spans.low,
        "window_hi": spans.high,
        "setup": np.concatenate([setup_seconds(sequences, t) for t in instance.telescopes]),
        "quota": np.array(
            [min(math.floor(p.quota_s), UNLIMITED_S) for p in instance.programmes] or [0],
            dtype=np.int64,
        ),
        "shortest": shortest,
    }
    return Problem(
        instance=instance, now_s=present, night_s=night_s, columns=columns, fixed=spans.fixed
    )
