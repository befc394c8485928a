"""One database behind one door: opening with migration, transactions, reads, and closing.

SQLite by default, a PostgreSQL server by its address. Work is a plain function of a SQLAlchemy
`Connection`, so a repository is a set of functions that may be joined into one transaction:
`await database.write(lambda c: (move_states(c, moves), append_lines(c, lines)))`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import make_url

from pyros.store.migrate import upgrade
from pyros.store.server_backend import ServerBackend
from pyros.store.sqlite_backend import READERS, SqliteBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, MetaData

    from pyros.store.sqlite_backend import Synchronous

T = TypeVar("T")

MEMORY_URL = "sqlite://"


def sqlite_url(path: Path) -> str:
    """The address of a SQLite file."""
    return f"sqlite:///{path}"


class Database:
    """One database.

    Args:
        url: SQLAlchemy's address; `MEMORY_URL` for one that vanishes when closed.
        line: Its line of migrations, `observatory` or `telemetry`.
        metadata: Its tables.
        synchronous: SQLite's durability (`SqliteBackend`).
        readers: SQLite's connections that read (`SqliteBackend`).
    """

    def __init__(
        self,
        *,
        url: str,
        line: str,
        metadata: MetaData,
        synchronous: Synchronous,
        readers: int = READERS,
    ) -> None:
        address = make_url(url)
        self._line = line
        self._metadata = metadata
        self._open = False
        self._backend: SqliteBackend | ServerBackend
        if address.get_backend_name() == "sqlite":
            path = Path(address.database) if address.database else None
            self.where = str(path) if path else f"{line} database in memory"
            self._backend = SqliteBackend(
                path=path, where=self.where, synchronous=synchronous, readers=readers
            )
        else:
            self.where = address.render_as_string(hide_password=True)
            self._backend = ServerBackend(url=address, where=self.where)

    async def open(self) -> None:
        """Connect, create what is missing, and migrate to the newest schema in one transaction.

        Raises:
            StoreUnavailableError: When it cannot be opened.
            StoreDamagedError: When the file is no database, or newer than this PyROS.
        """
        if self._open:
            return
        try:
            await self._backend.open()
            await self._backend.write(lambda c: upgrade(c, self._line, self._metadata))
        except BaseException:
            await self._backend.close()
            raise
        self._open = True

    async def close(self) -> None:
        """Finish what runs, then close every connection; does nothing when closed."""
        self._open = False
        await self._backend.close()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction: committed when this returns, rolled back when it raises.

        Writers are served in the order they came. When the caller is cancelled the transaction
        still ends, one way or the other.

        Raises:
            StoreConflictError: A constraint was violated.
            StoreUnavailableError: Not written: disk full, locked, gone, or closed.
        """
        return await self._backend.write(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one consistent snapshot, beside writers.

        Raises:
            StoreUnavailableError: When the database cannot be read, or is closed.
        """
        return await self._backend.read(work)
