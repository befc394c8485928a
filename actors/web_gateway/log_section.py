"""Journal entries as lines of the pages' log, and how far the journal is on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.journal.messages import JournalEntry, JournalWritten
from actors.web_gateway.changes import Append, Change, Json, Put
from actors.web_gateway.json_values import instant, plain

if TYPE_CHECKING:
    from actors.web_gateway.live_model import LiveModel


def entry_record(entry: JournalEntry) -> dict[str, Json]:
    """A journal entry as a JSON object."""
    return {
        "time_utc": instant(entry.time_utc),
        "kind": entry.kind,
        "severity": entry.severity,
        "subject": entry.subject,
        "text": entry.text,
        "who": entry.who,
        "cause": entry.cause,
        "trace_id": entry.trace_id,
        "data": plain(dict(entry.data)),
    }


def line(event: JournalEntry | JournalWritten, model: LiveModel) -> list[Change]:
    """A line for the log as soon as it is said; its number when it is on disk.

    The line does not wait for the disk: with the database gone the page still tells what happens.
    """
    if isinstance(event, JournalWritten):
        known = model.record("journal").get("seq")
        newest = max(event.seq, known if isinstance(known, int) else 0)
        return [Put(key="journal", value={"seq": newest})]
    return [Append(stream="log", item=entry_record(event))]
