"""The virtual loop: it jumps when idle, waits for threads, and is the same each time."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiosqlite
import pytest

from pyros.actor.loops import (
    VirtualDeadlockError,
    VirtualLoop,
    clock_for,
    run_virtual,
    virtual_time,
)
from pyros.testing import simulated_system
from tests.pyros.actor.probes import block_thread

START = datetime(2026, 11, 23, 22, tzinfo=UTC)


def test_virtual_time_jumps_when_idle():
    """Ten hours of waiting take no time, and the clock says ten hours later."""

    async def main() -> tuple[datetime, datetime, float]:
        clock = clock_for(asyncio.get_running_loop())
        before = clock.now()
        await asyncio.sleep(36_000)
        return before, clock.now(), clock.wall_to_loop_s(5.0)

    before, after, five_s = run_virtual(main, start_unix_s=START.timestamp())
    assert before == START
    assert after - before == timedelta(hours=10)
    assert five_s == 5.0


def test_virtual_time_runs_what_is_ready_first():
    """Time does not move while a callback is ready."""
    order: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(1e-9, order.append, "timer")
        for number in range(100):
            await asyncio.sleep(0)
            order.append(str(number))
        await asyncio.sleep(1e-6)

    run_virtual(main())
    assert order == [*(str(number) for number in range(100)), "timer"]


def test_time_stands_still_while_a_thread_works():
    """An executor's work holds the clock, whatever the machine makes of it."""

    async def main() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        late = loop.call_later(0.001, lambda: None)
        result = await asyncio.to_thread(lambda: block_thread(0.05) or 42)
        assert not late.cancelled()
        return result, loop.time()

    assert run_virtual(main) == (42, 0.0)


def test_completions_come_in_the_order_of_submission():
    """Of jobs that run at once, the first submitted is delivered first, even if it ends last."""
    order: list[int] = []

    async def job(number: int, for_s: float) -> None:
        await asyncio.to_thread(block_thread, for_s)
        order.append(number)

    async def main() -> None:
        await asyncio.gather(*(job(n, for_s) for n, for_s in enumerate((0.06, 0.03, 0.0))))

    run_virtual(main)
    assert order == [0, 1, 2]


@pytest.mark.parametrize("second_s", [0.0, 0.1])
def test_a_due_timer_comes_before_a_completion(second_s: float):
    """What is due now runs before a thread's result, however fast the thread was."""
    order: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        first = loop.run_in_executor(None, block_thread, 0.05)
        second = loop.run_in_executor(None, block_thread, second_s)
        second.add_done_callback(lambda _: order.append("completion"))
        await first
        loop.call_later(0.0, loop.call_soon, order.append, "timer")
        await second
        await asyncio.sleep(0)

    run_virtual(main())
    assert order == ["timer", "completion"]


def test_a_cancelled_job_does_not_hold_the_clock_for_ever():
    """A job whose asker gave up, queued or running, is over when its thread is done with it."""

    async def main() -> float:
        pool_full = [
            asyncio.ensure_future(asyncio.to_thread(block_thread, 0.01)) for _ in range(40)
        ]
        queued = asyncio.ensure_future(asyncio.to_thread(block_thread, 0.01))
        await asyncio.sleep(0)
        queued.cancel()
        pool_full[0].cancel()
        await asyncio.sleep(10.0)
        return asyncio.get_running_loop().time()

    assert run_virtual(main) == 10.0


def test_aiosqlite_works_in_virtual_time():
    """Aiosqlite's threads hold the clock by themselves, and two connections keep one order."""

    async def main() -> tuple[int, list[str], float]:
        loop = asyncio.get_running_loop()
        ticks: list[float] = []
        order: list[str] = []
        async with aiosqlite.connect(":memory:") as db:
            await db.execute("CREATE TABLE t (name, number)")
            handle = loop.call_later(1e-3, ticks.append, 1.0)
            await db.executemany("INSERT INTO t VALUES (?, ?)", [("x", n) for n in range(1000)])
            async with db.execute("SELECT count(*) FROM t") as cursor:
                row = await cursor.fetchone()
            assert ticks == []
            handle.cancel()
            await asyncio.gather(
                *(_two(db, name, order) for name in "ab"),
            )
        return row[0], order, loop.time()

    async def _two(db: aiosqlite.Connection, name: str, order: list[str]) -> None:
        async with aiosqlite.connect(":memory:") as own:
            await own.execute("CREATE TABLE t (n)")
            for number in range(20):
                await own.execute("INSERT INTO t VALUES (?)", (number,))
                await db.execute("INSERT INTO t VALUES (?, ?)", (name, number))
                order.append(f"{name}{number}")

    first = run_virtual(main)
    assert first[0] == 1000
    assert first[2] == 0.0
    assert len(first[1]) == 40
    assert all(run_virtual(main) == first for _ in range(5))


def test_hold_keeps_the_clock():
    """`hold()` stops time around work that the loop does not know, until a thread calls back."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        done = loop.create_future()
        threading.Timer(0.05, lambda: loop.call_soon_threadsafe(done.set_result, "done")).start()
        loop.call_later(0.001, lambda: None)
        with loop.hold():
            assert await done == "done"
        return loop.time()

    assert run_virtual(main) == 0.0


def test_deadlock_is_named(monkeypatch: pytest.MonkeyPatch):
    """When nothing can happen any more the loop says who waits, instead of hanging."""
    monkeypatch.setattr(VirtualLoop, "wall_silence_s", 0.05)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(asyncio.sleep(5.0), name="sleeper")
        await task
        await asyncio.create_task(_wait(loop.create_future()), name="forgotten")

    async def _wait(future: asyncio.Future[None]) -> None:
        await future

    with pytest.raises(VirtualDeadlockError, match=r"at 5\.000 s.*forgotten"):
        run_virtual(main)


def test_external_work_that_never_ends_is_named(monkeypatch: pytest.MonkeyPatch):
    """Work that outlasts the loop's patience is an error, not a hang."""
    monkeypatch.setattr(VirtualLoop, "wall_patience_s", 0.05)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        await loop.create_job()

    with pytest.raises(VirtualDeadlockError, match="1 jobs and 0 holds outstanding"):
        run_virtual(main)


def test_stall_advances_without_running():
    """A stalled loop finds its timers late, all at once."""

    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        fired: list[float] = []
        for delay_s in (1.0, 2.0, 3.0):
            loop.call_later(delay_s, lambda: fired.append(loop.time()))
        loop.stall(2.5)
        assert fired == []
        await asyncio.sleep(1.0)
        return fired

    assert run_virtual(main) == [2.5, 2.5, 3.0]


def test_a_plain_loop_can_become_virtual():
    """`asyncio.run` users get virtual time for a block, and their loop back afterwards."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        begin_s = time.monotonic()
        fired: list[float] = []
        loop.call_later(10.0, lambda: fired.append(loop.time()))
        async with simulated_system(seed=7) as system:
            await asyncio.sleep(1e6)
            assert loop.time() == 1e6
            assert fired == [pytest.approx(10.0, abs=0.1)]
            assert system.seed == 7
        assert type(loop) is not VirtualLoop
        await asyncio.sleep(0.001)
        with virtual_time():
            await asyncio.sleep(1e6)
        return time.monotonic() - begin_s

    assert asyncio.run(main()) < 5.0


_NIGHT = """
import asyncio, hashlib
from dataclasses import dataclass
from typing import Any
import aiosqlite
from pyros.actor import Actor, ChildSpec, Message, SupervisorSpec
from pyros.actor.loops import run_virtual
from pyros.actor.system import ActorSystem

@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Message):
    hops: int

class Node(Actor):
    async def on_start(self) -> None:
        self.peers = [f"/n{n}" for n in range(20)]
        self.tell_later(self.rng.random(), Ping(hops=30))
        self.publish_to = {self.path, *self.peers}

    async def on_receive(self, message: Message) -> Any:
        await asyncio.sleep(self.rng.random() * 0.1)
        if self.rng.random() < 0.1:
            await self.blocking(sum, range(1000), deadline_s=5.0)
        if self.rng.random() < 0.01:
            raise RuntimeError("bad luck")
        if message.hops:
            self.system.ref(self.rng.choice(self.peers)).tell(Ping(hops=message.hops - 1))

async def main() -> str:
    root = SupervisorSpec(name="root", max_restarts=1000)
    async with ActorSystem(seed=11, root=root) as system:
        for number in range(20):
            await system.spawn(ChildSpec(name=f"n{number}", factory=Node))
        await asyncio.sleep(60.0)
        records = system.trace.records()
        assert len(records) > 300
        text = repr(records) + repr(system.tree()) + repr(system.dead_letters.recent())
        return hashlib.sha256(text.encode()).hexdigest()

print(run_virtual(main))
"""


def test_same_seed_same_order_across_processes():
    """The same seed gives the same messages in the same order, whatever the process's hash seed."""
    digests = set()
    for hash_seed in ("0", "1", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(_NIGHT)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            cwd=Path(__file__).parents[3],
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1
    assert len(digests.pop()) == 64
