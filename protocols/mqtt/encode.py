"""Packets to bytes, for both protocol levels and both sides of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from protocols.mqtt import wire
from protocols.mqtt.packets import (
    V5,
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
)
from protocols.mqtt.properties import Kind, encode_properties

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.mqtt.subscriptions import Subscription


def encode(packet: Packet, version: int) -> bytes:
    """One packet with its header; `version` is the protocol level, 4 or 5."""
    match packet:
        case Connect():
            return _framed(Kind.CONNECT << 4, _connect(packet))
        case Connack():
            body = bytes((packet.session_present, packet.code))
            return _framed(Kind.CONNACK << 4, body + _section(packet.properties, version))
        case Publish():
            return _publish(packet, version)
        case Ack():
            flags = 0x02 if packet.kind is Kind.PUBREL else 0
            body = wire.u16(packet.packet_id) + _reason(packet.code, packet.properties, version)
            return _framed(packet.kind << 4 | flags, body)
        case Subscribe():
            return _framed(Kind.SUBSCRIBE << 4 | 0x02, _subscribe(packet, version))
        case Unsubscribe():
            filters = b"".join(wire.string(each) for each in packet.topic_filters)
            section = _section(packet.properties, version)
            body = wire.u16(packet.packet_id) + section + filters
            return _framed(Kind.UNSUBSCRIBE << 4 | 0x02, body)
        case SubscriptionAck():
            section = _section(packet.properties, version)
            codes = bytes(packet.codes)
            if packet.kind is Kind.UNSUBACK and version != V5:
                codes = b""  # 3.1.1 has no codes there
            return _framed(packet.kind << 4, wire.u16(packet.packet_id) + section + codes)
        case Ping():
            return bytes((packet.kind << 4, 0))
        case Disconnect():
            body = _reason(packet.code, packet.properties, version)
            return _framed(Kind.DISCONNECT << 4, body)
        case Auth():
            return _framed(Kind.AUTH << 4, _reason(packet.code, packet.properties, version))
        case _:
            assert_never(packet)


def publish_frame(first: int, variable_part: bytes, payload: bytes) -> bytes:
    """A PUBLISH from its first byte, its encoded topic, id and properties, and its payload."""
    length = len(variable_part) + len(payload)
    if length < 0x80:
        return bytes((first, length)) + variable_part + payload
    return bytes((first,)) + wire.variable(length) + variable_part + payload


def _framed(first: int, body: bytes) -> bytes:
    return bytes((first,)) + wire.variable(len(body)) + body


def _section(properties: Mapping[int, object], version: int) -> bytes:
    return encode_properties(properties) if version == V5 else b""


def _reason(code: int, properties: Mapping[int, object], version: int) -> bytes:
    """Reason and properties, left out as far as they say nothing (MQTT 5) or do not exist."""
    if version != V5 or (code == 0 and not properties):
        return b""
    return bytes((code,)) + (encode_properties(properties) if properties else b"")


def _publish(packet: Publish, version: int) -> bytes:
    first = Kind.PUBLISH << 4 | packet.duplicate << 3 | packet.qos << 1 | packet.retain
    packet_id = wire.u16(packet.packet_id) if packet.qos else b""
    section = _section(packet.properties, version)
    return publish_frame(first, wire.string(packet.topic) + packet_id + section, packet.payload)


def _connect(packet: Connect) -> bytes:
    flags = packet.clean_start << 1
    payload = wire.string(packet.client_id)
    will = packet.will
    if will is not None:
        flags |= 0x04 | will.qos << 3 | will.retain << 5
        payload += _section(will.properties, packet.version)
        payload += wire.string(will.topic) + wire.binary(will.payload)
    if packet.username is not None:
        flags |= 0x80
        payload += wire.string(packet.username)
    if packet.password is not None:
        flags |= 0x40
        payload += wire.binary(packet.password)
    head = wire.string("MQTT") + bytes((packet.version, flags)) + wire.u16(packet.keepalive_s)
    return head + _section(packet.properties, packet.version) + payload


def _subscribe(packet: Subscribe, version: int) -> bytes:
    parts = [wire.u16(packet.packet_id), _section(packet.properties, version)]
    for subscription in packet.subscriptions:
        parts.append(wire.string(subscription.topic_filter))
        parts.append(bytes((_options(subscription, version),)))
    return b"".join(parts)


def _options(subscription: Subscription, version: int) -> int:
    if version != V5:
        return subscription.qos
    return (
        subscription.qos
        | subscription.no_local << 2
        | subscription.retain_as_published << 3
        | subscription.retain_handling << 4
    )
