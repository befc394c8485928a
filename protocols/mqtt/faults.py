"""Faults injected at the broker core, so that both fronts can be made to fail in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from protocols.mqtt.topic_filter import topic_matches

if TYPE_CHECKING:
    import random


class FaultKind(Enum):
    """What goes wrong with a message."""

    DROP = "drop"
    DELAY = "delay"
    DUPLICATE = "duplicate"
    DISCONNECT = "disconnect"


class Direction(Enum):
    """Where it goes wrong: as a client publishes, or as the broker delivers."""

    TO_BROKER = "to broker"
    FROM_BROKER = "from broker"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """One fault that may befall messages.

    Attributes:
        kind: What happens.
        topic_filter: To messages of these topics.
        client: Of clients whose id matches this shell pattern.
        direction: On the way to or from the broker.
        probability: How likely, 0 to 1.
        delay_s: For `DELAY`: loop seconds, drawn evenly up to this when `probability` hits.
        count: Ends after so many hits; None never ends.
    """

    kind: FaultKind
    topic_filter: str = "#"
    client: str = "*"
    direction: Direction = Direction.FROM_BROKER
    probability: float = 1.0
    delay_s: float = 0.0
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What the faults do to one message: delivered `copies` times, each after its delay.

    Attributes:
        delays_s: One entry per copy delivered; empty when dropped.
        disconnect: The client's connection is cut instead.
    """

    delays_s: tuple[float, ...] = (0.0,)
    disconnect: bool = False


_UNHARMED = Fate()


class Faults:
    """The rules in force.

    Args:
        rng: The seeded stream that decides; drawn from only for rules that apply.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._rules: list[FaultRule] = []
        self._hits: dict[FaultRule, int] = {}

    @property
    def active(self) -> bool:
        """Whether any rule is in force; without one nobody need ask."""
        return bool(self._rules)

    def add(self, rule: FaultRule) -> None:
        """Put a rule in force."""
        self._rules.append(rule)

    def remove(self, rule: FaultRule) -> None:
        """Take a rule out of force; does nothing when it is not."""
        if rule in self._rules:
            self._rules.remove(rule)
        self._hits.pop(rule, None)

    def clear(self) -> None:
        """Take all rules out of force."""
        self._rules.clear()
        self._hits.clear()

    def fate(self, client_id: str, topic: str, direction: Direction) -> Fate:
        """What happens to a message of this client now."""
        if not self._rules:
            return _UNHARMED
        delay_s = 0.0
        copies = 1
        for rule in tuple(self._rules):
            if not self._hit(rule, client_id, topic, direction):
                continue
            if rule.kind is FaultKind.DISCONNECT:
                return Fate(delays_s=(), disconnect=True)
            if rule.kind is FaultKind.DROP:
                return Fate(delays_s=())
            if rule.kind is FaultKind.DUPLICATE:
                copies += 1
            else:
                delay_s += rule.delay_s * self._rng.random()
        return Fate(delays_s=(delay_s,) * copies)

    def _hit(self, rule: FaultRule, client_id: str, topic: str, direction: Direction) -> bool:
        if rule.direction is not direction or not fnmatchcase(client_id, rule.client):
            return False
        if not topic_matches(rule.topic_filter, topic):
            return False
        if rule.probability < 1.0 and self._rng.random() >= rule.probability:
            return False
        if rule.count is not None:
            hits = self._hits[rule] = self._hits.get(rule, 0) + 1
            if hits >= rule.count:
                self.remove(rule)
        return True
