"""What the scheduler writes down: journal lines of moves, and plan versions for the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.journal.messages import JournalEntry, Severity
from actors.scheduler.messages import SequenceStateChanged
from pyros.domain.sequence import SequenceState
from pyros.store import JournalLine, Placement, PlanHead, PlanVersion, Refusal, StateMove

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from actors.scheduler.book import Entry, Move
    from actors.scheduler.ledger import Closing
    from actors.scheduler.messages import PlanPublished
    from pyros.domain.request import Request
    from pyros.store import LedgerEntry

_LOUD: dict[SequenceState, Severity] = {
    SequenceState.FAILED: "warning",
    SequenceState.INTERRUPTED: "notice",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Moves and bookings that belong into one transaction."""

    moves: list[Move]
    bookings: list[LedgerEntry]
    closings: tuple[Closing, ...] = ()
    """What they do to the programmes' accounts."""


def state_move(move: Move, time_utc: datetime) -> StateMove:
    """A move as the store takes it."""
    return StateMove(
        sequence_id=move.sequence_id,
        old=move.old,
        new=move.new,
        reason=move.reason,
        time_utc=time_utc,
    )


def entry_of_line(line: JournalLine) -> JournalEntry:
    """A stored line as the event that everyone knows."""
    return JournalEntry(
        kind="transition",
        subject=line.subject,
        text=line.text,
        time_utc=line.time_utc,
        data=line.data,
        severity=_LOUD.get(SequenceState(line.data["to"]), "info"),
        who=line.who,
    )


def plan_entry(path: str, published: PlanPublished) -> JournalEntry:
    """The journal's line about a new plan."""
    return JournalEntry(
        kind="plan",
        subject=path,
        text=f"plan {published.version} of {published.night} ({published.tier}; "
        f"{published.trigger}): {len(published.scheduled)} scheduled, "
        f"{len(published.not_scheduled)} not",
        time_utc=published.time_utc,
        data={
            "version": published.version,
            "tier": published.tier,
            "trigger": published.trigger,
            "scheduled": len(published.scheduled),
            "not_scheduled": len(published.not_scheduled),
            "value": round(published.value, 3),
            "input_hash": published.input_hash,
            "wall_cpu_s": published.cpu_s,
        },
        who="scheduler",
    )


def line_of_move(move: Move, time_utc: datetime) -> JournalLine:
    """The line that explains a move."""
    because = f": {move.reason}" if move.reason else ""
    return JournalLine(
        kind="transition",
        subject=move.sequence_id,
        text=f"{move.old} -> {move.new}{because}",
        time_utc=time_utc,
        data={"from": move.old.value, "to": move.new.value, "reason": move.reason},
        severity=_LOUD.get(move.new, "info"),
        who="scheduler",
    )


def plan_version(published: PlanPublished) -> PlanVersion:
    """A published plan as the store keeps it."""
    return PlanVersion(
        head=PlanHead(
            night=published.night,
            version=published.version,
            trigger=published.trigger,
            value=published.value,
            input_hash=published.input_hash,
            cpu_s=published.cpu_s,
            time_utc=published.time_utc,
        ),
        placements=tuple(
            Placement(
                sequence_id=item.sequence_id,
                name=item.name,
                programme_id=item.programme_id,
                start_utc=item.start_utc,
                end_utc=item.end_utc,
                priority=item.priority,
                filters=item.filters,
                ra_deg=item.ra_deg,
                dec_deg=item.dec_deg,
                bonus=item.bonus,
            )
            for item in published.scheduled
        ),
        refusals=tuple(
            Refusal(
                sequence_id=item.sequence_id,
                name=item.name,
                programme_id=item.programme_id,
                code=item.code,
                text=item.text,
            )
            for item in published.not_scheduled
        ),
    )


def refused_entry(request: Request, reason: str, time_utc: datetime) -> JournalEntry:
    """The journal's line about a request of every night that is not taken in."""
    return JournalEntry(
        kind="decision",
        subject=request.request_id,
        text=reason,
        time_utc=time_utc,
        data={"programme_id": request.programme_id, "sequences": len(request.sequences)},
        severity="warning",
        who="scheduler",
    )


def availability_trigger(before: Iterable[str], after: Iterable[str]) -> str:
    """What a change of working channels is called in the journal."""
    had, has = set(before), set(after)
    return "; ".join(
        [f"{channel} lost" for channel in sorted(had - has)]
        + [f"{channel} back" for channel in sorted(has - had)]
    )


def state_changed(move: Move, entry: Entry, time_utc: datetime) -> SequenceStateChanged:
    """The event that tells everyone of a move."""
    return SequenceStateChanged(
        sequence_id=move.sequence_id,
        request_id=entry.request.request_id,
        name=entry.sequence.name,
        old=move.old,
        new=move.new,
        reason=move.reason,
        time_utc=time_utc,
    )
