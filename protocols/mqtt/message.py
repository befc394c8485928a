"""The MQTT message and will as actors see them, free of any broker, client or wire format."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

TRACEPARENT = "traceparent"
"""Name of the user property that continues a trace in another process (W3C Trace Context)."""


class MqttMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One application message, published or received.

    A struct and no dataclass: two are made for each message that crosses, and a frozen dataclass of
    eight fields takes eight times as long to make.

    Attributes:
        topic: Topic name, without wildcards.
        payload: The bytes as they cross the broker.
        qos: 0 at most once, 1 at least once, 2 exactly once.
        retain: Published: keep it as the topic's last value. Received: it is such a kept value.
        response_topic: Where the sender wants its reply, if it wants one.
        correlation: Opaque bytes that the replier sends back with the reply.
        expiry_s: Wall seconds after which the broker no longer delivers it; None is never.
        user_properties: Name and value pairs carried along, in order.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    response_topic: str | None = None
    correlation: bytes | None = None
    expiry_s: int | None = None
    user_properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker publishes on a client's behalf when its connection is lost.

    Attributes:
        topic: Topic name, without wildcards.
        payload: The bytes to publish.
        qos: Quality of service of the publication.
        retain: Whether it becomes the topic's retained value.
        delay_s: Wall seconds the broker waits for the client to come back before publishing.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True
    delay_s: int = 0
