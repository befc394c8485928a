"""Ordered shutdown: phases, hurry, signals, and a root that fails."""

import asyncio
import os
import signal

import pytest

from pyros.actor import (
    ActorSystem,
    BadSpecError,
    Reason,
    SupervisorSpec,
)
from pyros.actor.shutdown import Phase, order_of
from pyros.testing import simulated_system
from tests.pyros.actor.probes import (
    AT_ONCE,
    Crash,
    World,
    settle,
)

pytestmark = pytest.mark.asyncio


async def _nothing() -> None:
    """Do nothing."""


async def test_phases_are_ordered_by_dependency():
    """Shutdown phases form a graph: independent ones run together; a circle is refused."""

    def phase(name: str, *after: str) -> Phase:
        return Phase(name=name, action=_nothing, after=after, deadline_s=1.0)

    groups = order_of([phase("c", "a", "b"), phase("a"), phase("b"), phase("d", "c")])
    assert [[one.name for one in group] for group in groups] == [["a", "b"], ["c"], ["d"]]
    with pytest.raises(BadSpecError, match="depend on each other: a, b"):
        order_of([phase("a", "b"), phase("b", "a")])
    with pytest.raises(BadSpecError, match="'nowhere', which does not exist"):
        order_of([phase("a", "nowhere")])


async def test_second_request_hurries_all_but_make_safe():
    """A second signal skips the waits, but the dome is closed all the same."""
    closed: list[float] = []

    async with simulated_system() as system:

        async def close_dome() -> None:
            await asyncio.sleep(60.0)
            closed.append(system.clock.monotonic_s())

        async def finish_exposure() -> None:
            await asyncio.sleep(1e4)

        system.shutdown_phase("quiesce", finish_exposure, deadline_s=1e5)
        system.shutdown_phase("make_safe", close_dome, after=("quiesce",), deadline_s=120.0)
        first = asyncio.ensure_future(system.shutdown("SIGINT"))
        await settle(5.0)
        outcomes = await system.shutdown("SIGINT again")
        assert await first == outcomes
        assert [(one.name, one.outcome) for one in outcomes] == [
            ("quiesce", "skipped"),
            ("make_safe", "done"),
            ("flush", "done"),
            ("stop_tree", "done"),
        ]
    assert closed == [pytest.approx(65.0, abs=0.01)]


async def test_signals_shut_the_system_down(world: World):
    """A signal stops the tree in order and lets `closed()` return."""
    system = ActorSystem(watchdog=False)
    await system.start()
    await system.spawn(world.supervisor(world.child("a"), world.child("b")))
    system.shutdown_on_signals(signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert await system.closed() is None
    assert world.log == ["start a", "start b", "stop b", "stop a"]
    asyncio.get_running_loop().remove_signal_handler(signal.SIGUSR1)


async def test_failed_root_is_told():
    """When nothing can be restarted any more, `closed()` says why."""
    world = World()
    root = SupervisorSpec(name="root", max_restarts=1, backoff=AT_ONCE)
    system = ActorSystem(root=root, watchdog=False)
    await system.start()
    ref = await system.spawn(world.child("a"))
    for _ in range(2):
        ref.tell(Crash())
        await settle(0.01)
    ended = await system.closed()
    assert ended is not None
    assert ended.reason is Reason.RESTART_LIMIT
    await system.shutdown()
