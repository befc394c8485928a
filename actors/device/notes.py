"""The journal lines of a device: transitions, ends of commands, calls for a person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.journal.messages import JournalEntry
from pyros.actor.tracing import trace_id_of
from pyros.domain.device import USABLE, CommandStatus, DeviceState

if TYPE_CHECKING:
    from datetime import datetime

    from actors.device.commands import Pending
    from actors.device.messages import DeviceStateChanged
    from actors.journal.messages import Severity
    from pyros.domain.device import CommandOutcome


def transition(subject: str, change: DeviceStateChanged) -> JournalEntry | None:
    """The line for a transition; None for READY <-> BUSY, which commands tell better."""
    if change.old in USABLE and change.new in USABLE:
        return None
    severity: Severity = "info"
    if change.new in {DeviceState.DISABLED, DeviceState.FAULT}:
        severity = "alarm" if change.blocking else "warning"
    elif change.new in USABLE or change.new is DeviceState.MAINTENANCE:
        severity = "notice"
    because = f": {change.reason}" if change.reason else ""
    return JournalEntry(
        kind="transition",
        subject=subject,
        text=f"{change.device} {change.old} -> {change.new}{because}",
        time_utc=change.time_utc,
        data={"old": str(change.old), "new": str(change.new), "reason": change.reason},
        severity=severity,
        who=subject,
    )


def _shown(pending: Pending) -> str:
    args = ", ".join(f"{name}={value}" for name, value in sorted(pending.args.items()))
    return f"{pending.verb}({args})" if args else pending.verb


def command_end(
    subject: str, device: str, pending: Pending, outcome: CommandOutcome
) -> JournalEntry:
    """The line for the end of a command, in the trace of what asked for it."""
    because = f": {outcome.detail}" if outcome.detail else ""
    failed = outcome.status in {CommandStatus.FAILED, CommandStatus.TIMEOUT}
    return JournalEntry(
        kind="command",
        subject=subject,
        text=f"{device} {_shown(pending)} {outcome.status}{because}",
        time_utc=outcome.finished_utc,
        data={
            "command_id": outcome.command_id,
            "verb": outcome.verb,
            "args": dict(pending.args),
            "status": str(outcome.status),
            "detail": outcome.detail,
            "attempts": pending.attempt,
            "started_utc": outcome.started_utc.isoformat(),
        },
        severity="warning" if failed else "info",
        who=subject,
        cause=pending.cause,
        trace_id=trace_id_of(pending.traceparent) or "",
    )


def alarm(subject: str, text: str, time_utc: datetime, **data: object) -> JournalEntry:
    """A line that calls for a person."""
    return JournalEntry(
        kind="alarm",
        subject=subject,
        text=text,
        time_utc=time_utc,
        data=data,
        severity="alarm",
        who=subject,
    )
