"""The system: tree, trace, event bus, dead letters, timers, blocking work, watchdog, shutdown."""

import asyncio
import logging
import os
import signal
from dataclasses import dataclass

import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    BadSpecError,
    BlockingTimeoutError,
    ChildSpec,
    DeadLetter,
    Lane,
    LifecycleEvent,
    LoopStalled,
    Message,
    Reason,
    Restart,
    StartError,
    State,
    SupervisorSpec,
    Undelivered,
)
from pyros.actor.shutdown import Phase, order_of
from pyros.actor.tracing import trace_id_of
from pyros.testing import simulated_system
from tests.pyros.actor.probes import (
    AT_ONCE,
    Crash,
    Note,
    WhoAreYou,
    Work,
    World,
    block_thread,
    settle,
)

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Message):
    """A timer's message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Message):
    """An event."""

    lane = Lane.TELEMETRY
    safe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rain(Weather):
    """A more special event."""


class Collector(Actor):
    """Keeps what it is told, with the time."""

    def __init__(self, *subscriptions: type[Message]) -> None:
        self.subscriptions = subscriptions
        self.seen: list[tuple[float, Message]] = []

    async def on_start(self) -> None:
        self.subscribe(*self.subscriptions)

    async def on_receive(self, message: Message):
        self.seen.append((self.clock.monotonic_s(), message))
        match message:
            case Work(for_s=for_s):
                await asyncio.sleep(for_s)
                return "done"
            case Crash(text=text):
                raise RuntimeError(text)
        return None

    @property
    def messages(self) -> list[Message]:
        return [message for _, message in self.seen]


async def _collector(system: ActorSystem, *subscriptions: type[Message], name: str = "c"):
    made: list[Collector] = []

    def make() -> Collector:
        made.append(Collector(*subscriptions))
        return made[-1]

    ref = await system.spawn(ChildSpec(name=name, factory=make))
    return made, ref


# --- tree and trace -----------------------------------------------------------------------------


async def test_tree_says_what_each_actor_does(system: ActorSystem, world: World):
    """`tree()`: path, state, depth per lane, oldest age, restarts, error, current message."""
    await system.spawn(world.supervisor(world.child("a"), world.child("b")))
    ref = system.ref("/sup/a")
    ref.tell(Crash(text="once"))
    await settle()
    working = asyncio.ensure_future(ref.ask(Work(for_s=10.0), timeout_s=60.0))
    await settle(3.0)
    ref.tell(Note(text="waits"))
    ref.tell(Weather(safe=True))
    await settle(2.0)
    info = next(one for one in system.tree() if one.path == "/sup/a")
    assert info.state is State.RUNNING
    assert info.kind == "Probe"
    assert info.depth == (0, 0, 1, 1)
    assert info.oldest_age_s == pytest.approx(2.0, abs=1e-3)
    assert info.current == "Work"
    assert info.since_s == pytest.approx(5.0, abs=1e-3)
    assert (info.restarts, info.incarnation) == (1, 2)
    assert info.last_error == "RuntimeError: once"
    assert [one.path for one in system.tree()] == ["/", "/sup", "/sup/a", "/sup/b"]
    await working


async def test_trace_says_who_sent_what_to_whom(system: ActorSystem, world: World):
    """The ring of envelopes: sender, target, type, lane, queue wait, duration, outcome."""
    ref = await system.spawn(world.child("a"))
    await asyncio.gather(ref.ask(Work(for_s=2.0)), ref.ask(WhoAreYou()))
    ref.tell(Crash())
    await settle()
    records = system.trace.records(target="/a")
    assert [(one.kind, one.outcome) for one in records] == [
        ("Work", "ok"),
        ("WhoAreYou", "ok"),
        ("Crash", "crash"),
    ]
    assert (records[0].waited_s, records[0].took_s) == (0.0, 2.0)
    assert (records[1].waited_s, records[1].took_s) == (2.0, 0.0)
    assert records[0].lane is Lane.COMMAND
    assert len({one.trace_id for one in records}) == 3
    assert all(len(one.trace_id) == 32 for one in records)


async def test_trace_is_bounded(system: ActorSystem, world: World):
    """The ring keeps ten thousand records, however many messages there were."""
    ref = await system.spawn(world.child("a"))
    for _ in range(12):
        for _ in range(1_000):
            ref.tell(WhoAreYou())
        await settle()
    assert len(system.trace) == 10_000


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "0af7651916cd43dd8448eb211c80319c",
        ),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
        ("00-0af7-b7ad-01", None),
        ("", None),
    ],
)
async def test_traceparent_is_read(header: str, trace_id: str | None):
    """W3C `traceparent`: the trace id, or None for what is malformed or zero."""
    assert trace_id_of(header) == trace_id


async def test_traceparent_is_written(system: ActorSystem):
    """What leaves the process carries the trace in W3C form."""
    assert trace_id_of(system.trace.traceparent(7)) == system.trace.trace_id(7)


# --- event bus and dead letters -----------------------------------------------------------------


async def test_events_reach_subscribers_by_type(system: ActorSystem):
    """Published events are told to who subscribed to their type or a base, once, in order."""
    general, _ = await _collector(system, Weather, name="general")
    special, ref = await _collector(system, Rain, Weather, name="special")
    system.events.publish(Weather(safe=True))
    system.events.publish(Rain(safe=False))
    await settle()
    assert general[0].messages == [Weather(safe=True), Rain(safe=False)]
    assert special[0].messages == [Weather(safe=True), Rain(safe=False)]
    await ref.stop()
    assert system.events.subscribers(Rain) == []


async def test_a_subscription_may_take_some_events_only(system: ActorSystem):
    """What `only` is false for is never sent; the last subscription to a type counts."""
    made, ref = await _collector(system)
    system.events.subscribe(ref, Weather, only=lambda event: event.safe)
    for safe in (True, False):
        system.events.publish(Weather(safe=safe))
    system.events.subscribe(ref, Weather)
    system.events.publish(Weather(safe=False))
    await settle()
    assert made[0].messages == [Weather(safe=True), Weather(safe=False)]


async def test_subscription_outlives_a_restart(system: ActorSystem):
    """A subscription belongs to the reference: what is published during the back-off arrives."""
    made, ref = await _collector(system, Weather)
    ref.tell(Crash())
    await settle(0.1)
    assert ref.state is State.BACKOFF
    system.events.publish(Weather(safe=False))
    await settle(3.0)
    assert made[1].messages == [Weather(safe=False)]
    made[1].unsubscribe()
    system.events.publish(Weather(safe=True))
    await settle()
    assert made[1].messages == [Weather(safe=False)]


async def test_lifecycle_is_published_with_the_incarnation(system: ActorSystem, world: World):
    """L1: starting, running, stopping, backoff, stopped are told with the incarnation."""
    listener, _ = await _collector(system, LifecycleEvent)
    ref = await system.spawn(world.child("a", restart=Restart.TRANSIENT))
    ref.tell(Crash())
    await settle(3.0)
    await ref.stop()
    await settle()
    events = [one for one in listener[0].messages if one.path == "/a"]
    assert [(one.state.value, one.incarnation) for one in events] == [
        *[("starting", 1), ("running", 1), ("stopping", 1), ("backoff", 1)],
        *[("starting", 2), ("running", 2), ("stopping", 2), ("stopped", 2)],
    ]


async def test_dead_letters_are_kept_and_published(system: ActorSystem):
    """A dead letter says message, reason, target, sender, lane and incarnation."""
    listener, _ = await _collector(system)
    system.dead_letters.subscribe(system.ref("/c"))
    system.ref("/nobody").tell(Weather(safe=True))
    await settle()
    (letter,) = listener[0].messages
    assert isinstance(letter, DeadLetter)
    assert (letter.message, letter.reason) == (Weather(safe=True), Undelivered.DEAD)
    assert (letter.target, letter.sender, letter.in_lane) == ("/nobody", None, Lane.TELEMETRY)
    assert letter.incarnation == 0


async def test_unhandled_message_is_a_dead_letter(system: ActorSystem):
    """What an actor passes to its base's `on_receive` is noted as unhandled."""
    ref = await system.spawn(ChildSpec(name="a", factory=Actor))
    ref.tell(Note(text="what?"))
    await settle()
    assert [letter.reason for letter in system.dead_letters.recent()] == [Undelivered.UNHANDLED]


async def test_dead_letters_are_logged_ten_times(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
):
    """A storm of dead letters is ten log lines, then silence for 5 min; the ring is bounded."""
    caplog.set_level(logging.INFO, logger="pyros")
    nobody = system.ref("/nobody")
    for _ in range(1_500):
        nobody.tell(Note(text="x"))
    assert sum("dead letter" in record.message for record in caplog.records) == 10
    assert len(system.dead_letters.recent()) == 1_000
    assert system.dead_letters.total == 1_500
    await settle(301.0)
    nobody.tell(Note(text="again"))
    assert sum("dead letter" in record.message for record in caplog.records) == 11


# --- timers -------------------------------------------------------------------------------------


async def test_timers_fire_and_end_with_the_actor(system: ActorSystem):
    """`tell_later` fires once, `every` keeps its phase; both end when the actor stops."""
    made, ref = await _collector(system)
    collector = made[0]
    begin_s = system.clock.monotonic_s()
    later = collector.tell_later(2.5, Note(text="later"))
    every = collector.every(1.0, Tick(), initial_delay_s=0.5)
    gone = collector.tell_later(1.0, Note(text="cancelled"))
    gone.cancel()
    await settle(3.2)
    at = [(round(at_s - begin_s, 6), message) for at_s, message in collector.seen]
    assert at == [
        (0.5, Tick()),
        (1.5, Tick()),
        (2.5, Note(text="later")),
        (2.5, Tick()),
    ]
    assert (later.active, gone.active, every.active) == (False, False, True)
    await ref.stop()
    await settle(10.0)
    assert len(collector.seen) == 4


async def test_late_periodic_timer_skips(system: ActorSystem):
    """A stalled loop or a busy actor gets one tick, not those it missed, and the phase holds."""
    made, ref = await _collector(system)
    collector = made[0]
    begin_s = system.clock.monotonic_s()
    collector.every(1.0, Tick())
    await settle(1.1)
    system.loop.stall(5.3)
    await settle(0.7)
    await ref.ask(Work(for_s=4.5))
    await settle(1.0)
    ticks = [
        round(at_s - begin_s, 3) for at_s, message in collector.seen if isinstance(message, Tick)
    ]
    assert ticks == [1.0, pytest.approx(6.4, abs=0.01), 7.0, pytest.approx(11.6, abs=0.01), 12.0]


@pytest.mark.parametrize(("delay_s", "period_s"), [(-1.0, 1.0), (1.0, 0.0), (float("nan"), 1.0)])
async def test_bad_timers_are_refused(system: ActorSystem, delay_s: float, period_s: float):
    """A timer that cannot work says so where it is set."""
    made, _ = await _collector(system)
    with pytest.raises(ValueError, match="need delay >= 0 and period > 0"):
        made[0].every(period_s, Tick(), initial_delay_s=delay_s)


# --- randomness ---------------------------------------------------------------------------------


async def test_random_streams_are_named_by_path():
    """Each actor's stream depends on the seed and its path, and on nothing else."""
    streams: dict[tuple[int, str], list[float]] = {}
    for seed in (1, 1, 2):
        async with simulated_system(seed=seed) as system:
            for name in ("a", "b"):
                made, _ = await _collector(system, name=name)
                numbers = [made[0].rng.random() for _ in range(3)]
                assert streams.setdefault((seed, name), numbers) == numbers
    assert len({tuple(numbers) for numbers in streams.values()}) == 4


# --- blocking work ------------------------------------------------------------------------------


async def test_blocking_work_is_awaited_one_by_one(system: ActorSystem):
    """Blocking calls of an actor run on one thread in order; exceptions come back."""
    made, _ = await _collector(system)
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
        made, _ = await _collector(system)
        with pytest.raises(BlockingTimeoutError, match="its thread is lost and replaced"):
            await made[0].blocking(block_thread, 0.3, deadline_s=0.02)
        assert await made[0].blocking(lambda: "alive", deadline_s=1.0) == "alive"
        assert system.lost_threads == [("/c", "block_thread")]


# --- watchdog -----------------------------------------------------------------------------------


async def test_watchdog_names_the_culprit():
    """A handler that holds the loop is named with its message and the stack."""

    class Hog(Actor):
        async def on_receive(self, message: Message):
            block_thread(0.4)

    async with ActorSystem() as system:
        listener, _ = await _collector(system, LoopStalled)
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


# --- shutdown -----------------------------------------------------------------------------------


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


async def test_system_lives_once(system: ActorSystem, world: World):
    """A system cannot be started twice, and takes no actor once it is shut down."""
    with pytest.raises(RuntimeError, match="started before"):
        await system.start()
    await system.shutdown()
    with pytest.raises(BadSpecError, match="can have no children"):
        await system.spawn(world.child("late"))


async def test_addresses_are_stable(system: ActorSystem, world: World):
    """A reference may precede its actor and is the same object over restarts and respawns."""
    early = system.ref("/a")
    early.tell(Note(text="too early"))
    assert system.dead_letters.total == 1
    ref = await system.spawn(world.child("a"))
    assert ref is early
    await ref.stop()
    again = await system.spawn(world.child("a"))
    assert again is early
    assert await early.ask(WhoAreYou()) == 2
    for bad in ("a", "/a/", "//a", ""):
        with pytest.raises(BadSpecError, match="no actor's path"):
            system.ref(bad)


async def test_dynamic_children_belong_to_their_actor(system: ActorSystem, world: World):
    """An actor spawns children, which start again never when it restarts, and stop before it."""

    class Parent(Actor):
        async def on_receive(self, message: Message):
            match message:
                case Note(text=text):
                    child = await self.spawn(world.child(text))
                    return child.path
                case Crash(text=text):
                    raise RuntimeError(text)

        async def on_stop(self) -> None:
            world.log.append("stop parent")

    parent = await system.spawn(ChildSpec(name="p", factory=Parent))
    assert await parent.ask(Note(text="x"), block=False) == "/p/x"
    parent.tell(Crash())
    await settle(3.0)
    assert world.log == ["start x", "stop x", "stop parent"]
    assert [info.path for info in system.tree()] == ["/", "/p"]


async def test_interrupted_spawn_leaves_nothing(system: ActorSystem, world: World):
    """A spawn whose caller is cancelled stops the child that was starting."""
    world.hanging["a"] = asyncio.Event()
    spawning = asyncio.ensure_future(system.spawn(world.child("a")))
    await settle()
    spawning.cancel()
    await settle(20.0)
    assert [info.path for info in system.tree()] == ["/"]
    del world.hanging["a"]
    assert (await system.spawn(world.child("a"))).is_alive()


async def test_start_error_carries_its_cause(system: ActorSystem):
    """A start that fails says which actor and why, with the original exception chained."""

    class NoDevice(Actor):
        async def on_start(self) -> None:
            raise OSError("port closed")

    with pytest.raises(StartError, match=r"/n did not start: start_failed: OSError: port closed"):
        await system.spawn(ChildSpec(name="n", factory=NoDevice))
