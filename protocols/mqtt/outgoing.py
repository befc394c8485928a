"""What a session has still to publish: bounded, only the latest of each retained value."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from protocols.mqtt.message import MqttMessage


@dataclass(slots=True, kw_only=True, eq=False)
class Outgoing:
    """A message that waits to be published.

    Attributes:
        message: As it was given.
        number: Its place in the order.
        expires_s: Loop time after which it is worthless.
        wall_s: Wall seconds per loop second, for what is left of its life.
    """

    message: MqttMessage
    number: int
    expires_s: float = math.inf
    wall_s: float = 1.0

    def at(self, now_s: float) -> MqttMessage:
        """The message with the life it has left now."""
        if self.expires_s == math.inf:
            return self.message
        left_s = max(1, math.ceil((self.expires_s - now_s) * self.wall_s))
        return msgspec.structs.replace(self.message, expiry_s=left_s)


class OutgoingQueue:
    """A queue of messages in the order they were given.

    A retained message takes the place of an older one of its topic. When full, the oldest message
    that is not retained is dropped, and only if there is none the oldest retained one.

    Args:
        capacity: Messages it holds.
    """

    def __init__(self, capacity: int) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._numbers = count()
        self._plain: OrderedDict[int, Outgoing] = OrderedDict()
        self._kept: OrderedDict[str, Outgoing] = OrderedDict()

    def __len__(self) -> int:
        return len(self._plain) + len(self._kept)

    def put(self, message: MqttMessage, *, now_s: float, loop_per_wall: float = 1.0) -> None:
        """Add a message; its expiry counts wall seconds from now."""
        expires_s = math.inf
        if message.expiry_s is not None:
            expires_s = now_s + message.expiry_s * loop_per_wall
        number = next(self._numbers)
        if message.retain and message.topic in self._kept:
            number = self._kept[message.topic].number  # latest value, place of the first
        self._add(
            Outgoing(
                message=message, number=number, expires_s=expires_s, wall_s=1.0 / loop_per_wall
            )
        )

    def put_back(self, unconfirmed: Iterable[Outgoing]) -> None:
        """Add again what was sent but not confirmed, in front; newer retained values win."""
        for item in sorted(unconfirmed, key=lambda each: each.number, reverse=True):
            if item.message.retain:
                if item.message.topic not in self._kept:
                    self._kept[item.message.topic] = item
                    self._kept.move_to_end(item.message.topic, last=False)
            else:
                self._plain[item.number] = item
                self._plain.move_to_end(item.number, last=False)
        self._shed()

    def pop(self, now_s: float) -> Outgoing | None:
        """The next message that has not expired; None when there is none."""
        while True:
            plain = next(iter(self._plain.values()), None)
            kept = next(iter(self._kept.values()), None)
            if plain is not None and (kept is None or plain.number < kept.number):
                item = plain
                del self._plain[item.number]
            elif kept is not None:
                item = kept
                del self._kept[item.message.topic]
            else:
                return None
            if item.expires_s > now_s:
                return item
            self.dropped += 1

    def _add(self, item: Outgoing) -> None:
        if item.message.retain:
            self._kept[item.message.topic] = item
        else:
            self._plain[item.number] = item
        self._shed()

    def _shed(self) -> None:
        while len(self) > self._capacity:
            (self._plain or self._kept).popitem(last=False)
            self.dropped += 1
