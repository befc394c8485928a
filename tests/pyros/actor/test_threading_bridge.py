"""Threading actors under our supervisors, awaitable from both sides."""

import asyncio
import threading

import pykka
import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    ChildSpec,
    Message,
    Rejected,
    ThreadingActor,
)
from tests.pyros.actor.probes import Crash, WhoAreYou, World, block_thread, settle

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


async def test_threading_actor_under_the_same_supervisor(system: ActorSystem, world: World):
    """A plain threading actor and an asyncio actor serve each other under one supervisor."""

    class Plain(pykka.ThreadingActor):
        use_daemon_thread = True

        def ask_back(self, ref) -> int:
            return ref.ask(WhoAreYou(), block=True, timeout=5.0)

    await system.spawn(
        world.supervisor(
            world.child("a"),
            ChildSpec(name="d", factory=Driver),
            ChildSpec(name="p", factory=Plain),
        )
    )
    driver = system.ref("/sup/d", Driver)
    assert await driver.proxy().move(3) == 7
    assert await driver.proxy().position == 3
    assert await driver.proxy().ask_back(system.ref("/sup/a")) == 1
    assert await system.ref("/sup/p", Plain).proxy().ask_back(system.ref("/sup/a")) == 1
    assert await driver.ask(WhoAreYou()) != threading.get_ident()
    with pytest.raises(Rejected, match="not now"):
        await driver.proxy().refuse()
    assert driver.incarnation == 1
    assert len(pykka.ActorRegistry.get_by_class(Driver)) == 1
    await driver.stop()
    assert pykka.ActorRegistry.get_by_class(Driver) == []


async def test_threading_actor_may_stop_itself(system: ActorSystem):
    """A driver that stops itself pykka's way ends normally: a permanent one is started again."""
    ref = await system.spawn(ChildSpec(name="d", factory=Driver))
    await ref.proxy().stop()
    for _ in range(200):  # its thread ends in its own time
        await asyncio.to_thread(block_thread, 0.005)
        await settle(0.1)
        if ref.incarnation == 2:
            break
    await settle(2.0)
    assert ref.incarnation == 2
    assert await ref.proxy().move(1) == 7
