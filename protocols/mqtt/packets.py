"""The control packets of MQTT 3.1.1 and 5 as values; what only MQTT 5 has is in `properties`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from protocols.mqtt.properties import Kind, Properties
from protocols.mqtt.reason import Reason

if TYPE_CHECKING:
    from protocols.mqtt.subscriptions import Subscription

V311: Final = 4
V5: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WillFields:
    """The will inside a CONNECT."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """A client introduces itself; `version` is the protocol level, 4 or 5."""

    version: int = V5
    client_id: str = ""
    clean_start: bool = True
    keepalive_s: int = 0
    will: WillFields | None = None
    username: str | None = None
    password: bytes | None = None
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connack:
    """The broker's answer; `code` is a reason code, or a 3.1.1 return code."""

    code: int = 0
    session_present: bool = False
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """An application message; the topic is empty when an alias stands for it."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    duplicate: bool = False
    packet_id: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """PUBACK, PUBREC, PUBREL or PUBCOMP, told apart by `kind`."""

    kind: Kind
    packet_id: int
    code: int = 0
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Subscriptions asked for, in order."""

    packet_id: int
    subscriptions: tuple[Subscription, ...]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """Filters no longer wanted, in order."""

    packet_id: int
    topic_filters: tuple[str, ...]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionAck:
    """SUBACK or UNSUBACK: one code for each filter."""

    kind: Kind
    packet_id: int
    codes: tuple[int, ...]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """PINGREQ or PINGRESP."""

    kind: Kind = Kind.PINGREQ


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    """The end of a connection, in order."""

    code: int = Reason.SUCCESS
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """A step of an extended authentication, MQTT 5."""

    code: int = Reason.SUCCESS
    properties: Properties = field(default_factory=dict)


Packet = (
    Connect
    | Connack
    | Publish
    | Ack
    | Subscribe
    | Unsubscribe
    | SubscriptionAck
    | Ping
    | Disconnect
    | Auth
)
