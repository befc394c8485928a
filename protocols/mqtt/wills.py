"""Last wills: what is published for a client that was lost, at once or after its will delay."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from protocols.mqtt.publication import Publication

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.mqtt.message import Will


class Timer(Protocol):
    """A call in the future."""

    def cancel(self) -> None:
        """Do not make it."""
        ...


class Timers(Protocol):
    """What the broker core needs of a loop: `asyncio.AbstractEventLoop` has it."""

    def time(self) -> float:
        """Loop seconds."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call back after `delay` loop seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWill:
    """A will as the broker keeps it.

    Attributes:
        publication: What to publish, but for its expiry, which counts from then.
        delay_s: Seconds to wait for the client to come back.
        expiry_s: Message expiry interval; None is never.
    """

    publication: Publication
    delay_s: int = 0
    expiry_s: int | None = None

    @classmethod
    def of(cls, will: Will, client_id: str) -> LastWill:
        """The will of a client of this process."""
        publication = Publication(
            topic=will.topic,
            payload=will.payload,
            qos=will.qos,
            retain=will.retain,
            publisher=client_id,
        )
        return cls(publication=publication, delay_s=will.delay_s)

    def published_at(self, now_s: float) -> Publication:
        """What is published when the will comes true now."""
        expires_s = math.inf if self.expiry_s is None else now_s + self.expiry_s
        return dataclasses.replace(self.publication, expires_s=expires_s, wire={})


class PendingWills:
    """The wills of clients that are away, waiting out their delay.

    Args:
        timers: The loop.
        publish: Called with the publication of a will that comes true.
    """

    def __init__(self, timers: Timers, publish: Callable[[Publication], object]) -> None:
        self._timers = timers
        self._publish = publish
        self._waiting: dict[str, tuple[LastWill, Timer]] = {}

    def lost(self, client_id: str, will: LastWill, *, session_ends_in_s: float) -> None:
        """A client was lost: its will comes true after its delay, or as its session ends."""
        delay_s = min(will.delay_s, session_ends_in_s)
        if delay_s <= 0:
            self._publish(will.published_at(self._timers.time()))
            return
        timer = self._timers.call_later(delay_s, lambda: self.session_ended(client_id))
        self._waiting[client_id] = (will, timer)

    def came_back(self, client_id: str) -> None:
        """The client resumed its session in time: its will is void."""
        waiting = self._waiting.pop(client_id, None)
        if waiting is not None:
            waiting[1].cancel()

    def session_ended(self, client_id: str) -> None:
        """The wait is over: a will still waiting comes true."""
        waiting = self._waiting.pop(client_id, None)
        if waiting is not None:
            will, timer = waiting
            timer.cancel()
            self._publish(will.published_at(self._timers.time()))
