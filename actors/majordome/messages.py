"""What the majordome says and is told by operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pyros.actor import Lane, Message, Request

if TYPE_CHECKING:
    from datetime import datetime

    from pyros.domain.observatory import Mode, SkyPhase
    from pyros.domain.sequence import Sequence


OPERATOR_ABORT = "aborted by"
"""How the reason of a sequence begins that an operator ended: it is not tried again by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChanged(Message):
    """Event: the observatory entered a mode (also sent to late subscribers on request)."""

    mode: Mode
    previous: Mode
    reason: str
    who: str
    since_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SkyPhaseChanged(Message):
    """Event: the Sun crossed a limit."""

    phase: SkyPhase
    night: str
    time_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDone:
    """Answer to an operator: accepted, with what follows from it."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Request[OperatorDone]):
    """Abort what runs and start nothing new; the dome stays as safety allows."""

    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Request[OperatorDone]):
    """Go on automatically."""

    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortSequence(Request[OperatorDone]):
    """End the running sequence INTERRUPTED and go on with the plan."""

    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDome(Request[OperatorDone]):
    """Close and park now, and stay PAUSED until `Resume`."""

    lane: ClassVar[Lane] = Lane.SAFETY
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOfOpportunity(Message):
    """From the alert handler: observe this now; interrupts what runs if its rank is lower.

    Attributes:
        sequence: What to observe.
        alert_id: The event.
        ivorn: The notice that led to it.
        rank: 1 is the best; a better rank may interrupt a worse one.
        may_interrupt: What it may interrupt: `anything`, `routine` or `nothing`.
        received_monotonic_s: Loop time when the packet came in, for the trace.
        again: It continues or re-points the event's own follow-up: that may be interrupted always.
    """

    lane: ClassVar[Lane] = Lane.SAFETY
    interrupts: ClassVar[bool] = True
    sequence: Sequence
    alert_id: str
    ivorn: str
    rank: int
    may_interrupt: Literal["anything", "routine", "nothing"]
    received_monotonic_s: float
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRank(Message):
    """From the alert handler: how good an event is whose sequence the plan will run.

    A burst that waits for its window is begun by the plan; its rank protects it all the same.
    """

    lane: ClassVar[Lane] = Lane.SAFETY
    alert_id: str
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetractTarget(Message):
    """From the alert handler: the event is retracted; stop its block, release its time."""

    lane: ClassVar[Lane] = Lane.SAFETY
    alert_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareStop(Request[OperatorDone]):
    """The process is stopping: no new work, close, park; answered when verified."""

    reason: str
