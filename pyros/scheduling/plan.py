"""What a planner answers: placements, a reason for everything left out, and the plan's figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Reason(StrEnum):
    """Why a sequence is not in the plan."""

    BELOW_HORIZON = "BELOW_HORIZON"
    MOON = "MOON"
    SKY_BRIGHTNESS = "SKY_BRIGHTNESS"
    TWILIGHT = "TWILIGHT"
    USER_WINDOW = "USER_WINDOW"
    NEVER_VISIBLE = "NEVER_VISIBLE"
    TOO_LONG_FOR_WINDOW = "TOO_LONG_FOR_WINDOW"
    WINDOW_PASSED = "WINDOW_PASSED"
    DEVICE_DOWN = "DEVICE_DOWN"
    WEATHER = "WEATHER"
    NO_TELESCOPE = "NO_TELESCOPE"
    QUOTA = "QUOTA"
    OUTBID = "OUTBID"
    SETUP_GAP = "SETUP_GAP"
    COMMITTED_WORK = "COMMITTED_WORK"
    ALL_OR_NOTHING = "ALL_OR_NOTHING"
    DROPPED_BY_ALERT = "DROPPED_BY_ALERT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A sequence with its place in the night.

    Args:
        id: The sequence.
        start_s: Whole seconds after the night's start.
        end_s: Start plus duration.
        telescope: Which telescope does it.
        setup_s: Slew or filter change before it; 0 for the first.
        value: Priority x minutes x (0.8 + 0.2 x altitude quality).
        bonus: Beyond its programme's quota or filler: charged as bonus, not as quota.
        committed: Given as unchangeable.
    """

    id: str
    start_s: int
    end_s: int
    telescope: str
    setup_s: int
    value: float
    bonus: bool = False
    committed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A sequence that is not in the plan.

    Args:
        id: The sequence.
        reason: The code.
        sentence: The reason with its numbers, for people.
        numbers: The same numbers, for programs.
    """

    id: str
    reason: Reason
    sentence: str
    numbers: Mapping[str, float | str] = field(default_factory=dict)


class Rejections(Sequence[Rejection]):
    """The rejections of a plan, worked out when someone first looks.

    An alert waits for its start, not for the explanations of everything else. Pickled or compared,
    it is the tuple of its rejections.

    Args:
        explain: Works them out; called once at most.
    """

    __slots__ = ("_explain", "_found")

    def __init__(self, explain: Callable[[], tuple[Rejection, ...]]) -> None:
        self._explain: Callable[[], tuple[Rejection, ...]] | None = explain
        self._found: tuple[Rejection, ...] = ()

    def _all(self) -> tuple[Rejection, ...]:
        if self._explain is not None:
            self._found, self._explain = self._explain(), None
        return self._found

    @overload
    def __getitem__(self, index: int) -> Rejection: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Rejection, ...]: ...

    def __getitem__(self, index: int | slice) -> Rejection | tuple[Rejection, ...]:
        """One, or a tuple of some."""
        return self._all()[index]

    def __len__(self) -> int:
        """How many."""
        return len(self._all())

    def __eq__(self, other: object) -> bool:
        """Equal to any sequence of the same rejections."""
        return isinstance(other, Sequence) and self._all() == tuple(other)

    def __hash__(self) -> int:
        """The tuple's."""
        return hash(self._all())

    def __repr__(self) -> str:
        """The tuple's."""
        return repr(self._all())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as a tuple: tables and closures stay at home."""
        return tuple, (self._all(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """A plan's figures; no single number tells a plan's quality.

    Args:
        value: Sum of the placements' values.
        placed: Number of placements.
        science_fraction: Exposed share of all telescopes' time.
        setup_fraction: Share of that time spent on set-up.
        mean_quality: Mean altitude quality, weighted by duration; 1 is every target at its best.
        used_s: Seconds charged per programme, bonus not counted.
        bonus_s: Seconds charged as bonus per programme.
    """

    value: float
    placed: int
    science_fraction: float
    setup_fraction: float
    mean_quality: float
    used_s: Mapping[str, int]
    bonus_s: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The answer.

    Args:
        placements: In order of start (then telescope).
        rejected: In the order of the instance's sequences; worked out when first read.
        value: Sum of the placements' values.
        metrics: More figures.
        seed: Seed of the search.
        iterations: Turns of the search; 0 for a first or a repaired plan.
        input_hash: SHA-256 of everything that the plan depends on.
    """

    placements: tuple[Placement, ...]
    rejected: Sequence[Rejection]
    value: float
    metrics: Metrics
    seed: int
    iterations: int
    input_hash: str

    def placement(self, sequence_id: str) -> Placement | None:
        """The placement of a sequence, or None."""
        return next((p for p in self.placements if p.id == sequence_id), None)

    def rejection(self, sequence_id: str) -> Rejection | None:
        """Why a sequence was left out, or None."""
        return next((r for r in self.rejected if r.id == sequence_id), None)
