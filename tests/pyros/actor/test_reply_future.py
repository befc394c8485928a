"""The future of pykka's interface."""

import asyncio
import threading
import time

import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    AskTimeoutError,
    Message,
    Rejected,
    ThreadingActor,
)
from pyros.actor.errors import BlockingCallError
from pyros.actor.future import ReplyFuture
from tests.pyros.actor.probes import Crash, WhoAreYou

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


async def test_reply_future_is_pykkas(system: ActorSystem):
    """The future of pykka's interface: settled once, awaitable twice, hooks refused to await."""
    future: ReplyFuture[int] = ReplyFuture()
    future.set(3)
    assert await future == 3
    assert future.get() == 3
    with pytest.raises(asyncio.InvalidStateError):
        future.set(4)
    mapped = future.map(lambda number: number + 1)
    assert mapped.get() == 4
    with pytest.raises(BlockingCallError, match="await its sources"):
        await mapped
    failed: ReplyFuture[int] = ReplyFuture()
    failed.set_exception((ValueError, ValueError("bad"), None))
    with pytest.raises(ValueError, match="bad"):
        await failed


async def test_reply_future_times_out_in_a_thread():
    """Blocking in a plain thread ends with the timeout."""

    def block() -> None:
        begin_s = time.monotonic()
        with pytest.raises(AskTimeoutError):
            ReplyFuture().get(timeout=0.01)
        assert time.monotonic() - begin_s >= 0.01

    await asyncio.to_thread(block)
