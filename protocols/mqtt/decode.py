"""Bytes to packets, strictly: what the standard forbids raises and ends the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocols.mqtt.packets import (
    V5,
    V311,
    Ack,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Ping,
    Publish,
    Subscribe,
    SubscriptionAck,
    Unsubscribe,
    WillFields,
)
from protocols.mqtt.properties import Kind, Properties, Property, decode_properties
from protocols.mqtt.reason import Reason
from protocols.mqtt.subscriptions import Subscription
from protocols.mqtt.topic_filter import (
    MqttTopicError,
    check_topic_filter,
    check_topic_name,
)
from protocols.mqtt.wire import MqttProtocolError, Reader

if TYPE_CHECKING:
    from collections.abc import Callable


class UnsupportedVersionError(MqttProtocolError):
    """A CONNECT of another protocol or level; `level` tells in which form to answer."""

    def __init__(self, name: str, level: int) -> None:
        super().__init__(
            f"CONNECT speaks {name!r} level {level}; this broker speaks 'MQTT' 4 (3.1.1) and 5",
            Reason.UNSUPPORTED_VERSION,
        )
        self.level = level


_FLAGS_0010: Final = frozenset({Kind.PUBREL, Kind.SUBSCRIBE, Kind.UNSUBSCRIBE})
_LONGEST_HEADER = 5


def header(data: bytes | bytearray, position: int) -> tuple[int, int] | None:
    """Where the packet that begins at `position` has its body, and where it ends.

    Returns:
        Start of the body and end of the packet; None while the header is incomplete.

    Raises:
        MqttProtocolError: When the remaining length is malformed.
    """
    length = 0
    available = len(data) - position
    for index in range(1, _LONGEST_HEADER):
        if index >= available:
            return None
        byte = data[position + index]
        length |= (byte & 0x7F) << (7 * (index - 1))
        if byte < 0x80:
            if byte == 0 and index > 1:
                raise MqttProtocolError("remaining length is longer than it need be")
            start = position + index + 1
            return start, start + length
    raise MqttProtocolError("remaining length has more than four bytes")


def decode(first: int, body: bytes, version: int) -> Packet:
    """One packet.

    Args:
        first: The first byte of its header.
        body: All after the header.
        version: Protocol level agreed on, 4 or 5; a CONNECT brings its own.

    Raises:
        MqttProtocolError: When the standard does not allow it.
    """
    kind = first >> 4
    if kind == Kind.PUBLISH:
        return _publish(first, body, version)
    if kind == 0:
        raise MqttProtocolError("packet type 0 is reserved")
    wanted = 0x02 if kind in _FLAGS_0010 else 0
    if first & 0x0F != wanted:
        raise MqttProtocolError(f"{Kind(kind).name} has flags 0x{first & 0x0F:X}, not 0x{wanted:X}")
    return _DECODERS[kind](Kind(kind), Reader(body), version)


def _publish(first: int, body: bytes, version: int) -> Publish:
    qos = first >> 1 & 3
    duplicate = bool(first & 8)
    if qos == 3:
        raise MqttProtocolError("PUBLISH has QoS 3")
    if duplicate and qos == 0:
        raise MqttProtocolError("PUBLISH is a duplicate at QoS 0")
    reader = Reader(body)
    topic = reader.string()
    packet_id = _packet_id(reader) if qos else 0
    properties: Properties = {}
    if version == V5:
        properties = decode_properties(reader, Kind.PUBLISH)
    if topic or Property.TOPIC_ALIAS not in properties:
        try:
            check_topic_name(topic)
        except MqttTopicError as error:
            # 3.1.1 has no such codes, and an empty topic in MQTT 5 is a protocol error (§3.3.2.1).
            reason = Reason.TOPIC_NAME_INVALID if topic else Reason.PROTOCOL_ERROR
            raise MqttProtocolError(str(error), reason) from error
    _check_response_topic(properties)
    return Publish(
        topic=topic,
        payload=reader.rest(),
        qos=qos,
        retain=bool(first & 1),
        duplicate=duplicate,
        packet_id=packet_id,
        properties=properties,
    )


def _check_response_topic(properties: Properties) -> None:
    response_topic = properties.get(Property.RESPONSE_TOPIC)
    if response_topic is not None:
        try:
            check_topic_name(response_topic)
        except MqttTopicError as error:
            raise MqttProtocolError(f"response {error}", Reason.PROTOCOL_ERROR) from error


def _packet_id(reader: Reader) -> int:
    packet_id = reader.u16()
    if packet_id == 0:
        raise MqttProtocolError("packet identifier is 0", Reason.PROTOCOL_ERROR)
    return packet_id


def _connect(kind: Kind, reader: Reader, version: int) -> Connect:
    del kind, version
    name = reader.string()
    level = reader.u8()
    if name != "MQTT" or level not in {V311, V5}:
        raise UnsupportedVersionError(name, level)
    flags = reader.u8()
    _check_connect_flags(flags, level)
    keepalive_s = reader.u16()
    properties = decode_properties(reader, Kind.CONNECT) if level == V5 else {}
    if Property.AUTHENTICATION_DATA in properties:
        _require_method(properties)
    client_id = reader.string()
    will = _will(flags, reader, level) if flags & 0x04 else None
    username = reader.string() if flags & 0x80 else None
    password = reader.binary() if flags & 0x40 else None
    reader.done("CONNECT")
    return Connect(
        version=level,
        client_id=client_id,
        clean_start=bool(flags & 0x02),
        keepalive_s=keepalive_s,
        will=will,
        username=username,
        password=password,
        properties=properties,
    )


def _check_connect_flags(flags: int, level: int) -> None:
    if flags & 0x01:
        raise MqttProtocolError("CONNECT has its reserved flag set")
    if flags & 0x18 == 0x18:
        raise MqttProtocolError("CONNECT has a will of QoS 3")
    if not flags & 0x04 and flags & 0x38:
        raise MqttProtocolError("CONNECT has will flags without a will")
    if level == V311 and flags & 0xC0 == 0x40:
        raise MqttProtocolError("CONNECT has a password without a user name")


def _will(flags: int, reader: Reader, level: int) -> WillFields:
    properties = decode_properties(reader, Kind.WILL) if level == V5 else {}
    _check_response_topic(properties)
    topic = reader.string()
    try:
        check_topic_name(topic)
    except MqttTopicError as error:
        raise MqttProtocolError(f"will: {error}", Reason.TOPIC_NAME_INVALID) from error
    return WillFields(
        topic=topic,
        payload=reader.binary(),
        qos=flags >> 3 & 3,
        retain=bool(flags & 0x20),
        properties=properties,
    )


def _connack(kind: Kind, reader: Reader, version: int) -> Connack:
    acknowledge = reader.u8()
    if acknowledge > 1:
        raise MqttProtocolError("CONNACK has reserved flags set")
    code = reader.u8()
    properties = decode_properties(reader, kind) if version == V5 else {}
    reader.done("CONNACK")
    return Connack(code=code, session_present=bool(acknowledge), properties=properties)


def _ack(kind: Kind, reader: Reader, version: int) -> Ack:
    packet_id = _packet_id(reader)
    code, properties = _optional_reason(kind, reader, version)
    return Ack(kind=kind, packet_id=packet_id, code=code, properties=properties)


def _optional_reason(kind: Kind, reader: Reader, version: int) -> tuple[int, Properties]:
    """The reason and properties that MQTT 5 may leave out at the end of a packet."""
    code = 0
    properties: Properties = {}
    if version == V5 and reader.left:
        code = reader.u8()
        if reader.left:
            properties = decode_properties(reader, kind)
    reader.done(kind.name)
    return code, properties


def _subscribe(kind: Kind, reader: Reader, version: int) -> Subscribe:
    packet_id = _packet_id(reader)
    properties = decode_properties(reader, kind) if version == V5 else {}
    identifier = properties.get(Property.SUBSCRIPTION_IDENTIFIER)
    subscriptions = []
    while reader.left:
        topic_filter = reader.string()
        options = reader.u8()
        subscriptions.append(_subscription(topic_filter, options, version, identifier))
    if not subscriptions:
        raise MqttProtocolError("SUBSCRIBE names no topic filter", Reason.PROTOCOL_ERROR)
    return Subscribe(packet_id=packet_id, subscriptions=tuple(subscriptions), properties=properties)


def _subscription(
    topic_filter: str, options: int, version: int, identifier: int | None
) -> Subscription:
    _check_filter(topic_filter)
    qos = options & 0x03
    handling = options >> 4 & 0x03
    reserved = 0xFC if version == V311 else 0xC0
    if qos == 3 or options & reserved or handling == 3:
        raise MqttProtocolError(f"subscription options 0x{options:02X} are malformed")
    no_local = bool(options & 0x04)
    if no_local and topic_filter.startswith("$share/"):
        raise MqttProtocolError(
            "no local does not go with a shared subscription", Reason.PROTOCOL_ERROR
        )
    return Subscription(
        topic_filter=topic_filter,
        qos=qos,
        no_local=no_local,
        retain_as_published=bool(options & 0x08),
        retain_handling=handling,
        identifier=identifier,
    )


def _check_filter(topic_filter: str) -> None:
    try:
        check_topic_filter(topic_filter)
    except MqttTopicError as error:
        raise MqttProtocolError(str(error), Reason.TOPIC_FILTER_INVALID) from error


def _unsubscribe(kind: Kind, reader: Reader, version: int) -> Unsubscribe:
    packet_id = _packet_id(reader)
    properties = decode_properties(reader, kind) if version == V5 else {}
    topic_filters = []
    while reader.left:
        topic_filter = reader.string()
        _check_filter(topic_filter)
        topic_filters.append(topic_filter)
    if not topic_filters:
        raise MqttProtocolError("UNSUBSCRIBE names no topic filter", Reason.PROTOCOL_ERROR)
    return Unsubscribe(
        packet_id=packet_id, topic_filters=tuple(topic_filters), properties=properties
    )


def _subscription_ack(kind: Kind, reader: Reader, version: int) -> SubscriptionAck:
    packet_id = _packet_id(reader)
    properties = decode_properties(reader, kind) if version == V5 else {}
    return SubscriptionAck(
        kind=kind, packet_id=packet_id, codes=tuple(reader.rest()), properties=properties
    )


def _ping(kind: Kind, reader: Reader, version: int) -> Ping:
    del version
    reader.done(kind.name)
    return Ping(kind=kind)


def _disconnect(kind: Kind, reader: Reader, version: int) -> Disconnect:
    code, properties = _optional_reason(kind, reader, version)
    return Disconnect(code=code, properties=properties)


def _auth(kind: Kind, reader: Reader, version: int) -> Auth:
    if version != V5:
        raise MqttProtocolError("packet type 15 is reserved in MQTT 3.1.1")
    code, properties = _optional_reason(kind, reader, version)
    _require_method(properties)
    return Auth(code=code, properties=properties)


def _require_method(properties: Properties) -> None:
    if Property.AUTHENTICATION_METHOD not in properties:
        raise MqttProtocolError(
            "authentication without an authentication method", Reason.PROTOCOL_ERROR
        )


_DECODERS: Final[dict[int, Callable[[Kind, Reader, int], Packet]]] = {
    Kind.CONNECT: _connect,
    Kind.CONNACK: _connack,
    Kind.PUBACK: _ack,
    Kind.PUBREC: _ack,
    Kind.PUBREL: _ack,
    Kind.PUBCOMP: _ack,
    Kind.SUBSCRIBE: _subscribe,
    Kind.SUBACK: _subscription_ack,
    Kind.UNSUBSCRIBE: _unsubscribe,
    Kind.UNSUBACK: _subscription_ack,
    Kind.PINGREQ: _ping,
    Kind.PINGRESP: _ping,
    Kind.DISCONNECT: _disconnect,
    Kind.AUTH: _auth,
}
