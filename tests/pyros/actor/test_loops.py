"""The three loops: virtual time with threads, dilated time that slips, power cuts, determinism."""

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

from pyros.actor import Actor, ActorSystem, ChildSpec, Message, State
from pyros.actor.loops import (
    DilatedLoop,
    RealLoop,
    VirtualDeadlockError,
    VirtualLoop,
    clock_for,
    run_dilated,
    run_real,
    run_virtual,
    speed_of,
    virtual_time,
)
from pyros.actor.loops.dilated import CATCH_UP, MAX_LATE_S, DilatedTime
from pyros.testing import simulated_system
from tests.pyros.actor.probes import Note, Work, World, block_thread, settle

START = datetime(2026, 11, 23, 22, tzinfo=UTC)


# --- virtual ------------------------------------------------------------------------------------


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


def test_deadlock_is_named():
    """When nothing can happen any more the loop says who waits, instead of hanging."""

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


# --- determinism --------------------------------------------------------------------------------

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


# --- power cut ----------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_power_cut_runs_no_clean_up(virtual_time: VirtualLoop, world: World):
    """Kill -9: no `finally`, no `on_stop`, no late effect; other systems on the loop go on."""
    system = ActorSystem(name="doomed")
    other = ActorSystem(name="other")
    await system.start()
    await other.start()
    survivor_world = World()
    await other.spawn(survivor_world.child("s"))
    await system.spawn(world.supervisor(world.child("a"), world.child("b")))
    working = asyncio.ensure_future(system.ref("/sup/a").ask(Work(for_s=10.0), timeout_s=100.0))
    survivor = asyncio.ensure_future(other.ref("/s").ask(Work(for_s=10.0), timeout_s=100.0))
    await settle(1.0)
    hooks: list[str] = []
    system.on_power_cut(lambda: hooks.append("severed"))
    before = list(world.log)
    system.power_cut()
    assert hooks == ["severed"]
    system.ref("/sup/b").tell(Note(text="too late"))
    assert await survivor == "done"
    await settle(1_000.0)
    assert world.log == before
    assert system.ref("/sup/a").state is State.STOPPED
    assert system.tree() == []
    assert not working.done()
    working.cancel()
    await system.shutdown()
    await other.shutdown()
    assert survivor_world.log[-1] == "stop s"


@pytest.mark.asyncio
async def test_power_cut_drops_tasks_made_by_handlers(virtual_time: VirtualLoop):
    """A power cut reaches tasks made with asyncio alone, and blocking work's results."""
    effects: list[str] = []

    class Maker(Actor):
        async def on_receive(self, message: Message):
            self.child = asyncio.create_task(self.later())
            await self.blocking(block_thread, 0.01, deadline_s=5.0)
            effects.append("blocking result used")

        async def later(self) -> None:
            try:
                await asyncio.sleep(5.0)
            finally:
                effects.append("late")

    system = ActorSystem()
    await system.start()
    ref = await system.spawn(ChildSpec(name="m", factory=Maker))
    ref.tell(Note(text="go"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    system.power_cut()
    await settle(100.0)
    assert effects == []


@pytest.mark.asyncio
async def test_power_cut_needs_virtual_time():
    """Elsewhere tasks cannot be frozen, so it is refused."""
    async with ActorSystem(watchdog=False) as system:
        with pytest.raises(RuntimeError, match="needs the virtual loop"):
            system.power_cut()


# --- dilated ------------------------------------------------------------------------------------


def test_dilated_time_follows_the_shared_epoch():
    """A process that keeps up has the site's time, whenever it was started."""
    early = DilatedTime(speed=60.0, epoch_s=100.0, now_s=100.0)
    late = DilatedTime(speed=60.0, epoch_s=100.0, now_s=150.0)
    early.begin_wait(100.0)
    early.end_wait(150.0, None)
    for wall_s in (150.05, 150.09):
        assert early.at(wall_s) == pytest.approx((wall_s - 100.0) * 60.0)
        assert late.at(wall_s) == pytest.approx((wall_s - 100.0) * 60.0)


def test_dilated_clock_slips_and_never_jumps():
    """A stall of 10 s at the wall moves time by the cap only; the slip is worked off afterwards."""
    dilation = DilatedTime(speed=60.0, epoch_s=0.0, now_s=0.0)
    assert dilation.at(10.0) == pytest.approx(MAX_LATE_S * 60.0)
    dilation.begin_wait(10.0)
    assert dilation.slip_s(10.0) == pytest.approx((10.0 - MAX_LATE_S) * 60.0)
    wall_s, last = 10.0, dilation.at(10.0)
    while dilation.slip_s(wall_s) > 1.0:
        dilation.begin_wait(wall_s)
        wall_s += 0.05
        dilation.end_wait(wall_s, 0.05)
        now = dilation.at(wall_s)
        assert 0.0 <= now - last <= 0.05 * 60.0 * CATCH_UP + 1e-6
        last = now
    assert wall_s == pytest.approx(10.0 + (10.0 - MAX_LATE_S) / (CATCH_UP - 1.0), rel=0.05)
    assert dilation.slip_s(wall_s) >= -1e-6


def test_dilated_sleep_that_is_late_slips():
    """Waking 5 s late from a sleep of 1 s takes 1 s and the cap; an idle wait takes it all."""
    dilation = DilatedTime(speed=10.0, epoch_s=0.0, now_s=0.0)
    dilation.begin_wait(0.0)
    dilation.end_wait(6.0, 1.0)
    assert dilation.at(6.0) == pytest.approx((1.0 + MAX_LATE_S) * 10.0)
    idle = DilatedTime(speed=10.0, epoch_s=0.0, now_s=0.0)
    idle.begin_wait(0.0)
    idle.end_wait(6.0, None)
    assert idle.at(6.0) == pytest.approx(60.0)
    assert idle.rate == 10.0


def test_run_dilated_speeds_up_timers_and_clock():
    """At x600 a minute of waiting passes in a tenth of a second, on loop and clock alike."""

    async def main() -> tuple[timedelta, float, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, DilatedLoop)
        clock = loop.clock()
        before, begin_s = clock.now(), loop.time()
        await asyncio.sleep(60.0)
        return clock.now() - before, loop.time() - begin_s, clock.wall_to_loop_s(1.0)

    elapsed, loop_s, wall_second = run_dilated(main, 600.0, START.timestamp())
    assert elapsed.total_seconds() >= 60.0
    assert loop_s >= 60.0
    assert wall_second == 600.0


def test_dilated_processes_of_a_site_agree():
    """Two loops with the same epoch and monotonic origin show the same UTC."""
    origin_s = time.monotonic() - 3.0

    async def main() -> float:
        loop = asyncio.get_running_loop()
        begin_s = time.monotonic()
        unix_s = clock_for(loop).unix_s()
        return unix_s - (START.timestamp() + (begin_s - origin_s) * 60.0)

    errors = [run_dilated(main, 60.0, START.timestamp(), origin_s) for _ in range(2)]
    assert all(abs(error) < 60.0 for error in errors)


def test_dilated_speed_must_be_positive():
    """A speed that stops or reverses time is refused."""
    with pytest.raises(ValueError, match="must be greater than 0"):
        DilatedLoop(speed=0.0, epoch_unix_s=0.0)


def test_ask_deadlines_count_wall_seconds_when_dilated():
    """Liveness is a matter of the wall: at x600 an ask's 0.1 s are 60 s of the loop."""

    class Silent(Actor):
        async def on_receive(self, message: Message):
            await asyncio.sleep(1e9)

    async def main() -> float:
        async with ActorSystem(watchdog=False) as system:
            ref = await system.spawn(ChildSpec(name="s", factory=Silent, stop_timeout_s=0.0))
            begin_s = system.clock.monotonic_s()
            with pytest.raises(TimeoutError):
                await ref.ask(Work(for_s=0.0), timeout_s=0.1)
            return system.clock.monotonic_s() - begin_s

    assert run_dilated(main, 600.0) >= 60.0


# --- real ---------------------------------------------------------------------------------------


def test_run_real_has_a_clock_at_the_computers_utc():
    """The real loop's clock is the computer's, and goes at its pace."""

    async def main() -> tuple[datetime, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, RealLoop)
        return clock_for(loop).now(), speed_of(loop)

    now, speed = run_real(main())
    assert speed == 1.0
    computers = datetime.now(UTC)  # noqa: TID251 - the peer of this comparison
    assert abs(now - computers) < timedelta(seconds=30)
