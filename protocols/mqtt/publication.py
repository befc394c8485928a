"""A message inside the broker: what was published once, and its deliveries to each subscriber."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from protocols.mqtt.message import MqttMessage


@dataclass(slots=True, kw_only=True, eq=False)
class Publication:
    """What one publisher sent, shared by all its deliveries; never changed once published.

    Attributes:
        topic: Topic name, aliases resolved.
        payload: The application's bytes.
        qos: As published.
        retain: As published.
        publisher: Client id of the sender, for the no-local option; empty for the broker itself.
        payload_format: 1 when the payload is declared to be UTF-8 text, 0 when bytes, None unsaid.
        content_type: Declared type of the payload.
        response_topic: Where a reply is wanted.
        correlation: Opaque bytes for the reply.
        user_properties: Name and value pairs in order.
        expires_s: Loop time after which it is not delivered; infinite is never.
        wire: Encodings made once and shared by deliveries, kept by the TCP front.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    publisher: str = ""
    payload_format: int | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation: bytes | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    expires_s: float = math.inf
    wire: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, message: MqttMessage, *, publisher: str, now_s: float) -> Publication:
        """The publication of an application message sent now."""
        return cls(
            topic=message.topic,
            payload=message.payload,
            qos=message.qos,
            retain=message.retain,
            publisher=publisher,
            response_topic=message.response_topic,
            correlation=message.correlation,
            user_properties=message.user_properties,
            expires_s=math.inf if message.expiry_s is None else now_s + message.expiry_s,
        )

    def remaining_s(self, now_s: float) -> int | None:
        """Whole seconds left to live, rounded up; None when it never expires."""
        if self.expires_s == math.inf:
            return None
        return max(0, math.ceil(self.expires_s - now_s))


@dataclass(slots=True, eq=False)
class Delivery:
    """One publication on its way to one subscriber.

    Attributes:
        publication: What was published.
        qos: The lower of published and granted.
        retain: The flag as this subscriber is to see it.
        identifiers: Subscription identifiers of the subscriptions it matches.
        packet_id: Given when sent with QoS 1 or 2; 0 before.
        duplicate: Whether it was sent before on this session.
        released: QoS 2: the receiver has it (PUBREC), only PUBREL is still to be answered.
        counted: Whether it holds a place in the receiver's receive maximum.
    """

    publication: Publication
    qos: int
    retain: bool = False
    identifiers: tuple[int, ...] = ()
    packet_id: int = 0
    duplicate: bool = False
    released: bool = False
    counted: bool = False

    def message(self, now_s: float) -> MqttMessage:
        """The application message that the subscriber receives now."""
        publication = self.publication
        return MqttMessage(
            topic=publication.topic,
            payload=publication.payload,
            qos=self.qos,
            retain=self.retain,
            response_topic=publication.response_topic,
            correlation=publication.correlation,
            expiry_s=publication.remaining_s(now_s),
            user_properties=publication.user_properties,
        )
