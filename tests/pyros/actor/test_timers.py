"""Timers of actors, and their random streams."""

import pytest

from pyros.actor import (
    ActorSystem,
)
from pyros.testing import simulated_system
from tests.pyros.actor.probes import (
    Note,
    Tick,
    Work,
    collector,
    settle,
)

pytestmark = pytest.mark.asyncio


async def test_timers_fire_and_end_with_the_actor(system: ActorSystem):
    """`tell_later` fires once, `every` keeps its phase; both end when the actor stops."""
    made, ref = await collector(system)
    one = made[0]
    begin_s = system.clock.monotonic_s()
    later = one.tell_later(2.5, Note(text="later"))
    every = one.every(1.0, Tick(), initial_delay_s=0.5)
    gone = one.tell_later(1.0, Note(text="cancelled"))
    gone.cancel()
    await settle(3.2)
    at = [(round(at_s - begin_s, 6), message) for at_s, message in one.seen]
    assert at == [
        (0.5, Tick()),
        (1.5, Tick()),
        (2.5, Note(text="later")),
        (2.5, Tick()),
    ]
    assert (later.active, gone.active, every.active) == (False, False, True)
    await ref.stop()
    await settle(10.0)
    assert len(one.seen) == 4


async def test_late_periodic_timer_skips(system: ActorSystem):
    """A stalled loop or a busy actor gets one tick, not those it missed, and the phase holds."""
    made, ref = await collector(system)
    one = made[0]
    begin_s = system.clock.monotonic_s()
    one.every(1.0, Tick())
    await settle(1.1)
    system.loop.stall(5.3)
    await settle(0.7)
    await ref.ask(Work(for_s=4.5))
    await settle(1.0)
    ticks = [round(at_s - begin_s, 3) for at_s, message in one.seen if isinstance(message, Tick)]
    assert ticks == [1.0, pytest.approx(6.4, abs=0.01), 7.0, pytest.approx(11.6, abs=0.01), 12.0]


@pytest.mark.parametrize(("delay_s", "period_s"), [(-1.0, 1.0), (1.0, 0.0), (float("nan"), 1.0)])
async def test_bad_timers_are_refused(system: ActorSystem, delay_s: float, period_s: float):
    """A timer that cannot work says so where it is set."""
    made, _ = await collector(system)
    with pytest.raises(ValueError, match="need delay >= 0 and period > 0"):
        made[0].every(period_s, Tick(), initial_delay_s=delay_s)


async def test_random_streams_are_named_by_path():
    """Each actor's stream depends on the seed and its path, and on nothing else."""
    streams: dict[tuple[int, str], list[float]] = {}
    for seed in (1, 1, 2):
        async with simulated_system(seed=seed) as system:
            for name in ("a", "b"):
                made, _ = await collector(system, name=name)
                numbers = [made[0].rng.random() for _ in range(3)]
                assert streams.setdefault((seed, name), numbers) == numbers
    assert len({tuple(numbers) for numbers in streams.values()}) == 4
