"""What the scheduler says and is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyros.actor import Message, Request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyros.domain.request import Request as ObservingRequest
    from pyros.domain.sequence import Sequence, SequenceState


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledSequence:
    """One placement of a plan."""

    sequence_id: str
    name: str
    programme_id: str
    start_utc: datetime
    end_utc: datetime
    priority: int
    filters: tuple[str, ...]
    ra_deg: float
    dec_deg: float
    bonus: bool = False
    """Beyond its programme's quota, in time that nobody else wants [337-339]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotScheduled:
    """One sequence the plan could not place, and why, with numbers in the sentence."""

    sequence_id: str
    name: str
    programme_id: str
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPublished(Message):
    """Event: a new version of the night's plan."""

    night: str
    version: int
    trigger: str
    scheduled: tuple[ScheduledSequence, ...]
    not_scheduled: tuple[NotScheduled, ...]
    value: float
    input_hash: str
    cpu_s: float
    time_utc: datetime
    tier: str = "first"
    """`first` (of the night), `repair` (instant answer to an event), `search` (background)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeTime:
    """What a programme has, used and reserved this semester, in seconds."""

    programme_id: str
    allocation_s: float
    charged_s: float
    reserved_s: float
    bonus_s: float
    """Done beyond the quota in idle time; not counted."""
    left_s: float
    left_tonight_s: float | None
    """What may still be charged tonight on this telescope; None outside a night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotasChanged(Message):
    """Event: the programmes' accounts are others than those told before."""

    unit: str
    programmes: tuple[ProgrammeTime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceStateChanged(Message):
    """Event: a sequence entered another state; the scheduler is the only one who moves states."""

    sequence_id: str
    request_id: str
    name: str
    old: SequenceState
    new: SequenceState
    reason: str
    time_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StartNight(Request[PlanPublished]):
    """First schedule of a night: a new frame; from the majordome at night start."""

    night: str
    dark_start_utc: datetime
    dark_end_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndNight(Request[Message]):
    """No more starts: carry over or expire what was not done. Answers the final `NightClosed`."""

    night: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NightClosed(Message):
    """Event: every sequence of the night stands in a final state."""

    night: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replan(Message):
    """Make a new plan from now (first_schedule=False); bursts of these coalesce."""

    trigger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextSequence:
    """What to execute next and when; `start_utc` may lie ahead."""

    sequence: Sequence
    start_utc: datetime
    end_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GetNext(Request["NextSequence | None"]):
    """Ask what comes next; None when nothing is left tonight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceBegun(Message):
    """From the majordome: this sequence is EXECUTING now (routine or alert)."""

    sequence: Sequence
    expected_end_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit(Request["tuple[str, ...]"]):
    """Add a request (routine or alert); answers the ids accepted, or is `Rejected`.

    A routine request beyond what its programme's semester has left is `Rejected` with all its
    sequences; an alert's waives the quota.
    """

    request: ObservingRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Message):
    """An alert's sequences that have not begun are not wanted any more; their time is free."""

    alert_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAvailability(Message):
    """Which channels work now; sequences that need a lost one become UNPLANNABLE."""

    available: tuple[str, ...]
