"""One TCP connection of the broker: bytes in, calls on the core, and its `Port` back to the client.

A client that breaks the protocol is told why (MQTT 5), disconnected, and its will is published;
nothing it sends can harm another.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from protocols.mqtt.conversation import Conversation
from protocols.mqtt.decode import UnsupportedVersionError, decode, header
from protocols.mqtt.handshake import Refused, judge
from protocols.mqtt.outbox import Outbox
from protocols.mqtt.packets import (
    V5,
    V311,
    Connack,
    Connect,
    Disconnect,
)
from protocols.mqtt.properties import Kind
from protocols.mqtt.reason import Reason, connack_311
from protocols.mqtt.wire import MqttProtocolError

if TYPE_CHECKING:
    from protocols.mqtt.publication import Delivery
    from protocols.mqtt.router import Router
    from protocols.mqtt.session_state import Session

_LINGER_S = 3.0
_WRITE_HIGH_WATER_BYTES = 128 * 1024


class Front(Protocol):
    """What a connection needs of its server."""

    router: Router
    handling: bool
    """While true whoever set it flushes; nobody need be scheduled to."""

    def opened(self, connection: BrokerConnection) -> bool:
        """Count it in; False when there is no room."""
        ...

    def leaving(self, connection: BrokerConnection) -> None:
        """It has said its last word and lingers to be read."""
        ...

    def closed(self, connection: BrokerConnection) -> None:
        """Count it out."""
        ...

    def schedule(self, outbox: Outbox) -> None:
        """Flush the outbox before this turn of the loop ends."""
        ...

    def flush(self) -> None:
        """Flush every scheduled outbox now."""
        ...


class BrokerConnection(asyncio.Protocol):
    """The broker's end of one client's socket; the session's `Port` while it lasts.

    Args:
        front: The server it belongs to.
    """

    def __init__(self, front: Front) -> None:
        self._front = front
        self._router = front.router
        self._buffer = bytearray()
        self._need = 0
        self._ended = False
        self._session: Session | None = None
        self._conversation: Conversation | None = None
        self._version = V5
        self._keepalive_s = 0.0
        self._heard_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self._outbox: Outbox

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client's socket is open; it has a while to present its CONNECT."""
        self._transport = cast("asyncio.Transport", transport)
        self._outbox = Outbox(self._transport, self._front.schedule, self._router.now_s)
        if not self._front.opened(self):
            self._ended = True
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=_WRITE_HIGH_WATER_BYTES)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._router.limits.connect_timeout_s, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone: without a DISCONNECT the will is due."""
        del exc
        self._stop_timer()
        self._leave(lost=True)
        self._ended = True
        self._front.closed(self)
        self._front.flush()

    def data_received(self, data: bytes) -> None:
        """Bytes arrived: handle every packet that is complete."""
        if self._ended:
            return
        front = self._front
        self._heard_s = self._router.now_s()
        front.handling = True
        try:
            self._feed(data)
        except MqttProtocolError as error:
            self._offend(error)
        finally:
            front.handling = False
            front.flush()

    def eof_received(self) -> None:
        """The client sends no more: close, as asyncio does when this returns None."""

    def pause_writing(self) -> None:
        """The client reads slower than it is sent to."""
        self._outbox.congested = True

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._outbox.congested = False
        if not self._ended:
            self._transport.resume_reading()
            if self._session is not None:
                self._session.pump()
                self._front.flush()

    # Port

    @property
    def congested(self) -> bool:
        """Whether what was sent has not left yet."""
        return self._outbox.congested

    def deliver(self, delivery: Delivery) -> bool:
        """Send a PUBLISH; False when it is larger than the client accepts."""
        return self._ended or self._outbox.publish(delivery)

    def release(self, packet_id: int) -> None:
        """Send a PUBREL."""
        if not self._ended:
            self._outbox.acknowledge(Kind.PUBREL, packet_id)

    def close(self, reason: Reason) -> None:
        """End the connection; an MQTT 5 client is told why."""
        if self._ended:
            return
        if self._session is not None and self._version == V5:
            self._outbox.send(Disconnect(code=reason))
        self._hang_up()

    def sever(self) -> None:
        """Cut the connection."""
        self._ended = True
        self._transport.abort()

    # packets in

    def _feed(self, data: bytes | bytearray) -> None:
        buffer = self._buffer
        if buffer:
            buffer += data
            data = buffer
        if len(data) < self._need:
            return
        position = 0
        limit = self._router.limits.max_packet_bytes
        self._need = 0
        while not self._ended:
            found = header(data, position)
            if found is None:
                break
            start, end = found
            if end - position > limit:
                raise MqttProtocolError(
                    f"packet of {end - position} bytes is above the limit of {limit}",
                    Reason.PACKET_TOO_LARGE,
                )
            if end > len(data):
                self._need = end - position
                break
            self._handle(data[position], bytes(data[start:end]))
            position = end
        self._buffer = bytearray(data[position:]) if not self._ended else bytearray()

    def _handle(self, first: int, body: bytes) -> None:
        conversation = self._conversation
        if conversation is None:
            self._introduce(first, body)
            return
        packet = decode(first, body, self._version)
        if isinstance(packet, Disconnect):
            conversation.on_disconnect(packet)
            self._leave(lost=packet.code != Reason.SUCCESS)
            self._hang_up()
            return
        conversation.on_packet(packet)
        if self._outbox.congested:
            self._hold_back()

    def _introduce(self, first: int, body: bytes) -> None:
        """The first packet: it must be a CONNECT."""
        if first >> 4 != Kind.CONNECT:
            raise MqttProtocolError("the first packet is not a CONNECT", Reason.PROTOCOL_ERROR)
        connect = decode(first, body, V5)
        assert isinstance(connect, Connect)  # noqa: S101 - narrows for the type checker
        self._version = self._outbox.version = connect.version
        router = self._router
        verdict = judge(
            connect, limits=router.limits, access=router.access, assign=router.assign_client_id
        )
        if not router.reachable:
            verdict = Refused(reason=Reason.SERVER_UNAVAILABLE)
        if isinstance(verdict, Refused):
            self._refuse(verdict.reason)
            return
        self._stop_timer()
        self._outbox.max_packet_bytes = verdict.max_packet_bytes
        self._outbox.topic_aliases = verdict.topic_aliases
        session, present = router.connect(verdict.request, self)
        self._session = session
        self._conversation = Conversation(router, session, self._outbox)
        self._outbox.send(Connack(session_present=present, properties=verdict.properties))
        if verdict.keepalive_s:
            self._keepalive_s = 1.5 * verdict.keepalive_s
            self._watch(self._keepalive_s)
        session.pump()

    # the end of it

    def _offend(self, error: MqttProtocolError) -> None:
        if self._session is not None:
            if self._version == V5 and not self._ended:
                self._outbox.send(Disconnect(code=error.reason))
            self._leave(lost=True)
        elif isinstance(error, UnsupportedVersionError):
            self._version = self._outbox.version = V5 if error.level >= V5 else V311
            self._refuse(error.reason)
            return
        self._hang_up()

    def _refuse(self, reason: Reason) -> None:
        code = reason if self._version == V5 else connack_311(reason)
        self._outbox.send(Connack(code=code))
        self._hang_up()

    def _leave(self, *, lost: bool) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._router.detach(session, self, lost=lost)

    def _hang_up(self) -> None:
        """Say no more, but read on for a moment.

        Closing on unread bytes would reset the socket and could take our last word with it.
        """
        if self._ended:
            return
        self._ended = True
        self._session = None
        self._stop_timer()
        self._outbox.flush()
        transport = self._transport
        if transport.is_closing():
            return
        try:
            transport.resume_reading()
            transport.write_eof()
        except OSError:  # the client was quicker and reset it
            transport.abort()
            return
        self._front.leaving(self)
        self._timer = asyncio.get_running_loop().call_later(_LINGER_S, transport.abort)

    def _hold_back(self) -> None:
        """A client that asks much and reads nothing is read no further until it does."""
        limit = self._router.limits.max_unread_replies_bytes
        if self._transport.get_write_buffer_size() > limit:
            self._transport.pause_reading()

    def _watch(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._check_keepalive)

    def _check_keepalive(self) -> None:
        silent_s = self._router.now_s() - self._heard_s
        if silent_s < self._keepalive_s:
            self._watch(self._keepalive_s - silent_s)
            return
        if self._version == V5:
            self._outbox.send(Disconnect(code=Reason.KEEPALIVE_TIMEOUT))
        self._leave(lost=True)
        self._hang_up()
        self._front.flush()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
