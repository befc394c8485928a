"""SQLite behind aiosqlite: one thread for the writer, a few for readers, one hop per transaction.

aiosqlite gives each connection a thread and a queue. Driving it statement by statement costs a
dozen switches of threads per transaction; here the whole transaction, SQLAlchemy included, is one
job of that thread. So the event loop never spends time on rows, writers are served in the order
they came, and a caller that is cancelled cannot leave a transaction half done: the job ends by
itself.

`Connection._execute` is aiosqlite's private door for such a job; a contract test pins it,
`_running` and `_thread`. Virtual time knows aiosqlite's futures as external work and stands still
for them.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Literal, TypeVar

import aiosqlite
from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool

from pyros.store.errors import StoreUnavailableError, translated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection, Engine

T = TypeVar("T")
Synchronous = Literal["FULL", "NORMAL", "OFF"]

BUSY_TIMEOUT_S = 5.0
"""How long another process may hold the file before a transaction fails."""

READERS = 2

THREAD_END_S = 1.0
"""A connection's thread that was told to end has microseconds of work left."""


class SqliteConnection:
    """One connection in a thread of its own.

    Args:
        path: The file, None for a database in memory.
        where: How errors call it.
        pragmas: Executed once when it opens.
        begin: How its transactions begin.
    """

    def __init__(
        self, *, path: Path | None, where: str, pragmas: tuple[str, ...], begin: str
    ) -> None:
        self._path = path
        self._where = where
        self._pragmas = pragmas
        self._begin = begin
        self._driver: aiosqlite.Connection | None = None
        self._engine: Engine | None = None

    async def open(self) -> None:
        """Open the file and set the connection up.

        Raises:
            StoreUnavailableError: When it cannot be opened.
            StoreDamagedError: When it is no database.
        """
        raw: list[sqlite3.Connection] = []
        failures: list[sqlite3.Error] = []

        def connector() -> sqlite3.Connection:
            """Never raises: aiosqlite does not await the end of its thread when this fails."""
            try:
                raw.append(self._connected())
            except sqlite3.Error as error:
                failures.append(error)
                return sqlite3.connect(":memory:")
            return raw[0]

        self._driver = await aiosqlite.Connection(connector, iter_chunk_size=64)
        if failures:
            await self.close()
            with translated(self._where, "opening"):
                raise failures[0]
        engine = create_engine("sqlite://", creator=raw.pop, poolclass=StaticPool)
        event.listen(engine, "begin", lambda c: c.exec_driver_sql(self._begin))
        self._engine = engine

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path or ":memory:", isolation_level=None, timeout=BUSY_TIMEOUT_S
        )
        try:
            for pragma in self._pragmas:
                connection.execute(pragma)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    async def close(self) -> None:
        """Let queued transactions end, then close the file and end the thread."""
        driver, self._driver, self._engine = self._driver, None, None
        if driver is not None:
            await driver.close()
            driver._thread.join(THREAD_END_S)  # noqa: SLF001 - it ends now; pinned

    async def run(self, action: str, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction in the connection's thread.

        Args:
            action: `reading` or `writing`, for errors.
            work: What to do; it must not keep the connection.
        """
        driver, engine = self._driver, self._engine
        if driver is None or engine is None:
            raise StoreUnavailableError(f"{self._where}: it is closed; open the store first")

        def transaction() -> T:
            with translated(self._where, action), engine.begin() as connection:
                return work(connection)

        try:
            job = driver._execute(transaction)  # type: ignore[no-untyped-call]  # noqa: SLF001 - pinned
            done: T = await job
        except ValueError as error:
            if not driver._running:  # noqa: SLF001 - pinned
                raise StoreUnavailableError(
                    f"{self._where}: it was closed meanwhile; open the store first"
                ) from error
            raise
        return done


class SqliteBackend:
    """A SQLite database: a writer, and readers that see committed snapshots beside it.

    Args:
        path: The file, None for one in memory, whose writer also reads.
        where: How errors call it.
        synchronous: FULL survives a power cut with every commit, NORMAL may lose the last ones but
            is never damaged, OFF is for simulated nights.
        readers: Connections that read; without any the writer does, in the order asked.
    """

    def __init__(
        self,
        *,
        path: Path | None,
        where: str,
        synchronous: Synchronous,
        readers: int = READERS,
    ) -> None:
        common = ("PRAGMA foreign_keys = ON", f"PRAGMA synchronous = {synchronous}")
        wal = () if path is None else ("PRAGMA journal_mode = WAL",)
        self._path = path
        self._where = where
        self._writer = SqliteConnection(
            path=path, where=where, pragmas=wal + common, begin="BEGIN IMMEDIATE"
        )
        self._readers = tuple(
            SqliteConnection(
                path=path, where=where, pragmas=(*common, "PRAGMA query_only = ON"), begin="BEGIN"
            )
            for _ in range(0 if path is None else readers)
        )
        self._free: asyncio.Queue[SqliteConnection] = asyncio.Queue()

    async def open(self) -> None:
        """Open the writer, which creates the file, then the readers.

        Raises:
            StoreUnavailableError: When the file or its directory cannot be made or opened.
            StoreDamagedError: When it is no database.
        """
        if self._path is not None:
            with translated(self._where, "creating its directory"):
                self._path.parent.mkdir(parents=True, exist_ok=True)
        await self._writer.open()
        for reader in self._readers:
            await reader.open()
            self._free.put_nowait(reader)

    async def close(self) -> None:
        """Finish what is queued and close every connection."""
        for reader in self._readers:
            await reader.close()
        await self._writer.close()
        self._free = asyncio.Queue()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that has the database to itself."""
        return await self._writer.run("writing", work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot."""
        if not self._readers:
            return await self._writer.run("reading", work)
        reader = await self._free.get()
        try:
            return await reader.run("reading", work)
        finally:
            self._free.put_nowait(reader)
