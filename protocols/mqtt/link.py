"""A connection to a broker over sockets: the door to aiomqtt, with its traps closed.

Measured traps (aiomqtt 2.5.1 on paho-mqtt 2.1): no TCP_NODELAY unless asked (88 ms round trips); a
`Client` entered again does not wait for CONNACK, so each link is one connection and one client; its
message iterator makes a task for every message, so messages are taken at its queue instead; a
publish waits out its time-out when the connection is lost, so waiting publishes are ended here.
aiomqtt acknowledges QoS 1 on arrival: what must survive needs a reply of the application.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from protocols.mqtt.connection import MqttLinkError, MqttRefusedError
from protocols.mqtt.message import MqttMessage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from protocols.mqtt.message import Will

T = TypeVar("T")

_MOST_UNREAD = 50_000
_NO_DELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
_FAILURE = 0x80
_FOR_EVER = 0xFFFFFFFF
_EMPTY = frozenset({"packetType", "types", "names", "properties"})


class _Arrivals(asyncio.Queue[aiomqtt.Message]):
    """Hands each message on as it arrives; whoever waits for one here waits until the link ends."""

    def __init__(self, sink: Callable[[aiomqtt.Message], None], maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._sink = sink

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self._sink(item)


class AiomqttLink:
    """One MQTT 5 connection over TCP; satisfies `MqttLink`. Build a new one for every connection.

    Args:
        host: The broker's address.
        port: The broker's port.
        client_id: Its name; assigned by the broker when empty.
        will: Published by the broker when the connection is lost.
        keepalive_s: Wall seconds after which each side notices a silent other, times 1.5.
        clean_start: Begin with an empty session.
        session_expiry_s: Wall seconds the broker keeps the session when away.
        timeout_s: Wall seconds to wait for the broker's answer to anything.
        username: Credentials, if the broker wants them.
        password: Credentials, if the broker wants them.
    """

    confirms_at_once = False

    def __init__(
        self,
        host: str,
        port: int,
        *,
        client_id: str = "",
        will: Will | None = None,
        keepalive_s: int = 10,
        clean_start: bool = True,
        session_expiry_s: int = 0,
        timeout_s: float = 10.0,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._client_id = client_id
        self._will = will
        self._keepalive_s = keepalive_s
        self._clean_start = clean_start
        self._session_expiry_s = session_expiry_s
        self._timeout_s = timeout_s
        self._username = username
        self._password = password
        self._client: aiomqtt.Client | None = None
        self._watch: asyncio.Task[None] | None = None
        self._calls: dict[asyncio.Task[Any], None] = {}
        self._arrived: deque[aiomqtt.Message] = deque()
        self._wake = asyncio.Event()
        self._lost: str | None = None
        self.overflowed = 0

    @property
    def client_id(self) -> str:
        """The name asked for; empty when the broker assigns one."""
        return self._client_id

    async def connect(self) -> None:
        """Open the socket and wait for CONNACK.

        Raises:
            MqttLinkError: Refused, unreachable, or no answer in time.
        """
        if self._client is not None:
            raise MqttLinkError(f"{self._name()} was connected before; build a new link")
        client = self._build()
        try:
            await client.__aenter__()
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            self._lost = f"cannot connect: {error}"
            # aiomqtt leaves the socket and its task behind when CONNACK does not come in time.
            client._client.disconnect()  # noqa: SLF001 - no public way to drop them
            raise MqttLinkError(f"{self._name()} {self._lost}; is the broker up?") from error
        self._client = client
        self._watch = asyncio.get_running_loop().create_task(
            self._watch_loss(client), name=f"{self._name()} watch"
        )

    async def disconnect(self) -> None:
        """Send DISCONNECT and close."""
        client, self._client = self._client, None
        watch, self._watch = self._watch, None
        if client is None:
            return
        if watch is not None:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        with contextlib.suppress(aiomqtt.MqttError, OSError):
            await client.__aexit__(None, None, None)
        self._end("is disconnected")

    def abort(self) -> None:
        """Cut the socket: the broker publishes the will."""
        client = self._client
        if client is not None:
            open_socket = client._client.socket()  # noqa: SLF001 - no public way
            if isinstance(open_socket, socket.socket):
                with contextlib.suppress(OSError):
                    open_socket.shutdown(socket.SHUT_RDWR)

    async def publish(self, message: MqttMessage) -> None:
        """Send a message; for QoS 1 and 2 returns when the broker has acknowledged it."""
        client = self._connected()
        await self._call(
            client.publish(
                message.topic,
                message.payload,
                qos=message.qos,
                retain=message.retain,
                properties=_publish_properties(message),
            ),
            f"publish to {message.topic!r}",
        )

    async def subscribe(self, topic_filter: str, *, qos: int = 1) -> None:
        """Subscribe; retained messages arrive after the broker's consent.

        Raises:
            MqttRefusedError: When the broker refuses the filter.
            MqttLinkError: When the connection is lost.
        """
        client = self._connected()
        codes = await self._call(
            client.subscribe(topic_filter, qos=qos), f"subscribe to {topic_filter!r}"
        )
        for code in codes:
            value = code if isinstance(code, int) else code.value
            if value >= _FAILURE:
                raise MqttRefusedError(
                    f"{self._name()}: broker refused to subscribe to {topic_filter!r}: "
                    f"{code} (0x{value:02X})"
                )

    async def unsubscribe(self, topic_filter: str) -> None:
        """Unsubscribe."""
        client = self._connected()
        await self._call(client.unsubscribe(topic_filter), f"unsubscribe from {topic_filter!r}")

    async def messages(self) -> AsyncIterator[MqttMessage]:
        """The messages in order of arrival; raises `MqttLinkError` when the link is lost."""
        while True:
            while self._arrived:
                yield _message(self._arrived.popleft())
            if self._lost is not None or self._client is None:
                self._raise_lost()
            self._wake.clear()
            await self._wake.wait()

    def _build(self) -> aiomqtt.Client:
        properties = _new_properties(PacketTypes.CONNECT)
        if self._session_expiry_s:
            properties.SessionExpiryInterval = min(self._session_expiry_s, _FOR_EVER)
        speed = getattr(asyncio.get_running_loop(), "speed", 1.0)
        queue_type = cast("type[asyncio.Queue[aiomqtt.Message]]", partial(_Arrivals, self._arrive))
        client = aiomqtt.Client(
            self._host,
            self._port,
            username=self._username,
            password=self._password,
            identifier=self._client_id or None,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=_aiomqtt_will(self._will) if self._will is not None else None,
            clean_start=self._clean_start,
            keepalive=self._keepalive_s,
            properties=properties,
            timeout=self._timeout_s * speed,
            queue_type=queue_type,
            socket_options=_NO_DELAY,
            logger=_quiet_logger(),
        )
        client.pending_calls_threshold = 1 << 30  # our callers bound what they have under way
        return client

    async def _call(self, call: Coroutine[Any, Any, T], what: str) -> T:
        """Await a call of the client, ended early when the connection is lost."""
        task = asyncio.get_running_loop().create_task(call)
        self._calls[task] = None
        caller = asyncio.current_task()
        asked = caller.cancelling() if caller is not None else 0
        try:
            answer = await task
        except asyncio.CancelledError:
            if self._lost is not None and task.cancelled():
                self._raise_lost()
            task.cancel()
            raise
        except ValueError as error:  # paho's word for a malformed topic or an oversized payload
            raise MqttRefusedError(f"{self._name()}: cannot {what}: {error}") from error
        except (aiomqtt.MqttError, OSError) as error:
            raise MqttLinkError(f"{self._name()}: cannot {what}: {error}") from error
        finally:
            del self._calls[task]
        # `wait_for` of Python 3.11, inside the client, keeps an answer that comes together with a
        # cancellation, and drops the cancellation: the caller would never end.
        if caller is not None and caller.cancelling() > asked:
            raise asyncio.CancelledError
        return answer

    async def _watch_loss(self, client: aiomqtt.Client) -> None:
        try:
            async for _ in client.messages:
                pass  # never: messages go to `_arrive`
        except aiomqtt.MqttError as error:
            self._end(f"was lost: {error.__cause__ or error}")

    def _arrive(self, message: aiomqtt.Message) -> None:
        if len(self._arrived) >= _MOST_UNREAD:
            self._arrived.popleft()
            self.overflowed += 1
        self._arrived.append(message)
        self._wake.set()

    def _end(self, why: str) -> None:
        if self._lost is None:
            self._lost = why
        for task in tuple(self._calls):
            task.cancel()
        self._wake.set()

    def _connected(self) -> aiomqtt.Client:
        if self._client is None or self._lost is not None:
            self._raise_lost()
        return self._client

    def _raise_lost(self) -> NoReturn:
        raise MqttLinkError(f"{self._name()} {self._lost or 'is not connected'}; connect again")

    def _name(self) -> str:
        return f"MQTT {self._client_id or 'client'} at {self._host}:{self._port}"


def _quiet_logger() -> logging.Logger:
    """What aiomqtt and paho would say is said by our errors instead."""
    logger = logging.getLogger("pyros.mqtt.aiomqtt")
    logger.setLevel(logging.CRITICAL)
    return logger


def _new_properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]  # paho leaves it untyped


def _aiomqtt_will(will: Will) -> aiomqtt.Will:
    properties = _new_properties(PacketTypes.WILLMESSAGE)
    if will.delay_s:
        properties.WillDelayInterval = will.delay_s
    return aiomqtt.Will(will.topic, will.payload, will.qos, will.retain, properties)


def _publish_properties(message: MqttMessage) -> Properties | None:
    if (
        message.response_topic is None
        and message.correlation is None
        and message.expiry_s is None
        and not message.user_properties
    ):
        return None
    properties = _new_properties(PacketTypes.PUBLISH)
    if message.response_topic is not None:
        properties.ResponseTopic = message.response_topic
    if message.correlation is not None:
        properties.CorrelationData = message.correlation
    if message.expiry_s is not None:
        properties.MessageExpiryInterval = message.expiry_s
    if message.user_properties:
        properties.UserProperty = list(message.user_properties)
    return properties


def _message(arrived: aiomqtt.Message) -> MqttMessage:
    payload = arrived.payload
    properties = arrived.properties
    body = payload if isinstance(payload, bytes) else b""
    if properties is None or not vars(properties).keys() - _EMPTY:
        return MqttMessage(
            topic=arrived.topic.value, payload=body, qos=arrived.qos, retain=arrived.retain
        )
    return MqttMessage(
        topic=arrived.topic.value,
        payload=body,
        qos=arrived.qos,
        retain=arrived.retain,
        response_topic=getattr(properties, "ResponseTopic", None),
        correlation=getattr(properties, "CorrelationData", None),
        expiry_s=getattr(properties, "MessageExpiryInterval", None),
        user_properties=tuple(getattr(properties, "UserProperty", ())),
    )
