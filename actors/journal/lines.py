"""From an entry to the line that the store keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyros.store import JournalLine
from pyros.store.column_types import canonical_json

if TYPE_CHECKING:
    from actors.journal.messages import JournalEntry


def line_of(entry: JournalEntry) -> JournalLine:
    """The line of an entry."""
    return JournalLine(
        kind=entry.kind,
        severity=entry.severity,
        subject=entry.subject,
        text=entry.text,
        time_utc=entry.time_utc,
        who=entry.who,
        cause=entry.cause,
        trace_id=entry.trace_id,
        data=entry.data,
    )


def repaired(line: JournalLine) -> JournalLine:
    """The same line with what is no JSON value in its data replaced by its type's name.

    A faulty caller must not silence the journal; the name, not the value, keeps the digest stable.
    """
    data: dict[str, object] = {}
    for key, value in line.data.items():
        try:
            canonical_json(value)
        except TypeError:
            data[str(key)] = f"unreadable {type(value).__name__}"
        else:
            data[str(key)] = value
    return JournalLine(
        kind=line.kind,
        severity=line.severity,
        subject=line.subject,
        text=line.text,
        time_utc=line.time_utc,
        who=line.who,
        cause=line.cause,
        trace_id=line.trace_id,
        data=data,
    )
