"""The store: both databases and their repositories under one roof, opened and closed together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pyros.store import schema, telemetry_schema
from pyros.store.alerts import AlertRows
from pyros.store.database import MEMORY_URL, Database, sqlite_url
from pyros.store.frames import FrameRows
from pyros.store.journal import JournalRows
from pyros.store.nights import NightRows
from pyros.store.plans import PlanRows
from pyros.store.programmes import ProgrammeRows
from pyros.store.requests import RequestRows
from pyros.store.settings import StoreSettings
from pyros.store.telemetry import TelemetryRows

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

OBSERVATORY_FILE = "observatory.db"
TELEMETRY_FILE = "telemetry.db"


class Store:
    """Everything that is kept.

    Args:
        data_dir: Directory of the two files; None keeps all in memory until closed.
        settings: Durability, or PostgreSQL instead of `observatory.db`.
    """

    def __init__(self, data_dir: Path | None, settings: StoreSettings | None = None) -> None:
        settings = settings or StoreSettings()
        self.database = Database(
            url=settings.url or _url(data_dir, OBSERVATORY_FILE),
            line="observatory",
            metadata=schema.metadata,
            synchronous=settings.synchronous,
            readers=settings.readers,
        )
        self.telemetry_database = Database(
            url=_url(data_dir, TELEMETRY_FILE),
            line="telemetry",
            metadata=telemetry_schema.metadata,
            synchronous="OFF" if settings.synchronous == "OFF" else "NORMAL",
            readers=settings.readers,
        )
        self.journal = JournalRows(self.database)
        self.programmes = ProgrammeRows(self.database)
        self.requests = RequestRows(self.database)
        self.plans = PlanRows(self.database)
        self.alerts = AlertRows(self.database)
        self.frames = FrameRows(self.database)
        self.nights = NightRows(self.database)
        self.telemetry = TelemetryRows(self.telemetry_database)

    async def open(self) -> None:
        """Create what is missing, migrate, connect; does nothing when open.

        Raises:
            StoreUnavailableError: A file cannot be opened or written; the text says which and why.
            StoreDamagedError: A file is no database of PyROS, or newer than this PyROS.
        """
        try:
            await self.database.open()
            await self.telemetry_database.open()
            await self.telemetry.load()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what runs and close every connection; does nothing when closed."""
        await self.telemetry_database.close()
        await self.database.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _url(data_dir: Path | None, name: str) -> str:
    return MEMORY_URL if data_dir is None else sqlite_url(data_dir.absolute() / name)
