"""Bad use fails loudly where it is written, with the remedy in the message."""

import asyncio
import gc
import threading
from dataclasses import dataclass

import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    AskWithoutCallerError,
    BadActorError,
    BadMessageError,
    ChildSpec,
    Message,
    Rejected,
    StartError,
    ThreadingActor,
)
from pyros.actor.message import check_wire
from tests.pyros.actor.probes import Crash, WhoAreYou, World, settle

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


async def test_ask_from_synchronous_code_is_refused(system: ActorSystem, world: World):
    """An ask that nobody can await is refused with the remedy; one that nobody awaits warns."""
    ref = await system.spawn(world.child("a"))
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            ref.ask(WhoAreYou())
        except AskWithoutCallerError as error:
            errors.append(error)

    await asyncio.to_thread(ask)
    assert "block=True" in str(errors[0])
    with pytest.warns(RuntimeWarning, match="tell"):  # noqa: PT031 - collecting it warns
        ref.ask(WhoAreYou())
        gc.collect()


async def test_stock_start_is_refused():
    """`Actor.start()` is pykka's way for threads; an asyncio actor says what to do instead."""
    with pytest.raises(BadActorError, match=r"system\.spawn\(ChildSpec"):
        Greeter.start()
    with pytest.raises(BadActorError, match="not spawned yet"):
        _ = Greeter().ref


async def test_factory_must_make_new_actors(system: ActorSystem, world: World):
    """A restart must not inherit broken state: an instance used before is refused."""
    greeter = Greeter()
    ref = await system.spawn(ChildSpec(name="g", factory=lambda: greeter))
    ref.tell(Crash())
    await settle(3.0)
    assert "used before" in repr(ref.cell.last_error)
    with pytest.raises(StartError, match="no pyros Actor"):
        await system.spawn(ChildSpec(name="x", factory=object))


@dataclass
class Mutable(Message):
    """Not frozen."""

    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire(Message):
    """May leave the process."""

    wire = True
    payload: object = None


async def test_mutable_message_is_refused(system: ActorSystem, world: World):
    """A mutable message class is refused where it is sent; so is a mutable or unpicklable value."""
    ref = await system.spawn(world.child("a"))
    with pytest.raises(BadMessageError, match="Mutable is mutable"):
        ref.tell(Mutable())
    with pytest.raises(BadMessageError, match="Mutable is mutable"):
        await ref.ask(Mutable())
    with pytest.raises(BadMessageError, match=r"payload holds a mutable list"):
        ref.tell(Wire(payload=[1]))
    with pytest.raises(BadMessageError, match="does not pickle"):
        ref.tell(Wire(payload=threading.Lock()))
    assert check_wire(Wire(payload=(1, 2)))
    ref.tell(Wire(payload=(1, 2)))
