"""The tables of `telemetry.db`: channels, raw samples, and their roll-ups.

Numeric readings only, by channel `unit/device/property`. Times are integer milliseconds since
1970-01-01T00:00:00Z. A row of samples is 23 bytes because the tables have no row ids.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, Table, Text

metadata = MetaData()

channel = Table(
    "channel",
    metadata,
    Column("channel_id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("unit", Text, nullable=False),
)

sample = Table(
    "sample",
    metadata,
    Column("channel_id", Integer, primary_key=True, autoincrement=False),
    Column("time_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Float, nullable=False),
    sqlite_with_rowid=False,
)


def _rollup(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("channel_id", Integer, primary_key=True, autoincrement=False),
        Column("time_ms", BigInteger, primary_key=True, autoincrement=False),
        Column("n", Integer, nullable=False),
        Column("low", Float, nullable=False),
        Column("high", Float, nullable=False),
        Column("mean", Float, nullable=False),
        sqlite_with_rowid=False,
    )


minute = _rollup("minute")
ten_minutes = _rollup("ten_minutes")
