"""One client's session in the broker: what outlives its connection.

Holds the subscriptions, the messages waiting, those in flight, and the QoS 2 exchanges half done,
in both directions. It sends through a `Port`, the front's end of the current connection, if any.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.mqtt.limits import BrokerLimits
    from protocols.mqtt.publication import Delivery
    from protocols.mqtt.reason import Reason
    from protocols.mqtt.subscriptions import Subscription
    from protocols.mqtt.wills import LastWill

_MAX_PACKET_ID = 65535


class Port(Protocol):
    """What a front gives the broker core: the way to one connected client."""

    @property
    def congested(self) -> bool:
        """Whether what was sent has not left yet: send no more than must be."""
        ...

    def deliver(self, delivery: Delivery) -> bool:
        """Send a PUBLISH; False when it is larger than the client accepts, and was not sent."""
        ...

    def release(self, packet_id: int) -> None:
        """Send a PUBREL."""
        ...

    def close(self, reason: Reason) -> None:
        """Tell the client why, if it can be told, and end the connection."""
        ...

    def sever(self) -> None:
        """End the connection at once, as a cut cable does."""
        ...


class Session:
    """The state of one client.

    Args:
        client_id: Its name.
        now: The broker's time, loop seconds.
        limits: Bounds on what waits for it.
    """

    def __init__(self, client_id: str, now: Callable[[], float], limits: BrokerLimits) -> None:
        self.client_id = client_id
        self.port: Port | None = None
        self.expiry_s = 0.0
        self.will: LastWill | None = None
        self.subscriptions: dict[str, Subscription] = {}
        self.dropped = 0
        self.incoming: dict[int, bool] = {}
        self._now = now
        self._limits = limits
        self._pending: deque[Delivery] = deque()
        self._resend: deque[Delivery] = deque()
        self._inflight: dict[int, Delivery] = {}
        self._bytes = 0
        self._quota = 0
        self._quota_max = 0
        self._last_id = 0

    @property
    def queued(self) -> int:
        """Messages waiting to be sent."""
        return len(self._pending) + len(self._resend)

    def attach(self, port: Port, receive_maximum: int) -> None:
        """A connection begins: what was in flight is to be sent again, oldest first."""
        self.port = port
        self._quota = self._quota_max = min(receive_maximum, self._limits.max_inflight)
        self._resend = deque(self._inflight.values())
        for delivery in self._resend:
            delivery.counted = False

    def detach(self) -> None:
        """The connection ended."""
        self.port = None
        self._resend.clear()

    def offer(self, delivery: Delivery, *, keep: bool = False) -> None:
        """Send a delivery now or when it is its turn.

        A QoS 0 delivery is dropped when the client is away or slow, unless `keep`: retained state
        that was asked for waits.
        """
        port = self.port
        if delivery.qos == 0 and not (keep and port is not None):
            if port is None or port.congested:
                self.dropped += 1
            else:
                port.deliver(delivery)
            return
        self._pending.append(delivery)
        self._bytes += len(delivery.publication.payload)
        if port is not None:
            self.pump()
        if (
            len(self._pending) > self._limits.max_queued_messages
            or self._bytes > self._limits.max_queued_bytes
        ):
            self._drop_oldest()

    def pump(self) -> None:
        """Send what waits, as far as the client's receive maximum and the socket allow."""
        port = self.port
        while port is not None and self._resend and not port.congested:
            delivery = self._resend[0]
            if delivery.released:
                port.release(delivery.packet_id)
            elif self._quota > 0:
                self._quota -= 1
                delivery.counted = delivery.duplicate = True
                port.deliver(delivery)
            else:
                return
            self._resend.popleft()
        while port is not None and self._pending and not port.congested:
            delivery = self._pending[0]
            if delivery.qos and self._quota <= 0:
                return
            self._pending.popleft()
            self._send_first(port, delivery)

    def acknowledged(self, packet_id: int) -> bool:
        """PUBACK: a QoS 1 delivery is done. False when none has that id."""
        delivery = self._inflight.get(packet_id)
        if delivery is None or delivery.qos != 1:
            return False
        self._finish(delivery)
        return True

    def received(self, packet_id: int, *, refused: bool) -> bool:
        """PUBREC: the client has a QoS 2 delivery, or refused it. False when none has that id."""
        delivery = self._inflight.get(packet_id)
        if delivery is None or delivery.qos != 2:
            return False
        if refused:
            self._finish(delivery)
        else:
            delivery.released = True
        return True

    def completed(self, packet_id: int) -> bool:
        """PUBCOMP: a QoS 2 delivery is done. False when none awaits it."""
        delivery = self._inflight.get(packet_id)
        if delivery is None or not delivery.released:
            return False
        self._finish(delivery)
        return True

    def _send_first(self, port: Port, delivery: Delivery) -> None:
        size = len(delivery.publication.payload)
        if delivery.publication.expires_s <= self._now():
            self._bytes -= size
            return
        if delivery.qos == 0:
            self._bytes -= size
            port.deliver(delivery)
            return
        delivery.packet_id = self._next_id()
        if not port.deliver(delivery):
            self._bytes -= size
            self.dropped += 1
            return
        self._quota -= 1
        delivery.counted = True
        self._inflight[delivery.packet_id] = delivery

    def _finish(self, delivery: Delivery) -> None:
        del self._inflight[delivery.packet_id]
        self._bytes -= len(delivery.publication.payload)
        if delivery.counted:
            self._quota = min(self._quota + 1, self._quota_max)
        if self._pending or self._resend:
            self.pump()

    def _drop_oldest(self) -> None:
        limits = self._limits
        while self._pending and (
            len(self._pending) > limits.max_queued_messages or self._bytes > limits.max_queued_bytes
        ):
            self._bytes -= len(self._pending.popleft().publication.payload)
            self.dropped += 1

    def _next_id(self) -> int:
        candidate = self._last_id
        while True:
            candidate = candidate % _MAX_PACKET_ID + 1
            if candidate not in self._inflight:
                self._last_id = candidate
                return candidate


def session_expiry_s(seconds: int | None) -> float:
    """The lifetime a Session Expiry Interval stands for: None is 0, 0xFFFFFFFF is for ever."""
    if seconds is None:
        return 0.0
    return math.inf if seconds == 0xFFFFFFFF else float(seconds)  # MQTT 5.0 §3.1.2.11.2
