"""What the TCP front sends to one client: frames encoded once, written together, never piled up.

Frames of one turn of the loop leave in one write. A publication's encoding is kept with it and
shared by all subscribers of the same protocol level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.mqtt import wire
from protocols.mqtt.encode import encode, publish_frame
from protocols.mqtt.packets import V5, Ack
from protocols.mqtt.properties import Kind, Properties, Property, encode_properties

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from protocols.mqtt.packets import Packet
    from protocols.mqtt.publication import Delivery, Publication

_WRITE_AT_ONCE_BYTES = 64 * 1024
_TOPIC = -1
_PROPERTIES = -2


class Outbox:
    """The frames for one connection.

    Args:
        transport: Where they go.
        schedule: Called when there is something to flush, once until the flush.
        now_s: The broker's time, for what is left of a message's life.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        schedule: Callable[[Outbox], None],
        now_s: Callable[[], float],
    ) -> None:
        self.congested = False
        self.version = V5
        self.max_packet_bytes = 1 << 28
        self.topic_aliases = 0
        self._transport = transport
        self._schedule = schedule
        self._now_s = now_s
        self._frames: list[bytes] = []
        self._bytes = 0
        self._aliases: dict[str, int] = {}

    def send(self, packet: Packet) -> bool:
        """Send a packet; False when it is larger than the client accepts, and was not sent."""
        frame = encode(packet, self.version)
        if len(frame) > self.max_packet_bytes:
            return False
        self._write(frame)
        return True

    def acknowledge(self, kind: Kind, packet_id: int, code: int = 0) -> None:
        """Send a PUBACK, PUBREC, PUBREL or PUBCOMP; the code is for MQTT 5 only."""
        if code == 0 or self.version != V5:
            first = kind << 4 | (0x02 if kind is Kind.PUBREL else 0)
            self._write(bytes((first, 2, packet_id >> 8, packet_id & 0xFF)))
        else:
            self.send(Ack(kind=kind, packet_id=packet_id, code=code))

    def publish(self, delivery: Delivery) -> bool:
        """Send a PUBLISH; False when it is larger than the client accepts, and was not sent."""
        first = Kind.PUBLISH << 4 | delivery.duplicate << 3 | delivery.qos << 1 | delivery.retain
        frame = (
            self._publish_5(first, delivery)
            if self.version == V5
            else self._publish_311(first, delivery)
        )
        if frame is None:
            return False
        self._write(frame)
        return True

    def flush(self) -> None:
        """Hand everything to the transport in one write."""
        frames = self._frames
        if frames:
            data = frames[0] if len(frames) == 1 else b"".join(frames)
            self._frames = []
            self._bytes = 0
            self._transport.write(data)

    def _write(self, frame: bytes) -> None:
        if not self._frames:
            self._schedule(self)
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._bytes >= _WRITE_AT_ONCE_BYTES:
            self.flush()

    def _publish_311(self, first: int, delivery: Delivery) -> bytes:
        publication = delivery.publication
        if delivery.qos:
            variable_part = _topic(publication) + wire.u16(delivery.packet_id)
            return publish_frame(first, variable_part, publication.payload)
        frame = publication.wire.get(first)
        if frame is None:
            frame = publish_frame(first, _topic(publication), publication.payload)
            publication.wire[first] = frame
        return frame

    def _publish_5(self, first: int, delivery: Delivery) -> bytes | None:
        publication = delivery.publication
        plain = not (self.topic_aliases or delivery.identifiers) and (
            publication.remaining_s(0.0) is None
        )
        key = 0x100 | first
        if plain and not delivery.qos and key in publication.wire:
            frame = publication.wire[key]
            return frame if len(frame) <= self.max_packet_bytes else None
        topic = _topic(publication)
        alias = 0
        section = _section(publication)
        if not plain:
            alias, known = self._alias(publication.topic)
            if known:
                topic = b"\0\0"
            extra = self._extra(delivery, alias)
            body = section[1] + extra
            head = wire.variable(len(body))
        else:
            head, body = section
        packet_id = wire.u16(delivery.packet_id) if delivery.qos else b""
        frame = publish_frame(first, topic + packet_id + head + body, publication.payload)
        if len(frame) > self.max_packet_bytes:
            return None
        if alias:
            self._aliases[publication.topic] = alias
        if plain and not delivery.qos:
            publication.wire[key] = frame
        return frame

    def _alias(self, topic: str) -> tuple[int, bool]:
        """The alias of a topic, 0 without one, and whether the client knows it already."""
        alias = self._aliases.get(topic)
        if alias is not None:
            return alias, True
        count = len(self._aliases)
        return (count + 1, False) if count < self.topic_aliases else (0, False)

    def _extra(self, delivery: Delivery, alias: int) -> bytes:
        """The encoded properties that differ from one delivery to the next."""
        extra: Properties = {}
        remaining_s = delivery.publication.remaining_s(self._now_s())
        if remaining_s is not None:
            extra[Property.MESSAGE_EXPIRY] = remaining_s
        if alias:
            extra[Property.TOPIC_ALIAS] = alias
        if delivery.identifiers:
            extra[Property.SUBSCRIPTION_IDENTIFIER] = list(delivery.identifiers)
        return _without_length(encode_properties(extra))


def _topic(publication: Publication) -> bytes:
    encoded = publication.wire.get(_TOPIC)
    if encoded is None:
        encoded = publication.wire[_TOPIC] = wire.string(publication.topic)
    return encoded


def _section(publication: Publication) -> tuple[bytes, bytes]:
    """Length and bytes of the properties that are the same for every subscriber."""
    body = publication.wire.get(_PROPERTIES)
    if body is None:
        properties: Properties = {}
        if publication.payload_format is not None:
            properties[Property.PAYLOAD_FORMAT] = publication.payload_format
        if publication.content_type is not None:
            properties[Property.CONTENT_TYPE] = publication.content_type
        if publication.response_topic is not None:
            properties[Property.RESPONSE_TOPIC] = publication.response_topic
        if publication.correlation is not None:
            properties[Property.CORRELATION_DATA] = publication.correlation
        if publication.user_properties:
            properties[Property.USER_PROPERTY] = list(publication.user_properties)
        body = _without_length(encode_properties(properties))
        publication.wire[_PROPERTIES] = body
    return wire.variable(len(body)), body


def _without_length(section: bytes) -> bytes:
    position = 0
    while section[position] & 0x80:
        position += 1
    return section[position + 1 :]
