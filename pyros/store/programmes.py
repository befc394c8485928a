"""Programmes and the ledger of their time, to which charges and refunds are only ever added."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete, func, insert, select

from pyros.domain.programme import Grade, ScientificProgramme
from pyros.store.schema import programme, quota_ledger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from pyros.store.database import Database

LedgerKind = Literal["charge", "refund"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """Time taken from a programme, or given back.

    Attributes:
        programme_id: Whose time.
        night: Night label, e.g. `2026-11-23`.
        sequence_id: For what.
        kind: `charge` or `refund`.
        seconds: How much, never negative.
        reason: One sentence.
        time_utc: When it was booked.
    """

    programme_id: str
    night: str
    sequence_id: str
    kind: LedgerKind
    seconds: float
    reason: str
    time_utc: datetime

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

    async def used_s(
        self, *, from_night: str | None = None, until_night: str | None = None
    ) -> dict[str, float]:
        """Seconds charged less refunded, by programme, from one night to another inclusive."""
        c = quota_ledger.c
        query = select(c.programme_id, c.kind, func.sum(c.seconds)).group_by(c.programme_id, c.kind)
        if from_night is not None:
            query = query.where(c.night >= from_night)
        if until_night is not None:
            query = query.where(c.night <= until_night)
        totals: dict[str, float] = {}
        rows = await self._database.read(lambda conn: conn.execute(query).all())
        for programme_id, kind, seconds in rows:
            sign = 1.0 if kind == "charge" else -1.0
            totals[programme_id] = totals.get(programme_id, 0.0) + sign * seconds
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
