"""Acceptance: cases of Pekko's and ractor's test suites (cases 26 to 39 of ours)."""

import asyncio
from dataclasses import dataclass
from random import Random

import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    AskTimeoutError,
    Backoff,
    ChildSpec,
    DeadActorError,
    DeathPactError,
    Lane,
    LaneSpec,
    Message,
    Reason,
    Request,
    Restart,
    State,
    Terminated,
    UnavailableError,
    Undelivered,
)
from pyros.testing import simulated_system
from tests.pyros.actor.probes import (
    Crash,
    Note,
    WhoAreYou,
    Work,
    World,
    settle,
)

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True, slots=True, kw_only=True)
class IsItSafe(Request[bool]):
    """A safety request."""

    lane = Lane.SAFETY


class Watcher(Actor):
    """Watches a path and keeps what it is told."""

    def __init__(self, path: str) -> None:
        self.watched = path
        self.told: list[Terminated] = []

    async def on_start(self) -> None:
        self.watch(self.system.ref(self.watched))

    async def on_receive(self, message: Message):
        if isinstance(message, Terminated):
            self.told.append(message)
            return None
        if isinstance(message, Work):
            await asyncio.sleep(message.for_s)
            self.unwatch(self.system.ref(self.watched))
            return "done"
        return await super().on_receive(message)


async def test_restart_is_attempted_again_26(system: ActorSystem, world: World):
    """Case 26 SupervisorSpec "attempt restart when exception during restart"."""
    await system.spawn(world.supervisor(world.child("a")))
    world.failing["a"] = 2
    system.ref("/sup/a").tell(Crash())
    await settle()
    assert await system.ref("/sup/a").ask(WhoAreYou()) == 4


async def test_system_messages_survive_a_crash_27(system: ActorSystem, world: World):
    """Case 27 "not lose system messages when a NonFatal exception occurs": stop and watch hold."""
    victim = await system.spawn(world.child("v"))
    watcher = Watcher("/v")
    await system.spawn(ChildSpec(name="w", factory=lambda: watcher))
    victim.tell(Crash())
    await victim.stop()
    await settle()
    assert not victim.is_alive()
    assert [told.reason for told in watcher.told] == [Reason.SHUTDOWN]


async def test_backoff_delay_28():
    """Case 28 BackoffSupervisorSpec "correctly calculate the delay": doubled, capped, jittered."""
    plain = Backoff(base_s=3.0, cap_s=30.0, jitter=0.0)
    rng = Random(1)  # noqa: S311 - jitter, no secret
    assert [plain.delay_s(n, rng) for n in range(6)] == [3, 6, 12, 24, 30, 30]
    assert plain.delay_s(10_000, rng) == 30
    jittered = Backoff(base_s=3.0, cap_s=30.0, jitter=0.2)
    delays = [jittered.delay_s(0, rng) for _ in range(200)]
    assert min(delays) >= 3.0
    assert max(delays) <= 3.6
    assert max(delays) - min(delays) > 0.4
    assert plain.healthy_s == 16.5


async def test_failures_outside_the_window_do_not_count_29(system: ActorSystem, world: World):
    """Case 29 BackoffOnRestart "keep restarting when failures happen outside" of the window."""
    sup = await system.spawn(world.supervisor(world.child("a"), max_restarts=1, window_s=10.0))
    for _ in range(6):
        system.ref("/sup/a").tell(Crash())
        await settle(11.0)
    assert sup.incarnation == 1
    assert await system.ref("/sup/a").ask(WhoAreYou()) == 7


async def test_backoff_starts_again_after_health_30(system: ActorSystem, world: World):
    """Case 30 "reset exponential backoff count after reset timeout"."""
    backoff = Backoff(base_s=1.0, cap_s=60.0, jitter=0.0, reset_after_s=20.0)
    await system.spawn(world.supervisor(world.child("a"), backoff=backoff, max_restarts=10))

    async def downtime_s() -> float:
        begin_s = system.clock.monotonic_s()
        system.ref("/sup/a").tell(Crash())
        await settle()
        while system.ref("/sup/a").state is not State.RUNNING:  # noqa: ASYNC110 - a black box
            await asyncio.sleep(0.5)
        return system.clock.monotonic_s() - begin_s

    assert await downtime_s() == pytest.approx(1.0, abs=0.5)
    assert await downtime_s() == pytest.approx(2.0, abs=0.5)
    assert await downtime_s() == pytest.approx(4.0, abs=0.5)
    await settle(21.0)
    assert await downtime_s() == pytest.approx(1.0, abs=0.5)


async def test_stash_overflows_while_backing_off_31(system: ActorSystem, world: World):
    """Case 31 "publish dropped messages while backing off and stash is full"; the rest arrives."""
    child = world.child("a", lanes={Lane.COMMAND: LaneSpec(capacity=2)})
    await system.spawn(world.supervisor(child, backoff=Backoff(base_s=5.0)))
    ref = system.ref("/sup/a")
    ref.tell(Crash())
    await settle()
    assert ref.state is State.BACKOFF
    for number in range(4):
        ref.tell(Note(text=str(number)))
    dropped = [(letter.message, letter.reason) for letter in system.dead_letters.recent()]
    assert dropped == [
        (Note(text="2"), Undelivered.FULL),
        (Note(text="3"), Undelivered.FULL),
    ]
    await settle(10.0)
    assert world.log[-2:] == ["a 0", "a 1"]


async def test_safety_ask_is_answered_while_backing_off(system: ActorSystem, world: World):
    """S4: a safety request to an actor that backs off is answered `Unavailable` at once."""
    await system.spawn(world.supervisor(world.child("a"), backoff=Backoff(base_s=30.0, cap_s=60.0)))
    ref = system.ref("/sup/a")
    ref.tell(Crash())
    await settle()
    begin_s = system.clock.monotonic_s()
    with pytest.raises(UnavailableError, match="act on the safe side"):
        await ref.ask(IsItSafe())
    assert system.clock.monotonic_s() == begin_s


@pytest.mark.parametrize("when", ["alive", "already dead", "never lived"])
async def test_death_watch_32(system: ActorSystem, world: World, when: str):
    """Case 32 DeathWatchSpec: one `Terminated`, also for one already dead; none on restart."""
    if when != "never lived":
        await system.spawn(world.supervisor(world.child("v")))
    victim = system.ref("/sup/v")
    if when == "already dead":
        await victim.stop()
    watcher = Watcher("/sup/v")
    await system.spawn(ChildSpec(name="w", factory=lambda: watcher))
    if when == "alive":
        victim.tell(Crash())
        await settle()
        assert victim.incarnation == 2
        assert watcher.told == []
        await victim.stop()
    await settle()
    assert len(watcher.told) == 1
    told = watcher.told[0]
    assert told.ref is victim
    assert (told.reason, told.incarnation) == {
        "alive": (Reason.SHUTDOWN, 2),
        "already dead": (Reason.SHUTDOWN, 1),
        "never lived": (Reason.NEVER_STARTED, 0),
    }[when]


async def test_unwatch_takes_back_a_queued_terminated_32(system: ActorSystem, world: World):
    """Case 32 "discard Terminated when unwatched between sysmsg and processing"."""
    victim = await system.spawn(world.child("v"))
    watcher = Watcher("/v")
    ref = await system.spawn(ChildSpec(name="w", factory=lambda: watcher))
    working = asyncio.ensure_future(ref.ask(Work(for_s=3.0)))
    await settle()
    await victim.stop()
    await working
    await settle()
    assert watcher.told == []
    assert ref.is_alive()


async def test_death_pact_33(system: ActorSystem, world: World):
    """Case 33 WatchSpec DeathPact: who watches and does not handle `Terminated` crashes with it."""

    class Careless(Actor):
        async def on_start(self) -> None:
            self.watch(self.system.ref("/v"))

    victim = await system.spawn(world.child("v"))
    await system.spawn(world.supervisor(ChildSpec(name="c", factory=Careless), max_restarts=0))
    await victim.stop()
    await settle()
    sup = next(info for info in system.tree() if info.path == "/sup")
    assert "RestartLimitError" in (sup.last_error or "")
    cell = system.ref("/sup/c").cell
    assert isinstance(cell.last_error, DeathPactError)


async def test_ask_timeout_contents_34(system: ActorSystem, world: World):
    """Case 34 AskSpec: a timeout names target, message, elapsed time and the queue there."""
    ref = await system.spawn(world.child("busy"))
    first = asyncio.ensure_future(ref.ask(Work(for_s=60.0), timeout_s=100.0))
    await settle()
    with pytest.raises(AskTimeoutError) as caught:
        await ref.ask(WhoAreYou(), timeout_s=2.0)
    text = str(caught.value)
    assert "WhoAreYou to /busy" in text
    assert "2.000 s" in text
    assert "1 messages queue" in text
    assert isinstance(caught.value, TimeoutError)
    assert await first == "done"
    await settle()
    letters = [(letter.message, letter.reason) for letter in system.dead_letters.recent()]
    assert letters == [(WhoAreYou(), Undelivered.EXPIRED)]


async def test_shutdown_continues_after_failure_35():
    """Case 35 CoordinatedShutdownSpec "continue after timeout or failure", "only run once"."""
    ran: list[str] = []

    async def fails() -> None:
        ran.append("fails")
        raise RuntimeError("no")

    async def hangs() -> None:
        ran.append("hangs")
        await asyncio.sleep(1e9)

    async def last() -> None:
        ran.append("last")

    async with simulated_system() as system:
        system.shutdown_phase("quiesce", fails)
        system.shutdown_phase("make_safe", hangs, after=("quiesce",), deadline_s=30.0)
        system.shutdown_phase("flush", last, after=("make_safe",))
        begin_s = system.clock.monotonic_s()
        first, second = await asyncio.gather(system.shutdown("one"), system.shutdown("two"))
        assert system.clock.monotonic_s() - begin_s == pytest.approx(30.0, abs=1.1)
        assert first == second
        assert [(one.name, one.outcome) for one in first] == [
            ("quiesce", "failed"),
            ("make_safe", "late"),
            ("flush", "done"),
            ("stop_tree", "done"),
        ]
    assert ran == ["fails", "hangs", "last"]


async def test_stop_overtakes_messages_36(system: ActorSystem, world: World):
    """Case 36 ractor stop_higher_priority_over_messages: a stop is served before what is queued."""
    ref = await system.spawn(world.child("a"))
    for number in range(5):
        ref.tell(Note(text=str(number)))
    await ref.stop()
    assert world.log == ["start a", "stop a"]
    assert len(system.dead_letters.recent()) == 5


async def test_kill_ends_work_and_stop_does_not_37(system: ActorSystem, world: World):
    """Case 37 kill_terminates_work, stop_does_not_terminate_async_work."""
    stopped = await system.spawn(world.child("s", restart=Restart.TEMPORARY))
    working = asyncio.ensure_future(stopped.ask(Work(for_s=1.0)))
    await settle()
    await stopped.stop()
    assert await working == "done"
    killed = await system.spawn(world.child("k", restart=Restart.TEMPORARY))
    working = asyncio.ensure_future(killed.ask(Work(for_s=1.0)))
    await settle()
    killed.kill()
    with pytest.raises(DeadActorError, match="was killed"):
        await working
    assert world.log[-3:] == ["start k", "k begins", "k cleans up"]


async def test_failing_stop_still_stops_38(system: ActorSystem, world: World):
    """Case 38 supervision_panic_in_post_stop: a failing `on_stop` is logged, the actor is gone."""

    class Clumsy(Actor):
        async def on_stop(self) -> None:
            raise RuntimeError("dropped it")

    ref = await system.spawn(ChildSpec(name="c", factory=Clumsy))
    watcher = Watcher("/c")
    await system.spawn(ChildSpec(name="w", factory=lambda: watcher))
    await ref.stop()
    await settle()
    assert ref.state is State.STOPPED
    assert len(watcher.told) == 1
    assert isinstance(ref.cell.last_error, RuntimeError)


async def test_killing_a_supervisor_ends_its_children_39(system: ActorSystem, world: World):
    """Case 39 killing_a_supervisor_terminates_children."""
    sup = await system.spawn(
        world.supervisor(world.child("a"), world.child("b"), restart=Restart.TEMPORARY)
    )
    sup.kill()
    await settle()
    assert not system.ref("/sup/a").is_alive()
    assert world.alive.total() == 0
    assert sup.state is State.STOPPED
