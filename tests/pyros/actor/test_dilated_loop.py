"""The dilated loop, which slips and never jumps, and the real one."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from pyros.actor import Actor, ActorSystem, ChildSpec, Message
from pyros.actor.loops import (
    DilatedLoop,
    RealLoop,
    clock_for,
    run_dilated,
    run_real,
    speed_of,
)
from pyros.actor.loops.dilated import CATCH_UP, MAX_LATE_S, DilatedTime
from tests.pyros.actor.probes import Work

START = datetime(2026, 11, 23, 22, tzinfo=UTC)


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
