"""The in-memory front of the broker core: MQTT in one process and one loop, for virtual time.

Everything a link sends or receives passes through `loop.call_soon` (or `call_later` when the link
has a latency), in the order in which it was sent, so that a simulated night is the same every time.
Payload and properties cross by reference; both are immutable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from protocols.mqtt.connection import MqttLinkError, MqttRefusedError
from protocols.mqtt.publication import Delivery, Publication
from protocols.mqtt.reason import Reason
from protocols.mqtt.router import ConnectRequest, Router
from protocols.mqtt.subscriptions import Subscription
from protocols.mqtt.topic_filter import MqttTopicError, check_topic_filter, check_topic_name
from protocols.mqtt.wills import LastWill

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from protocols.mqtt.message import MqttMessage, Will
    from protocols.mqtt.session_state import Session

_CONGESTED_AT = 1000
_BREATH = 64

_Coming = tuple["Session", "MqttMessage", int, int]


class MemoryLink:
    """One client of a router in the same process; satisfies `MqttLink`.

    Like a client over sockets it acknowledges a message when it arrives, not when it is handled.

    Args:
        router: The broker.
        client_id: Its name; assigned by the broker when empty.
        will: Published by the broker when the connection is lost.
        clean_start: Begin with an empty session.
        session_expiry_s: How long the broker keeps the session when away.
        keepalive_s: A frozen link is given up by the broker after 1.5 times this.
        latency_s: Loop seconds a message takes from the broker to this client.
    """

    confirms_at_once = True

    def __init__(
        self,
        router: Router,
        *,
        client_id: str = "",
        will: Will | None = None,
        clean_start: bool = True,
        session_expiry_s: float = 0.0,
        keepalive_s: float = 10.0,
        latency_s: float = 0.0,
    ) -> None:
        self._router = router
        self._client_id = client_id
        self._will = will
        self._clean_start = clean_start
        self._session_expiry_s = session_expiry_s
        self._keepalive_s = keepalive_s
        self._latency_s = latency_s
        self._session: Session | None = None
        self._arrived: deque[MqttMessage] = deque()
        self._coming: deque[_Coming] = deque()
        self._in_flight = 0
        self._published = 0
        self._wake = asyncio.Event()
        self._lost: str | None = None
        self._frozen = False

    @property
    def client_id(self) -> str:
        """The name the broker knows this connection by."""
        return self._client_id

    async def connect(self) -> None:
        """Open or resume the session; what waits there arrives after this returns."""
        router = self._router
        await asyncio.sleep(0)
        if not router.reachable:
            raise MqttLinkError(
                f"MQTT in memory: broker is down, {self._client_id!r} cannot connect"
            )
        if not self._client_id:
            self._client_id = router.assign_client_id()
        will = LastWill.of(self._will, self._client_id) if self._will is not None else None
        request = ConnectRequest(
            client_id=self._client_id,
            clean_start=self._clean_start,
            session_expiry_s=self._session_expiry_s,
            will=will,
        )
        self._lost = None
        self._session, _ = router.connect(request, self)
        self._session.pump()

    async def disconnect(self) -> None:
        """Close in order: no will."""
        session = self._session
        if session is not None and self._lost is None:
            self._end("disconnected")
            self._router.detach(session, self, lost=False)

    def abort(self) -> None:
        """Cut it: the broker publishes the will."""
        session = self._session
        if session is not None and self._lost is None:
            self._end("was cut here")
            self._router.detach(session, self, lost=True)

    async def publish(self, message: MqttMessage) -> None:
        """Give the message to the broker; returns when it has it."""
        session = self._connected()
        try:
            check_topic_name(message.topic)
        except MqttTopicError as error:
            raise MqttRefusedError(str(error)) from error
        if not self._router.access.may_publish(self._client_id, message.topic):
            raise MqttRefusedError(
                f"MQTT in memory: broker refused publish to {message.topic!r}: not authorized"
            )
        if self._frozen:
            await self._wait_until_lost()
        now_s = self._router.now_s()
        self._router.receive(
            session, Publication.of(message, publisher=self._client_id, now_s=now_s)
        )
        self._published += 1
        if self._published % _BREATH == 0:
            await asyncio.sleep(0)  # a long burst must not fill its readers before they can read

    async def subscribe(self, topic_filter: str, *, qos: int = 1) -> None:
        """Subscribe; retained messages arrive after this returns."""
        session = self._connected()
        reasons: list[Reason] = []
        wanted = Subscription(topic_filter=topic_filter, qos=qos)
        self._router.subscribe(session, (wanted,), reasons.extend)
        if reasons[0] >= Reason.UNSPECIFIED_ERROR:
            raise MqttRefusedError(
                f"MQTT in memory: broker refused to subscribe {self._client_id!r} to "
                f"{topic_filter!r}: {reasons[0].name}"
            )
        await asyncio.sleep(0)

    async def unsubscribe(self, topic_filter: str) -> None:
        """Unsubscribe; what already left the broker still arrives."""
        session = self._connected()
        try:
            check_topic_filter(topic_filter)
        except MqttTopicError as error:
            raise MqttRefusedError(str(error)) from error
        self._router.unsubscribe(session, (topic_filter,))
        await asyncio.sleep(0)

    async def messages(self) -> AsyncIterator[MqttMessage]:
        """The messages in order of arrival; raises `MqttLinkError` when the link is lost."""
        while True:
            while self._arrived:
                yield self._arrived.popleft()
                if self._session is not None and not self.congested:
                    self._session.pump()
            if self._lost is not None or self._session is None:
                raise MqttLinkError(
                    f"MQTT in memory: connection of {self._client_id!r} {self._lost or 'not open'}"
                )
            self._wake.clear()
            await self._wake.wait()

    def freeze(self) -> None:
        """Stop answering, as a stopped process does: the broker gives up after 1.5 keepalives."""
        session = self._connected()
        self._frozen = True
        asyncio.get_running_loop().call_later(
            1.5 * self._keepalive_s, self._keepalive_ran_out, session
        )

    # What the broker core calls: this link is the session's `Port`.

    @property
    def congested(self) -> bool:
        """Whether the reader is far behind."""
        return self._frozen or len(self._arrived) + self._in_flight >= _CONGESTED_AT

    def deliver(self, delivery: Delivery) -> bool:
        """A message leaves the broker for this client."""
        coming = (
            self._session_of_port(),
            delivery.message(self._router.now_s()),
            delivery.packet_id,
            delivery.qos,
        )
        self._in_flight += 1
        if self._latency_s > 0:
            self._later(partial(self._arrive, coming))
            return True
        if not self._coming:
            self._later(self._arrive_all)
        self._coming.append(coming)
        return True

    def release(self, packet_id: int) -> None:
        """The broker asks to complete a QoS 2 exchange of a former connection."""
        session = self._session_of_port()
        self._later(lambda: session.completed(packet_id))

    def close(self, reason: Reason) -> None:
        """The broker ends the connection and says why."""
        self._end(f"closed by the broker: {reason.name}")

    def sever(self) -> None:
        """The connection is cut."""
        self._end("was cut")

    def _session_of_port(self) -> Session:
        session = self._router.session(self._client_id)
        assert session is not None  # noqa: S101 - the router delivers to sessions it has
        return session

    def _arrive_all(self) -> None:
        """What left the broker in one turn of the loop arrives in the next, together."""
        coming, self._coming = self._coming, deque()
        for each in coming:
            self._arrive(each)

    def _arrive(self, coming: _Coming) -> None:
        session, message, packet_id, qos = coming
        self._in_flight -= 1
        if self._lost is not None:
            return
        self._arrived.append(message)
        self._wake.set()
        if qos == 1:
            session.acknowledged(packet_id)
        elif qos == 2:
            session.received(packet_id, refused=False)
            session.completed(packet_id)

    def _end(self, why: str) -> None:
        if self._lost is None:
            self._lost = why
            self._wake.set()

    def _keepalive_ran_out(self, session: Session) -> None:
        if self._lost is None:
            self._router.detach(session, self, lost=True)
            self._end("was given up by the broker: KEEPALIVE_TIMEOUT")

    async def _wait_until_lost(self) -> None:
        while self._lost is None:
            self._wake.clear()
            await self._wake.wait()
        self._connected()

    def _connected(self) -> Session:
        if self._session is None or self._lost is not None:
            raise MqttLinkError(
                f"MQTT in memory: {self._client_id!r} {self._lost or 'is not connected'}; reconnect"
            )
        return self._session

    def _later(self, callback: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        if self._latency_s > 0:
            loop.call_later(self._latency_s, callback)
        else:
            loop.call_soon(callback)
