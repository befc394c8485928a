"""Case 40: regressions of pykka's traps T1 to T12, and of those met on the way, P1 to P7."""

import asyncio
import gc
import threading
import weakref

import pykka
import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    AskTimeoutError,
    BadActorError,
    ChildSpec,
    DeadActorError,
    Message,
    Rejected,
    Restart,
    StartError,
    ThreadingActor,
)
from pyros.actor.errors import BlockingCallError
from tests.pyros.actor.probes import Crash, Note, WhoAreYou, Work, World, settle

pytestmark = pytest.mark.asyncio


class Driver(ThreadingActor):
    """A blocking vendor driver."""

    starts = 0

    def __init__(self, *, fail_start: bool = False) -> None:
        super().__init__()
        self.fail_start = fail_start
        self.position = 7
        self.threads: list[int] = []

    def on_start(self) -> None:
        if self.fail_start:
            raise RuntimeError("no such device")
        Driver.starts += 1

    def move(self, to: int) -> int:
        self.threads.append(threading.get_ident())
        self.position, before = to, self.position
        return before

    def quit_badly(self) -> None:
        raise SystemExit(3)

    def refuse(self) -> None:
        raise Rejected("not now")

    def ask_back(self, ref) -> int:
        return ref.ask(WhoAreYou(), block=True, timeout=5.0)

    def on_receive(self, message):
        if isinstance(message, Crash):
            raise RuntimeError(message.text)  # noqa: TRY004 - a crash
        return threading.get_ident()


class Greeter(Actor):
    """Has methods and attributes for a proxy."""

    async def on_start(self) -> None:
        self.name = "Ada"

    async def greet(self, greeting: str) -> str:
        await asyncio.sleep(1.0)
        return f"{greeting}, {self.name}"

    def length(self) -> int:
        return len(self.name)

    async def on_receive(self, message: Message):
        if isinstance(message, Crash):
            raise RuntimeError(message.text)  # noqa: TRY004 - a crash
        return self.name


async def test_t1_a_future_does_not_block_the_loop(system: ActorSystem):
    """T1: awaiting a reply leaves the loop free; `get()` on a loop's thread is refused."""
    ref = await system.spawn(ChildSpec(name="g", factory=Greeter))
    future = ref.proxy().greet("Hello")
    with pytest.raises(BlockingCallError, match="await the future"):
        future.get()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.1)
            ticks += 1

    ticking = asyncio.ensure_future(tick())
    assert await future == "Hello, Ada"
    ticking.cancel()
    assert ticks >= 9
    assert future.get() == "Hello, Ada"


async def test_t2_async_method_on_a_threading_actor_is_refused(system: ActorSystem):
    """T2: a coroutine nobody would await is refused at class creation; pykka's own at spawn."""
    with pytest.raises(BadActorError, match="move is async"):

        class Wrong(ThreadingActor):
            async def move(self) -> None: ...

    class Plain(pykka.ThreadingActor):
        use_daemon_thread = True

        async def move(self) -> None: ...

    with pytest.raises(StartError, match="move is async"):
        await system.spawn(ChildSpec(name="p", factory=Plain))


async def test_t3_exception_in_an_ask_is_a_crash(system: ActorSystem):
    """T3: the supervisor learns of an exception in an ask, from a thread as well."""
    ref = await system.spawn(ChildSpec(name="d", factory=Driver))
    with pytest.raises(RuntimeError, match="crashed on request"):
        await ref.ask(Crash(), block=False)
    await settle(3.0)
    assert ref.incarnation == 2
    assert await ref.proxy().move(1) == 7


async def test_t4_failed_start_is_reported(system: ActorSystem):
    """T4: `on_start` raising fails the spawn, in a thread as well."""
    with pytest.raises(StartError, match="no such device"):
        await system.spawn(ChildSpec(name="d", factory=lambda: Driver(fail_start=True)))


async def test_t5_a_base_exception_stays_with_its_actor(system: ActorSystem, world: World):
    """T5: SystemExit in one actor answers its asker and stops no other, thread or not."""
    other = await system.spawn(ChildSpec(name="other", factory=Driver))
    ref = await system.spawn(ChildSpec(name="d", factory=Driver))
    with pytest.raises(RuntimeError, match="SystemExit"):
        await ref.proxy().quit_badly()
    await settle(3.0)
    assert ref.incarnation == 2
    assert other.incarnation == 1
    assert await other.proxy().move(3) == 7

    class Quitter(Actor):
        async def on_receive(self, message: Message):
            raise SystemExit(4)

    quitter = await system.spawn(ChildSpec(name="q", factory=Quitter))
    with pytest.raises(RuntimeError, match="/q raised SystemExit: 4"):
        await quitter.ask(WhoAreYou())
    await settle(3.0)
    assert quitter.incarnation == 2


async def test_t6_no_ask_is_lost_when_its_target_stops(system: ActorSystem):
    """T6: asks that race with a stop from other threads are all answered."""
    ref = await system.spawn(ChildSpec(name="g", factory=Greeter, restart=Restart.TEMPORARY))
    outcomes: list[str] = []

    def ask() -> None:
        try:
            ref.ask(WhoAreYou(), block=True, timeout=5.0)
            outcomes.append("reply")
        except DeadActorError:
            outcomes.append("dead")

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads[:10]:
        thread.start()
    stopping = asyncio.ensure_future(ref.stop())
    for thread in threads[10:]:
        thread.start()
    await stopping
    while any(thread.is_alive() for thread in threads):  # noqa: ASYNC110 - threads set no event
        await asyncio.sleep(0.001)
    assert len(outcomes) == 20


async def test_t7_shutdown_does_not_block_the_loop(system: ActorSystem):
    """T7: an `on_stop` that needs the loop gets it."""

    class NeedsLoop(Actor):
        async def on_stop(self) -> None:
            await asyncio.sleep(1.0)
            NeedsLoop.stopped = True

    await system.spawn(ChildSpec(name="n", factory=NeedsLoop))
    await system.shutdown()
    assert NeedsLoop.stopped


async def test_t8_a_proxy_keeps_no_dead_actor_alive(system: ActorSystem):
    """T8: a proxy outlives restarts and does not hold the old instance."""
    instances: list[weakref.ref[Greeter]] = []

    def make() -> Greeter:
        greeter = Greeter()
        instances.append(weakref.ref(greeter))
        return greeter

    ref = await system.spawn(ChildSpec(name="g", factory=make))
    proxy = ref.proxy()
    assert await proxy.length() == 3
    ref.tell(Crash())
    await settle(3.0)
    ref.cell.last_error = None
    gc.collect()
    assert instances[0]() is None
    assert await proxy.length() == 3
    await ref.stop()
    with pytest.raises(DeadActorError):
        await proxy.length()


async def test_t9_a_timeout_is_a_timeout_error(system: ActorSystem, world: World):
    """T9: `except TimeoutError` and `except pykka.Timeout` both catch it."""
    ref = await system.spawn(world.child("a"))
    for kind in (TimeoutError, pykka.Timeout, AskTimeoutError):
        with pytest.raises(kind):
            await ref.ask(Work(for_s=10.0), timeout_s=0.1)


async def test_t10_proxies_are_cached(system: ActorSystem):
    """T10: making a proxy again costs nothing and inspects nothing."""
    ref = await system.spawn(ChildSpec(name="g", factory=Greeter))
    assert ref.proxy() is ref.proxy()
    assert ref.proxy().length is ref.proxy().length
    assert "greet" in dir(ref.proxy())


async def test_t11_asyncio_actors_are_not_in_the_global_registry(system: ActorSystem):
    """T11: actors are found by path in their own system; two systems do not see each other."""
    async with ActorSystem(name="other") as other:
        await other.spawn(ChildSpec(name="g", factory=Greeter))
        ref = await system.spawn(ChildSpec(name="g", factory=Greeter))
        assert pykka.ActorRegistry.get_all() == []
        assert system.ref("/g") is ref
        assert other.ref("/g") is not ref
        assert ref.actor_urn == "urn:pyros:pyros:/g"
    assert ref.is_alive()


async def test_t12_trace_and_sender_travel_with_the_message(system: ActorSystem):
    """T12: what a handler sends carries its trace, over threads of control as well."""
    traces: dict[str, str] = {}

    class Passes(Actor):
        async def on_receive(self, message: Message):
            traces[self.path] = self.trace_id
            if self.path == "/p1":
                await self.system.ref("/p2").ask(WhoAreYou())
                self.start_task(self.later(), name="later")

        async def later(self) -> None:
            await asyncio.sleep(1.0)
            self.system.ref("/p3").tell(Note(text="later"))

    for name in ("p1", "p2", "p3"):
        await system.spawn(ChildSpec(name=name, factory=Passes))
    system.ref("/p1").tell_traced(Note(text="go"), "0123456789abcdef0123456789abcdef")
    await settle(2.0)
    assert set(traces) == {"/p1", "/p2", "/p3"}
    assert set(traces.values()) == {"0123456789abcdef0123456789abcdef"}
    records = system.trace.records(trace_id="0123456789abcdef0123456789abcdef")
    assert [(one.sender, one.target) for one in records] == [
        ("/p1", "/p2"),
        (None, "/p1"),
        ("/p1", "/p3"),
    ]


async def test_p1_setting_through_a_proxy_is_refused(system: ActorSystem):
    """P1: `proxy.name = value` would block or lose errors; `await ref.set()` does it."""
    ref = await system.spawn(ChildSpec(name="g", factory=Greeter))
    with pytest.raises(BadActorError, match=r"await ref\.set\('name', value\)"):
        ref.proxy().name = "Bob"
    await ref.set("name", "Bob")
    assert await ref.proxy().name == "Bob"


async def test_p2_stop_is_awaited(system: ActorSystem):
    """P2: `await ref.stop()` returns when the actor is gone, and False when it was not there."""
    ref = await system.spawn(ChildSpec(name="g", factory=Greeter))
    assert await ref.stop() is True
    assert not ref.is_alive()
    assert await ref.stop() is False


async def test_p3_kernel_tasks_are_held(system: ActorSystem, world: World):
    """P3: a restart under way survives the garbage collector."""
    ref = await system.spawn(world.child("a"))
    ref.tell(Crash())
    await settle(0.1)
    for _ in range(3):
        gc.collect()
    await settle(3.0)
    assert ref.incarnation == 2


async def test_p4_init_may_keep_the_reference(system: ActorSystem):
    """P4: `__init__` may capture `self.actor_ref`, on the first start and on each restart."""

    class Keeps(Actor):
        def __init__(self) -> None:
            self.kept = self.actor_ref

        async def on_receive(self, message: Message):
            if isinstance(message, Crash):
                raise RuntimeError(message.text)  # noqa: TRY004 - a crash
            return self.kept

    ref = await system.spawn(ChildSpec(name="k", factory=Keeps))
    ref.tell(Crash())
    await settle(3.0)
    assert await ref.ask(WhoAreYou()) is ref


async def test_p5_a_cancelled_asker_cancels_only_its_ask(system: ActorSystem, world: World):
    """P5: cancelling who awaits a reply settles that ask and nothing else."""
    ref = await system.spawn(world.child("a"))
    asking = asyncio.ensure_future(ref.ask(Work(for_s=1.0)))
    await settle()
    asking.cancel()
    await settle(2.0)
    assert asking.cancelled()
    assert await ref.ask(WhoAreYou()) == 1


async def test_p6_a_full_mailbox_does_not_starve_the_loop(system: ActorSystem):
    """P6: an actor that always has a next message yields after at most 64."""
    handled = 0
    between: list[int] = []

    class Busy(Actor):
        async def on_receive(self, message: Message):
            nonlocal handled
            handled += 1
            if handled < 1_000:
                self.ref.tell(message)

    ref = await system.spawn(ChildSpec(name="b", factory=Busy))
    ref.tell(Note(text="again"))
    while handled < 1_000:
        before = handled
        await asyncio.sleep(0)
        between.append(handled - before)
    assert max(between) <= 64


async def test_p7_cross_thread_tells_share_a_wake_up(system: ActorSystem):
    """P7: many tells from a thread cost one wake-up of the loop, and keep their order."""
    seen: list[str] = []

    class Keeps(Actor):
        async def on_receive(self, message: Message):
            seen.append(message.text)

    ref = await system.spawn(ChildSpec(name="k", factory=Keeps))
    wakes = 0
    original = system.loop.call_soon_threadsafe

    def counting(*args, **kwargs):
        nonlocal wakes
        wakes += 1
        return original(*args, **kwargs)

    system.loop.call_soon_threadsafe = counting
    try:
        await _in_thread(lambda: [ref.tell(Note(text=str(n))) for n in range(500)])
    finally:
        del system.loop.call_soon_threadsafe
    await settle()
    assert seen == [str(number) for number in range(500)]
    assert wakes == 1


async def _in_thread(call) -> None:
    """Run a call in a plain thread while the loop stands still: nothing drains meanwhile."""
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
