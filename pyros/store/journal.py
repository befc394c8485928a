"""The journal's rows: appended in batches, read by sequence number and filters, never changed.

A line may be appended in the same transaction as the row it explains (`append_lines` inside another
repository's work). The digest is a SHA-256 over what happened, without what depends on the machine:
keys of the data that start with `wall_` or `path_` are left out at every depth.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, insert, select

from pyros.store.column_types import canonical_json
from pyros.store.schema import journal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from pyros.store.database import Database

MACHINE_KEYS = ("wall_", "path_")
"""Prefixes of keys whose values depend on the machine and not on the night."""

DIGEST_PAGE = 2000

_LAST_SEQ = select(func.coalesce(func.max(journal.c.seq), 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line to be appended; the fields mean what they mean in `actors.journal.messages`."""

    kind: str
    subject: str
    text: str
    time_utc: datetime
    data: Mapping[str, Any]
    severity: str = "info"
    who: str = ""
    cause: str = ""
    trace_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLine:
    """A line as it stands in the journal under its sequence number."""

    seq: int
    line: JournalLine


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFilter:
    """Which lines to read; everything None or empty means all.

    Attributes:
        kinds: Any of these kinds.
        severities: Any of these severities.
        subject: Exactly this subject.
        subject_prefix: Subjects that begin with this, e.g. `/devices/`.
        trace_id: Exactly this trace.
        from_utc: At or after.
        until_utc: Before.
        words: Text that contains this, letter case ignored.
    """

    kinds: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    subject: str | None = None
    subject_prefix: str | None = None
    trace_id: str | None = None
    from_utc: datetime | None = None
    until_utc: datetime | None = None
    words: str | None = None


ALL_LINES = JournalFilter()


def append_lines(connection: Connection, lines: Sequence[JournalLine]) -> tuple[int, ...]:
    """Append lines inside a transaction; their sequence numbers in the order given.

    The numbers are taken from the table inside the transaction, which has the database to itself
    (one writer): a rolled back batch leaves no gap, and a batch is one statement.
    """
    if not lines:
        return ()
    first = int(connection.execute(_LAST_SEQ).scalar_one()) + 1
    rows = [
        {
            "seq": seq,
            "time_utc": line.time_utc,
            "kind": line.kind,
            "severity": line.severity,
            "subject": line.subject,
            "text": line.text,
            "who": line.who,
            "cause": line.cause,
            "trace_id": line.trace_id,
            "data": line.data,
        }
        for seq, line in enumerate(lines, first)
    ]
    connection.execute(insert(journal), rows)
    return tuple(range(first, first + len(rows)))


def filtered(chosen: JournalFilter) -> Select[Any]:
    """The query for the lines that a filter lets through, in no order."""
    query, c = select(journal), journal.c
    if chosen.kinds:
        query = query.where(c.kind.in_(chosen.kinds))
    if chosen.severities:
        query = query.where(c.severity.in_(chosen.severities))
    if chosen.subject is not None:
        query = query.where(c.subject == chosen.subject)
    if chosen.subject_prefix is not None:
        query = query.where(c.subject.startswith(chosen.subject_prefix, autoescape=True))
    if chosen.trace_id is not None:
        query = query.where(c.trace_id == chosen.trace_id)
    if chosen.from_utc is not None:
        query = query.where(c.time_utc >= chosen.from_utc)
    if chosen.until_utc is not None:
        query = query.where(c.time_utc < chosen.until_utc)
    if chosen.words is not None:
        query = query.where(c.text.icontains(chosen.words, autoescape=True))
    return query


def digest_bytes(line: JournalLine) -> bytes:
    """What of a line goes into the digest: everything but values that depend on the machine."""
    return canonical_json(
        {
            "time_utc": line.time_utc.astimezone(UTC),
            "kind": line.kind,
            "severity": line.severity,
            "subject": line.subject,
            "text": line.text,
            "who": line.who,
            "cause": line.cause,
            "trace_id": line.trace_id,
            "data": _without_machine(line.data),
        }
    )


def _without_machine(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_machine(inner)
            for key, inner in value.items()
            if not key.startswith(MACHINE_KEYS)
        }
    if isinstance(value, list):
        return [_without_machine(inner) for inner in value]
    return value


def _written(row: RowMapping) -> WrittenLine:
    fields = {name: value for name, value in row.items() if name != "seq"}
    return WrittenLine(seq=row["seq"], line=JournalLine(**fields))


class JournalRows:
    """The journal of one database.

    Args:
        database: `observatory.db`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, lines: Sequence[JournalLine]) -> tuple[int, ...]:
        """Append lines in one transaction; their sequence numbers in the order given.

        Raises:
            StoreUnavailableError: Nothing was written.
            TypeError: When a line's data holds what is no JSON value.
        """
        return await self._database.write(lambda c: append_lines(c, lines))

    async def read(
        self,
        *,
        since: int = 0,
        until: int | None = None,
        limit: int = 500,
        chosen: JournalFilter = ALL_LINES,
        newest_first: bool = False,
    ) -> list[WrittenLine]:
        """Lines with `since < seq` (and `seq <= until`), oldest first unless asked otherwise."""
        query = filtered(chosen).where(journal.c.seq > since)
        if until is not None:
            query = query.where(journal.c.seq <= until)
        order = journal.c.seq.desc() if newest_first else journal.c.seq
        query = query.order_by(order).limit(limit)
        return await self._database.read(
            lambda c: [_written(row) for row in c.execute(query).mappings()]
        )

    async def last_seq(self) -> int:
        """The newest sequence number, 0 while the journal is empty."""
        return await self._database.read(lambda c: int(c.execute(_LAST_SEQ).scalar_one()))

    async def digest(self, *, since: int = 0, until: int | None = None) -> str:
        """SHA-256, hexadecimal, of the lines `since < seq <= until` in their order."""
        total, last = hashlib.sha256(), since
        while page := await self.read(since=last, until=until, limit=DIGEST_PAGE):
            for written in page:
                total.update(digest_bytes(written.line))
                total.update(b"\n")
            last = page[-1].seq
        return total.hexdigest()
