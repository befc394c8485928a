"""What the sequencer says and is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pyros.actor import Lane, Message, Request

if TYPE_CHECKING:
    from datetime import datetime

    from pyros.domain.sequence import Sequence, SequenceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute(Request["SequenceEnded"]):
    """Execute one sequence now: slew, filters, focus, exposures. Answered when it ended.

    Attributes:
        sequence: What to observe.
        night: Night label.
        observer: OBSERVER of the frames.
        received_monotonic_s: For alerts: loop time when the packet came in.
        preempt: End what runs INTERRUPTED first (its readout is saved while this one slews);
            without it, a busy sequencer refuses.
    """

    sequence: Sequence
    night: str
    observer: str
    received_monotonic_s: float | None = None
    preempt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortExecution(Message):
    """Abort the hardware and end INTERRUPTED, frames saved; no-op when idle."""

    lane: ClassVar[Lane] = Lane.SAFETY
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceProgress(Message):
    """Event: where the running sequence stands."""

    sequence_id: str
    request_id: str
    name: str
    programme_id: str
    object_name: str
    step: str
    frames_done: int
    frames_asked: int
    started_utc: datetime
    expected_end_utc: datetime
    alert_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceEnded(Message):
    """Event and answer: how a sequence ended; `state` is COMPLETED, INTERRUPTED or FAILED."""

    sequence_id: str
    request_id: str
    state: SequenceState
    reason: str
    frames: int
    used_s: float
    started_utc: datetime
    ended_utc: datetime
    alert_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStage(Message):
    """Event: an alert reached a stage of its trace.

    Attributes:
        alert_id: The event.
        stage: received | stored | parsed | judged | interrupted | slew-command | on-target |
            first-photon | frame-on-disk | ended.
        time_utc: The observatory's time.
        after_ms: Wall milliseconds since the packet was received (loop ms in virtual time).
    """

    alert_id: str
    stage: str
    time_utc: datetime
    after_ms: float
