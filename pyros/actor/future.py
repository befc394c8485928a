"""The future of pykka's interface (proxies, other threads): awaitable, blocking only off the loop.

pykka's own `Future.__await__` blocks the loop (trap T1), so this one waits properly in a coroutine
of any loop, and refuses `get()` on a thread that runs a loop.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pykka

from pyros.actor.errors import AskTimeoutError, BlockingCallError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

T = TypeVar("T")

_Outcome = tuple[Any, BaseException | None]


class ReplyFuture(pykka.Future[T]):
    """A reply that any thread may set, any loop may await, and a plain thread may block on."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._outcome: _Outcome | None = None
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._callbacks: list[Callable[[ReplyFuture[T]], None]] = []
        self._event: threading.Event | None = None

    def done(self) -> bool:
        """Whether it is settled."""
        return self._outcome is not None

    def get(self, *, timeout: float | None = None) -> T:
        """Block the thread until the reply is there.

        Raises:
            BlockingCallError: On a thread that runs an event loop, which it would freeze.
            AskTimeoutError: When `timeout` seconds pass first.
        """
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        if self._outcome is None:
            if _on_a_loop():
                raise BlockingCallError(
                    "get() would freeze the event loop of this thread; await the future instead"
                )
            self._block(timeout)
        return self._value()

    def set(self, value: T | None = None) -> None:
        """Settle with a value.

        Raises:
            asyncio.InvalidStateError: When it is settled already.
        """
        self._settle((value, None))

    def set_exception(  # pykka's signature, and asyncio's: an exception or an exc_info triple
        self,
        exc_info: BaseException
        | tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
        | None = None,
    ) -> None:
        """Settle with an exception: the given one, or the one being handled."""
        if isinstance(exc_info, BaseException):
            error: BaseException | None = exc_info
        else:
            error = (exc_info or sys.exc_info())[1]
        self._settle((None, error if error is not None else RuntimeError("no exception given")))

    def set_result(self, value: T) -> None:
        """Settle with a value (asyncio's name for `set`)."""
        self.set(value)

    def add_done_callback(self, callback: Callable[[ReplyFuture[T]], None]) -> None:
        """Call `callback(self)` when settled, on the thread that settles it."""
        with self._lock:
            if self._outcome is None:
                self._callbacks.append(callback)
                return
        callback(self)

    def exception(self) -> BaseException | None:
        """The exception it was settled with; None when it has a value or is pending."""
        return None if self._outcome is None else self._outcome[1]

    def __await__(self) -> Generator[Any, None, T]:
        if self._get_hook is not None:
            raise BlockingCallError(
                "a future made by map, filter, join or reduce blocks; await its sources instead"
            )
        if self._outcome is None:
            loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = loop.create_future()
            with self._lock:
                pending = self._outcome is None
                if pending:
                    self._waiters.append((loop, waiter))
            if pending:
                yield from waiter
        return self._value()

    __iter__ = __await__

    def _value(self) -> T:
        value, error = self._outcome or (None, None)
        if error is not None:
            raise error
        return cast("T", value)

    def _settle(self, outcome: _Outcome) -> None:
        with self._lock:
            if self._outcome is not None or self._get_hook is not None:
                raise asyncio.InvalidStateError("this reply is already settled")
            self._outcome = outcome
            waiters, self._waiters = self._waiters, []
            callbacks, self._callbacks = self._callbacks, []
            if self._event is not None:
                self._event.set()
        for loop, waiter in waiters:
            if _running_loop() is loop:
                _wake(waiter)
            elif not loop.is_closed():
                loop.call_soon_threadsafe(_wake, waiter)
        for callback in callbacks:
            callback(self)

    def _block(self, timeout: float | None) -> None:
        with self._lock:
            if self._outcome is not None:
                return
            if self._event is None:
                self._event = threading.Event()
            event = self._event
        if not event.wait(timeout):
            raise AskTimeoutError(f"no reply within {timeout} s of blocking")


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    return asyncio._get_running_loop()  # noqa: SLF001 - documented for implementors, None off a loop


def _on_a_loop() -> bool:
    return _running_loop() is not None
