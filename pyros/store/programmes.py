"""Programmes, the ledger of their time (only ever added to), and what each has left.

The accounts are derived, never stored: the allocation is the programme's, what is charged is the
ledger's sum, what is reserved belongs to the sequences that may yet be executed. So after a crash,
or with several telescopes, there is one truth.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import and_, delete, func, insert, or_, select

from pyros.domain.programme import Grade, ScientificProgramme
from pyros.domain.sequence import SequenceState, holds_time
from pyros.scheduling.quota_ledger import Account
from pyros.store.schema import programme, quota_ledger, request, sequence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from pyros.store.database import Database

LedgerKind = Literal["charge", "refund", "bonus"]
_SIGN = {"charge": 1.0, "refund": -1.0, "bonus": 0.0}
_HOLDING = [s.value for s in SequenceState if holds_time(s, carry_over=False)]
_HOLDING_CARRIED = [s.value for s in SequenceState if holds_time(s, carry_over=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """Time taken from a programme, or given back.

    Attributes:
        programme_id: Whose time.
        night: Night label, e.g. `2026-11-23`.
        sequence_id: For what.
        kind: `charge`; `refund` of a charge; or `bonus`, time beyond the quota that nobody else
            wanted and that does not count.
        seconds: How much, never negative.
        reason: One sentence.
        time_utc: When it was booked.
        telescope: Where it was used; empty for what is booked by hand.
    """

    programme_id: str
    night: str
    sequence_id: str
    kind: LedgerKind
    seconds: float
    reason: str
    time_utc: datetime
    telescope: str = ""

    def __post_init__(self) -> None:
        """Refuse negative amounts, which would turn a charge into a refund.

        Raises:
            ValueError: When `seconds` is negative.
        """
        if not self.seconds >= 0.0:
            raise ValueError(
                f"quota ledger, {self.sequence_id}: {self.kind} of {self.seconds} s is negative; "
                "book the other kind"
            )


def append_ledger(connection: Connection, entries: Sequence[LedgerEntry]) -> None:
    """Add entries inside a transaction."""
    if entries:
        connection.execute(insert(quota_ledger), [asdict(entry) for entry in entries])


def read_accounts(connection: Connection, *, programme_id: str | None = None) -> dict[str, Account]:
    """Accounts as they stand inside a transaction, by programme id.

    Args:
        connection: In a transaction.
        programme_id: Only this one, and nobody else may take of it before the transaction ends.
    """
    heads = select(programme).order_by(programme.c.programme_id)
    if programme_id is not None:
        heads = heads.where(programme.c.programme_id == programme_id).with_for_update()
    rows = connection.execute(heads).mappings().all()
    reserved_s = _reserved_s(connection, programme_id)
    return {row["programme_id"]: _account(connection, row, reserved_s) for row in rows}


def _account(connection: Connection, row: RowMapping, reserved_s: Mapping[str, float]) -> Account:
    identity = row["programme_id"]
    c = quota_ledger.c
    of_semester = (
        select(c.kind, func.sum(c.seconds))
        .where(c.programme_id == identity, c.night >= (row["semester_from"] or ""))
        .group_by(c.kind)
    )
    booked_s: dict[str, float] = {row.kind: row[1] for row in connection.execute(of_semester)}
    return Account(
        programme=identity,
        allocation_s=row["semester_quota_s"],
        night_share=row["night_share"],
        charged_s=sum(_SIGN[kind] * total for kind, total in sorted(booked_s.items())),
        reserved_s=reserved_s.get(identity, 0.0),
        bonus_s=booked_s.get("bonus", 0.0),
    )


def _reserved_s(connection: Connection, programme_id: str | None) -> dict[str, float]:
    """Seconds held by sequences that may yet be executed."""
    c = sequence.c
    query = (
        select(c.programme_id, func.sum(c.reserved_s))
        .join(request, request.c.request_id == c.request_id)
        .where(
            request.c.closed_utc.is_(None),
            or_(
                c.state.in_(_HOLDING),
                and_(c.carry_over, c.state.in_(_HOLDING_CARRIED)),
            ),
        )
        .group_by(c.programme_id)
    )
    if programme_id is not None:
        query = query.where(c.programme_id == programme_id)
    return {row.programme_id: row[1] for row in connection.execute(query)}


def _programme(row: RowMapping) -> ScientificProgramme:
    return ScientificProgramme(**{**row, "grade": Grade(row["grade"])})


class ProgrammeRows:
    """Programmes and their ledger in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, programmes: Sequence[ScientificProgramme]) -> None:
        """Add programmes or replace those with the same ids."""
        rows = [{**asdict(item), "grade": item.grade.value} for item in programmes]
        ids = [item.programme_id for item in programmes]

        def work(connection: Connection) -> None:
            connection.execute(delete(programme).where(programme.c.programme_id.in_(ids)))
            if rows:
                connection.execute(insert(programme), rows)

        await self._database.write(work)

    async def all(self) -> list[ScientificProgramme]:
        """Every programme, by id."""
        query = select(programme).order_by(programme.c.programme_id)
        return await self._database.read(
            lambda c: [_programme(row) for row in c.execute(query).mappings()]
        )

    async def book(self, entries: Sequence[LedgerEntry]) -> None:
        """Add entries to the ledger."""
        await self._database.write(lambda c: append_ledger(c, entries))

    async def accounts(self) -> dict[str, Account]:
        """What each programme has, used and reserved this semester, by id."""
        return await self._database.read(read_accounts)

    async def used_s(
        self,
        *,
        from_night: str | None = None,
        until_night: str | None = None,
        telescope: str | None = None,
    ) -> dict[str, float]:
        """Seconds charged less refunded, by programme, from one night to another inclusive.

        Bonus is not counted; time of all telescopes is, unless one is named.
        """
        c = quota_ledger.c
        query = select(c.programme_id, c.kind, func.sum(c.seconds)).group_by(c.programme_id, c.kind)
        if from_night is not None:
            query = query.where(c.night >= from_night)
        if until_night is not None:
            query = query.where(c.night <= until_night)
        if telescope is not None:
            query = query.where(c.telescope == telescope)
        totals: dict[str, float] = {}
        rows = await self._database.read(lambda conn: conn.execute(query).all())
        for programme_id, kind, seconds in rows:
            totals[programme_id] = totals.get(programme_id, 0.0) + _SIGN[kind] * seconds
        return totals

    async def ledger(self, programme_id: str, *, limit: int = 1000) -> list[LedgerEntry]:
        """The newest entries of one programme, newest first."""
        query = (
            select(quota_ledger)
            .where(quota_ledger.c.programme_id == programme_id)
            .order_by(quota_ledger.c.entry_id.desc())
            .limit(limit)
        )

        def work(connection: Connection) -> list[LedgerEntry]:
            rows = connection.execute(query).mappings()
            return [
                LedgerEntry(**{name: value for name, value in row.items() if name != "entry_id"})
                for row in rows
            ]

        return await self._database.read(work)
