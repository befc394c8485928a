"""Bring a database to this PyROS's schema: alembic, run from the program, in one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from pyros.store.errors import StoreDamagedError

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

_MIGRATIONS = Path(__file__).parent / "migrations"


def configuration(line: str, metadata: MetaData, connection: Connection | None = None) -> Config:
    """Alembic's configuration for one line of revisions, without any ini file.

    Args:
        line: `observatory` or `telemetry`.
        metadata: The tables that the newest revision builds.
        connection: The connection to migrate, inside a transaction that the caller commits.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(_MIGRATIONS / line).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config


def upgrade(connection: Connection, line: str, metadata: MetaData) -> None:
    """Migrate to the newest revision; nothing happens when the database is there already.

    Raises:
        StoreDamagedError: When the database holds a revision that this PyROS does not know.
    """
    try:
        command.upgrade(configuration(line, metadata, connection), "head")
    except CommandError as error:
        raise StoreDamagedError(
            f"{line} database: {error}; it was written by a newer PyROS: "
            "install that one, or move the file away"
        ) from error
