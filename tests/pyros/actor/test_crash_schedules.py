"""Case 42: random crash schedules in virtual time lose no reply, double no child, break no order.

A hypothesis state machine drives a tree with all three strategies through crashes, kills, stops,
failing and hanging starts, spawns and asks: 200 examples of 50 steps, 10,000 in all.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pyros.actor import (
    ActorSystem,
    AskTimeoutError,
    Backoff,
    BadSpecError,
    DeadActorError,
    ExpiredError,
    InterruptedHandlerError,
    MailboxFullError,
    Reason,
    Restart,
    StartError,
    State,
    Strategy,
    SupervisorSpec,
)
from pyros.actor.loops import VirtualLoop
from pyros.testing import simulated_system
from tests.pyros.actor.probes import AskedCrash, Crash, Leave, WhoAreYou, Work, World, settle

NAMES = ("a", "b", "c", "d")
ANSWERS = (
    AskTimeoutError,
    DeadActorError,
    ExpiredError,
    InterruptedHandlerError,
    MailboxFullError,
    RuntimeError,
)


def _tree(world: World) -> list[SupervisorSpec]:
    """One supervisor per strategy, with a permanent, a transient and a background child in each."""
    return [
        SupervisorSpec(
            name=strategy.value,
            strategy=strategy,
            max_restarts=5,
            window_s=30.0,
            backoff=Backoff(base_s=0.5, cap_s=4.0),
            children=tuple(
                world.child(f"{strategy.value}-{name}", restart=restart, start=start)
                for name, restart, start in zip(
                    NAMES,
                    (Restart.PERMANENT, Restart.TRANSIENT, Restart.PERMANENT, Restart.PERMANENT),
                    ("await", "await", "background", "await"),
                    strict=True,
                )
            ),
        )
        for strategy in Strategy
    ]


def _check_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """No child lives twice: one task bears the name of a path."""
    names = Counter(task.get_name() for task in asyncio.all_tasks(loop))
    doubled = {
        name: n for name, n in names.items() if n > 1 and name.startswith("/") and ":" not in name
    }
    assert not doubled, f"two incarnations at once: {doubled}"


def _check_order(log: list[str]) -> None:
    """In a group strategy a child is restarted only when those after it are stopped.

    Exempt are children started in the background ("c") and what an operator starts again alone.
    """
    running: set[str] = set()
    by_hand: set[str] = set()
    for number, entry in enumerate(log):
        what, _, name = entry.partition(" ")
        strategy, _, letter = name.rpartition("-")
        if what == "by-hand":
            by_hand.add(name)
        elif what == "stop":
            running.discard(name)
            by_hand.discard(name)
        elif what == "start":
            if strategy != Strategy.ONE_FOR_ONE.value and letter != "c" and name not in by_hand:
                later = {f"{strategy}-{other}" for other in NAMES if other > letter} & running
                assert not later - by_hand - {f"{strategy}-c"}, log[: number + 1]
            running.add(name)


class CrashSchedules(RuleBasedStateMachine):
    """Steps of a schedule; each lets everything that is ready happen."""

    @initialize()
    def begin(self) -> None:
        """Build the tree."""
        self.loop = VirtualLoop()
        self.world = World()
        self.asks: list[asyncio.Task[Any]] = []
        root = SupervisorSpec(name="root", max_restarts=1_000, window_s=1.0)
        self.system = ActorSystem(seed=5, root=root)

        async def start() -> None:
            await self.system.start()
            for spec in _tree(self.world):
                await self.system.spawn(spec)

        self.run(start())

    def run(self, coro: Coroutine[Any, Any, Any]) -> Any:
        """Run one step to its end."""
        return self.loop.run_until_complete(coro)

    def ref(self, child: tuple[Strategy, str]):
        """The reference of a child of the tree."""
        strategy, name = child
        return self.system.ref(f"/{strategy.value}/{strategy.value}-{name}")

    children = st.tuples(st.sampled_from(list(Strategy)), st.sampled_from(NAMES))

    @rule(child=children)
    def crash(self, child: tuple[Strategy, str]) -> None:
        """A told message crashes a child."""
        self.ref(child).tell(Crash())
        self.run(settle())

    @rule(child=children, reason=st.sampled_from([Reason.NORMAL, Reason.SHUTDOWN]))
    def leave(self, child: tuple[Strategy, str], reason: Reason) -> None:
        """A child ends by itself."""
        self.ref(child).tell(Leave(reason=reason))
        self.run(settle())

    @rule(
        child=children,
        request=st.sampled_from([WhoAreYou(), AskedCrash(), Work(for_s=0.7), Work(for_s=20.0)]),
        timeout_s=st.sampled_from([0.1, 3.0]),
    )
    def ask(self, child: tuple[Strategy, str], request: Any, timeout_s: float) -> None:
        """Somebody asks and waits."""

        async def ask() -> None:
            ask = asyncio.ensure_future(self.ref(child).ask(request, timeout_s=timeout_s))
            self.asks.append(ask)
            await asyncio.sleep(0)

        self.run(ask())

    @rule(child=children)
    def kill(self, child: tuple[Strategy, str]) -> None:
        """A child is killed, even while it starts or works."""
        ref = self.ref(child)
        if ref.state is State.RUNNING:  # its `on_stop` will not tell
            self.world.log.append(f"stop {ref.cell.name}")
        ref.kill()
        self.run(settle())

    @rule(child=children)
    def stop(self, child: tuple[Strategy, str]) -> None:
        """An operator stops a child for good."""
        self.run(self.ref(child).stop())

    @rule(child=children)
    def start_again(self, child: tuple[Strategy, str]) -> None:
        """An operator starts a stopped child again."""

        async def start() -> None:
            if self.ref(child).state is State.STOPPED:
                self.world.log.append(f"by-hand {self.ref(child).cell.name}")
            try:
                async with asyncio.timeout(5.0):  # it may hang
                    await self.system.restart_child(self.ref(child).path)
            except (BadSpecError, StartError, TimeoutError):
                pass

        self.run(start())

    @rule(child=children, times=st.integers(1, 3))
    def fail_starts(self, child: tuple[Strategy, str], times: int) -> None:
        """The next starts of a child fail."""
        strategy, name = child
        self.world.failing[f"{strategy.value}-{name}"] = times

    @rule(child=children)
    def hang(self, child: tuple[Strategy, str]) -> None:
        """The next starts of a child hang until they are released."""
        strategy, name = child
        self.world.hanging.setdefault(f"{strategy.value}-{name}", asyncio.Event())

    @rule()
    def release(self) -> None:
        """Hanging starts go on."""
        for gate in self.world.hanging.values():
            gate.set()
        self.world.hanging.clear()
        self.run(settle())

    @rule(seconds=st.sampled_from([0.3, 2.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        """Back-offs end, deadlines pass."""
        self.run(settle(seconds))

    @invariant()
    def no_duplicate_child_and_no_wrong_order(self) -> None:
        """At any time: one incarnation each, stopped in reverse."""
        if hasattr(self, "world"):
            _check_tasks(self.loop)
            _check_order(self.world.log)

    def teardown(self) -> None:
        """At the end: every ask is answered, the tree heals, and nothing is left running."""
        if not hasattr(self, "loop"):
            return
        try:
            self.release()
            self.world.failing.clear()
            self.run(settle(120.0))
            self._check_asks()
            self._check_healed()
            self._check_shutdown()
            assert self.system.zombies == []
            assert asyncio.all_tasks(self.loop) == set()
        finally:
            self.loop.close()

    def _check_shutdown(self) -> None:
        running = [info.path for info in self.system.tree() if info.state is State.RUNNING]
        mark = len(self.world.log)
        self.run(self.system.shutdown())
        children = [path.rpartition("/")[2] for path in running if path.count("/") == 2]
        assert self.world.since(mark) == [f"stop {name}" for name in reversed(children)]

    def _check_asks(self) -> None:
        for ask in self.asks:
            assert ask.done(), "a reply was lost"
            error = ask.exception()
            assert error is None or isinstance(error, ANSWERS), repr(error)

    def _check_healed(self) -> None:
        for info in self.system.tree():
            stopped_for_good = info.state is State.STOPPED
            assert info.state is State.RUNNING or stopped_for_good, info


TestCrashSchedules = CrashSchedules.TestCase
TestCrashSchedules.settings = settings(
    max_examples=200,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("seed", range(20))
def test_random_crashes_heal(seed: int):
    """Case 42: after a storm within the budget every actor runs and every ask is answered."""

    async def main() -> None:
        rng = Random(seed)  # noqa: S311 - a schedule, no secret
        world = World()
        async with simulated_system(seed=seed) as system:
            for strategy in Strategy:
                await system.spawn(
                    SupervisorSpec(
                        name=strategy.value,
                        strategy=strategy,
                        max_restarts=10_000,
                        backoff=Backoff(base_s=0.1, cap_s=1.0),
                        children=tuple(
                            world.child(f"{strategy.value}-{number}") for number in range(5)
                        ),
                    )
                )
            asks = []
            for _ in range(200):
                strategy = rng.choice(list(Strategy)).value
                ref = system.ref(f"/{strategy}/{strategy}-{rng.randrange(5)}")
                if rng.random() < 0.3:
                    ref.tell(Crash())
                asks.append(asyncio.ensure_future(ref.ask(WhoAreYou())))
                await asyncio.sleep(rng.random())
            await settle(60.0)
            assert all(ask.done() for ask in asks)
            assert all(info.state is State.RUNNING for info in system.tree())
            assert len(system.tree()) == 1 + 3 * 6
            assert max(world.most_alive.values()) == 1
            for ask in asks:
                ask.exception()

    asyncio.run(main())
