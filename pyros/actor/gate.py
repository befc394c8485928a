"""The gate by which other threads reach a system: calls cross in order, with one wake-up for many.

Waking the loop costs a system call; one per message would make it the bottleneck (trap P7).
"""

from __future__ import annotations

from _thread import get_ident
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from pyros.actor.mailbox import Mailbox


class ThreadGate:
    """Runs calls on the thread of a loop.

    Args:
        loop: The loop; the gate belongs to the thread that makes it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread_id = get_ident()
        self._calls: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._woken = False

    def run(self, fn: Callable[..., Any], *args: Any) -> None:
        """Call `fn` now on the loop's thread, soon from any other."""
        if get_ident() == self._thread_id:
            fn(*args)
        else:
            self.post(fn, *args)

    def post(self, fn: Callable[..., Any], *args: Any) -> None:
        """Call `fn` on the loop's thread soon, after what was posted before."""
        self._calls.append((fn, args))
        if not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:
                if not self._loop.is_closed():  # else nobody is there any more
                    raise

    def wake(self, mailbox: Mailbox) -> None:
        """Wake the receive loop of a mailbox, from whatever thread: once, however many tell."""
        waiter, mailbox.waiter = mailbox.waiter, None
        if waiter is None:
            return
        if get_ident() == self._thread_id:
            _wake(waiter)
        else:
            self.post(_wake, waiter)

    def _drain(self) -> None:
        self._woken = False
        while self._calls:
            fn, args = self._calls.popleft()
            fn(*args)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
