"""One row per night: when it began and ended, and its summary for the night report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from pyros.store.schema import night

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from pyros.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRecord:
    """A night.

    Attributes:
        night: Its label, e.g. `2026-11-23`.
        started_utc: First seen.
        ended_utc: Closed, None while it lasts.
        summary: Counts and figures, JSON values; empty until it is closed.
    """

    night: str
    started_utc: datetime
    ended_utc: datetime | None
    summary: Mapping[str, Any]


class NightRows:
    """The nights of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, label: str, *, started_utc: datetime) -> None:
        """Note that a night began; a second time (after a restart) changes nothing."""

        def work(connection: Connection) -> None:
            known = connection.execute(select(night.c.night).where(night.c.night == label))
            if known.scalar_one_or_none() is None:
                connection.execute(
                    insert(night),
                    {"night": label, "started_utc": started_utc, "ended_utc": None, "summary": {}},
                )

        await self._database.write(work)

    async def close(self, label: str, *, ended_utc: datetime, summary: Mapping[str, Any]) -> None:
        """Write the summary of a night that ended; beginning it is implied."""

        def work(connection: Connection) -> None:
            values = {"ended_utc": ended_utc, "summary": summary}
            changed = connection.execute(
                update(night).where(night.c.night == label).values(**values)
            )
            if changed.rowcount == 0:
                connection.execute(
                    insert(night), {"night": label, "started_utc": ended_utc, **values}
                )

        await self._database.write(work)

    async def get(self, label: str) -> NightRecord | None:
        """One night."""
        query = select(night).where(night.c.night == label)

        def work(connection: Connection) -> NightRecord | None:
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else NightRecord(**row)

        return await self._database.read(work)

    async def recent(self, *, limit: int = 60) -> list[NightRecord]:
        """The newest nights, newest first."""
        query = select(night).order_by(night.c.night.desc()).limit(limit)
        return await self._database.read(
            lambda c: [NightRecord(**row) for row in c.execute(query).mappings()]
        )
