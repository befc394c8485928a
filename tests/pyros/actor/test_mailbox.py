"""Rules M1 to M6: lanes, bounds, conflation, interrupts, time to live, stash."""

import asyncio
from dataclasses import dataclass

import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    AskTimeoutError,
    BadSpecError,
    ChildSpec,
    ExpiredError,
    InterruptedHandlerError,
    Lane,
    LaneSpec,
    MailboxFullError,
    Message,
    Overflow,
    Request,
    Undelivered,
)
from pyros.actor.envelope import Envelope
from pyros.actor.mailbox import Mailbox, lanes_with
from tests.pyros.actor.probes import Note, WhoAreYou, Work, World, settle

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Message):
    lane = Lane.TELEMETRY
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Position(Message):
    lane = Lane.TELEMETRY
    axis: str
    value: int

    def conflation_key(self) -> str:
        return self.axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Message):
    lane = Lane.SAFETY
    interrupts = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IsClosed(Request[bool]):
    lane = Lane.SAFETY


@dataclass(frozen=True, slots=True, kw_only=True)
class Soon(Message):
    ttl_s = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expose(Request[str]):
    for_s: float
    shielded_s: float = 0.0
    stubborn: bool = False


class Recorder(Actor):
    """Keeps what it handled, in order."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    async def on_receive(self, message: Message):
        match message:
            case Expose(for_s=for_s, shielded_s=shielded_s, stubborn=stubborn):
                try:
                    async with self.uninterruptible(shielded_s):
                        await asyncio.sleep(shielded_s)
                    await asyncio.sleep(for_s)
                except asyncio.CancelledError:
                    self.seen.append("cancelled")
                    if not stubborn:
                        raise
                finally:
                    self.seen.append("finally")
                return "exposed"
            case Close():
                self.seen.append(message)
                await asyncio.sleep(1.0)
                self.seen.append("closed")
            case IsClosed():
                self.seen.append(message)
                return True
            case _:
                self.seen.append(message)
        return None


async def _recorder(system: ActorSystem, **spec) -> tuple[Recorder, object]:
    recorder = Recorder()
    ref = await system.spawn(ChildSpec(name="r", factory=lambda: recorder, **spec))
    return recorder, ref


def _put(box: Mailbox, what: str, lane: Lane) -> None:
    assert box.put(Envelope(what, None, 0.0, 1, lane)) is None


async def test_lanes_are_served_by_urgency():
    """M1: system before safety before command before telemetry, first in first out in each."""
    box = Mailbox()
    for lane in (Lane.TELEMETRY, Lane.COMMAND, Lane.SAFETY, Lane.SYSTEM):
        for number in range(2):
            _put(box, f"{lane.name}{number}", lane)
    order = []
    while (envelope := box.pop()) is not None:
        order.append(envelope.message)
    lanes = ("SYSTEM", "SAFETY", "COMMAND", "TELEMETRY")
    assert order == [f"{lane}{number}" for lane in lanes for number in range(2)]


async def test_telemetry_gets_its_share():
    """M1: at least one telemetry message is served per 64 commands."""
    box = Mailbox()
    for number in range(200):
        _put(box, str(number), Lane.COMMAND)
    for number in range(3):
        _put(box, f"t{number}", Lane.TELEMETRY)
    order = [box.get().message for _ in range(203)]
    assert [order.index(f"t{number}") for number in range(3)] == [64, 129, 194]


async def test_safety_overtakes_queued_telemetry(system: ActorSystem):
    """M1: a safety message behind 5,000 telemetry messages is the next one handled."""
    recorder, ref = await _recorder(system)
    for number in range(5_000):
        ref.tell(Reading(number=number))
    assert await ref.ask(IsClosed()) is True
    await settle()
    assert recorder.seen[0] == IsClosed()
    assert [reading.number for reading in recorder.seen[1:]] == list(range(5_000))


async def test_lanes_are_made_when_first_used(system: ActorSystem, world: World):
    """An idle actor has no lane: ten thousand actors must not cost ten thousand times four."""
    ref = await system.spawn(world.child("a"))
    assert ref.cell.mailbox.queues == [None, None, None, None]
    ref.tell(Note(text="x"))
    assert [queue is not None for queue in ref.cell.mailbox.queues] == [False, False, True, False]


async def test_conflating_message_keeps_its_place(system: ActorSystem):
    """M2: of messages with one key the latest is handled, where the first stood."""
    recorder, ref = await _recorder(system)
    ref.tell(Position(axis="ra", value=1))
    ref.tell(Position(axis="dec", value=1))
    for value in range(2, 100):
        ref.tell(Position(axis="ra", value=value))
    await settle()
    assert recorder.seen == [Position(axis="ra", value=99), Position(axis="dec", value=1)]
    ref.tell(Position(axis="ra", value=100))
    await settle()
    assert recorder.seen[-1] == Position(axis="ra", value=100)


@pytest.mark.parametrize(
    ("overflow", "kept", "lost"),
    [
        (Overflow.REJECT, ["0", "1"], ["2"]),
        (Overflow.DROP_NEWEST, ["0", "1"], ["2"]),
        (Overflow.DROP_OLDEST, ["1", "2"], ["0"]),
    ],
)
async def test_full_lane_follows_its_policy(system: ActorSystem, overflow, kept, lost):
    """M3: a full lane rejects, or drops the oldest or newest; what is lost is a dead letter."""
    recorder, ref = await _recorder(
        system, lanes={Lane.COMMAND: LaneSpec(capacity=2, overflow=overflow)}
    )
    for number in range(3):
        ref.tell(Note(text=str(number)))
    await settle()
    assert [note.text for note in recorder.seen] == kept
    letters = system.dead_letters.recent()
    assert [(letter.message.text, letter.reason) for letter in letters] == [
        (text, Undelivered.FULL) for text in lost
    ]


async def test_ask_to_a_full_lane_fails_at_once(system: ActorSystem):
    """M3: an asker learns that there is no room, and does not wait for its deadline."""
    _, ref = await _recorder(system, lanes={Lane.COMMAND: LaneSpec(capacity=1)})
    ref.tell(Note(text="fills it"))
    with pytest.raises(MailboxFullError, match="lane COMMAND is full"):
        await ref.ask(WhoAreYou())


async def test_blocking_lane_makes_async_senders_wait(system: ActorSystem):
    """M3 block: `await ref.send()` waits for room, in order, and loses nothing."""
    recorder, ref = await _recorder(
        system, lanes={Lane.COMMAND: LaneSpec(capacity=2, overflow=Overflow.BLOCK)}
    )
    await asyncio.gather(*(ref.send(Note(text=str(number))) for number in range(20)))
    await settle()
    assert [note.text for note in recorder.seen] == [str(number) for number in range(20)]
    assert system.dead_letters.total == 0


@pytest.mark.parametrize("lane", [Lane.SYSTEM, Lane.SAFETY])
async def test_safety_lane_must_not_block(lane: Lane):
    """M3: a blocking safety lane is refused where it is specified."""
    with pytest.raises(BadSpecError, match="must not block"):
        lanes_with({lane: LaneSpec(overflow=Overflow.BLOCK)})
    with pytest.raises(BadSpecError, match="at least 1"):
        LaneSpec(capacity=0)


async def test_interrupt_cancels_the_awaiting_handler_41(system: ActorSystem):
    """Case 41 (M4): an interrupt during an exposure runs its `finally`, then is handled at once."""
    recorder, ref = await _recorder(system)
    exposing = asyncio.ensure_future(ref.ask(Expose(for_s=100.0), timeout_s=1e3))
    await settle(3.0)
    ref.tell(Note(text="queued"))
    ref.tell(Close())
    with pytest.raises(InterruptedHandlerError, match="interrupted while it handled Expose"):
        await exposing
    await settle(2.0)
    assert recorder.seen == ["cancelled", "finally", Close(), "closed", Note(text="queued")]
    assert system.clock.monotonic_s() < 10.0
    assert await ref.ask(Expose(for_s=1.0)) == "exposed"
    assert ref.cell.task.cancelling() == 0


async def test_interrupt_does_not_cut_its_own_kind(system: ActorSystem):
    """M4: an emergency that is repeated does not cancel its own handling."""
    recorder, ref = await _recorder(system)
    for _ in range(3):
        ref.tell(Close())
        await settle(0.3)
    await settle(5.0)
    assert recorder.seen == [Close(), "closed"] * 3


async def test_swallowed_interrupt_does_not_hit_the_next_handler(system: ActorSystem):
    """M4: a handler that swallows its cancellation delays the interrupt, nothing else."""
    recorder, ref = await _recorder(system)
    exposing = asyncio.ensure_future(ref.ask(Expose(for_s=100.0, stubborn=True), timeout_s=1e3))
    await settle(1.0)
    ref.tell(Close())
    assert await exposing == "exposed"
    await settle(2.0)
    assert recorder.seen == ["cancelled", "finally", Close(), "closed"]
    assert ref.cell.task.cancelling() == 0


@pytest.mark.parametrize(("shielded_s", "cut_after_s"), [(10.0, 10.0), (1e6, None)])
async def test_uninterruptible_section_defers(system: ActorSystem, shielded_s, cut_after_s):
    """M4: an interrupt waits for the end of an uninterruptible section, at most for its `max_s`."""
    recorder, ref = await _recorder(system)
    exposing = asyncio.ensure_future(
        ref.ask(Expose(for_s=100.0, shielded_s=shielded_s), timeout_s=1e9)
    )
    await settle(1.0)
    ref.tell(Close())
    with pytest.raises(InterruptedHandlerError):
        await exposing
    assert system.clock.monotonic_s() == pytest.approx(cut_after_s or shielded_s, rel=1e-3)
    await settle(2.0)
    assert recorder.seen[-2:] == [Close(), "closed"]


async def test_shield_gives_way_after_its_promise(system: ActorSystem):
    """M4: a section that outlasts its own `max_s` is cut then."""
    seen = []

    class Slow(Actor):
        async def on_receive(self, message: Message):
            if isinstance(message, Close):
                return
            try:
                async with self.uninterruptible(5.0):
                    await asyncio.sleep(1e6)
            finally:
                seen.append(self.clock.monotonic_s())

    ref = await system.spawn(ChildSpec(name="s", factory=Slow))
    ref.tell(Note(text="go"))
    await settle(1.0)
    ref.tell(Close())
    await settle(10.0)
    assert seen == [pytest.approx(5.0)]


async def test_expired_message_is_a_dead_letter(system: ActorSystem):
    """M5: a message that outlived its time to live is not handled."""
    recorder, ref = await _recorder(system)
    working = asyncio.ensure_future(ref.ask(Expose(for_s=3.0)))
    await settle()
    ref.tell(Soon())
    await working
    ref.tell(Soon())
    await settle()
    assert recorder.seen == ["finally", Soon()]
    assert [letter.reason for letter in system.dead_letters.recent()] == [Undelivered.EXPIRED]


async def test_ask_that_nobody_awaits_any_more_is_not_handled(system: ActorSystem):
    """A1: a command whose asker was told that it failed must not be executed later."""
    recorder, ref = await _recorder(system)
    working = asyncio.ensure_future(ref.ask(Expose(for_s=30.0), timeout_s=60.0))
    await settle()
    with pytest.raises(AskTimeoutError):
        await ref.ask(Expose(for_s=0.0), timeout_s=1.0)
    await working
    await settle()
    assert recorder.seen == ["finally"]


class Stasher(Actor):
    """Puts everything aside until it is told to go on."""

    stash_capacity = 3

    def __init__(self) -> None:
        self.ready = False
        self.seen: list[object] = []

    async def on_receive(self, message: Message):
        if isinstance(message, Close):
            self.ready = True
            self.unstash_all()
        elif not self.ready:
            self.stash()
        else:
            self.seen.append(message)
            return "handled"
        return None


async def test_stash_comes_back_before_newer_messages(system: ActorSystem):
    """M6: unstashed messages come before newer ones, in order, their askers still answered."""
    stasher = Stasher()
    ref = await system.spawn(ChildSpec(name="s", factory=lambda: stasher))
    ref.tell(Note(text="1"))
    asking = asyncio.ensure_future(ref.ask(Work(for_s=0.0)))
    await settle()
    ref.tell(Close())
    ref.tell(Note(text="2"))
    assert await asking == "handled"
    await settle()
    assert stasher.seen == [Note(text="1"), Work(for_s=0.0), Note(text="2")]


async def test_stash_is_bounded(system: ActorSystem):
    """M6: stashing more than the capacity is a failure of the actor that does it."""
    ref = await system.spawn(ChildSpec(name="s", factory=Stasher))
    for number in range(4):
        ref.tell(Note(text=str(number)))
    await settle()
    assert "StashFullError" in repr(ref.cell.last_error)


async def test_expired_error_names_the_message(system: ActorSystem):
    """The errors of refusal say which message, where and why."""
    ref = await system.spawn(ChildSpec(name="s", factory=Stasher))
    envelope = Envelope(Soon(), None, 0.0, 1, Lane.COMMAND)
    error = ref.cell._refusal(envelope, Undelivered.EXPIRED)
    assert isinstance(error, ExpiredError)
    assert "Soon to /s expired" in str(error)
