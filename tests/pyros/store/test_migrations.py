"""Tests of the migrations: from nothing, again, and from the future."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine

from pyros.store import Store, StoreDamagedError, migrate, schema, telemetry_schema
from tests.pyros.store.first_schema import fill_first_schema, look_at_quotas

if TYPE_CHECKING:
    from pathlib import Path

LINES = [("observatory", schema.metadata), ("telemetry", telemetry_schema.metadata)]


def _migrated(line: str, metadata: MetaData) -> Connection:
    connection = create_engine("sqlite://").connect()
    migrate.upgrade(connection, line, metadata)
    return connection


@pytest.mark.parametrize(("line", "metadata"), LINES)
def test_migrations_build_the_tables_that_the_repositories_use(line: str, metadata: MetaData):
    """From an empty file the revisions lead to exactly the schema in the code."""
    with _migrated(line, metadata) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        script = ScriptDirectory.from_config(migrate.configuration(line, metadata))
        assert context.get_current_revision() == script.get_current_head()


@pytest.mark.parametrize(("line", "metadata"), LINES)
def test_migrations_form_one_line(line: str, metadata: MetaData):
    """Two revisions with one parent would leave the order to chance."""
    script = ScriptDirectory.from_config(migrate.configuration(line, metadata))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1


@pytest.mark.parametrize(("line", "metadata"), LINES)
def test_migrating_again_changes_nothing(line: str, metadata: MetaData):
    """A second start finds everything in place."""
    with _migrated(line, metadata) as connection:
        before = connection.exec_driver_sql("SELECT sql FROM sqlite_master ORDER BY name").all()
        migrate.upgrade(connection, line, metadata)
        after = connection.exec_driver_sql("SELECT sql FROM sqlite_master ORDER BY name").all()
    assert before == after


@pytest.mark.asyncio
async def test_database_of_the_first_schema_keeps_its_rows(tmp_path: Path):
    """Quotas come to a database in use: old charges count, open sequences reserve exposures."""
    path = tmp_path / "observatory.db"
    with create_engine(f"sqlite:///{path}").begin() as connection:
        command.upgrade(migrate.configuration("observatory", schema.metadata, connection), "v0001")
        fill_first_schema(connection)
    async with Store(tmp_path) as store:
        await look_at_quotas(store)


@pytest.mark.asyncio
async def test_database_of_a_newer_program_is_refused(tmp_path: Path):
    """A revision from the future is not touched: one line says what to do."""
    async with Store(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "observatory.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9999'")
    connection.close()
    with pytest.raises(StoreDamagedError, match="newer PyROS") as it:
        await Store(tmp_path).open()
    assert "\n" not in str(it.value)


@pytest.mark.asyncio
async def test_migration_that_fails_leaves_the_old_schema(tmp_path: Path, monkeypatch):
    """Half a migration is never committed."""
    real, made = op.create_table, []

    def fails_late(name: str, *args: object, **kwargs: object) -> object:
        made.append(name)
        if len(made) == 5:
            raise RuntimeError("the power went")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(op, "create_table", fails_late)
    with pytest.raises(RuntimeError, match="the power went"):
        await Store(tmp_path).open()
    monkeypatch.undo()
    with sqlite3.connect(tmp_path / "observatory.db") as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    async with Store(tmp_path) as store:
        assert await store.journal.last_seq() == 0
