"""Deadlines of asks: one timer per distinct timeout, not one per ask.

Asks with the same timeout expire in the order in which they were made, so a queue and a timer for
its head do for all of them. A timer per ask would cost a third of the ask rate.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

Entry = tuple[float, "asyncio.Future[Any]", Any]

COMPACT_ABOVE: Final = 4_096


class Deadlines:
    """The pending asks of a system, by timeout.

    Args:
        loop: Where the timers run.
        expire: Called with an entry's payload when its deadline passed and it has no reply.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[Any], None]) -> None:
        self._loop = loop
        self._expire = expire
        self._queues: dict[float, deque[Entry]] = {}
        self._timers: dict[float, asyncio.TimerHandle] = {}

    def watch(
        self, timeout_s: float, deadline_s: float, future: asyncio.Future[Any], payload: Any
    ) -> None:
        """Expire `payload` at `deadline_s` (loop seconds) unless the future is done by then."""
        queue = self._queues.get(timeout_s)
        if queue is None:
            queue = self._queues[timeout_s] = deque()
        else:
            while queue and queue[0][1].done():
                queue.popleft()
            if len(queue) > COMPACT_ABOVE and len(queue) % COMPACT_ABOVE == 1:
                self._compact(queue)
        queue.append((deadline_s, future, payload))
        if timeout_s not in self._timers:
            self._timers[timeout_s] = self._loop.call_at(deadline_s, self._due, timeout_s)

    def watch_at(self, deadline_s: float, future: asyncio.Future[Any], payload: Any) -> None:
        """As `watch`, for a deadline inherited from an outer ask, which keeps no order."""
        handle = self._loop.call_at(deadline_s, self._expire_alone, future, payload)
        future.add_done_callback(lambda _future: handle.cancel())

    def close(self) -> None:
        """Drop all timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._queues.clear()

    def pending(self) -> int:
        """Asks in the queues, settled ones that were not yet swept included."""
        return sum(len(queue) for queue in self._queues.values())

    def _expire_alone(self, future: asyncio.Future[Any], payload: Any) -> None:
        if not future.done():
            self._expire(payload)

    def _due(self, timeout_s: float) -> None:
        del self._timers[timeout_s]
        queue = self._queues[timeout_s]
        now_s = self._loop.time()
        while queue:
            deadline_s, future, payload = queue[0]
            if future.done():
                queue.popleft()
            elif deadline_s <= now_s:
                queue.popleft()
                self._expire(payload)
            else:
                self._timers[timeout_s] = self._loop.call_at(deadline_s, self._due, timeout_s)
                return
        del self._queues[timeout_s]

    @staticmethod
    def _compact(queue: deque[Entry]) -> None:
        alive = [entry for entry in queue if not entry[1].done()]
        queue.clear()
        queue.extend(alive)
