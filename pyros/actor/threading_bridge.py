"""The bridge to threads: a pykka `ThreadingActor` (a blocking vendor driver) under our supervisors.

Its driver runs in a thread of its own and is fed one message at a time from an asyncio actor that
stands
for it in the tree: so it has lanes, deadlines, back-off and dead letters like any other, and its
crash stays its own (stock pykka stops every actor on a BaseException, trap T5). A plain
`pykka.ThreadingActor` works; `pyros.actor.ThreadingActor` also refuses `async def` methods where
they are written (trap
T2).
"""

from __future__ import annotations

import inspect
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pykka
from pykka import messages as pykka_messages
from pykka._envelope import Envelope as PykkaEnvelope

from pyros.actor.actor import Actor
from pyros.actor.errors import BadActorError, DeadActorError, Rejected
from pyros.actor.future import ReplyFuture
from pyros.actor.lifecycle import Reason
from pyros.actor.thread_future import settle_from_thread, thread_future

if TYPE_CHECKING:
    import asyncio

    from pyros.actor.message import Message


class ThreadingActor(pykka.ThreadingActor):
    """A pykka threading actor whose futures can be awaited and whose bad habits are refused."""

    use_daemon_thread: ClassVar[bool] = True
    """A hanging vendor call must not keep the process from ending."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse coroutine methods, which nobody would await (trap T2)."""
        super().__init_subclass__(**kwargs)
        refuse_coroutines(cls)

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return ReplyFuture()


def refuse_coroutines(kind: type[Any]) -> None:
    """Check that a threading actor's class has no `async def` method.

    Raises:
        BadActorError: Naming the method.
    """
    for cls in kind.__mro__:
        for name, member in vars(cls).items():
            if inspect.iscoroutinefunction(member):
                raise BadActorError(
                    f"{kind.__qualname__}.{name} is async, but a ThreadingActor's thread has no "
                    "event loop to await it; write a plain method, or derive from pyros.actor.Actor"
                )


class ThreadHost(Actor):
    """Stands in the tree for a driver that runs in a thread.

    Args:
        driver: A pykka threading actor, not started.
    """

    def __init__(self, driver: pykka.ThreadingActor) -> None:
        self.driver = driver
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    async def on_start(self) -> None:
        """Start the thread and wait for the driver's own `on_start`."""
        refuse_coroutines(type(self.driver))
        started = thread_future(self.system.loop)
        self._thread = threading.Thread(
            target=_run_driver,
            args=(self, started),
            name=self.path,
            daemon=self.driver.use_daemon_thread,
        )
        self._thread.start()
        await started

    async def on_receive(self, message: Message) -> Any:
        """Have the driver handle a message, and wait for it."""
        return await self._forward(message)

    def _handle_receive(self, message: Any) -> Any:
        return self._forward(message)

    async def on_failure(self, error: BaseException) -> None:
        """Remember the error for the driver's own `on_failure`."""
        self._error = error

    async def on_stop(self) -> None:
        """Have the driver clean up in its thread, and wait for it."""
        if self.driver.actor_stopped.is_set():
            return
        await self._forward(_Retire(self._error))

    async def _forward(self, message: Any) -> Any:
        future = thread_future(self.system.loop)
        reply = _LoopReply(self.system.loop, future)
        if self.driver.actor_stopped.is_set() and not isinstance(message, _Retire):
            raise DeadActorError(f"the driver of {self.path} has stopped")
        self.driver.actor_inbox.put(PykkaEnvelope(message, reply_to=reply))
        return await future

    def crashed(self, error: BaseException) -> None:
        """A message that came through the driver's own pykka reference crashed it."""
        self.system.gate.post(self._crash, error)

    def left(self) -> None:
        """The driver's thread is about to end."""
        self.system.gate.post(self._left)

    def _left(self) -> None:
        _refuse_rest(self.driver)
        if self.cell.actor is self:
            self.cell.request_stop(Reason.NORMAL)

    def _crash(self, error: BaseException) -> None:
        if self.cell.actor is self:
            self.cell.fail(error)


class _Retire:
    """The last order to a driver: clean up and leave."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _LoopReply(pykka.Future[Any]):
    """Where a driver's thread puts a reply that a coroutine awaits."""

    def __init__(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> None:
        super().__init__()
        self._loop = loop
        self._future = future

    def set(self, value: Any = None) -> None:
        """Deliver a value to the loop."""
        settle_from_thread(self._loop, self._future, value, None)

    def fail(self, error: BaseException) -> None:
        """Deliver an exception to the loop."""
        settle_from_thread(self._loop, self._future, None, error)


def _run_driver(host: ThreadHost, started: asyncio.Future[Any]) -> None:
    driver = host.driver
    loop = host.system.loop
    pykka.ActorRegistry.register(driver.actor_ref)
    try:
        try:
            driver.on_start()
        except BaseException as error:  # noqa: BLE001 - it is the start's failure, whatever it is
            settle_from_thread(loop, started, None, error)
            return
        settle_from_thread(loop, started, None, None)
        while not driver.actor_stopped.is_set():
            _serve_one(host, driver)
    finally:
        driver.actor_stopped.set()
        pykka.ActorRegistry.unregister(driver.actor_ref)
        _refuse_rest(driver)
        host.left()


def _serve_one(host: ThreadHost, driver: pykka.ThreadingActor) -> None:
    envelope = driver.actor_inbox.get()
    message, reply = envelope.message, envelope.reply_to
    try:
        if isinstance(message, (_Retire, pykka_messages._ActorStop)):  # noqa: SLF001 - pykka's stop
            _retire(driver, message)
            result = None
        else:
            result = driver._handle_receive(message)  # noqa: SLF001 - pykka's hook for implementors
    except BaseException as error:  # noqa: BLE001 - contained: it must not stop other actors (T5)
        if isinstance(reply, _LoopReply):
            reply.fail(error)
            return
        if reply is not None:
            reply.set_exception((type(error), error, error.__traceback__))
        if not isinstance(error, Rejected):
            host.crashed(error)
    else:
        if reply is not None:
            reply.set(result)


def _retire(driver: pykka.ThreadingActor, order: Any) -> None:
    driver.actor_stopped.set()
    pykka.ActorRegistry.unregister(driver.actor_ref)
    error = order.error if isinstance(order, _Retire) else None
    if error is None:
        driver.on_stop()
    else:
        driver.on_failure(type(error), error, error.__traceback__)


def _refuse_rest(driver: pykka.ThreadingActor) -> None:
    while not driver.actor_inbox.empty():
        reply = driver.actor_inbox.get().reply_to
        error = DeadActorError(f"{driver} stopped before it handled the message")
        if isinstance(reply, _LoopReply):
            reply.fail(error)
        elif reply is not None:
            reply.set_exception((DeadActorError, error, None))
