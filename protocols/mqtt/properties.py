"""The properties of MQTT 5.0 §2.2.2.2: which exist, of what type, in which packets, how often."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from protocols.mqtt import wire
from protocols.mqtt.reason import Reason
from protocols.mqtt.wire import MqttProtocolError, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Properties = dict[int, Any]
"""Property identifier to value; the repeatable ones hold a list."""


class Kind(IntEnum):
    """Control packet types, MQTT 5.0 §2.1.2, and the will, whose properties are its own."""

    WILL = 0
    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


class Property(IntEnum):
    """Property identifiers."""

    PAYLOAD_FORMAT = 0x01
    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_IDENTIFIER = 0x0B
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_ID = 0x12
    SERVER_KEEP_ALIVE = 0x13
    AUTHENTICATION_METHOD = 0x15
    AUTHENTICATION_DATA = 0x16
    REQUEST_PROBLEM_INFORMATION = 0x17
    WILL_DELAY = 0x18
    REQUEST_RESPONSE_INFORMATION = 0x19
    RESPONSE_INFORMATION = 0x1A
    SERVER_REFERENCE = 0x1C
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER_PROPERTY = 0x26
    MAXIMUM_PACKET_SIZE = 0x27
    WILDCARD_AVAILABLE = 0x28
    SUBSCRIPTION_IDENTIFIERS_AVAILABLE = 0x29
    SHARED_AVAILABLE = 0x2A


_P: Final = Property
_REPLIES = (
    Kind.CONNACK,
    Kind.PUBACK,
    Kind.PUBREC,
    Kind.PUBREL,
    Kind.PUBCOMP,
    Kind.SUBACK,
    Kind.UNSUBACK,
    Kind.DISCONNECT,
    Kind.AUTH,
)
_MESSAGE = (Kind.PUBLISH, Kind.WILL)
_HANDSHAKE = (Kind.CONNECT, Kind.CONNACK)

_ALLOWED: Final[dict[int, tuple[Kind, ...]]] = {
    _P.PAYLOAD_FORMAT: _MESSAGE,
    _P.MESSAGE_EXPIRY: _MESSAGE,
    _P.CONTENT_TYPE: _MESSAGE,
    _P.RESPONSE_TOPIC: _MESSAGE,
    _P.CORRELATION_DATA: _MESSAGE,
    _P.SUBSCRIPTION_IDENTIFIER: (Kind.PUBLISH, Kind.SUBSCRIBE),
    _P.SESSION_EXPIRY: (*_HANDSHAKE, Kind.DISCONNECT),
    _P.ASSIGNED_CLIENT_ID: (Kind.CONNACK,),
    _P.SERVER_KEEP_ALIVE: (Kind.CONNACK,),
    _P.AUTHENTICATION_METHOD: (*_HANDSHAKE, Kind.AUTH),
    _P.AUTHENTICATION_DATA: (*_HANDSHAKE, Kind.AUTH),
    _P.REQUEST_PROBLEM_INFORMATION: (Kind.CONNECT,),
    _P.WILL_DELAY: (Kind.WILL,),
    _P.REQUEST_RESPONSE_INFORMATION: (Kind.CONNECT,),
    _P.RESPONSE_INFORMATION: (Kind.CONNACK,),
    _P.SERVER_REFERENCE: (Kind.CONNACK, Kind.DISCONNECT),
    _P.REASON_STRING: _REPLIES,
    _P.RECEIVE_MAXIMUM: _HANDSHAKE,
    _P.TOPIC_ALIAS_MAXIMUM: _HANDSHAKE,
    _P.TOPIC_ALIAS: (Kind.PUBLISH,),
    _P.MAXIMUM_QOS: (Kind.CONNACK,),
    _P.RETAIN_AVAILABLE: (Kind.CONNACK,),
    _P.USER_PROPERTY: tuple(kind for kind in Kind if kind not in {Kind.PINGREQ, Kind.PINGRESP}),
    _P.MAXIMUM_PACKET_SIZE: _HANDSHAKE,
    _P.WILDCARD_AVAILABLE: (Kind.CONNACK,),
    _P.SUBSCRIPTION_IDENTIFIERS_AVAILABLE: (Kind.CONNACK,),
    _P.SHARED_AVAILABLE: (Kind.CONNACK,),
}

_FLAGS = frozenset(
    {
        _P.PAYLOAD_FORMAT,
        _P.REQUEST_PROBLEM_INFORMATION,
        _P.REQUEST_RESPONSE_INFORMATION,
        _P.MAXIMUM_QOS,
        _P.RETAIN_AVAILABLE,
        _P.WILDCARD_AVAILABLE,
        _P.SUBSCRIPTION_IDENTIFIERS_AVAILABLE,
        _P.SHARED_AVAILABLE,
    }
)
_NEVER_ZERO = frozenset({_P.RECEIVE_MAXIMUM, _P.MAXIMUM_PACKET_SIZE, _P.SUBSCRIPTION_IDENTIFIER})


def _pair(reader: Reader) -> tuple[str, str]:
    return reader.string(), reader.string()


_READ: Final[dict[int, Callable[[Reader], Any]]] = {
    **dict.fromkeys(_FLAGS, Reader.u8),
    **dict.fromkeys(
        (_P.MESSAGE_EXPIRY, _P.SESSION_EXPIRY, _P.WILL_DELAY, _P.MAXIMUM_PACKET_SIZE), Reader.u32
    ),
    **dict.fromkeys(
        (_P.SERVER_KEEP_ALIVE, _P.RECEIVE_MAXIMUM, _P.TOPIC_ALIAS_MAXIMUM, _P.TOPIC_ALIAS),
        Reader.u16,
    ),
    **dict.fromkeys(
        (
            _P.CONTENT_TYPE,
            _P.RESPONSE_TOPIC,
            _P.ASSIGNED_CLIENT_ID,
            _P.AUTHENTICATION_METHOD,
            _P.RESPONSE_INFORMATION,
            _P.SERVER_REFERENCE,
            _P.REASON_STRING,
        ),
        Reader.string,
    ),
    _P.CORRELATION_DATA: Reader.binary,
    _P.AUTHENTICATION_DATA: Reader.binary,
    _P.SUBSCRIPTION_IDENTIFIER: Reader.variable,
    _P.USER_PROPERTY: _pair,
}

_WRITE: Final[dict[Callable[[Reader], Any], Callable[[Any], bytes]]] = {
    Reader.u8: lambda value: bytes((value,)),
    Reader.u16: wire.u16,
    Reader.u32: wire.u32,
    Reader.variable: wire.variable,
    Reader.string: wire.string,
    Reader.binary: wire.binary,
    _pair: lambda value: wire.string(value[0]) + wire.string(value[1]),
}


def decode_properties(reader: Reader, kind: Kind) -> Properties:
    """Read a property section.

    Raises:
        MqttProtocolError: Unknown or misplaced identifier, value out of range, or given twice.
    """
    length = reader.variable()
    if length == 0:
        return {}
    stop = reader.position + length
    if stop > reader.end:
        raise MqttProtocolError(f"properties of {kind.name} are longer than the packet")
    found: Properties = {}
    while reader.position < stop:
        identifier = reader.variable()
        read = _READ.get(identifier)
        if read is None or kind not in _ALLOWED[identifier]:
            raise MqttProtocolError(f"property 0x{identifier:02X} does not belong in {kind.name}")
        _keep(found, kind, identifier, read(reader))
    if reader.position != stop:
        raise MqttProtocolError(f"properties of {kind.name} end inside a value")
    return found


def _keep(found: Properties, kind: Kind, identifier: int, value: Any) -> None:
    if identifier in _FLAGS and value > 1:
        raise MqttProtocolError(
            f"property {Property(identifier).name} is {value}, must be 0 or 1",
            Reason.PROTOCOL_ERROR,
        )
    if identifier in _NEVER_ZERO and value == 0:
        raise MqttProtocolError(
            f"property {Property(identifier).name} must not be 0", Reason.PROTOCOL_ERROR
        )
    if identifier == Property.USER_PROPERTY or (
        identifier == Property.SUBSCRIPTION_IDENTIFIER and kind is Kind.PUBLISH
    ):
        found.setdefault(identifier, []).append(value)
    elif identifier in found:
        raise MqttProtocolError(
            f"property {Property(identifier).name} is given twice", Reason.PROTOCOL_ERROR
        )
    else:
        found[identifier] = value


def encode_properties(properties: Mapping[int, Any]) -> bytes:
    """A property section with its length; values that are lists are repeated."""
    if not properties:
        return b"\0"
    parts: list[bytes] = []
    for identifier, value in properties.items():
        write = _WRITE[_READ[identifier]]
        tag = bytes((identifier,))
        values = value if isinstance(value, list) else (value,)
        parts.extend(tag + write(each) for each in values)
    body = b"".join(parts)
    return wire.variable(len(body)) + body
