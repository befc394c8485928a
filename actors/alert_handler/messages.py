"""What the alert handler says and is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyros.actor import Message, Request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertUpdated(Message):
    """Event: an alert event as it stands after a notice, a decision or a stage of its trace.

    Attributes:
        alert_id: PyROS's id of the event.
        state: State of the alert's state machine.
        ivorn: Latest notice.
        stream: Where it comes from, e.g. `swift-bat`.
        decision: `accepted`, `ignored`, `merged`, `retracted`.
        reasons: Sentences with numbers.
        t0_utc: Trigger time.
        ra_deg: ICRS, None without position.
        dec_deg: ICRS, None without position.
        error_deg: Radius of the error region, None when unknown.
        injected: An operator's test.
        received_utc: When its first packet came in.
        stages: Milliseconds after receipt of each stage reached.
        sequence_id: The follow-up sequence, None when there is none.
        strategy: By which it is followed up, None when it is not.
    """

    alert_id: str
    state: str
    ivorn: str
    stream: str
    decision: str
    reasons: tuple[str, ...]
    t0_utc: datetime | None
    ra_deg: float | None
    dec_deg: float | None
    error_deg: float | None
    injected: bool
    received_utc: datetime
    stages: Mapping[str, float]
    sequence_id: str | None
    strategy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedStrategy:
    """One strategy as people choose it.

    Attributes:
        name: Unique name.
        rank: 1 is the best.
        summary: One sentence.
    """

    name: str
    rank: int
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategiesInForce(Message):
    """Event: the strategies there are, after a start, an edit of the files or a switch.

    Attributes:
        strategies: In the order they are tried.
        default: Name of the one that is taken when none applies.
        changes: Changes made at run time that lie over the files.
        classes: Classes of bursts that may act, for events entered by hand.
    """

    strategies: tuple[LoadedStrategy, ...]
    default: str
    changes: int
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectTestAlert(Request[str]):
    """Build and receive a test alert (source `injected`); answers its ivorn.

    Attributes:
        kind: Template, e.g. `swift-bat`, `svom-eclairs`, `fermi-gbm`.
        ra_deg: ICRS; None lets the handler choose a point that is well up now.
        dec_deg: ICRS; likewise.
        who: Operator.
        why: Reason given.
    """

    kind: str
    ra_deg: float | None
    dec_deg: float | None
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteByHand(Request[str]):
    """An expert's new burst, or a better position of a known one; answers the notice's id.

    It is judged like any notice, and its position is taken before all others of its event.

    Attributes:
        alert_id: Event to be corrected; None for a new one.
        t0_utc: When it burst; None takes the event's, and is an error for a new event.
        ra_deg: ICRS.
        dec_deg: ICRS.
        error_deg: Radius that holds 90 %.
        classification: "GRB", "GW", ...; None takes the event's, "GRB" for a new one.
        who: Expert.
        why: On what grounds, e.g. "GCN Circular 41234".
    """

    alert_id: str | None
    t0_utc: datetime | None
    ra_deg: float
    dec_deg: float
    error_deg: float
    classification: str | None = None
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopFollowUp(Request[str]):
    """An expert ends an event's follow-up for good; what runs stops, what waits is released."""

    alert_id: str
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFollowUp(Request[str]):
    """An expert has an event followed up by another strategy, from now on and at once."""

    alert_id: str
    strategy: str
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchStrategy(Request[str]):
    """Make another strategy the default; None takes every change made at run time off again."""

    name: str | None
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStrategies(Request[str]):
    """A science centre's JSON: another default, or strategies replaced or added.

    Attributes:
        raw: The file's bytes.
        origin: Where they come from, for the journal.
    """

    raw: bytes
    origin: str
