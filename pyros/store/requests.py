"""Requests and their sequences: what was asked, and the state in which each sequence stands.

A change of state, the journal line that explains it and the quota entry that pays for it are one
transaction (`RequestRows.move`). The store keeps states; which may follow which is the scheduler's
rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, update

from pyros.domain.sequence import FINAL_STATES, SequenceState
from pyros.scheduling.quota_ledger import submit
from pyros.store.errors import StoreConflictError
from pyros.store.journal import append_lines
from pyros.store.programmes import append_ledger, read_accounts
from pyros.store.request_rows import request_from_rows, rows_of_request
from pyros.store.schema import album, exposure_plan, request, sequence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence as Many
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from pyros.domain.request import Request
    from pyros.store.database import Database
    from pyros.store.journal import JournalLine
    from pyros.store.programmes import LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """The state of one sequence."""

    sequence_id: str
    request_id: str
    state: SequenceState
    reason: str
    since_utc: datetime
    reserved_s: float = 0.0
    """Seconds of its programme's semester that were set aside for it when it was submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMove:
    """A sequence leaves one state for another.

    Attributes:
        sequence_id: Which.
        old: The state it is believed to be in.
        new: The state it enters.
        reason: One sentence.
        time_utc: When.
    """

    sequence_id: str
    old: SequenceState
    new: SequenceState
    reason: str
    time_utc: datetime


_MOVE = (
    update(sequence)
    .where(sequence.c.sequence_id == bindparam("which"), sequence.c.state == bindparam("old"))
    .values(
        state=bindparam("new"), state_reason=bindparam("why"), state_since_utc=bindparam("since")
    )
)


def move_states(connection: Connection, moves: Many[StateMove]) -> None:
    """Move sequences inside a transaction, in the order given.

    Raises:
        StoreConflictError: When a sequence is not in the state its move starts from.
    """
    for move in moves:
        changed = connection.execute(
            _MOVE,
            {
                "which": move.sequence_id,
                "old": move.old.value,
                "new": move.new.value,
                "why": move.reason,
                "since": move.time_utc,
            },
        )
        if changed.rowcount != 1:
            found = connection.execute(
                select(sequence.c.state).where(sequence.c.sequence_id == move.sequence_id)
            ).scalar_one_or_none()
            raise StoreConflictError(
                f"sequence {move.sequence_id}: cannot move {move.old.value} -> {move.new.value}: "
                f"it is {found or 'not stored'}; read its state again"
            )


def _reserve(connection: Connection, item: Request, seconds: float) -> None:
    """See that the programme's semester has so much left; nobody takes it before the end."""
    accounts = read_accounts(connection, programme_id=item.programme_id)
    account = accounts.get(item.programme_id)
    if account is None:
        raise StoreConflictError(
            f"request {item.request_id}: programme {item.programme_id} is not stored; save it first"
        )
    submit(account, seconds)


class RequestRows:
    """Requests and sequences in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        item: Request,
        *,
        submitted_by: str,
        submitted_utc: datetime,
        state: SequenceState = SequenceState.SUBMITTED,
        reason: str = "",
        lines: Many[JournalLine] = (),
        reserved_s: Mapping[str, float] | None = None,
    ) -> tuple[int, ...]:
        """Store a request with all its sequences in `state`, and journal lines, in one transaction.

        Args:
            item: The request.
            submitted_by: Who asks.
            submitted_utc: When.
            state: Of all its sequences.
            reason: Why they are in that state.
            lines: Of the journal.
            reserved_s: Seconds to set aside for each sequence, by id; those left out (an alert's)
                waive the quota.

        Returns:
            Sequence numbers of the lines.

        Raises:
            QuotaExceededError: When the programme's semester has less left; nothing is stored.
            StoreConflictError: When one of the ids is taken, or time is to be reserved for a
                programme that is not stored.
        """
        wanted_s = dict(reserved_s or {})
        rows = rows_of_request(
            item,
            submitted_by=submitted_by,
            submitted_utc=submitted_utc,
            state=state,
            reason=reason,
        )
        for row in rows.sequences:
            row["reserved_s"] = wanted_s.get(row["sequence_id"], 0.0)

        def work(connection: Connection) -> tuple[int, ...]:
            if wanted_s:
                _reserve(connection, item, sum(wanted_s.values()))
            connection.execute(insert(request), rows.request)
            for table, many in (
                (sequence, rows.sequences),
                (album, rows.albums),
                (exposure_plan, rows.plans),
            ):
                if many:
                    connection.execute(insert(table), many)
            return append_lines(connection, lines)

        return await self._database.write(work)

    async def get(self, request_id: str) -> Request | None:
        """One request, None when there is none of that id."""
        found = await self._load(select(request).where(request.c.request_id == request_id))
        return found[0] if found else None

    async def open_requests(self) -> list[Request]:
        """Requests not closed yet, in the order submitted: what the scheduler starts from."""
        return await self._load(
            select(request)
            .where(request.c.closed_utc.is_(None))
            .order_by(request.c.submitted_utc, request.c.request_id)
        )

    async def closed(self, request_ids: Many[str]) -> list[str]:
        """Those of these requests that are closed, sorted."""
        query = (
            select(request.c.request_id)
            .where(request.c.request_id.in_(list(request_ids)), request.c.closed_utc.is_not(None))
            .order_by(request.c.request_id)
        )
        return await self._database.read(lambda c: list(c.execute(query).scalars()))

    async def _load(self, query: Select[tuple[object, ...]]) -> list[Request]:
        def work(connection: Connection) -> list[Request]:
            heads = connection.execute(query).mappings().all()
            return [request_from_rows(connection, head) for head in heads]

        return await self._database.read(work)

    async def states(self, request_ids: Many[str] | None = None) -> dict[str, StoredState]:
        """Each sequence's state by its id: of these requests, or of every request not closed."""
        c = sequence.c
        query = select(
            c.sequence_id, c.request_id, c.state, c.state_reason, c.state_since_utc, c.reserved_s
        )
        if request_ids is None:
            query = query.join(request).where(request.c.closed_utc.is_(None))
        else:
            query = query.where(c.request_id.in_(list(request_ids)))
        query = query.order_by(c.request_id, c.position)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {
            row.sequence_id: StoredState(
                sequence_id=row.sequence_id,
                request_id=row.request_id,
                state=SequenceState(row.state),
                reason=row.state_reason,
                since_utc=row.state_since_utc,
                reserved_s=row.reserved_s,
            )
            for row in rows
        }

    async def move(
        self,
        moves: Many[StateMove],
        *,
        lines: Many[JournalLine] = (),
        ledger: Many[LedgerEntry] = (),
    ) -> tuple[int, ...]:
        """Move sequences, write journal lines and book quota in one transaction: all or nothing.

        Returns:
            Sequence numbers of the lines.

        Raises:
            StoreConflictError: When a sequence is not in the state its move starts from.
        """

        def work(connection: Connection) -> tuple[int, ...]:
            move_states(connection, moves)
            append_ledger(connection, ledger)
            return append_lines(connection, lines)

        return await self._database.write(work)

    async def close(
        self, request_id: str, *, time_utc: datetime, lines: Many[JournalLine] = ()
    ) -> tuple[int, ...]:
        """Note that a request is finished: it is no longer loaded, its directory loses `_active`.

        Raises:
            StoreConflictError: When a sequence of it is not in a final state.
        """
        unfinished = (
            select(sequence.c.sequence_id)
            .where(
                sequence.c.request_id == request_id,
                sequence.c.state.not_in([state.value for state in sorted(FINAL_STATES)]),
            )
            .order_by(sequence.c.position)
        )

        def work(connection: Connection) -> tuple[int, ...]:
            left = connection.execute(unfinished).scalars().all()
            if left:
                raise StoreConflictError(
                    f"request {request_id}: cannot close while {', '.join(left)} "
                    "is not in a final state"
                )
            connection.execute(
                update(request)
                .where(request.c.request_id == request_id)
                .values(closed_utc=time_utc)
            )
            return append_lines(connection, lines)

        return await self._database.write(work)
