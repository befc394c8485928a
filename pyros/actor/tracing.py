"""The trace: a ring of the last ten thousand handled messages, and W3C trace ids to connect them.

Own records cost a tenth of a microsecond; OpenTelemetry's spans cost 6 to 14, so it may export from
here but is not in the path. Trace numbers are counted, not random, so that a run is reproducible;
they become W3C ids where they are read.
"""

from __future__ import annotations

import re
from collections import deque
from hashlib import sha256
from typing import Final, NamedTuple

from pyros.actor.message import Lane

RING: Final = 10_000

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")


class TraceRecord(NamedTuple):
    """Who sent what to whom, and how it went.

    Attributes:
        sent_s: Loop second at which it was sent.
        sender: Path; None from outside any actor.
        target: Path.
        kind: Name of the message's class.
        lane: Its lane.
        waited_s: Seconds in the queue.
        took_s: Seconds in the handler.
        outcome: `ok`, `rejected`, `crash`, `interrupted`, `deferred`.
        trace_id: W3C trace id.
    """

    sent_s: float
    sender: str | None
    target: str
    kind: str
    lane: Lane
    waited_s: float
    took_s: float
    outcome: str
    trace_id: str


RawRecord = tuple[float, str | None, str, str, int, float, float, str, int | str]
"""Only numbers and strings, so that the garbage collector need not look at ten thousand of them."""


class Trace:
    """The ring of recent envelopes of one system.

    Args:
        seed: Gives this system's trace ids their prefix.
        name: The system's name, in the prefix too.
    """

    def __init__(self, *, seed: int, name: str) -> None:
        self._prefix = sha256(f"{name}:{seed}".encode()).hexdigest()[:16]
        self._ring: deque[RawRecord] = deque(maxlen=RING)
        self.append = self._ring.append
        self.last = 0

    def new(self) -> int:
        """A new trace number, for a message with no cause inside the system."""
        self.last += 1
        return self.last

    def trace_id(self, trace: int | str) -> str:
        """The W3C trace id (32 hexadecimal digits) of a trace number or of a foreign trace."""
        return trace if isinstance(trace, str) else f"{self._prefix}{trace:016x}"

    def traceparent(self, trace: int | str) -> str:
        """The W3C `traceparent` header for messages that leave the process."""
        return f"00-{self.trace_id(trace)}-{self.new():016x}-01"

    def records(
        self, *, trace_id: str | None = None, sender: str | None = None, target: str | None = None
    ) -> list[TraceRecord]:
        """The recent records, oldest first, filtered by what is given."""
        found: list[TraceRecord] = []
        for sent_s, source, sink, kind, lane, start_s, done_s, outcome, trace in self._ring:
            record = TraceRecord(
                sent_s,
                source,
                sink,
                kind,
                Lane(lane),
                start_s - sent_s,
                done_s - start_s,
                outcome,
                self.trace_id(trace),
            )
            if (
                trace_id in (None, record.trace_id)
                and sender in (None, record.sender)
                and target in (None, record.target)
            ):
                found.append(record)
        return found

    def __len__(self) -> int:
        return len(self._ring)


def trace_id_of(traceparent: str) -> str | None:
    """The trace id in a W3C `traceparent` header; None when it is malformed or all zeros."""
    match = _TRACEPARENT.match(traceparent)
    if match is None or set(match.group(1)) == {"0"}:
        return None
    return match.group(1)
