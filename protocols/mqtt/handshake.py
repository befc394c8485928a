"""What a CONNECT asks and what the broker grants: a decision, made before any state changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.mqtt.packets import V5, V311, Connect
from protocols.mqtt.properties import Properties, Property
from protocols.mqtt.publication import Publication
from protocols.mqtt.reason import Reason
from protocols.mqtt.router import ConnectRequest
from protocols.mqtt.session_state import session_expiry_s
from protocols.mqtt.wills import LastWill

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.mqtt.access import Access
    from protocols.mqtt.limits import BrokerLimits
    from protocols.mqtt.packets import WillFields

_MOST_ALIASES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The client is not let in."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The client is let in.

    Attributes:
        request: What the broker core is asked.
        keepalive_s: Silence the client is held to; 0 is any.
        max_packet_bytes: Largest packet the client takes.
        topic_aliases: Aliases the client lets the broker use.
        properties: What the CONNACK tells an MQTT 5 client.
    """

    request: ConnectRequest
    keepalive_s: int
    max_packet_bytes: int
    topic_aliases: int
    properties: Properties


def judge(
    connect: Connect, *, limits: BrokerLimits, access: Access, assign: Callable[[], str]
) -> Granted | Refused:
    """Decide on a CONNECT.

    Args:
        connect: The packet.
        limits: The broker's bounds.
        access: Who may do what.
        assign: Gives a name to a client that brings none.
    """
    if Property.AUTHENTICATION_METHOD in connect.properties:
        return Refused(reason=Reason.BAD_AUTHENTICATION_METHOD)
    if not connect.client_id and connect.version == V311 and not connect.clean_start:
        return Refused(reason=Reason.CLIENT_ID_NOT_VALID)
    if not access.may_connect(connect.client_id, connect.username, connect.password):
        return Refused(reason=Reason.NOT_AUTHORIZED)
    will = connect.will
    if will is not None and not access.may_publish(connect.client_id, will.topic):
        return Refused(reason=Reason.NOT_AUTHORIZED)
    client_id = connect.client_id or assign()
    asked = connect.properties
    request = ConnectRequest(
        client_id=client_id,
        clean_start=connect.clean_start,
        session_expiry_s=_session_expiry_s(connect),
        receive_maximum=asked.get(Property.RECEIVE_MAXIMUM, 65535),
        will=_last_will(will, client_id) if will is not None else None,
    )
    keepalive_s = _keepalive_s(connect, limits)
    return Granted(
        request=request,
        keepalive_s=keepalive_s,
        max_packet_bytes=asked.get(Property.MAXIMUM_PACKET_SIZE, 1 << 28),
        topic_aliases=min(asked.get(Property.TOPIC_ALIAS_MAXIMUM, 0), _MOST_ALIASES),
        properties=_told(connect, client_id, keepalive_s, limits),
    )


def _session_expiry_s(connect: Connect) -> float:
    if connect.version == V311:
        return 0.0 if connect.clean_start else math.inf
    return session_expiry_s(connect.properties.get(Property.SESSION_EXPIRY))


def _keepalive_s(connect: Connect, limits: BrokerLimits) -> int:
    """Only an MQTT 5 client can be told another value than it asked for; 0 asks for no check."""
    asked_s = connect.keepalive_s
    if connect.version == V311 or 0 < asked_s <= limits.max_keepalive_s:
        return asked_s
    return limits.max_keepalive_s


def _told(connect: Connect, client_id: str, keepalive_s: int, limits: BrokerLimits) -> Properties:
    if connect.version != V5:
        return {}
    properties: Properties = {
        Property.RECEIVE_MAXIMUM: limits.receive_maximum,
        Property.MAXIMUM_PACKET_SIZE: limits.max_packet_bytes,
        Property.TOPIC_ALIAS_MAXIMUM: limits.topic_alias_maximum,
    }
    if not connect.client_id:
        properties[Property.ASSIGNED_CLIENT_ID] = client_id
    if keepalive_s != connect.keepalive_s:
        properties[Property.SERVER_KEEP_ALIVE] = keepalive_s
    return properties


def _last_will(will: WillFields, client_id: str) -> LastWill:
    properties = will.properties
    publication = publication_of(
        topic=will.topic,
        payload=will.payload,
        qos=will.qos,
        retain=will.retain,
        publisher=client_id,
        properties=properties,
        expires_s=math.inf,
    )
    return LastWill(
        publication=publication,
        delay_s=properties.get(Property.WILL_DELAY, 0),
        expiry_s=properties.get(Property.MESSAGE_EXPIRY),
    )


def publication_of(
    *,
    topic: str,
    payload: bytes,
    qos: int,
    retain: bool,
    publisher: str,
    properties: Properties,
    expires_s: float,
) -> Publication:
    """The publication of a packet, its properties sorted to where the core looks for them."""
    if not properties:
        return Publication(
            topic=topic, payload=payload, qos=qos, retain=retain, publisher=publisher
        )
    return Publication(
        topic=topic,
        payload=payload,
        qos=qos,
        retain=retain,
        publisher=publisher,
        payload_format=properties.get(Property.PAYLOAD_FORMAT),
        content_type=properties.get(Property.CONTENT_TYPE),
        response_topic=properties.get(Property.RESPONSE_TOPIC),
        correlation=properties.get(Property.CORRELATION_DATA),
        user_properties=tuple(properties.get(Property.USER_PROPERTY, ())),
        expires_s=expires_s,
    )
