"""One database behind one writer: opening, migrating, transactions, reads, and closing.

SQLite through aiosqlite by default, PostgreSQL by its address. Work is a plain function of a
SQLAlchemy `Connection`, so a repository is a set of pure-looking functions that may be joined into
one transaction: `await database.write(lambda c: (move_states(c, moves), append_lines(c, lines)))`.

A transaction runs in a task of its own: when its caller is cancelled it still ends, committed or
rolled back, and the connection stays good. Writers queue first come first served, so that a seeded
night commits in the same order every time. SQLite's `BEGIN IMMEDIATE` makes a second process wait
instead of failing.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool

from pyros.store.errors import StoreUnavailableError, translated
from pyros.store.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sqlalchemy import URL, Connection, MetaData
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")
Synchronous = Literal["FULL", "NORMAL", "OFF"]

MEMORY_URL = "sqlite+aiosqlite://"
BUSY_TIMEOUT_MS = 5000
READERS = 2


def sqlite_url(path: Path) -> str:
    """The address of a SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


class Database:
    """One database.

    Args:
        url: SQLAlchemy's address; `MEMORY_URL` for one that vanishes when closed.
        line: Its line of migrations, `observatory` or `telemetry`.
        metadata: Its tables.
        synchronous: SQLite's durability: FULL survives a power cut with every commit, NORMAL may
            lose the last ones but is never damaged, OFF is for simulated nights.
    """

    def __init__(
        self, *, url: str, line: str, metadata: MetaData, synchronous: Synchronous
    ) -> None:
        self._url: URL = make_url(url)
        self._line = line
        self._metadata = metadata
        self._synchronous = synchronous
        self._writer: AsyncEngine | None = None
        self._reader: AsyncEngine | None = None
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    @property
    def where(self) -> str:
        """The database as people know it: its path, or its address without the password."""
        if self._is_sqlite:
            return self._url.database or f"{self._line} database in memory"
        return self._url.render_as_string(hide_password=True)

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @property
    def _in_memory(self) -> bool:
        return self._is_sqlite and not self._url.database

    async def open(self) -> None:
        """Connect, create the file when there is none, and migrate to the newest schema.

        Raises:
            StoreUnavailableError: When it cannot be opened.
            StoreDamagedError: When the file is no database, or newer than this PyROS.
        """
        if self._writer is not None:
            return
        if self._is_sqlite and self._url.database:
            with translated(self.where, "creating its directory"):
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._engine(readers=False)
        self._reader = self._writer if self._in_memory else self._engine(readers=True)
        try:
            await self.write(lambda c: upgrade(c, self._line, self._metadata))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what runs, then close every connection; does nothing when closed."""
        while self._running:
            await asyncio.wait(self._running)
        writer, reader, self._writer, self._reader = self._writer, self._reader, None, None
        if reader is not None and reader is not writer:
            await reader.dispose()
        if writer is not None:
            await writer.dispose()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction: committed when this returns, rolled back when it raises.

        Raises:
            StoreConflictError: A constraint was violated.
            StoreUnavailableError: Not written: disk full, locked, gone, or closed.
        """
        return await self._run(self._write(work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one consistent snapshot, beside writers.

        Raises:
            StoreUnavailableError: When the database cannot be read, or is closed.
        """
        if self._in_memory:
            return await self.write(work)
        return await self._run(self._read(work))

    async def _run(self, transaction: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(transaction, name=f"store:{self._line}")
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # the caller has it; a caller that was cancelled does not want it

    async def _write(self, work: Callable[[Connection], T]) -> T:
        async with self._turn:
            engine = self._opened(self._writer)
            with translated(self.where, "writing"):
                async with engine.begin() as connection:
                    return await connection.run_sync(work)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        engine = self._opened(self._reader)
        with translated(self.where, "reading"):
            async with engine.connect() as connection:
                return await connection.run_sync(work)

    def _opened(self, engine: AsyncEngine | None) -> AsyncEngine:
        if engine is None:
            raise StoreUnavailableError(f"{self.where}: it is closed; open the store first")
        return engine

    def _engine(self, *, readers: bool) -> AsyncEngine:
        if self._in_memory:
            engine = create_async_engine(self._url, poolclass=StaticPool)
        else:
            engine = create_async_engine(
                self._url,
                poolclass=AsyncAdaptedQueuePool,
                pool_size=READERS if readers else 1,
                max_overflow=0,
            )
        if self._is_sqlite:
            self._configure_sqlite(engine, query_only=readers)
        return engine

    def _configure_sqlite(self, engine: AsyncEngine, *, query_only: bool) -> None:
        pragmas = [
            f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
            "PRAGMA foreign_keys = ON",
            f"PRAGMA synchronous = {self._synchronous}",
        ]
        if query_only:
            pragmas.append("PRAGMA query_only = ON")
        elif not self._in_memory:
            pragmas.insert(0, "PRAGMA journal_mode = WAL")
        begin = "BEGIN" if query_only else "BEGIN IMMEDIATE"

        @event.listens_for(engine.sync_engine, "connect")
        def _on_connect(dbapi_connection: Any, _record: object) -> None:
            dbapi_connection.isolation_level = None  # the driver begins nothing by itself
            cursor = dbapi_connection.cursor()
            for pragma in pragmas:
                cursor.execute(pragma)
            cursor.close()

        @event.listens_for(engine.sync_engine, "begin")
        def _on_begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)
