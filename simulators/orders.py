"""Orders: commands as a device receives them, obeyed once each whatever the network repeats. Pure.

An order is refused, already fulfilled, or begun; one that is begun belongs to a group of motors,
in which a newer order supersedes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from protocols.payloads import CommandPayload, PayloadError, decode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from protocols.device_table import CommandRow
    from protocols.mqtt.message import MqttMessage
    from protocols.payloads import Value

REMEMBERED = 64
"""Orders whose last reply a device can repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One command as it arrived.

    Attributes:
        id: The sender's; the same id is obeyed once.
        verb: What to do.
        args: Its arguments, units in the names.
        reply_topic: Where replies go; None when nobody listens.
        correlation: Sent back with replies.
        expires_utc: Void afterwards; None for never.
    """

    id: str
    verb: str
    args: Mapping[str, Value]
    reply_topic: str | None
    correlation: bytes | None
    expires_utc: datetime | None = None

    def number(self, name: str) -> float:
        """A numeric argument (checked by `refusal` before)."""
        value = self.args[name]
        return float(value)  # type: ignore[arg-type]  # checked

    def text(self, name: str) -> str:
        """A text argument."""
        return str(self.args[name])

    def flag(self, name: str) -> bool:
        """A truth argument."""
        return bool(self.args[name])


def order_of(message: MqttMessage) -> Order:
    """The order in a command message.

    Raises:
        PayloadError: When the payload is none.
    """
    payload = decode(message.topic, message.payload, CommandPayload)
    if payload.exp is not None and payload.exp.tzinfo is None:
        raise PayloadError(f"{message.topic}: exp {payload.exp} has no zone; publish UTC with Z")
    return Order(
        id=payload.id,
        verb=message.topic.rsplit("/", 1)[-1],
        args=payload.args,
        reply_topic=message.response_topic or payload.reply,
        correlation=message.correlation,
        expires_utc=payload.exp,
    )


TEXT_ARGUMENTS = frozenset({"exposure_id", "kind", "filter"})
FLAG_ARGUMENTS = frozenset({"on", "save"})


def refusal(order: Order, commands: Mapping[str, CommandRow]) -> str:
    """Why an order makes no sense for a device with these commands; empty when it does."""
    row = commands.get(order.verb)
    if row is None:
        return f"unknown command {order.verb!r}; known: {', '.join(sorted(commands)) or 'none'}"
    if set(order.args) != set(row.arguments):
        wanted, got = ", ".join(row.arguments) or "none", ", ".join(sorted(order.args)) or "none"
        return f"{order.verb} takes arguments: {wanted}; got: {got}"
    for name in row.arguments:
        value = order.args[name]
        if name in TEXT_ARGUMENTS:
            good = isinstance(value, str) and value != ""
        elif name in FLAG_ARGUMENTS:
            good = isinstance(value, bool)
        else:
            good = (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and math.isfinite(value)
            )
        if not good:
            return f"{order.verb}: {name} = {value!r} does not make sense"
    return ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not done, or not possible any more, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """Fulfilled, perhaps before it was asked."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """Under way.

    Attributes:
        group: Motors it keeps busy; a newer order of the group supersedes it.
        until_unix_s: When to look again; infinite when something else will say so.
    """

    group: str
    until_unix_s: float


Answer = Refused | Done | Begun
ReplyState = Literal["accepted", "progress", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An order under way."""

    order: Order
    group: str
    since_unix_s: float
    until_unix_s: float
    reported_unix_s: float

    def prolonged(self, until_unix_s: float) -> Running:
        """The same, to be looked at again later."""
        return replace(self, until_unix_s=until_unix_s)

    def progress(self, unix_s: float) -> float | None:
        """Share of its time that is over; None when its end is not known."""
        span_s = self.until_unix_s - self.since_unix_s
        if not math.isfinite(span_s) or span_s <= 0.0:
            return None
        return min(1.0, max(0.0, (unix_s - self.since_unix_s) / span_s))


class Desk:
    """The orders of one device: those under way, by group, and the last word on recent ones."""

    def __init__(self) -> None:
        self.running: dict[str, Running] = {}
        self._replies: dict[str, tuple[ReplyState, str]] = {}

    def last_word(self, order_id: str) -> tuple[ReplyState, str] | None:
        """What was last replied to an order of this id."""
        return self._replies.get(order_id)

    def remember(self, order_id: str, state: ReplyState, detail: str) -> None:
        """Keep the last word on an order."""
        self._replies.pop(order_id, None)
        self._replies[order_id] = (state, detail)
        while len(self._replies) > REMEMBERED:
            del self._replies[next(iter(self._replies))]

    def due_unix_s(self) -> float | None:
        """When the first running order wants to be looked at."""
        return min((running.until_unix_s for running in self.running.values()), default=None)
