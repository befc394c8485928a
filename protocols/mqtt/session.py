"""The MQTT session of a process: the actor through which all its other actors speak MQTT.

It owns the connection, connects again when it is lost, subscribes again, and keeps what is to be
published meanwhile. Start it before or after the broker, as it comes.

    mqtt.tell(Subscribe(filter="pyros/1/site/tel/dome/p/+", subscriber=self.ref))
    ...
    case MqttReceived(message=message): ...     # retained values first, then live ones
    case LinkUp(): ...                          # publish all retained state again

Brokers acknowledge a message when they have it, not when its receiver has handled it: what must be
known to have happened needs a reply (`MqttRequest`) or telemetry that shows it. What carries a W3C
`traceparent` is handled in that trace, so that a command can be followed into another process.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from protocols.mqtt.connection import MqttLink, MqttLinkError, MqttRefusedError
from protocols.mqtt.interests import Interests
from protocols.mqtt.message import TRACEPARENT, MqttMessage
from protocols.mqtt.outgoing import Outgoing, OutgoingQueue
from pyros.actor import Actor, ActorRef, Deferred, Lane, Message, Request, Terminated
from pyros.actor.tracing import trace_id_of
from pyros.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime
    from random import Random

_FIRST_DELAY_S = 1.0
_DELAY_GROWTH = 1.5
_LONGEST_DELAY_S = 60.0
_STEADY_S = 10.0
_FAREWELL_S = 2.0
_MOST_UNCONFIRMED = 64


class MqttReplyTimeoutError(TransientError):
    """Nobody answered an MQTT request in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe(Message):
    """Have the messages of a filter told to an actor as `MqttReceived`, retained ones first.

    Subscribing again brings the retained messages again, also to others who share the filter.
    Filters of one process are best the same or disjoint: Mosquitto sends a copy for each.
    """

    filter: str
    subscriber: ActorRef[Any]
    qos: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe(Message):
    """End such a subscription."""

    filter: str
    subscriber: ActorRef[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Message):
    """Publish a message; while there is no connection it waits, retained ones as latest value."""

    message: MqttMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttRequest(Request[bytes]):
    """Publish a request and wait for the first reply's payload.

    Fails with `MqttReplyTimeoutError` when none comes in time.

    Attributes:
        topic: Where to ask.
        payload: What to ask.
        reply_timeout_s: Wall seconds to wait; the request itself expires with them.
    """

    topic: str
    payload: bytes
    reply_timeout_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IsLinked(Request[bool]):
    """Whether there is a connection to the broker now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttReceived(Message):
    """A message arrived for a subscription.

    Of a property or state that is still queued only the latest value is kept.

    Attributes:
        message: What arrived.
        received_utc: When, by the observatory's clock.
        received_monotonic_s: When, in loop seconds.
    """

    lane: ClassVar[Lane] = Lane.TELEMETRY

    message: MqttMessage
    received_utc: datetime
    received_monotonic_s: float

    def conflation_key(self) -> Hashable | None:
        """The topic, for topics whose messages are values; None for commands, replies, events."""
        topic = self.message.topic
        if "/p/" in topic or topic.endswith(("/state", "/desc")):
            return topic
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp(Message):
    """There is a connection and its subscriptions stand: publish all retained state again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown(Message):
    """The connection is lost; everything received before may be out of date."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overdue(Message):
    correlation: bytes


def reconnect_delay_s(attempt: int, rng: Random) -> float:
    """Wall seconds before connection attempt number `attempt` (0 is the first repetition)."""
    delay_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * _DELAY_GROWTH ** min(attempt, 100))
    return delay_s * rng.uniform(0.8, 1.2)


def _trace_of(message: MqttMessage) -> str | None:
    """The trace that a message from another process continues, if it says so."""
    for name, value in message.user_properties:
        if name == TRACEPARENT:
            return trace_id_of(value)
    return None


class MqttSession(Actor):
    """Owner of one process's connection to the broker.

    Args:
        link: Makes a new link for each connection; its client id should stay the same.
        response_topic: This client's own topic for replies, `pyros/1/{site}/rsp/{client}`.
        capacity: Messages kept while there is no connection.
    """

    def __init__(
        self, *, link: Callable[[], MqttLink], response_topic: str, capacity: int = 10_000
    ) -> None:
        super().__init__()
        self._make_link = link
        self._response_topic = response_topic
        self._link: MqttLink | None = None
        self._linked = False
        self._interests: Interests[ActorRef[Any]] = Interests()
        self._outgoing = OutgoingQueue(capacity)
        self._unconfirmed: dict[int, Outgoing] = {}
        self._work = asyncio.Event()
        self._room = asyncio.Semaphore(_MOST_UNCONFIRMED)
        self._requests: dict[bytes, Deferred[bytes]] = {}
        self._asked = 0
        self._complained = False

    async def on_start(self) -> None:
        """Begin to connect; does not wait for the broker."""
        self.system.on_power_cut(self._lose_power)
        self._interests.keep(self._response_topic, qos=1)
        self.start_task(self._stay_connected(), name="link")

    async def on_stop(self) -> None:
        """Publish what waits, as far as that goes quickly, and leave in order."""
        link, self._link = self._link, None
        if link is None:
            return
        try:
            async with asyncio.timeout(self.clock.wall_to_loop_s(_FAREWELL_S)):
                if self._linked:
                    self._outgoing.put_back(self._unconfirmed.values())
                    while (item := self._outgoing.pop(self.clock.monotonic_s())) is not None:
                        await link.publish(item.at(self.clock.monotonic_s()))
                await link.disconnect()
        except (MqttLinkError, TimeoutError) as error:
            self.log.warning("MQTT left with %d messages unsent: %s", len(self._outgoing), error)
            link.abort()

    async def on_receive(self, message: Message) -> Any:
        """Handle what actors ask of MQTT."""
        match message:
            case Subscribe(filter=topic_filter, subscriber=subscriber, qos=qos):
                if self._interests.add(topic_filter, subscriber, qos=qos):
                    self.watch(subscriber)
                self._work.set()
            case Unsubscribe(filter=topic_filter, subscriber=subscriber):
                if self._interests.remove(topic_filter, subscriber):
                    self.unwatch(subscriber)
                self._work.set()
            case Terminated(ref=subscriber):
                self._interests.forget(subscriber)
                self._work.set()
            case Publish(message=outgoing):
                self._publish(outgoing)
            case MqttRequest():
                self._ask(message, self.defer())
            case _Overdue(correlation=correlation):
                self._give_up(correlation)
            case IsLinked():
                return self._linked
            case _:
                return await super().on_receive(message)
        return None

    # --- requests ------------------------------------------------------------------------------

    def _publish(self, message: MqttMessage) -> None:
        before = self._outgoing.dropped
        self._outgoing.put(
            message,
            now_s=self.clock.monotonic_s(),
            loop_per_wall=self.clock.wall_to_loop_s(1.0),
        )
        if self._outgoing.dropped > before and not self._complained:
            self._complained = True
            self.log.warning("MQTT: %d messages wait, dropping the oldest", len(self._outgoing))
        self._work.set()

    def _ask(self, request: MqttRequest, deferred: Deferred[bytes]) -> None:
        self._asked += 1
        correlation = f"{self.incarnation}-{self._asked}".encode()
        self._requests[correlation] = deferred
        self._publish(
            MqttMessage(
                topic=request.topic,
                payload=request.payload,
                qos=1,
                response_topic=self._response_topic,
                correlation=correlation,
                expiry_s=math.ceil(request.reply_timeout_s),
            )
        )
        delay_s = self.clock.wall_to_loop_s(request.reply_timeout_s)
        self.tell_later(delay_s, _Overdue(correlation=correlation))

    def _give_up(self, correlation: bytes) -> None:
        deferred = self._requests.pop(correlation, None)
        if deferred is not None:
            state = "connected" if self._linked else "not connected"
            deferred.fail(
                MqttReplyTimeoutError(
                    f"MQTT request {correlation.decode()}: no reply in time, {state}; "
                    "is the device's process running?"
                )
            )

    # --- the connection ------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        attempt = 0
        while True:
            began_s = self.clock.monotonic_s()
            reason = await self._one_connection()
            if self._linked:
                self._linked = False
                steady_s = self.clock.wall_to_loop_s(_STEADY_S)
                attempt = 0 if self.clock.monotonic_s() - began_s > steady_s else attempt
                self.log.warning("MQTT link down: %s", reason)
                self.publish(LinkDown(reason=reason))
            elif attempt == 0:
                self.log.warning("MQTT: no link yet, trying on: %s", reason)
            delay_s = reconnect_delay_s(attempt, self.rng)
            attempt += 1
            await asyncio.sleep(self.clock.wall_to_loop_s(delay_s))

    async def _one_connection(self) -> str:
        """Connect and serve until the link is lost; returns why it was."""
        link = self._link = self._make_link()
        reason = "lost"
        try:
            await link.connect()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(link), name=f"{self.path}:read")
                group.create_task(self._write(link, group), name=f"{self.path}:write")
        except* MqttLinkError as errors:
            reason = str(errors.exceptions[0])
        self._outgoing.put_back(self._unconfirmed.values())
        self._unconfirmed.clear()
        self._link = None
        await link.disconnect()
        return reason

    async def _read(self, link: MqttLink) -> None:
        async for message in link.messages():
            if message.topic == self._response_topic and message.correlation is not None:
                deferred = self._requests.pop(message.correlation, None)
                if deferred is not None:
                    deferred.set(message.payload)
                    continue
            received = MqttReceived(
                message=message,
                received_utc=self.clock.now(),
                received_monotonic_s=self.clock.monotonic_s(),
            )
            trace_id = _trace_of(message)
            for subscriber in self._interests.of(message.topic):
                if trace_id is None:
                    subscriber.tell(received)
                else:
                    subscriber.tell_traced(received, trace_id)

    async def _write(self, link: MqttLink, group: asyncio.TaskGroup) -> None:
        self._interests.renew()
        while True:
            self._work.clear()
            while (change := self._interests.next_change()) is not None:
                await self._ask_broker(link, *change)
            if not self._linked:
                self._linked = True
                self.log.info("MQTT link up")
                self.publish(LinkUp())
            item = self._outgoing.pop(self.clock.monotonic_s())
            if item is None:
                self._complained = False
                await self._work.wait()
            elif item.message.qos == 0:
                await self._send(link, item)
            elif link.confirms_at_once:
                self._unconfirmed[item.number] = item
                await self._send(link, item)
                del self._unconfirmed[item.number]
            else:
                await self._room.acquire()
                self._unconfirmed[item.number] = item
                group.create_task(self._confirm(link, item), name=f"{self.path}:publish")

    async def _ask_broker(self, link: MqttLink, topic_filter: str, qos: int | None) -> None:
        """Subscribe at that QoS, or unsubscribe when it is None."""
        try:
            if qos is None:
                await link.unsubscribe(topic_filter)
            else:
                await link.subscribe(topic_filter, qos=qos)
        except MqttRefusedError as error:
            self.log.error("%s", error)  # noqa: TRY400 - the text says it all

    async def _confirm(self, link: MqttLink, item: Outgoing) -> None:
        """Publish and wait for the broker's acknowledgement; without it, it is sent again later."""
        try:
            await self._send(link, item)
            del self._unconfirmed[item.number]
        finally:
            self._room.release()

    async def _send(self, link: MqttLink, item: Outgoing) -> None:
        try:
            await link.publish(item.at(self.clock.monotonic_s()))
        except MqttRefusedError as error:
            self.log.error("%s", error)  # noqa: TRY400 - the text says it all

    def _lose_power(self) -> None:
        if self._link is not None:
            self._link.abort()
