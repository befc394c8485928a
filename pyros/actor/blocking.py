"""Blocking work: one thread per actor that needs one, with a deadline, replaced when it is lost.

A vendor's call that never returns must cost one thread, not the observatory: past the deadline the
call is given up, the thread is left alone (it cannot be killed) and the next call gets a fresh one.
"""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from pyros.actor.errors import BlockingTimeoutError
from pyros.actor.thread_future import settle_from_thread, thread_future

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyros.actor.cell import Cell

T = TypeVar("T")

Work = tuple[
    asyncio.AbstractEventLoop, "asyncio.Future[Any]", "Callable[..., Any]", tuple[Any, ...]
]


class Worker:
    """A daemon thread that runs one call after the other.

    Args:
        name: The thread's name: the actor's path.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._calls: SimpleQueue[Work | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(
        self, loop: asyncio.AbstractEventLoop, fn: Callable[..., Any], args: tuple[Any, ...]
    ) -> asyncio.Future[Any]:
        """Queue a call; its future is completed on `loop`."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=_run, args=(self._calls,), name=self.name, daemon=True
            )
            self._thread.start()
        future = thread_future(loop)
        self._calls.put((loop, future, fn, args))
        return future

    def close(self) -> None:
        """Let the thread end after what is queued."""
        self._calls.put(None)


def _run(calls: SimpleQueue[Work | None]) -> None:
    while (work := calls.get()) is not None:
        loop, future, fn, args = work
        try:
            result = fn(*args)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, whatever it is
            settle_from_thread(loop, future, None, error)
        else:
            settle_from_thread(loop, future, result, None)


async def run_blocking(
    cell: Cell, fn: Callable[..., T], args: tuple[Any, ...], deadline_s: float
) -> T:
    """Run `fn(*args)` on the actor's thread (see `Actor.blocking`)."""
    if cell.worker is None:
        cell.worker = Worker(f"{cell.path}:blocking")
    worker = cell.worker
    future = worker.submit(cell.system.loop, fn, args)
    try:
        async with asyncio.timeout(deadline_s * cell.system.speed):
            return await future  # type: ignore[no-any-return]  # fn's own type
    except TimeoutError:
        if not future.cancelled():
            raise  # the function's own timeout
        if cell.worker is worker:
            cell.worker = None
        worker.close()
        name = getattr(fn, "__qualname__", repr(fn))
        cell.system.note_lost_thread(cell, name)
        raise BlockingTimeoutError(
            f"{cell.path}: blocking {name} exceeded {deadline_s} s; its thread is lost and replaced"
        ) from None
