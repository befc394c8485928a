"""Numeric telemetry: batched samples by channel, trends for any width of page, roll-ups, retention.

The hot path hands text and tuples straight to the driver. Raw samples live 30 days, one-minute
roll-ups two years, ten-minute roll-ups for ever. A trend takes the finest table that covers its
span with few enough rows and reduces it to (low, high, mean) per bin, so that a spike never
disappears from a plot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pyros.clock import datetime_from_unix, unix_from_datetime
from pyros.store.errors import StoreConflictError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from pyros.store.database import Database

MINUTE_MS = 60_000
TEN_MINUTES_MS = 600_000
RAW_KEPT = timedelta(days=30)
MINUTES_KEPT = timedelta(days=730)

_INSERT = "INSERT OR REPLACE INTO sample (channel_id, time_ms, value) VALUES (?, ?, ?)"
_ROLL_SAMPLES = """
INSERT OR REPLACE INTO minute (channel_id, time_ms, n, low, high, mean)
SELECT channel_id, time_ms / 60000 * 60000 AS bin, count(*), min(value), max(value), avg(value)
FROM sample WHERE time_ms >= ? AND time_ms < ? GROUP BY channel_id, bin
"""
_ROLL_MINUTES = """
INSERT OR REPLACE INTO ten_minutes (channel_id, time_ms, n, low, high, mean)
SELECT channel_id, time_ms / 600000 * 600000 AS bin, sum(n), min(low), max(high),
       sum(n * mean) / sum(n)
FROM minute WHERE time_ms >= ? AND time_ms < ? GROUP BY channel_id, bin
"""
_TREND_OF_SAMPLES = """
SELECT (time_ms - :origin) / :width AS bin, count(*), min(value), max(value), avg(value)
FROM sample WHERE channel_id = :channel AND time_ms >= :start AND time_ms < :end
GROUP BY bin ORDER BY bin
"""
_TREND_OF_ROLLUP = """
SELECT (time_ms - :origin) / :width AS bin, sum(n), min(low), max(high), sum(n * mean) / sum(n)
FROM {table} WHERE channel_id = :channel AND time_ms >= :start AND time_ms < :end
GROUP BY bin ORDER BY bin
"""
_ROLLED_UNTIL = "SELECT coalesce(max(time_ms), :none) FROM {table} WHERE channel_id = :channel"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one channel at one instant."""

    channel: str
    unit: str
    time_utc: datetime
    value: float


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One bin of a trend: its start, how many samples, and their range and mean."""

    time_utc: datetime
    n: int
    low: float
    high: float
    mean: float


def milliseconds(time_utc: datetime) -> int:
    """Whole milliseconds since 1970-01-01T00:00:00Z, rounded down."""
    return int(unix_from_datetime(time_utc) * 1000.0 // 1.0)


class TelemetryRows:
    """The telemetry of one database (SQLite's own SQL; `telemetry.db`)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._channels: dict[str, int] = {}

    async def load(self) -> None:
        """Read the table of channels; called once when the store opens."""
        rows = await self._database.read(
            lambda c: c.exec_driver_sql("SELECT name, channel_id FROM channel").all()
        )
        self._channels = {row.name: row.channel_id for row in rows}

    async def append(self, samples: Sequence[Sample]) -> None:
        """Write samples in one transaction; a second value at one instant replaces the first.

        Raises:
            StoreUnavailableError: Nothing was written.
        """
        if not samples:
            return
        fresh: dict[str, str] = {}
        for item in samples:
            if item.channel not in self._channels and item.channel not in fresh:
                fresh[item.channel] = item.unit
        first = len(self._channels) + 1
        known = self._channels | {name: first + i for i, name in enumerate(fresh)}
        rows = [(known[item.channel], milliseconds(item.time_utc), item.value) for item in samples]

        def work(connection: Connection) -> None:
            if fresh:
                connection.exec_driver_sql(
                    "INSERT INTO channel (channel_id, name, unit) VALUES (?, ?, ?)",
                    [(known[name], name, unit) for name, unit in fresh.items()],
                )
            connection.exec_driver_sql(_INSERT, rows)

        await self._database.write(work)
        self._channels = known

    async def channels(self) -> dict[str, str]:
        """Units by channel name, in order of name."""
        rows = await self._database.read(
            lambda c: c.exec_driver_sql("SELECT name, unit FROM channel ORDER BY name").all()
        )
        return {row.name: row.unit for row in rows}

    async def latest(self, channel: str) -> Sample | None:
        """The newest sample of a channel."""
        query = (
            "SELECT unit, time_ms, value FROM sample JOIN channel USING (channel_id) "
            "WHERE name = ? ORDER BY time_ms DESC LIMIT 1"
        )
        row = await self._database.read(
            lambda c: c.exec_driver_sql(query, (channel,)).one_or_none()
        )
        if row is None:
            return None
        return Sample(channel, row[0], datetime_from_unix(row[1] / 1000.0), row[2])

    async def samples(
        self, channel: str, *, start_utc: datetime, end_utc: datetime, limit: int = 100_000
    ) -> list[Sample]:
        """Raw samples with `start_utc <= t < end_utc`, oldest first."""
        query = (
            "SELECT unit, time_ms, value FROM sample JOIN channel USING (channel_id) "
            "WHERE name = ? AND time_ms >= ? AND time_ms < ? ORDER BY time_ms LIMIT ?"
        )
        bounds = (channel, milliseconds(start_utc), milliseconds(end_utc), limit)
        rows = await self._database.read(lambda c: c.exec_driver_sql(query, bounds).all())
        return [
            Sample(channel, unit, datetime_from_unix(time_ms / 1000.0), value)
            for unit, time_ms, value in rows
        ]

    async def trend(
        self, channel: str, *, start_utc: datetime, end_utc: datetime, points: int = 500
    ) -> list[TrendPoint]:
        """At most `points` bins over `start_utc <= t < end_utc`; bins without samples are left out.

        Raises:
            StoreConflictError: When the span is empty or `points` is not positive.
        """
        start, end = milliseconds(start_utc), milliseconds(end_utc)
        if end <= start or points < 1:
            raise StoreConflictError(
                f"trend of {channel}: {start_utc.isoformat()} .. {end_utc.isoformat()} in {points} "
                "points is empty; give an end after the start and at least one point"
            )
        width = max(-(-(end - start) // points), 1)
        channel_id = self._channels.get(channel)
        if channel_id is None:
            return []
        bounds = {"origin": start, "width": width, "channel": channel_id, "end": end}
        bins = await self._database.read(lambda c: _bins(c, bounds))
        return [
            TrendPoint(datetime_from_unix((start + index * width) / 1000.0), n, low, high, mean)
            for index, n, low, high, mean in bins
        ]

    async def roll_up(self, *, until_utc: datetime) -> None:
        """Continue both roll-ups up to the last whole minute and ten minutes before an instant."""
        until = milliseconds(until_utc)

        def work(connection: Connection) -> None:
            for table, source, query, step in (
                ("minute", "sample", _ROLL_SAMPLES, MINUTE_MS),
                ("ten_minutes", "minute", _ROLL_MINUTES, TEN_MINUTES_MS),
            ):
                start = connection.exec_driver_sql(
                    f"SELECT coalesce((SELECT max(time_ms) FROM {table}), "  # noqa: S608 - ours
                    f"(SELECT min(time_ms) FROM {source}))"
                ).scalar_one()
                if start is not None:
                    bounds = (start // step * step, until // step * step)
                    connection.exec_driver_sql(query, bounds)

        await self._database.write(work)

    async def forget(self, *, now_utc: datetime) -> int:
        """Delete raw samples older than 30 days and minutes older than two years; rows deleted."""
        raw, minutes = milliseconds(now_utc - RAW_KEPT), milliseconds(now_utc - MINUTES_KEPT)

        def work(connection: Connection) -> int:
            first = connection.exec_driver_sql("DELETE FROM sample WHERE time_ms < ?", (raw,))
            second = connection.exec_driver_sql("DELETE FROM minute WHERE time_ms < ?", (minutes,))
            return first.rowcount + second.rowcount

        return await self._database.write(work)


Bin = tuple[int, int, float, float, float]
"""Index of the bin, number of samples, lowest, highest, mean."""


def _bins(connection: Connection, bounds: dict[str, int]) -> list[Bin]:
    """Roll-ups as far as they reach, raw samples after that."""
    found: list[Bin] = []
    start = bounds["origin"]
    for table, step in (("ten_minutes", TEN_MINUTES_MS), ("minute", MINUTE_MS)):
        if bounds["width"] < 2 * step:
            continue
        newest = connection.exec_driver_sql(
            _ROLLED_UNTIL.format(table=table), {"none": -step, "channel": bounds["channel"]}
        ).scalar_one()
        until = min(newest + step, bounds["end"])
        if until > start:
            query = _TREND_OF_ROLLUP.format(table=table)
            part = connection.exec_driver_sql(query, {**bounds, "start": start, "end": until})
            found += [(*row,) for row in part]
            start = until
    tail = connection.exec_driver_sql(_TREND_OF_SAMPLES, {**bounds, "start": start})
    return _joined([*found, *((*row,) for row in tail)])


def _joined(parts: list[Bin]) -> list[Bin]:
    """One bin for each index: where two tables meet, a bin has a part from each."""
    bins: list[Bin] = []
    for part in parts:
        if bins and bins[-1][0] == part[0]:
            index, n, low, high, mean = bins.pop()
            total = n + part[1]
            mean = (n * mean + part[1] * part[4]) / total
            bins.append((index, total, min(low, part[2]), max(high, part[3]), mean))
        else:
            bins.append(part)
    return bins
