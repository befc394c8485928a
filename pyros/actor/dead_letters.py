"""Dead letters: what could not be delivered, why, and how often.

A ring of the last thousand, counts by reason, and a log that says the first ten and then rests for
five minutes (Pekko's defaults), so that a storm of them does not become a storm of log lines.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from pyros.actor.message import Lane, Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyros.actor.envelope import Envelope
    from pyros.actor.event_bus import EventBus
    from pyros.actor.ref import ActorRef
    from pyros.log import BoundLogger

RING: Final = 1_000
LOGGED: Final = 10
SUSPEND_S: Final = 300.0


class Undelivered(StrEnum):
    """Why a message was not delivered."""

    DEAD = "dead"
    FULL = "full"
    EXPIRED = "expired"
    LATE_REPLY = "late_reply"
    POISON = "poison"
    UNHANDLED = "unhandled"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter(Message):
    """A message that was not delivered, or not wanted.

    Attributes:
        message: The message, or the reply when `reason` is `late_reply`.
        reason: Why.
        target: Path it was sent to.
        sender: Path it came from; None from outside any actor.
        in_lane: Its lane.
        incarnation: Incarnation of the target, 0 when there never was one.
        loop_s: Loop second of the event.
    """

    lane = Lane.TELEMETRY

    message: Any
    reason: Undelivered
    target: str
    sender: str | None
    in_lane: Lane
    incarnation: int
    loop_s: float


class DeadLetters:
    """The dead letters of one system.

    Args:
        events: Where each is published for subscribers.
        log: Where the first few are logged.
        now_s: The loop's time.
    """

    def __init__(self, events: EventBus, log: BoundLogger, now_s: Callable[[], float]) -> None:
        self._events = events
        self._log = log
        self._now_s = now_s
        self._ring: deque[DeadLetter] = deque(maxlen=RING)
        self._window_s = 0.0
        self._logged = 0
        self.counts: Counter[Undelivered] = Counter()

    def add(
        self,
        envelope: Envelope,
        reason: Undelivered,
        *,
        target: str,
        incarnation: int,
        message: Any = None,
    ) -> None:
        """Record one (and publish it, unless it is itself an undeliverable dead letter)."""
        content = envelope.message if message is None else message
        self.counts[reason] += 1
        if isinstance(content, DeadLetter):
            return
        letter = DeadLetter(
            message=content,
            reason=reason,
            target=target,
            sender=envelope.sender,
            in_lane=Lane(envelope.lane),
            incarnation=incarnation,
            loop_s=self._now_s(),
        )
        self._ring.append(letter)
        self._note(letter)
        self._events.publish(letter)

    def subscribe(self, ref: ActorRef[Any]) -> None:
        """Have each dead letter told to an actor, as a `DeadLetter` message."""
        self._events.subscribe(ref, DeadLetter)

    def recent(self) -> list[DeadLetter]:
        """The last thousand, oldest first."""
        return list(self._ring)

    @property
    def total(self) -> int:
        """How many there were since the start."""
        return self.counts.total()

    def _note(self, letter: DeadLetter) -> None:
        if letter.loop_s - self._window_s >= SUSPEND_S:
            self._window_s, self._logged = letter.loop_s, 0
        self._logged += 1
        if self._logged > LOGGED:
            return
        rest = ", further ones are not logged for 5 min" if self._logged == LOGGED else ""
        self._log.info(
            "dead letter (%s): %s from %s to %s%s",
            letter.reason,
            type(letter.message).__name__,
            letter.sender or "outside",
            letter.target,
            rest,
        )
