"""Tests of the same repositories on a real PostgreSQL server, where one is installed."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from alembic import command
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from pyros.domain.programme import Grade, ScientificProgramme
from pyros.domain.sequence import SequenceState
from pyros.scheduling.quota_ledger import QuotaExceededError
from pyros.store import (
    LedgerEntry,
    StateMove,
    Store,
    StoreConflictError,
    StoreSettings,
    StoreUnavailableError,
    migrate,
    schema,
)
from tests.pyros.store.first_schema import fill_first_schema, look_at_quotas

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy import Connection

pytest.importorskip("asyncpg", reason="asyncpg is not installed")
BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.peer,
    pytest.mark.skipif(BIN is None, reason="PostgreSQL is not installed (apt-get: postgresql)"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A private server on a free port of 127.0.0.1; its address."""
    assert BIN is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    account = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    root = Path(tempfile.mkdtemp(prefix="pyros-pg-"))
    try:
        shutil.chown(root, account)
        cluster = root / "cluster"
        subprocess.run(
            [BIN / "initdb", "-D", cluster, "-A", "trust", "-U", "pyros", "--no-sync"],
            check=True,
            capture_output=True,
            user=account if os.geteuid() == 0 else None,
            cwd=root,
        )
        process = subprocess.Popen(
            [BIN / "postgres", "-D", cluster, "-h", "127.0.0.1", "-p", str(port), "-k", root],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account if os.geteuid() == 0 else None,
            cwd=root,
        )
        try:
            _await_ready(port, process)
            yield f"postgresql+asyncpg://pyros@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _await_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    assert BIN is not None
    command = [BIN / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "1", "-q"]
    for _ in range(60):
        if subprocess.run(command, check=False).returncode == 0:
            return
        assert process.poll() is None, "the server ended while starting"
        asyncio.run(asyncio.sleep(0.25))
    pytest.fail("the server did not answer within 15 s")


@pytest_asyncio.fixture
async def served(server: str, tmp_path: Path) -> AsyncIterator[Store]:
    """An open store on an empty schema of the server."""
    async with Store(tmp_path, StoreSettings(url=server)) as store:
        await store.database.write(
            lambda c: [
                c.exec_driver_sql(f"TRUNCATE {name} RESTART IDENTITY CASCADE")
                for name in ("journal", "request", "programme", "quota_ledger", "packet")
            ]
        )
        yield store


async def test_server_keeps_requests_and_moves_them_atomically(served: Store, request_of, line, at):
    """States, ledger and journal are one transaction here too; a conflict changes nothing."""
    asked = request_of("a")
    await served.requests.add(asked, submitted_by="x", submitted_utc=at(0), lines=[line("in")])
    assert await served.requests.get("a") == asked
    move = StateMove(
        sequence_id="a-s1",
        old=SequenceState.SUBMITTED,
        new=SequenceState.TO_BE_PLANNED,
        reason="valid",
        time_utc=at(1),
    )
    entry = LedgerEntry(
        programme_id="agn",
        night="2026-11-23",
        sequence_id="a-s1",
        kind="charge",
        seconds=5.0,
        reason="",
        time_utc=at(1),
    )
    assert await served.requests.move([move], lines=[line("valid")], ledger=[entry]) == (2,)
    with pytest.raises(StoreConflictError, match="it is TO_BE_PLANNED"):
        await served.requests.move([move], lines=[line("again")], ledger=[entry])
    assert await served.journal.last_seq() == 2
    assert await served.programmes.used_s() == {"agn": 5.0}
    with pytest.raises(StoreConflictError):
        await served.requests.add(asked, submitted_by="x", submitted_utc=at(2))


async def test_server_database_of_the_first_schema_keeps_its_rows(server: str, tmp_path: Path):
    """Quotas come to a server's database in use as they come to a file."""
    address = make_url(server)
    engine = create_async_engine(address, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text("CREATE DATABASE in_use"))
    await engine.dispose()
    in_use = address.set(database="in_use")

    def as_it_was(connection: Connection) -> None:
        configuration = migrate.configuration("observatory", schema.metadata, connection)
        command.upgrade(configuration, "v0001")
        fill_first_schema(connection)

    engine = create_async_engine(in_use)
    async with engine.begin() as connection:
        await connection.run_sync(as_it_was)
    await engine.dispose()
    settings = StoreSettings(url=in_use.render_as_string(hide_password=False))
    async with Store(tmp_path, settings) as store:
        await look_at_quotas(store)


async def test_server_processes_do_not_share_what_a_semester_has_left(
    served: Store, server: str, tmp_path: Path, request_of, at
):
    """Two processes submit at once to one programme: the second waits and sees the first's."""
    await served.programmes.save(
        [
            ScientificProgramme(
                programme_id="agn", name="AGN", grade=Grade.A, night_share=1.0,
                semester_quota_s=1000.0,
            )
        ]
    )  # fmt: skip

    async def submit(store: Store, name: str) -> object:
        return await store.requests.add(
            request_of(name, sequences=1),
            submitted_by="x",
            submitted_utc=at(0),
            reserved_s={f"{name}-s1": 400.0},
        )

    async with Store(tmp_path / "other", StoreSettings(url=server)) as other:
        answers = await asyncio.gather(
            *(submit((served, other)[number % 2], f"r{number}") for number in range(8)),
            return_exceptions=True,
        )
    assert sum(isinstance(answer, QuotaExceededError) for answer in answers) == 6
    account = (await served.programmes.accounts())["agn"]
    assert (account.reserved_s, account.left_s) == (800.0, 200.0)


async def test_server_and_file_give_one_digest(served: Store, store: Store, line, at):
    """Where the journal is kept is no part of what happened."""
    lines = [line(str(i), time_utc=at(0.1 * i), data={"x": 0.1 * i, "é": None}) for i in range(30)]
    await served.journal.append(lines)
    await store.journal.append(lines)
    assert await served.journal.digest() == await store.journal.digest()
    assert [w.line for w in await served.journal.read()] == lines


async def test_server_keeps_packets_bit_for_bit(served: Store, at):
    """Bytes and duplicates are as on SQLite."""
    first = await served.alerts.store_packet(
        b"\x00\xff", source="s", topic=None, received_utc=at(0)
    )
    again = await served.alerts.store_packet(b"\x00\xff", source="t", topic="x", received_utc=at(1))
    assert again.duplicate_of == first.packet_id
    assert [p.raw for p in await served.alerts.unjudged()] == [b"\x00\xff"] * 2


async def test_server_transaction_survives_the_cancellation_of_its_caller(served: Store, line):
    """A cancelled caller leaves neither half a batch nor a broken pool."""
    task = asyncio.create_task(served.journal.append([line(str(i)) for i in range(50)]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    seqs = await asyncio.gather(*(served.journal.append([line("after")]) for _ in range(5)))
    assert seqs == sorted(seqs)
    assert (await served.journal.last_seq()) in (5, 55)


async def test_server_that_is_gone_is_one_line_without_the_password(tmp_path: Path):
    """An address where nobody listens is transient, and does not spell the password."""
    settings = StoreSettings(url="postgresql+asyncpg://pyros:secret@127.0.0.1:9/x")
    with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1:9/x: writing") as it:
        await Store(tmp_path, settings).open()
    assert "\n" not in str(it.value)
    assert "secret" not in str(it.value)
