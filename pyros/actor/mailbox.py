"""The mailbox: four lanes of which the most urgent is served first, made when first used.

Each lane is a deque and one future wakes the receive loop: measured, nothing else on asyncio is as
fast, and a safety message never waits behind telemetry (rule M1). Lanes are bounded (rules M2, M3).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from pyros.actor.envelope import CONTROL, SPECIAL, Envelope, SpecialEnvelope
from pyros.actor.errors import BadSpecError
from pyros.actor.message import Lane

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Hashable, Mapping

COMMAND: Final = int(Lane.COMMAND)

TELEMETRY_SHARE: Final = 64
"""At least one telemetry message is served per this many commands (rule M1)."""


class Overflow(Enum):
    """What a full lane does with one more message (rule M3)."""

    REJECT = "reject"
    DROP_OLDEST = "drop_oldest"
    DROP_NEWEST = "drop_newest"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSpec:
    """The bound of a lane (rule M2): `fifo(n)`, or `ring(n)` with `DROP_OLDEST`.

    Conflation is a property of messages (`Message.conflation_key`), not of lanes.

    Attributes:
        capacity: Messages it holds.
        overflow: What happens beyond.
    """

    capacity: float = 10_000
    overflow: Overflow = Overflow.REJECT

    def __post_init__(self) -> None:
        """Refuse what cannot work (a lane that holds nothing)."""
        if not self.capacity >= 1:
            raise BadSpecError(f"lane capacity {self.capacity} must be at least 1")


DEFAULT_LANES: Final[tuple[LaneSpec, ...]] = (
    LaneSpec(capacity=math.inf),
    LaneSpec(capacity=10_000),
    LaneSpec(capacity=10_000),
    LaneSpec(capacity=10_000, overflow=Overflow.DROP_OLDEST),
)


def lanes_with(overrides: Mapping[Lane, LaneSpec]) -> tuple[LaneSpec, ...]:
    """The default lanes with some replaced.

    Raises:
        BadSpecError: When the safety or system lane would block its senders (rule M3).
    """
    for lane, spec in overrides.items():
        if lane <= Lane.SAFETY and spec.overflow is Overflow.BLOCK:
            raise BadSpecError(
                f"lane {lane.name} must not block its senders; use reject or a larger capacity"
            )
    return tuple(overrides.get(lane, DEFAULT_LANES[lane]) for lane in Lane)


class LaneQueue(deque[Envelope]):
    """One lane: a bounded deque, with an index of its conflating messages when there are any."""

    __slots__ = ("by_key", "capacity", "overflow")

    def __init__(self, spec: LaneSpec) -> None:
        super().__init__()
        self.capacity = spec.capacity
        self.overflow = spec.overflow
        self.by_key: dict[Hashable, SpecialEnvelope] | None = None


class BlockingLane(LaneQueue):
    """A lane whose asynchronous senders wait for room (rule M3, `block`)."""

    __slots__ = ("waiting",)

    def __init__(self, spec: LaneSpec) -> None:
        super().__init__(spec)
        self.waiting: deque[asyncio.Future[None]] = deque()

    def popleft(self) -> Envelope:
        """Take the oldest, and let one waiting sender go on."""
        envelope = super().popleft()
        while self.waiting:
            sender = self.waiting.popleft()
            if not sender.done():
                sender.set_result(None)
                break
        return envelope


class Mailbox:
    """The lanes of one actor and the future that wakes it.

    Attributes:
        queues: The lanes; None where none was needed yet.
        preempt: Whether anything but commands may be queued: what the fast paths look at.
        waiter: The future that the receive loop awaits when it is idle.
        streak: Commands served since the last telemetry.

    Args:
        specs: Four lane specifications, in the order of `Lane`.
    """

    __slots__ = ("_specs", "preempt", "queues", "streak", "waiter")

    def __init__(self, specs: tuple[LaneSpec, ...] = DEFAULT_LANES) -> None:
        self._specs = specs
        self.queues: list[LaneQueue | None] = [None, None, None, None]
        self.waiter: asyncio.Future[None] | None = None
        self.streak = 0
        self.preempt = False

    def put(self, envelope: Envelope) -> Envelope | None:
        """Queue a message; returns the one that found no room (itself or the oldest), if any."""
        queue = self.queues[envelope.lane]
        if queue is None:
            queue = self.make_lane(envelope.lane)
        refused: Envelope | None = None
        if len(queue) >= queue.capacity:
            if queue.overflow is not Overflow.DROP_OLDEST:
                return envelope
            refused = queue.popleft()
            if refused.kind == SPECIAL:
                refused.leave()  # type: ignore[attr-defined]  # kind says it is special
        queue.append(envelope)
        if envelope.lane != COMMAND:
            self.preempt = True
        if (waiter := self.waiter) is not None:
            self.waiter = None
            if not waiter.done():
                waiter.set_result(None)
        return refused

    def put_conflating(self, envelope: SpecialEnvelope, key: Hashable) -> Envelope | None:
        """Queue a message under a key; a queued one of that key takes its content, in its place.

        The latest wins and nobody starves: constant time, whatever the number of keys (rule M2).
        """
        queue = self.queues[envelope.lane]
        if queue is None:
            queue = self.make_lane(envelope.lane)
        index = queue.by_key
        if index is None:
            index = queue.by_key = {}
        queued = index.get(key)
        if queued is not None:
            queued.message = envelope.message
            queued.sender = envelope.sender
            queued.trace = envelope.trace
            queued.expires_s = envelope.expires_s
            return None
        refused = self.put(envelope)
        if refused is not envelope:
            envelope.key = key
            envelope.index = index
            index[key] = envelope
        return refused

    def put_back(self, envelopes: list[Envelope]) -> None:
        """Put stashed messages before newer ones of their lanes, in their order (rule M6)."""
        for envelope in reversed(envelopes):
            queue = self.queues[envelope.lane]
            if queue is None:
                queue = self.make_lane(envelope.lane)
            queue.appendleft(envelope)
            self.preempt = True
        self.wake()

    def put_first(self, envelope: Envelope) -> None:
        """Put back the message that was just taken."""
        queue = self.queues[envelope.lane]
        assert queue is not None  # noqa: S101 - it was taken from there
        queue.appendleft(envelope)
        self.preempt = True

    def pop(self) -> Envelope | None:
        """The next message by urgency; telemetry gets its share (rule M1). None when empty."""
        system, safety, command, telemetry = self.queues
        if system:
            return system.popleft()
        if safety:
            return safety.popleft()
        if command:
            if telemetry:
                self.streak += 1
                if self.streak > TELEMETRY_SHARE:
                    self.streak = 0
                    return telemetry.popleft()
            else:
                self.preempt = False
            return command.popleft()
        if telemetry:
            self.streak = 0
            return telemetry.popleft()
        self.preempt = False
        return None

    def make_lane(self, lane: int) -> LaneQueue:
        """The queue of a lane, made now that it is needed."""
        spec = self._specs[lane]
        queue = BlockingLane(spec) if spec.overflow is Overflow.BLOCK else LaneQueue(spec)
        self.queues[lane] = queue
        return queue

    def is_full(self, lane: int) -> bool:
        """Whether the lane has no room."""
        queue = self.queues[lane]
        return queue is not None and len(queue) >= queue.capacity

    def wake(self) -> None:
        """Let the receive loop look again."""
        if (waiter := self.waiter) is not None:
            self.waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def drain(self) -> list[Envelope]:
        """Everything queued, most urgent first; the mailbox is empty afterwards."""
        drained: list[Envelope] = []
        for queue in self.queues:
            while queue:
                envelope = queue.popleft()
                if isinstance(envelope, SpecialEnvelope):
                    envelope.leave()
                drained.append(envelope)
        return drained

    def forget_orders(self) -> None:
        """Drop the kernel's orders: they were meant for an incarnation that has ended."""
        queue = self.queues[Lane.SYSTEM]
        if queue:
            kept = [envelope for envelope in queue if envelope.kind != CONTROL]
            queue.clear()
            queue.extend(kept)

    def release_senders(self) -> None:
        """Let senders that wait for room go on: the mailbox is closed."""
        for queue in self.queues:
            if isinstance(queue, BlockingLane):
                while queue.waiting:
                    sender = queue.waiting.popleft()
                    if not sender.done():
                        sender.set_result(None)

    def depths(self) -> tuple[int, int, int, int]:
        """Messages per lane."""
        system, safety, command, telemetry = self.queues
        return (
            len(system) if system else 0,
            len(safety) if safety else 0,
            len(command) if command else 0,
            len(telemetry) if telemetry else 0,
        )

    def oldest_sent_s(self) -> float | None:
        """Loop second at which the oldest queued message was sent; None when empty."""
        oldest: float | None = None
        for queue in self.queues:
            if queue:
                sent_s = queue[0].sent_s
                if oldest is None or sent_s < oldest:
                    oldest = sent_s
        return oldest

    def empty(self) -> bool:
        """Whether nothing is queued (pykka's inbox interface)."""
        return not any(self.queues)

    def get(self) -> Envelope:
        """The next message (pykka's inbox interface).

        Raises:
            LookupError: When nothing is queued: an asyncio mailbox never blocks.
        """
        envelope = self.pop()
        if envelope is None:
            raise LookupError("mailbox is empty; asyncio actors are fed by their receive loop")
        return envelope
