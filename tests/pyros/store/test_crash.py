"""Tests of what survives: kill -9 of a writing process, and the plug pulled at any byte."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pyros.domain.sequence import SequenceState
from pyros.store import StateMove, Store

if TYPE_CHECKING:
    from pathlib import Path

_WRITER = """
import asyncio, os, sys
from datetime import datetime, UTC
from pathlib import Path
from pyros.store import JournalLine, Store

async def main():
    async with Store(Path(sys.argv[1])) as store:
        out, now = sys.stdout.buffer, datetime(2026, 11, 23, tzinfo=UTC)
        number = 0
        while True:
            lines = [JournalLine(kind="system", subject="s", text=str(number + i), time_utc=now,
                                 data={"n": number + i}) for i in range(3)]
            seqs = await store.journal.append(lines)
            stored = await store.alerts.store_packet(
                b"packet %d" % number, source="vtp", topic=None, received_utc=now)
            number += 3
            os.write(1, b"%d %d\\n" % (seqs[-1], stored.packet_id))

asyncio.run(main())
"""


def test_kill_nine_of_a_writer_loses_nothing_acknowledged(tmp_path: Path):
    """Whatever the writer was told is committed is there after kill -9, and nothing half."""
    acknowledged = (0, 0)
    for round_number in range(3):
        data_dir = tmp_path / str(round_number)
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(data_dir)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(10 + 7 * round_number)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        seq, packet_id = map(int, [line for line in lines if line.endswith("\n")][-1].split())
        acknowledged = (acknowledged[0] + seq, acknowledged[1] + packet_id)
        with sqlite3.connect(data_dir / "observatory.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            texts = [row[0] for row in connection.execute("SELECT text FROM journal ORDER BY seq")]
            packets = connection.execute("SELECT count(*) FROM packet").fetchone()[0]
        connection.close()
        assert len(texts) >= seq
        assert packets >= packet_id
        assert texts == [str(number) for number in range(len(texts))]
        assert len(texts) % 3 == 0, "half a batch was committed"
    assert acknowledged[0] > 30


@pytest.mark.asyncio
async def test_power_cut_at_any_byte_keeps_every_acknowledged_commit(tmp_path: Path, line):
    """The disk as it was when a commit was acknowledged, and cut anywhere after, still has it."""
    data_dir = tmp_path / "data"
    marks: list[tuple[int, int]] = []
    async with Store(data_dir) as store:
        wal = data_dir / "observatory.db-wal"
        for number in range(6):
            seqs = await store.journal.append([line(f"{number}.{i}") for i in range(4)])
            marks.append((os.stat(wal).st_size, seqs[-1]))  # noqa: PTH116 - a test
        image = tmp_path / "image"
        shutil.copytree(data_dir, image)
    cuts = [size for size, _ in marks]
    cuts += [size - 17 for size in cuts] + [size + 1000 for size in cuts[:-1]]
    for cut in sorted(cuts):
        after = tmp_path / f"cut-{cut}"
        after.mkdir()
        shutil.copy(image / "observatory.db", after)
        (after / "observatory.db-wal").write_bytes(
            (image / "observatory.db-wal").read_bytes()[:cut]
        )
        acknowledged = max((seq for size, seq in marks if size <= cut), default=0)
        async with Store(after) as again:
            kept = await again.journal.last_seq()
            assert kept == acknowledged, f"cut at {cut}"


@pytest.mark.asyncio
async def test_state_and_its_line_are_cut_together(tmp_path: Path, request_of, line, at):
    """There is no moment at which a state has moved and the journal does not say why."""
    data_dir = tmp_path / "data"
    async with Store(data_dir) as store:
        await store.requests.add(request_of("a"), submitted_by="x", submitted_utc=at(0))
        start = os.stat(data_dir / "observatory.db-wal").st_size  # noqa: PTH116 - a test
        await store.requests.move(
            [
                StateMove(
                    sequence_id="a-s1",
                    old=SequenceState.SUBMITTED,
                    new=SequenceState.TO_BE_PLANNED,
                    reason="valid",
                    time_utc=at(1),
                )
            ],
            lines=[line("valid")],
        )
        image = tmp_path / "image"
        shutil.copytree(data_dir, image)
    whole = (image / "observatory.db-wal").read_bytes()
    outcomes = set()
    for cut in [*range(start, len(whole), 2060), len(whole)]:
        after = tmp_path / f"cut-{cut}"
        after.mkdir()
        shutil.copy(image / "observatory.db", after)
        (after / "observatory.db-wal").write_bytes(whole[:cut])
        async with Store(after) as again:
            state = (await again.requests.states())["a-s1"].state
            outcomes.add((state, await again.journal.last_seq()))
    assert outcomes == {(SequenceState.SUBMITTED, 0), (SequenceState.TO_BE_PLANNED, 1)}
