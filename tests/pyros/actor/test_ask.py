"""Rules A1 to A4 and L4: deadlines, cycles, dead targets, breaker, refusals, deferred replies."""

import asyncio
from dataclasses import dataclass

import pykka
import pytest

from pyros.actor import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorSystem,
    AskCycleError,
    AskTimeoutError,
    BadActorError,
    ChildSpec,
    Circuit,
    CircuitBreaker,
    CircuitOpenError,
    DeadActorError,
    Message,
    PoisonMessageError,
    Rejected,
    Request,
    Restart,
    Undelivered,
)
from tests.pyros.actor.probes import (
    AskedCrash,
    Crash,
    Note,
    Refuse,
    WhoAreYou,
    Work,
    World,
    settle,
)

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay(Request[str]):
    """Ask the next one on the list, with the rest of it."""

    route: tuple[str, ...]
    timeout_s: float | None = None
    in_task: bool = False


class Relayer(Actor):
    """Asks others on behalf of who asks it."""

    async def on_receive(self, message: Message):
        if not isinstance(message, Relay):
            return await super().on_receive(message)
        if not message.route:
            return self.path
        target = self.system.ref(message.route[0], Relayer)
        onward = Relay(route=message.route[1:])
        if not message.in_task:
            return await target.ask(onward, timeout_s=message.timeout_s)
        later = self.defer()

        async def ask() -> None:
            later.set(await target.ask(onward))

        self.start_task(ask(), name="relay")
        return None


async def _relayers(system: ActorSystem, *names: str) -> list[ActorRef[Relayer]]:
    return [await system.spawn(ChildSpec(name=name, factory=Relayer)) for name in names]


async def test_a_deadline_always_exists(system: ActorSystem, world: World):
    """A1: an ask without a timeout ends after five seconds."""
    ref = await system.spawn(world.child("a"))
    with pytest.raises(AskTimeoutError) as caught:
        await ref.ask(Work(for_s=1e3))
    assert system.clock.monotonic_s() == pytest.approx(5.0)
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, pykka.Timeout)


async def test_deadlines_propagate(system: ActorSystem, world: World):
    """A1: a nested ask does not outlive the ask that it serves, however long its own timeout."""
    (first,) = await _relayers(system, "one")
    await system.spawn(world.child("slow"))

    class Nested(Actor):
        error: Exception | None = None

        async def on_receive(self, message: Message):
            try:
                await self.system.ref("/slow").ask(Work(for_s=1e6), timeout_s=1e5)
            except AskTimeoutError as error:
                Nested.error = error
                raise

    await system.spawn(ChildSpec(name="n", factory=Nested))
    with pytest.raises(AskTimeoutError):
        await system.ref("/n").ask(Relay(route=()), timeout_s=3.0)
    await settle()
    assert system.clock.monotonic_s() == pytest.approx(3.0, abs=1e-3)
    assert "Work to /slow" in str(Nested.error)
    assert first.is_alive()


async def test_late_reply_is_a_dead_letter(system: ActorSystem, world: World):
    """A1: a reply that comes too late is not lost silently."""
    ref = await system.spawn(world.child("a"))
    with pytest.raises(AskTimeoutError):
        await ref.ask(Work(for_s=2.0), timeout_s=1.0)
    await settle(2.0)
    letters = system.dead_letters.recent()
    assert [(letter.message, letter.reason) for letter in letters] == [
        ("done", Undelivered.LATE_REPLY)
    ]


@pytest.mark.parametrize("route", [("/one",), ("/two", "/one"), ("/two", "/three", "/two")])
async def test_ask_cycle_is_refused(system: ActorSystem, route: tuple[str, ...]):
    """A2: who would wait for itself is refused at once, with the way in the message."""
    first, *_ = await _relayers(system, "one", "two", "three")
    with pytest.raises(AskCycleError, match=f"-> {route[-1]}"):
        await first.ask(Relay(route=route))
    assert system.clock.monotonic_s() == 0.0


async def test_ask_from_an_owned_task_is_no_cycle(system: ActorSystem):
    """A2: a task does not keep its actor from answering, so the way back is open."""
    first, *_ = await _relayers(system, "one", "two")
    assert await first.ask(Relay(route=("/two", "/one"), in_task=True)) == "/one"


async def test_dead_target_fails_at_once(system: ActorSystem, world: World):
    """A3: an ask to a dead or absent actor raises at once, pykka's error included."""
    ref = await system.spawn(world.child("a"))
    await ref.stop()
    for target in (ref, system.ref("/never")):
        with pytest.raises(DeadActorError) as caught:
            await target.ask(WhoAreYou())
        assert isinstance(caught.value, ActorDeadError)
        target.tell(Note(text="nobody"))
    assert [letter.reason for letter in system.dead_letters.recent()] == [Undelivered.DEAD] * 4


async def test_queued_asks_are_answered_when_the_target_dies(system: ActorSystem, world: World):
    """A3: every ask in the queue of an actor that stops is answered with an error."""
    ref = await system.spawn(world.child("a", restart=Restart.TEMPORARY))
    asks = [asyncio.ensure_future(ref.ask(WhoAreYou())) for _ in range(5)]
    await asyncio.sleep(0)
    await ref.stop()
    results = await asyncio.gather(*asks, return_exceptions=True)
    assert all(isinstance(result, (int, DeadActorError)) for result in results)
    assert any(isinstance(result, DeadActorError) for result in results)


async def test_crash_reaches_asker_and_supervisor(system: ActorSystem, world: World):
    """L4: an exception in an ask goes to the caller and to the supervisor too (trap T3)."""
    ref = await system.spawn(world.child("a"))
    with pytest.raises(RuntimeError, match="while asked"):
        await ref.ask(AskedCrash())
    await settle(2.0)
    assert ref.incarnation == 2


async def test_rejected_is_a_reply(system: ActorSystem, world: World):
    """L4: a declared refusal is the asker's answer and not a crash, told or asked."""
    ref = await system.spawn(world.child("a"))
    with pytest.raises(Rejected, match="no, thank you"):
        await ref.ask(Refuse())
    ref.tell(Refuse())
    assert await ref.ask(WhoAreYou()) == 1


async def test_poisonous_message_is_not_handled_again(system: ActorSystem, world: World):
    """L5: a message that crashed its target three times is a dead letter the fourth time."""
    ref = await system.spawn(world.child("a"))
    poison = AskedCrash()
    for _ in range(3):
        with pytest.raises(RuntimeError, match="while asked"):
            await ref.ask(poison)
        await settle(10.0)
    with pytest.raises(PoisonMessageError, match="three times"):
        await ref.ask(poison)
    assert await ref.ask(WhoAreYou()) == 4
    assert system.dead_letters.counts[Undelivered.POISON] == 1


class Deferring(Actor):
    """Answers later."""

    def __init__(self) -> None:
        self.owed = []

    async def on_receive(self, message: Message):
        match message:
            case Work():
                self.owed.append(self.defer())
                return "ignored"
            case Note(text=text):
                for deferred in self.owed:
                    deferred.set(text)
            case Refuse():
                for deferred in self.owed:
                    deferred.fail(Rejected("not today"))
            case Crash():
                raise RuntimeError("before answering")
        return None


async def test_deferred_reply_is_given_later(system: ActorSystem):
    """A handler may keep the reply and go on: it is answered, refused, or failed with the actor."""
    ref = await system.spawn(ChildSpec(name="d", factory=Deferring))
    asking = asyncio.ensure_future(ref.ask(Work(for_s=0.0)))
    await settle(1.0)
    ref.tell(Note(text="now"))
    assert await asking == "now"
    asking = asyncio.ensure_future(ref.ask(Work(for_s=0.0)))
    await settle()
    ref.tell(Refuse())
    with pytest.raises(Rejected, match="not today"):
        await asking
    asking = asyncio.ensure_future(ref.ask(Work(for_s=0.0)))
    await settle()
    ref.tell(Crash())
    with pytest.raises(DeadActorError, match="ended before it answered"):
        await asking


async def test_deferred_reply_of_a_tell_goes_nowhere(system: ActorSystem):
    """A request that was told may be answered all the same; nobody listens."""
    ref = await system.spawn(ChildSpec(name="d", factory=Deferring))
    ref.tell(Work(for_s=0.0))
    ref.tell(Note(text="to nobody"))
    await settle()
    assert ref.incarnation == 1
    assert ref.is_alive()


async def test_defer_outside_a_handler_is_refused(system: ActorSystem):
    """`defer()` where no message is being handled says so."""

    class Hasty(Actor):
        async def on_start(self) -> None:
            with pytest.raises(BadActorError, match="no message is being handled"):
                self.defer()

    ref = await system.spawn(ChildSpec(name="h", factory=Hasty))
    assert ref.is_alive()


async def test_circuit_breaker(system: ActorSystem, world: World):
    """A4: closed, open after repeated failures, one probe when half open, closed by its success."""
    ref = await system.spawn(world.child("a"))
    breaker = CircuitBreaker("a", system.clock, max_failures=2, reset_s=30.0)
    for _ in range(2):
        with pytest.raises(AskTimeoutError):
            await breaker.ask(ref, Work(for_s=10.0), timeout_s=1.0)
    assert breaker.state is Circuit.OPEN
    with pytest.raises(CircuitOpenError, match="is open after 2 failures"):
        await breaker.ask(ref, WhoAreYou())
    await settle(31.0)
    assert breaker.state is Circuit.HALF_OPEN
    probe = asyncio.ensure_future(breaker.ask(ref, Work(for_s=1.0)))
    await settle()
    with pytest.raises(CircuitOpenError, match="half_open"):
        await breaker.ask(ref, WhoAreYou())
    assert await probe == "done"
    assert breaker.state is Circuit.CLOSED
    with pytest.raises(Rejected):
        await breaker.ask(ref, Refuse())
    assert breaker.state is Circuit.CLOSED


async def test_failed_probe_opens_again(system: ActorSystem, world: World):
    """A4: a probe that fails opens the circuit again; a cancelled one proves nothing."""
    ref = await system.spawn(world.child("a"))
    breaker = CircuitBreaker("a", system.clock, max_failures=1, reset_s=10.0)
    for _ in range(2):
        with pytest.raises(AskTimeoutError):
            await breaker.ask(ref, Work(for_s=5.0), timeout_s=1.0)
        assert breaker.state is Circuit.OPEN
        await settle(11.0)
    probe = asyncio.ensure_future(breaker.ask(ref, Work(for_s=3.0)))
    await settle()
    probe.cancel()
    await settle(5.0)
    assert breaker.state is Circuit.HALF_OPEN
    assert await breaker.ask(ref, WhoAreYou()) == 1


async def test_deadline_queue_is_swept(system: ActorSystem, world: World):
    """Settled asks leave nothing behind: the deadline queue stays short."""
    ref = await system.spawn(world.child("a"))
    for _ in range(1_000):
        await ref.ask(WhoAreYou())
    assert system.deadlines.pending() <= 1
    await settle(6.0)
    assert system.deadlines.pending() == 0
