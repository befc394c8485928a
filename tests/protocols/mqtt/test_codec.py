"""The codec: packets survive the wire, and what the standard forbids is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties as PahoProperties

from protocols.mqtt.decode import decode, header
from protocols.mqtt.encode import encode
from protocols.mqtt.packets import (
    V5,
    V311,
    Ack,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Ping,
    Publish,
    Subscribe,
    SubscriptionAck,
    Unsubscribe,
    WillFields,
)
from protocols.mqtt.properties import Kind, Property, decode_properties, encode_properties
from protocols.mqtt.reason import Reason
from protocols.mqtt.subscriptions import Subscription
from protocols.mqtt.wire import MqttProtocolError, Reader, variable

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
names = st.text(
    st.characters(exclude_characters="\0+#", exclude_categories=["Cs"]), min_size=1, max_size=40
)
filters = st.lists(st.sampled_from(["a", "b", "+", "", "ü"]), min_size=2, max_size=5).map("/".join)
packet_ids = st.integers(1, 65535)
users = st.lists(st.tuples(texts, texts), min_size=1, max_size=3)
u32 = st.integers(0, 0xFFFFFFFF)


def some(**fields: st.SearchStrategy) -> st.SearchStrategy:
    """A property section with some of these fields."""
    return st.fixed_dictionaries(
        {}, optional={Property[name]: value for name, value in fields.items()}
    )


message_properties = some(
    PAYLOAD_FORMAT=st.integers(0, 1),
    MESSAGE_EXPIRY=u32,
    CONTENT_TYPE=texts,
    RESPONSE_TOPIC=names,
    CORRELATION_DATA=st.binary(max_size=40),
    USER_PROPERTY=users,
)
reply_properties = some(REASON_STRING=texts, USER_PROPERTY=users)
connect_properties = some(
    SESSION_EXPIRY=u32,
    RECEIVE_MAXIMUM=st.integers(1, 65535),
    MAXIMUM_PACKET_SIZE=st.integers(1, 0xFFFFFFFF),
    TOPIC_ALIAS_MAXIMUM=st.integers(0, 65535),
    REQUEST_RESPONSE_INFORMATION=st.integers(0, 1),
    REQUEST_PROBLEM_INFORMATION=st.integers(0, 1),
    AUTHENTICATION_METHOD=texts,
    USER_PROPERTY=users,
)
subscriptions = st.builds(
    Subscription,
    topic_filter=filters,
    qos=st.integers(0, 2),
    no_local=st.booleans(),
    retain_as_published=st.booleans(),
    retain_handling=st.integers(0, 2),
)
packets_5 = st.one_of(
    st.builds(
        Connect,
        client_id=texts,
        clean_start=st.booleans(),
        keepalive_s=st.integers(0, 65535),
        will=st.none()
        | st.builds(
            WillFields,
            topic=names,
            payload=st.binary(max_size=60),
            qos=st.integers(0, 2),
            retain=st.booleans(),
            properties=message_properties,
        ),
        username=st.none() | texts,
        password=st.none() | st.binary(max_size=20),
        properties=connect_properties,
    ),
    st.builds(
        Connack,
        code=st.integers(0, 255),
        session_present=st.booleans(),
        properties=some(
            ASSIGNED_CLIENT_ID=texts, SERVER_KEEP_ALIVE=st.integers(0, 65535), USER_PROPERTY=users
        ),
    ),
    st.builds(
        Publish,
        topic=names,
        payload=st.binary(max_size=300),
        qos=st.integers(1, 2),
        retain=st.booleans(),
        duplicate=st.booleans(),
        packet_id=packet_ids,
        properties=message_properties,
    ),
    st.builds(Publish, topic=names, payload=st.binary(max_size=300), properties=message_properties),
    st.builds(
        Ack,
        kind=st.sampled_from([Kind.PUBACK, Kind.PUBREC, Kind.PUBREL, Kind.PUBCOMP]),
        packet_id=packet_ids,
        code=st.sampled_from([0, 0x10, 0x92]),
        properties=reply_properties,
    ),
    st.builds(
        Subscribe,
        packet_id=packet_ids,
        subscriptions=st.lists(subscriptions, min_size=1, max_size=4).map(tuple),
        properties=some(USER_PROPERTY=users),
    ),
    st.builds(
        Unsubscribe,
        packet_id=packet_ids,
        topic_filters=st.lists(filters, min_size=1, max_size=4).map(tuple),
        properties=some(USER_PROPERTY=users),
    ),
    st.builds(
        SubscriptionAck,
        kind=st.sampled_from([Kind.SUBACK, Kind.UNSUBACK]),
        packet_id=packet_ids,
        codes=st.lists(st.integers(0, 255), min_size=1, max_size=4).map(tuple),
        properties=reply_properties,
    ),
    st.builds(Ping, kind=st.sampled_from([Kind.PINGREQ, Kind.PINGRESP])),
    st.builds(Disconnect, code=st.sampled_from([0, 4, 0x8E]), properties=reply_properties),
    st.builds(
        Auth,
        code=st.sampled_from([0, 0x18]),
        properties=st.just({Property.AUTHENTICATION_METHOD: "SCRAM"}),
    ),
)


def over_the_wire(packet, version):
    """The packet as the other side reads it."""
    frame = encode(packet, version)
    found = header(frame, 0)
    assert found is not None
    start, end = found
    assert end == len(frame)
    return decode(frame[0], frame[start:], version)


@given(packets_5)
def test_codec_round_trip_5(packet):
    """Every MQTT 5 packet is read back as it was written."""
    assert over_the_wire(packet, V5) == packet


@given(
    st.builds(
        Connect,
        version=st.just(V311),
        client_id=texts,
        clean_start=st.booleans(),
        keepalive_s=st.integers(0, 65535),
        will=st.none()
        | st.builds(WillFields, topic=names, payload=st.binary(), qos=st.integers(0, 2)),
        username=texts,
        password=st.none() | st.binary(max_size=20),
    )
    | st.builds(Connack, code=st.integers(0, 5), session_present=st.booleans())
    | st.builds(
        Publish, topic=names, payload=st.binary(), qos=st.integers(1, 2), packet_id=packet_ids
    )
    | st.builds(
        Subscribe,
        packet_id=packet_ids,
        subscriptions=st.lists(
            st.builds(Subscription, topic_filter=filters, qos=st.integers(0, 2)),
            min_size=1,
            max_size=3,
        ).map(tuple),
    )
    | st.builds(Disconnect)
)
def test_codec_round_trip_311(packet):
    """Every MQTT 3.1.1 packet is read back as it was written."""
    assert over_the_wire(packet, V311) == packet


@given(message_properties)
def test_properties_are_the_same_bytes_values_as_another_implementation(properties):
    """paho-mqtt reads from our bytes what we wrote."""
    theirs = PahoProperties(PacketTypes.PUBLISH)
    theirs.unpack(encode_properties(properties))
    found = {
        Property.PAYLOAD_FORMAT: getattr(theirs, "PayloadFormatIndicator", None),
        Property.MESSAGE_EXPIRY: getattr(theirs, "MessageExpiryInterval", None),
        Property.CONTENT_TYPE: getattr(theirs, "ContentType", None),
        Property.RESPONSE_TOPIC: getattr(theirs, "ResponseTopic", None),
        Property.CORRELATION_DATA: getattr(theirs, "CorrelationData", None),
        Property.USER_PROPERTY: getattr(theirs, "UserProperty", None),
    }
    assert {key: value for key, value in found.items() if value is not None} == properties


@given(st.integers(0, 255), st.binary(max_size=80), st.sampled_from([V311, V5]))
def test_any_bytes_are_a_packet_or_a_protocol_error(first, body, version):
    """Nothing a peer can send raises anything but a protocol error."""
    with contextlib.suppress(MqttProtocolError):
        decode(first, body, version)


@given(packets_5, st.data())
def test_truncated_packet_is_never_read_past_its_end(packet, data):
    """A packet cut short is a protocol error or a shorter packet, never an overrun."""
    frame = encode(packet, V5)
    start, _ = header(frame, 0)
    cut = data.draw(st.integers(start, len(frame)))
    with contextlib.suppress(MqttProtocolError):
        decode(frame[0], frame[start:cut], V5)


@given(st.integers(0, 268_435_455))
def test_variable_integer_round_trip(value):
    """Variable byte integers are read back, in their shortest form only."""
    encoded = variable(value)
    assert Reader(encoded).variable() == value
    assert len(encoded) <= 4
    if len(encoded) < 4:
        longer = encoded[:-1] + bytes((encoded[-1] | 0x80, 0))
        with pytest.raises(MqttProtocolError):
            Reader(longer).variable()


MALFORMED = {
    "packet type 0": (0x00, b"", V5, Reason.MALFORMED_PACKET),
    "subscribe with wrong flags": (0x80, b"\0\1\0\0\1a\0", V5, Reason.MALFORMED_PACKET),
    "pubrel with wrong flags": (0x60, b"\0\1", V311, Reason.MALFORMED_PACKET),
    "publish at qos 3": (0x36, b"\0\1a\0\1\0", V5, Reason.MALFORMED_PACKET),
    "duplicate at qos 0": (0x38, b"\0\1a\0", V5, Reason.MALFORMED_PACKET),
    "publish to a wildcard": (0x30, b"\0\3a/#\0", V5, Reason.TOPIC_NAME_INVALID),
    "publish to nothing": (0x30, b"\0\0\0", V5, Reason.PROTOCOL_ERROR),
    "packet id 0": (0x32, b"\0\1a\0\0\0", V5, Reason.PROTOCOL_ERROR),
    "topic is not utf-8": (0x30, b"\0\2\xc3\x28\0", V5, Reason.MALFORMED_PACKET),
    "topic with a surrogate": (0x30, b"\0\3\xed\xa0\x80\0", V5, Reason.MALFORMED_PACKET),
    "topic with a null": (0x30, b"\0\3a\0b\0", V5, Reason.MALFORMED_PACKET),
    "topic longer than the packet": (0x30, b"\0\x09a", V311, Reason.MALFORMED_PACKET),
    "property of another packet": (0x30, b"\0\1a\2\x24\1", V5, Reason.MALFORMED_PACKET),
    "unknown property": (0x30, b"\0\1a\2\x7f\1", V5, Reason.MALFORMED_PACKET),
    "property twice": (0x30, b"\0\1a\4\1\1\1\1", V5, Reason.PROTOCOL_ERROR),
    "payload format 2": (0x30, b"\0\1a\2\1\2", V5, Reason.PROTOCOL_ERROR),
    "properties beyond the packet": (0x30, b"\0\1a\x09", V5, Reason.MALFORMED_PACKET),
    "response topic with a wildcard": (0x30, b"\0\1a\4\x08\0\1#", V5, Reason.PROTOCOL_ERROR),
    "subscribe to no filter": (0x82, b"\0\1\0", V5, Reason.PROTOCOL_ERROR),
    "subscribe at qos 3": (0x82, b"\0\1\0\1a\3", V311, Reason.MALFORMED_PACKET),
    "subscribe with reserved bits": (0x82, b"\0\1\0\1a\x40", V311, Reason.MALFORMED_PACKET),
    "retain handling 3": (0x82, b"\0\1\0\0\1a\x30", V5, Reason.MALFORMED_PACKET),
    "misplaced hash": (0x82, b"\0\1\0\3#/a\0", V311, Reason.TOPIC_FILTER_INVALID),
    "misplaced plus": (0x82, b"\0\1\0\2a+\0", V311, Reason.TOPIC_FILTER_INVALID),
    "no local on a share": (0x82, b"\0\1\0\0\x0a$share/g/a\4", V5, Reason.PROTOCOL_ERROR),
    "share without a filter": (0x82, b"\0\1\0\0\x08$share/g\0", V5, Reason.TOPIC_FILTER_INVALID),
    "unsubscribe from nothing": (0xA2, b"\0\1\0", V5, Reason.PROTOCOL_ERROR),
    "subscription identifier 0": (0x82, b"\0\1\2\x0b\0\0\1a\0", V5, Reason.PROTOCOL_ERROR),
    "ping with a body": (0xC0, b"\0", V5, Reason.MALFORMED_PACKET),
    "disconnect with a body in 3.1.1": (0xE0, b"\0", V311, Reason.MALFORMED_PACKET),
    "auth in 3.1.1": (0xF0, b"", V311, Reason.MALFORMED_PACKET),
    "auth without a method": (0xF0, b"\x18\0", V5, Reason.PROTOCOL_ERROR),
    "connect of another protocol": (
        0x10, b"\0\6MQIsdp\3\2\0\0\0\1a", V311, Reason.UNSUPPORTED_VERSION,
    ),
    "connect of level 6": (0x10, b"\0\4MQTT\6\2\0\0\0\0\1a", V5, Reason.UNSUPPORTED_VERSION),
    "connect with the reserved flag": (
        0x10, b"\0\4MQTT\4\3\0\0\0\1a", V311, Reason.MALFORMED_PACKET,
    ),
    "will qos without a will": (0x10, b"\0\4MQTT\4\x0a\0\0\0\1a", V311, Reason.MALFORMED_PACKET),
    "will at qos 3": (
        0x10, b"\0\4MQTT\4\x1e\0\0\0\1a\0\1w\0\0", V311, Reason.MALFORMED_PACKET,
    ),
    "password without user name in 3.1.1": (
        0x10, b"\0\4MQTT\4\x42\0\0\0\1a\0\1p", V311, Reason.MALFORMED_PACKET,
    ),
    "bytes after the connect": (
        0x10, b"\0\4MQTT\4\2\0\0\0\1aJUNK", V311, Reason.MALFORMED_PACKET,
    ),
    "receive maximum 0": (
        0x10, b"\0\4MQTT\5\2\0\0\3\x21\0\0\0\1a", V5, Reason.PROTOCOL_ERROR,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_packet_is_refused_with_its_reason(case):
    """What the standard forbids raises with the reason code the standard names."""
    first, body, version, reason = MALFORMED[case]
    with pytest.raises(MqttProtocolError) as caught:
        decode(first, body, version)
    assert caught.value.reason == reason


@pytest.mark.parametrize("frame", [b"\x30\xff\xff\xff\xff\x01", b"\x30\x80\x00"])
def test_malformed_remaining_length_is_refused(frame):
    """A remaining length of five bytes, or longer than need be, is malformed."""
    with pytest.raises(MqttProtocolError):
        header(frame, 0)


def test_incomplete_header_waits_for_more():
    """Half a header is no packet yet, and no error."""
    assert header(b"\x30", 0) is None
    assert header(b"\x30\x80", 0) is None


def test_properties_of_a_section_cut_inside_a_value_are_refused():
    """A section length that ends inside a value is malformed."""
    with pytest.raises(MqttProtocolError):
        decode_properties(Reader(b"\x03\x02\0\0\0\x05"), Kind.PUBLISH)
