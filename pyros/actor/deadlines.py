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


class _Span:
    """The pending asks of one timeout, in the order of their deadlines, and the first's timer."""

    __slots__ = ("compact_above", "entries", "timer")

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.timer: asyncio.TimerHandle | None = None
        self.compact_above = COMPACT_ABOVE

    def compact(self) -> None:
        """Drop what is settled behind a head that is not; next at twice what is left."""
        alive = [entry for entry in self.entries if not entry[1].done()]
        self.entries.clear()
        self.entries.extend(alive)
        self.compact_above = max(COMPACT_ABOVE, 2 * len(alive))


class Deadlines:
    """The pending asks of a system, by timeout.

    Args:
        loop: Where the timers run.
        expire: Called with an entry's payload when its deadline passed and it has no reply.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[Any], None]) -> None:
        self._loop = loop
        self._expire = expire
        self._spans: dict[float, _Span] = {}

    def watch(
        self, timeout_s: float, deadline_s: float, future: asyncio.Future[Any], payload: Any
    ) -> None:
        """Expire `payload` at `deadline_s` (loop seconds) unless the future is done by then."""
        span = self._spans.get(timeout_s)
        if span is None:
            span = self._spans[timeout_s] = _Span()
            span.timer = self._loop.call_at(deadline_s, self._due, timeout_s)
        entries = span.entries
        while entries and entries[0][1].done():
            entries.popleft()
        entries.append((deadline_s, future, payload))
        if len(entries) > span.compact_above:
            span.compact()

    def watch_at(self, deadline_s: float, future: asyncio.Future[Any], payload: Any) -> None:
        """As `watch`, for a deadline inherited from an outer ask, which keeps no order."""
        handle = self._loop.call_at(deadline_s, self._expire_alone, future, payload)
        future.add_done_callback(lambda _future: handle.cancel())

    def close(self) -> None:
        """Drop all timers."""
        for span in self._spans.values():
            if span.timer is not None:
                span.timer.cancel()
        self._spans.clear()

    def pending(self) -> int:
        """Asks in the queues, settled ones that were not yet swept included."""
        return sum(len(span.entries) for span in self._spans.values())

    def _expire_alone(self, future: asyncio.Future[Any], payload: Any) -> None:
        if not future.done():
            self._expire(payload)

    def _due(self, timeout_s: float) -> None:
        span = self._spans[timeout_s]
        entries = span.entries
        now_s = self._loop.time()
        while entries:
            deadline_s, future, payload = entries[0]
            if future.done():
                entries.popleft()
            elif deadline_s <= now_s:
                entries.popleft()
                self._expire(payload)
            else:
                span.timer = self._loop.call_at(deadline_s, self._due, timeout_s)
                return
        del self._spans[timeout_s]
