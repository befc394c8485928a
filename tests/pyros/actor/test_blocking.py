"""Blocking work with its deadline, and the watchdog that names who holds the loop."""

import asyncio

import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    BlockingTimeoutError,
    ChildSpec,
    LoopStalled,
    Message,
)
from tests.pyros.actor.probes import (
    Note,
    block_thread,
    collector,
)

pytestmark = pytest.mark.asyncio


async def test_blocking_work_is_awaited_one_by_one(system: ActorSystem):
    """Blocking calls of an actor run on one thread in order; exceptions come back."""
    made, _ = await collector(system)
    order: list[int] = []

    def call(number: int) -> int:
        block_thread(0.005 * (3 - number))
        order.append(number)
        return number

    results = await asyncio.gather(*(made[0].blocking(call, n, deadline_s=5.0) for n in range(3)))
    assert results == [0, 1, 2]
    assert order == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        await made[0].blocking(lambda: 1 // 0, deadline_s=5.0)
    assert system.clock.monotonic_s() == 0.0


async def test_lost_thread_is_replaced():
    """A blocking call past its deadline is given up; the next call gets a new thread."""
    async with ActorSystem(watchdog=False) as system:
        made, _ = await collector(system)
        with pytest.raises(BlockingTimeoutError, match="its thread is lost and replaced"):
            await made[0].blocking(block_thread, 0.3, deadline_s=0.02)
        assert await made[0].blocking(lambda: "alive", deadline_s=1.0) == "alive"
        assert system.lost_threads == [("/c", "block_thread")]


async def test_watchdog_names_the_culprit():
    """A handler that holds the loop is named with its message and the stack."""

    class Hog(Actor):
        async def on_receive(self, message: Message):
            block_thread(0.4)

    async with ActorSystem() as system:
        listener, _ = await collector(system, LoopStalled)
        hog = await system.spawn(ChildSpec(name="hog", factory=Hog))
        await hog.ask(Note(text="go"))
        for _ in range(100):
            await asyncio.sleep(0.01)
            if listener[0].seen:
                break
        stall = listener[0].messages[0]
        assert isinstance(stall, LoopStalled)
        assert (stall.path, stall.handling) == ("/hog", "Note")
        assert "block_thread(0.4)" in stall.stack
        assert stall.held_s > 0.1
