"""The broker core driven by hand: a loop whose time a test turns, clients without sockets."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from protocols.mqtt.limits import BrokerLimits
from protocols.mqtt.publication import Delivery, Publication
from protocols.mqtt.router import ConnectRequest, Router
from protocols.mqtt.subscriptions import Subscription

if TYPE_CHECKING:
    from protocols.mqtt.reason import Reason


class HandTimers:
    """A loop's time and timers, advanced by the test."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._due: list = []
        self._order = itertools.count()

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay, callback):
        timer = HandTimer(callback)
        heapq.heappush(self._due, (self.now_s + delay, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        end = self.now_s + seconds
        while self._due and self._due[0][0] <= end:
            self.now_s, _, timer = heapq.heappop(self._due)
            if not timer.cancelled:
                timer.callback()
        self.now_s = end


@dataclass
class HandTimer:
    callback: object
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(eq=False)
class TestPort:
    """A connected client that acknowledges at once, unless told not to."""

    __test__ = False

    acknowledging: bool = True
    congested: bool = False
    largest: int = 1 << 30
    session: object = None
    got: list[Delivery] = field(default_factory=list)
    closed: list = field(default_factory=list)

    def deliver(self, delivery: Delivery) -> bool:
        if len(delivery.publication.payload) > self.largest:
            return False
        self.got.append(delivery)
        return True

    def acknowledge(self) -> None:
        for delivery in list(self.got):
            if delivery.qos == 1:
                self.session.acknowledged(delivery.packet_id)

    def release(self, packet_id: int) -> None:
        self.closed.append(("release", packet_id))

    def close(self, reason: Reason) -> None:
        self.closed.append(reason)

    def sever(self) -> None:
        self.closed.append("severed")

    @property
    def payloads(self) -> list[bytes]:
        return [each.publication.payload for each in self.got]


@pytest.fixture
def timers():
    return HandTimers()


@pytest.fixture
def router(timers):
    return Router(timers, limits=BrokerLimits(max_queued_messages=5, max_inflight=3))


@pytest.fixture
def make_port():
    """Makes a client's end."""
    return TestPort


@pytest.fixture
def join():
    """Connects and subscribes a client."""
    return _join


@pytest.fixture
def say():
    """Publishes as a nameless client."""
    return _say


def _join(router, client_id, *filters, **request):
    """Connect and subscribe; the session and its port."""
    port = TestPort()
    session, _ = router.connect(ConnectRequest(client_id=client_id, **request), port)
    port.session = session
    if filters:
        wanted = [Subscription(topic_filter=each, qos=2) for each in filters]
        router.subscribe(session, wanted, lambda reasons: None)
    session.pump()
    return session, port


def _say(router, topic, payload=b"x", qos=0, **fields):
    """Publish as a nameless client."""
    return router.publish(Publication(topic=topic, payload=payload, qos=qos, **fields))
