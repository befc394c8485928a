"""Futures that a thread completes: awaited on the loop, counted as work in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyros.actor.loops.virtual import VirtualLoop

if TYPE_CHECKING:
    import asyncio


def thread_future(loop: asyncio.AbstractEventLoop) -> asyncio.Future[Any]:
    """A future for work that a thread does; on the virtual loop, time waits for it."""
    return loop.create_job() if isinstance(loop, VirtualLoop) else loop.create_future()


def settle_from_thread(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    result: Any,
    error: BaseException | None,
) -> None:
    """Give a thread's result or error to the loop; a closed loop has nobody to take it."""
    try:
        loop.call_soon_threadsafe(_settle, future, result, error)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception) and not isinstance(error, StopIteration):
        future.set_exception(error)
    else:  # what would stop the loop, or cannot pass through a future, arrives as a plain error
        future.set_exception(RuntimeError(f"thread raised {type(error).__name__}: {error}"))
