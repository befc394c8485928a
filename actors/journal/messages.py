"""What goes into the journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyros.actor import Message, Request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


Severity = Literal["info", "notice", "warning", "alarm"]
JournalKind = Literal[
    "transition", "decision", "command", "alarm", "operator", "alert", "plan", "frame", "system"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry(Message):
    """Event: something that matters; anyone publishes, the journal writes it down.

    Attributes:
        kind: What sort of entry.
        subject: What it is about: an actor's path, a sequence id, an alert id.
        text: One sentence for people.
        data: Inputs and numbers, JSON values only; wall times and absolute paths go under keys
            that start with `wall_` or `path_` and are left out of the digest.
        severity: How loud.
        who: Operator, or the actor that decided.
        cause: Id of what led to it, when known.
        trace_id: Trace the entry belongs to; the journal fills in that of its publication.
        time_utc: When it happened.
    """

    kind: JournalKind
    subject: str
    text: str
    time_utc: datetime
    data: Mapping[str, object]
    severity: Severity = "info"
    who: str = ""
    cause: str = ""
    trace_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalWritten(Message):
    """Event: an entry is on disk under this sequence number."""

    seq: int
    entry: JournalEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush(Request[int]):
    """Commit everything received so far; answers the last sequence number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDigest(Request[str]):
    """Commit everything received so far; answers the digest of the lines after `since`."""

    since: int = 0
