"""What waits for one page: values conflate, events never do, and both are bounded.

Nothing is ever sent from the loop that broadcasts: it only marks cells and queues events here, and
the page's own writer takes what has gathered. A page that cannot keep up gets a `gap` and a new
snapshot.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from actors.web_gateway.live_model import LiveModel

MAX_EVENTS = 400
"""Events that may wait; one more and the page is told of a gap instead."""
UNHURRIED = frozenset({"system", "sky", "journal"})
"""Cells that travel with the next message, at the latest with the next beat: none of their own."""


class Outbox:
    """The listener of one page on the live model.

    Args:
        model: The live model.
        max_events: Events that may wait.
    """

    def __init__(self, model: LiveModel, *, max_events: int = MAX_EVENTS) -> None:
        self._model = model
        self._max_events = max_events
        self._dirty: dict[str, None] = {}
        self._events: deque[tuple[str, bytes]] = deque()
        self._wake = asyncio.Event()
        self._seq = 0
        self._sent = False
        self.overflowed = False

    @property
    def waiting(self) -> int:
        """Cells and events that wait."""
        return len(self._dirty) + len(self._events)

    def cell_changed(self, key: str) -> None:
        """Mark a cell; its value is read when it is sent, so that only the latest is."""
        self._dirty[key] = None
        if key not in UNHURRIED:
            self._wake.set()

    def item_appended(self, stream: str, encoded: bytes) -> None:
        """Queue an event; when there are too many, remember that there is a gap."""
        if len(self._events) >= self._max_events:
            self._events.clear()
            self.overflowed = True
        elif not self.overflowed:
            self._events.append((stream, encoded))
        self._wake.set()

    def nudge(self) -> None:
        """A beat: send what was in no hurry, or, after a silence, the proof that we live."""
        if self.waiting or not self._sent:
            self._wake.set()
        self._sent = False

    async def wait(self) -> None:
        """Until there is something to send."""
        await self._wake.wait()

    def snapshot(self, unix_s: float) -> bytes:
        """The whole model as a `snap` message; what waited is in it and waits no more."""
        self._dirty.clear()
        self._events.clear()
        self.overflowed = False
        self._wake.clear()
        cells = b",".join(
            orjson.dumps(key) + b":" + self._model.encoded(key) for key in self._model.paths()
        )
        log = self._model.encoded_stream("log")
        return (
            b'{"k":"snap","seq":%d,"t":%.3f,"s":{' % (self._next(), unix_s)
            + cells
            + b'},"log":'
            + log
            + b"}"
        )

    def delta(self, unix_s: float) -> bytes:
        """What waits as a `d` message: changed cells (null: gone) and events in order."""
        self._wake.clear()
        cells = b",".join(
            orjson.dumps(key) + b":" + self._model.encoded(key) for key in self._dirty
        )
        events = b",".join(
            b"[" + orjson.dumps(stream) + b"," + encoded + b"]" for stream, encoded in self._events
        )
        self._dirty.clear()
        self._events.clear()
        head = b'{"k":"d","seq":%d,"t":%.3f' % (self._next(), unix_s)
        return (
            head
            + (b',"s":{' + cells + b"}" if cells else b"")
            + (b',"x":[' + events + b"]" if events else b"")
            + b"}"
        )

    def gap(self, unix_s: float) -> bytes:
        """Tells the page that events are missing; a snapshot follows."""
        return b'{"k":"gap","seq":%d,"t":%.3f}' % (self._next(), unix_s)

    def _next(self) -> int:
        self._seq += 1
        self._sent = True
        return self._seq
