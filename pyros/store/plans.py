"""Plan versions of each night: what was placed, what was not and why, and from which inputs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from pyros.store.journal import append_lines
from pyros.store.schema import night_plan, placement, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping, Table

    from pyros.store.database import Database
    from pyros.store.journal import JournalLine

_KEYS = ("night", "version", "position")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One placed sequence; fields as in the scheduler's `ScheduledSequence`."""

    sequence_id: str
    name: str
    programme_id: str
    start_utc: datetime
    end_utc: datetime
    priority: int
    filters: tuple[str, ...]
    ra_deg: float
    dec_deg: float
    bonus: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One sequence that could not be placed; fields as in the scheduler's `NotScheduled`."""

    sequence_id: str
    name: str
    programme_id: str
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHead:
    """A plan version without its contents.

    Attributes:
        night: Night label.
        version: 1, 2, ... within the night.
        trigger: What asked for it.
        value: The planner's objective.
        input_hash: Hash of everything the planner was given.
        cpu_s: Seconds the planner took (wall; not part of any digest).
        time_utc: When it was made.
    """

    night: str
    version: int
    trigger: str
    value: float
    input_hash: str
    cpu_s: float
    time_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanVersion:
    """A plan version with all it placed and all it refused."""

    head: PlanHead
    placements: tuple[Placement, ...]
    refusals: tuple[Refusal, ...]


class PlanRows:
    """Plan versions in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, plan: PlanVersion, *, lines: Sequence[JournalLine] = ()) -> tuple[int, ...]:
        """Store a version and its journal lines in one transaction.

        Raises:
            StoreConflictError: When that version of the night exists.
        """
        key = {"night": plan.head.night, "version": plan.head.version}
        placed = [
            {**_fields(item), **key, "position": position, "filters": list(item.filters)}
            for position, item in enumerate(plan.placements)
        ]
        refused = [
            {**_fields(item), **key, "position": position}
            for position, item in enumerate(plan.refusals)
        ]

        def work(connection: Connection) -> tuple[int, ...]:
            connection.execute(insert(night_plan), asdict(plan.head))
            if placed:
                connection.execute(insert(placement), placed)
            if refused:
                connection.execute(insert(refusal), refused)
            return append_lines(connection, lines)

        return await self._database.write(work)

    async def last_version(self, night: str) -> int:
        """The newest version of a night, 0 when it has no plan."""
        query = select(func.coalesce(func.max(night_plan.c.version), 0)).where(
            night_plan.c.night == night
        )
        return await self._database.read(lambda c: int(c.execute(query).scalar_one()))

    async def versions(self, night: str) -> list[PlanHead]:
        """Heads of all versions of a night, oldest first."""
        query = select(night_plan).where(night_plan.c.night == night).order_by(night_plan.c.version)
        return await self._database.read(
            lambda c: [PlanHead(**row) for row in c.execute(query).mappings()]
        )

    async def get(self, night: str, version: int | None = None) -> PlanVersion | None:
        """One version of a night, the newest by default; None when there is none."""
        query = select(night_plan).where(night_plan.c.night == night)
        if version is not None:
            query = query.where(night_plan.c.version == version)
        query = query.order_by(night_plan.c.version.desc()).limit(1)

        def work(connection: Connection) -> PlanVersion | None:
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                return None
            head = PlanHead(**row)
            return PlanVersion(
                head=head,
                placements=tuple(_placement(item) for item in _of(connection, placement, head)),
                refusals=tuple(
                    Refusal(**_without_key(item)) for item in _of(connection, refusal, head)
                ),
            )

        return await self._database.read(work)

    async def refusals_of(
        self, sequence_id: str, *, limit: int = 50
    ) -> list[tuple[PlanHead, Refusal]]:
        """Why a sequence was not placed, newest plan first: the answer to "why not this one?"."""
        query = (
            select(refusal, night_plan)
            .join(night_plan)
            .where(refusal.c.sequence_id == sequence_id)
            .order_by(night_plan.c.night.desc(), night_plan.c.version.desc())
            .limit(limit)
        )

        def work(connection: Connection) -> list[tuple[PlanHead, Refusal]]:
            found = []
            for row in connection.execute(query):
                head = PlanHead(**{c.name: row._mapping[c] for c in night_plan.c})  # noqa: SLF001 - SQLAlchemy's public name
                why = {
                    c.name: row._mapping[c]  # noqa: SLF001 - SQLAlchemy's public name
                    for c in refusal.c
                    if c.name not in _KEYS
                }
                found.append((head, Refusal(**why)))
            return found

        return await self._database.read(work)


def _fields(item: Placement | Refusal) -> dict[str, Any]:
    return asdict(item)


def _of(connection: Connection, table: Table, head: PlanHead) -> Sequence[RowMapping]:
    query = (
        select(table)
        .where(table.c.night == head.night, table.c.version == head.version)
        .order_by(table.c.position)
    )
    return connection.execute(query).mappings().all()


def _without_key(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _KEYS}


def _placement(row: RowMapping) -> Placement:
    fields = _without_key(row)
    return Placement(**{**fields, "filters": tuple(fields["filters"])})
