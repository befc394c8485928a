"""A database server (PostgreSQL through asyncpg) by its SQLAlchemy address: the same work, pooled.

A transaction runs in a task of its own, so that a cancelled caller cannot leave it half done, and
writers take turns in the order they came, as they do with SQLite.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.ext.asyncio import create_async_engine

from pyros.store.errors import StoreUnavailableError, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sqlalchemy import URL, Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

CONNECTIONS = 4


class ServerBackend:
    """A server.

    Args:
        url: SQLAlchemy's address, e.g. `postgresql+asyncpg://pyros@127.0.0.1/observatory`.
        where: How errors call it.
    """

    def __init__(self, *, url: URL, where: str) -> None:
        self._url = url
        self._where = where
        self._engine: AsyncEngine | None = None
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Prepare the pool; connections are made when first used.

        Raises:
            StoreUnavailableError: When the driver of that kind of server is not installed.
        """
        try:
            self._engine = create_async_engine(
                self._url, pool_size=CONNECTIONS, max_overflow=0, pool_pre_ping=True
            )
        except ModuleNotFoundError as error:
            raise StoreUnavailableError(
                f"{self._where}: {error}; install the driver named in the address"
            ) from error

    async def close(self) -> None:
        """Finish what runs, then close the pool."""
        while self._running:
            await asyncio.wait(self._running)
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; writers of this process take turns."""
        return await self._run(self._write(work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction beside writers."""
        return await self._run(self._read(work))

    async def _run(self, transaction: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(transaction, name=f"store:{self._where}")
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # the caller has it; a caller that was cancelled does not want it

    async def _write(self, work: Callable[[Connection], T]) -> T:
        async with self._turn:
            return await self._transaction("writing", work)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self._transaction("reading", work)

    async def _transaction(self, action: str, work: Callable[[Connection], T]) -> T:
        engine = self._engine
        if engine is None:
            raise StoreUnavailableError(f"{self._where}: it is closed; open the store first")
        with translated(self._where, action):
            async with engine.begin() as connection:
                return await connection.run_sync(work)
