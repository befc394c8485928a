"""Tests of opening, transactions, reads and errors of a database."""

from __future__ import annotations

import asyncio
import inspect
import os
import sqlite3
import threading
from typing import TYPE_CHECKING

import aiosqlite
import pytest
from sqlalchemy import text

from pyros.actor.loops import run_virtual
from pyros.errors import PermanentError, TransientError
from pyros.store import (
    Store,
    StoreConflictError,
    StoreDamagedError,
    StoreSettings,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio


async def test_store_creates_both_files_in_a_missing_directory(tmp_path: Path):
    """A first start needs no preparation."""
    async with Store(tmp_path / "a" / "b"):
        pass
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == [
        "observatory.db",
        "telemetry.db",
    ]


async def test_store_files_are_durable_as_the_design_says(file_store: Store):
    """`observatory.db` syncs every commit, `telemetry.db` may lose the last ones; both are WAL."""

    async def pragmas(database) -> tuple[object, object]:
        return await database.write(
            lambda c: (
                c.exec_driver_sql("PRAGMA journal_mode").scalar_one(),
                c.exec_driver_sql("PRAGMA synchronous").scalar_one(),
            )
        )

    assert await pragmas(file_store.database) == ("wal", 2)
    assert await pragmas(file_store.telemetry_database) == ("wal", 1)


async def test_store_opens_twice_and_closes_twice_harmlessly(tmp_path: Path):
    """Opening an open store and closing a closed one do nothing."""
    store = Store(tmp_path)
    await store.open()
    await store.open()
    await store.close()
    await store.close()


async def test_store_leaves_no_thread_behind(tmp_path: Path):
    """Every connection's thread ends with the store."""
    before = threading.active_count()
    async with Store(tmp_path):
        assert threading.active_count() > before
    assert threading.active_count() == before


async def test_transaction_that_raises_writes_nothing(store: Store, line):
    """All or nothing, whatever the exception."""

    def work(connection) -> None:
        connection.execute(
            text("INSERT INTO programme VALUES ('p', 'P', 'A', 0.5, 100.0, NULL)"),
        )
        raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        await store.database.write(work)
    assert await store.programmes.all() == []
    assert await store.journal.append([line()]) == (1,)


async def test_transaction_survives_the_cancellation_of_its_caller(file_store: Store, line):
    """A cancelled caller leaves a good connection and no half transaction."""
    task = asyncio.create_task(file_store.journal.append([line(str(i)) for i in range(50)]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await file_store.journal.last_seq() in (0, 50)
    await file_store.journal.append([line("after")])
    assert [w.line.text for w in await file_store.journal.read(since=0)][-1] == "after"


async def test_writers_are_served_in_the_order_they_came(store: Store, line):
    """Concurrent writers commit first come first served, so a seeded night repeats."""
    seqs = await asyncio.gather(*(store.journal.append([line(str(i))]) for i in range(40)))
    assert seqs == [(i + 1,) for i in range(40)]


async def test_reader_sees_committed_rows_while_a_writer_is_at_work(file_store: Store, line):
    """Readers of a file never wait for a writer, and never see what it has not committed."""
    await file_store.journal.append([line("before")])
    inside, go_on = threading.Event(), threading.Event()

    def slow(connection) -> None:
        connection.execute(text("INSERT INTO programme VALUES ('p', 'P', 'A', 0.5, 1.0, NULL)"))
        inside.set()
        go_on.wait(10.0)

    writer = asyncio.create_task(file_store.database.write(slow))
    await asyncio.to_thread(inside.wait, 10.0)
    assert await file_store.programmes.all() == []
    assert await file_store.journal.last_seq() == 1
    go_on.set()
    await writer
    assert len(await file_store.programmes.all()) == 1


async def test_closed_store_says_so(tmp_path: Path, line):
    """Using a closed store names it and the remedy, as something that may pass."""
    store = Store(tmp_path)
    with pytest.raises(StoreUnavailableError, match=r"observatory\.db: it is closed; open") as it:
        await store.journal.append([line()])
    assert isinstance(it.value, TransientError)


async def test_file_that_is_no_database_is_refused(tmp_path: Path):
    """A damaged file is named with a remedy in one line."""
    (tmp_path / "observatory.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreDamagedError, match=r"observatory\.db: .*move the file away") as it:
        await Store(tmp_path).open()
    assert "\n" not in str(it.value)
    assert isinstance(it.value, PermanentError)


async def test_directory_that_is_a_file_is_refused(tmp_path: Path):
    """A data directory that cannot be made is named with a remedy in one line."""
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(
        StoreUnavailableError, match=r"data/observatory\.db: creating its dir"
    ) as it:
        await Store(tmp_path / "data").open()
    assert "\n" not in str(it.value)


async def test_full_disk_is_unavailable_and_passes(file_store: Store, line):
    """SQLite's "disk is full" becomes a transient error with its remedy; later writes succeed."""
    pages = await file_store.database.write(
        lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one()
    )
    await _limit_pages(file_store, pages)
    with pytest.raises(StoreUnavailableError, match="free space on its disk"):
        await file_store.journal.append([line("x" * 100_000) for _ in range(20)])
    await _limit_pages(file_store, 1_000_000)
    assert await file_store.journal.append([line()]) == (1,)


async def _limit_pages(store: Store, pages: int) -> None:
    await store.database.write(
        lambda c: c.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar_one()
    )


async def test_broken_constraint_is_a_conflict(store: Store):
    """A row that breaks a key is the caller's error, not the disk's."""
    with pytest.raises(StoreConflictError, match="FOREIGN KEY"):
        await store.database.write(
            lambda c: c.exec_driver_sql("INSERT INTO album VALUES ('nobody', 0, 'cam-vis')")
        )


async def test_database_in_use_by_another_process_is_waited_for(file_store: Store, line):
    """A second writer on the same file delays a transaction instead of failing it."""
    path = file_store.database.where
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(file_store.journal.append([line()]))
    await asyncio.sleep(0.05)
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    assert await writing == (1,)


async def test_unknown_server_driver_is_one_line(tmp_path: Path):
    """An address whose driver is not installed says what to install."""
    settings = StoreSettings(url="mysql+nodriver://root:secret@127.0.0.1/x")
    with pytest.raises(Exception, match="nodriver") as it:
        await Store(tmp_path, settings).open()
    assert "secret" not in str(it.value)


async def test_aiosqlite_has_the_private_names_that_are_used():
    """Contract: one job in the connection's thread by `_execute`, and `_running` until closed."""
    assert list(inspect.signature(aiosqlite.Connection._execute).parameters)[:3] == [
        "self",
        "fn",
        "args",
    ]
    connection = await aiosqlite.connect(":memory:")
    assert connection._running is True
    assert await connection._execute(threading.get_ident) != threading.get_ident()
    await connection.close()
    assert connection._running is False
    connection._thread.join(1.0)
    assert not connection._thread.is_alive()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_read_only_directory_is_refused(tmp_path: Path):
    """A directory without write permission is named with a remedy."""
    tmp_path.chmod(0o500)  # noqa: ASYNC240 - a test
    with pytest.raises(StoreUnavailableError, match="permission"):
        await Store(tmp_path).open()


def _night(directory: Path | None, line) -> tuple[str, float, list[int]]:
    order: list[int] = []

    async def main() -> tuple[str, float, list[int]]:
        loop = asyncio.get_running_loop()
        async with Store(directory) as store:

            async def writer(number: int) -> None:
                for step in range(5):
                    await asyncio.sleep(10.0 * number + 1.0)
                    (seq,) = await store.journal.append([line(f"{number}.{step}")])
                    order.append(seq)

            await asyncio.gather(*(writer(number) for number in range(8)))
            return await store.journal.digest(), loop.time(), order

    return run_virtual(main)


async def test_store_holds_virtual_time_and_repeats(tmp_path: Path, line):
    """In virtual time the store costs no time, and files and memory give the same journal."""
    digest, end_s, order = await asyncio.to_thread(_night, tmp_path / "one", line)
    assert end_s == 5 * 71.0
    assert order == sorted(order)
    assert await asyncio.to_thread(_night, None, line) == (digest, end_s, order)
