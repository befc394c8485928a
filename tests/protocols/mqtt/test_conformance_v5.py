"""What MQTT 5 adds, asked of our broker and of Mosquitto where it keeps the promise.

The cases follow the list of the public Eclipse Paho interoperability suite, in our own words.
"""

from __future__ import annotations

import asyncio

import pytest

from protocols.mqtt.packets import V5, Ack, Disconnect, Publish, WillFields
from protocols.mqtt.properties import Kind, Property

pytestmark = pytest.mark.asyncio


async def test_session_lives_as_long_as_its_expiry(client, root, broker):
    """Without expiry it ends with the connection, else it waits; DISCONNECT may change it."""
    one = client()
    await one.connect(properties={Property.SESSION_EXPIRY: 0})
    await one.subscribe(root)
    await one.disconnect()
    connack = await one.connect(clean_start=False, properties={Property.SESSION_EXPIRY: 1})
    assert connack.session_present is False
    await one.disconnect()
    connack = await one.connect(clean_start=False, properties={Property.SESSION_EXPIRY: 1})
    assert connack.session_present is True
    await one.disconnect()
    await asyncio.sleep(2.2 if broker.kind == "mosquitto" else 1.1)  # it looks once a second
    connack = await one.connect(clean_start=False, properties={Property.SESSION_EXPIRY: 1})
    assert connack.session_present is False
    await one.disconnect(properties={Property.SESSION_EXPIRY: 30})
    await asyncio.sleep(1.1)
    connack = await one.connect(clean_start=False, properties={Property.SESSION_EXPIRY: 30})
    assert connack.session_present is True
    await one.disconnect(properties={Property.SESSION_EXPIRY: 0})
    connack = await one.connect(clean_start=False)
    assert connack.session_present is False


async def test_publish_properties_reach_the_subscriber(client, root):
    """User properties in order, content type, payload format, response topic and correlation."""
    one = client()
    await one.connect()
    await one.subscribe(root)
    properties = {
        Property.PAYLOAD_FORMAT: 1,
        Property.CONTENT_TYPE: "My name",
        Property.RESPONSE_TOPIC: f"{root}/reply",
        Property.CORRELATION_DATA: b"334",
        Property.USER_PROPERTY: [("a", "2"), ("c", "3"), ("a", "1")],
    }
    for qos in (0, 1, 2):
        one.publish(root, b"", qos, properties=properties)
    found = await one.messages(most=3)
    assert [each.properties for each in found] == [properties] * 3


async def test_retained_message_keeps_its_properties(client, root):
    """What comes later from the store has the properties it was published with."""
    one = client()
    await one.connect()
    properties = {Property.USER_PROPERTY: [("a", "2"), ("c", "3")]}
    one.publish(root, b"kept", 1, retain=True, properties=properties)
    await one.messages()
    await one.subscribe(root)
    found = await one.messages(most=1)
    assert found[0].properties == properties
    assert found[0].retain is True


async def test_will_carries_its_properties(client, root):
    """User properties of the will arrive with it."""
    watcher, lost = client(), client()
    await watcher.connect()
    await watcher.subscribe(root)
    properties = {Property.USER_PROPERTY: [("a", "2"), ("c", "3")], Property.WILL_DELAY: 0}
    await lost.connect(will=WillFields(topic=root, payload=b"gone", qos=2, properties=properties))
    await lost.close()
    found = await watcher.messages(most=1)
    assert found[0].properties == {Property.USER_PROPERTY: [("a", "2"), ("c", "3")]}


async def test_message_expires_while_its_receiver_is_away(client, root, broker):
    """What is too old is not delivered; what is not carries the time it has left."""
    away, other = client(), client()
    await away.connect(properties={Property.SESSION_EXPIRY: 60})
    await away.subscribe(root)
    await away.disconnect()
    await other.connect()
    for expiry_s in (1, 60):
        for qos in (1, 2):
            other.publish(
                root, b"%d" % expiry_s, qos, properties={Property.MESSAGE_EXPIRY: expiry_s}
            )
    await other.messages()
    await asyncio.sleep(2.4 if broker.kind == "mosquitto" else 1.2)
    await away.connect(clean_start=False)
    found = await away.messages()
    assert [each.payload for each in found] == [b"60", b"60"]
    assert all(0 < each.properties[Property.MESSAGE_EXPIRY] < 60 for each in found)


async def test_no_local_keeps_the_publisher_out(client, root):
    """A subscription with no local does not echo what its own client publishes."""
    one, two = client(), client()
    for each in (one, two):
        await each.connect()
        await each.subscribe(root, no_local=True)
    one.publish(root, b"to the others", 1)
    assert [each.payload for each in await two.messages(most=1)] == [b"to the others"]
    assert await one.messages() == []


async def test_retain_as_published_keeps_the_flag(client, root):
    """Live messages carry the publisher's retain flag only when asked for."""
    one, plain = client(), client()
    await one.connect()
    await plain.connect()
    await one.subscribe(root, retain_as_published=True)
    await plain.subscribe(root)
    one.publish(root, b"live", 1, retain=False)
    one.publish(root, b"kept", 1, retain=True)
    assert [each.retain for each in await one.messages(most=2)] == [False, True]
    assert [each.retain for each in await plain.messages(most=2)] == [False, False]


async def test_retain_handling_says_when_retained_messages_come(client, root):
    """0: on each subscribe; 1: on a new subscription only; 2: never."""
    one = client()
    await one.connect()
    one.publish(f"{root}/a", b"kept", 1, retain=True)
    await one.messages()
    counts = []
    for handling in (1, 1, 2, 0, 0):
        await one.subscribe(f"{root}/+", retain_handling=handling)
        counts.append(len(await one.messages()))
    assert counts == [1, 0, 0, 1, 1]


async def test_subscription_identifiers_come_with_the_message(client, root):
    """Every matching subscription's identifier is on the message, in one copy or several."""
    one, two = client(), client()
    await one.connect()
    await two.connect()
    await one.subscribe(root, properties={Property.SUBSCRIPTION_IDENTIFIER: 456_789})
    await two.subscribe(root, properties={Property.SUBSCRIPTION_IDENTIFIER: 2})
    await two.subscribe(f"{root}/#", properties={Property.SUBSCRIPTION_IDENTIFIER: 3})
    two.publish(root, b"which", 1)
    found = await one.messages(most=1)
    assert found[0].properties[Property.SUBSCRIPTION_IDENTIFIER] == [456_789]
    both = await two.messages()
    identifiers = [
        number for each in both for number in each.properties[Property.SUBSCRIPTION_IDENTIFIER]
    ]
    assert sorted(identifiers) == [2, 3]


async def test_overlap_is_one_message_with_all_identifiers(client, root, broker):
    """Our broker merges overlapping subscriptions into one delivery."""
    if broker.kind == "mosquitto":
        pytest.skip("the standard leaves the choice to the broker")
    one = client()
    await one.connect()
    await one.subscribe(root, qos=0, properties={Property.SUBSCRIPTION_IDENTIFIER: 2})
    await one.subscribe(f"{root}/#", qos=1, properties={Property.SUBSCRIPTION_IDENTIFIER: 3})
    one.publish(root, b"which", 2)
    (found,) = await one.messages()
    assert found.qos == 1
    assert sorted(found.properties[Property.SUBSCRIPTION_IDENTIFIER]) == [2, 3]


async def test_request_and_response_find_each_other(client, root):
    """The responder answers to the response topic with the correlation data it was given."""
    asker, answerer = client(), client()
    await asker.connect()
    await answerer.connect()
    await asker.subscribe(f"{root}/rsp")
    await answerer.subscribe(f"{root}/cmd")
    asker.publish(
        f"{root}/cmd",
        b"request",
        1,
        properties={Property.RESPONSE_TOPIC: f"{root}/rsp", Property.CORRELATION_DATA: b"334"},
    )
    (request,) = await answerer.messages(most=1)
    answerer.publish(
        request.properties[Property.RESPONSE_TOPIC],
        b"response",
        1,
        properties={Property.CORRELATION_DATA: request.properties[Property.CORRELATION_DATA]},
    )
    (response,) = await asker.messages(most=1)
    assert (response.payload, response.properties[Property.CORRELATION_DATA]) == (
        b"response",
        b"334",
    )


async def test_client_may_use_topic_aliases(client, root):
    """An alias stands for its topic until the connection ends, then for none."""
    one = client()
    connack = await one.connect(properties={Property.SESSION_EXPIRY: 60})
    assert connack.properties[Property.TOPIC_ALIAS_MAXIMUM] > 0
    await one.subscribe(root)
    one.publish(root, b"first", 1, properties={Property.TOPIC_ALIAS: 1})
    one.publish("", b"second", 1, properties={Property.TOPIC_ALIAS: 1})
    found = await one.messages(most=2)
    assert [(each.topic, each.payload) for each in found] == [(root, b"first"), (root, b"second")]
    await one.disconnect()
    await one.connect(clean_start=False)
    one.publish("", b"third", 1, properties={Property.TOPIC_ALIAS: 1})
    farewell = await one.ended()
    assert isinstance(farewell, Disconnect)
    assert farewell.code in {0x82, 0x94}


async def test_topic_alias_zero_and_beyond_the_maximum_are_refused(client, root):
    """Alias 0 and one above the maximum end the connection with Topic Alias invalid."""
    for excess in (None, 1):
        one = client()
        connack = await one.connect()
        most = connack.properties[Property.TOPIC_ALIAS_MAXIMUM]
        alias = 0 if excess is None else most + excess
        one.publish(root, b"x", 1, properties={Property.TOPIC_ALIAS: alias})
        farewell = await one.ended()
        assert isinstance(farewell, Disconnect)
        assert farewell.code == 0x94


async def test_broker_uses_topic_aliases_as_far_as_the_client_allows(client, root):
    """The first topic gets an alias, later messages of it come without a name; others plain."""
    one = client()
    await one.connect(properties={Property.TOPIC_ALIAS_MAXIMUM: 1})
    await one.subscribe(f"{root}/#")
    for topic in ("a", "a", "b", "a"):
        one.publish(f"{root}/{topic}", b"x", 1)
    found = await one.messages(most=4)
    aliases = [each.properties.get(Property.TOPIC_ALIAS) for each in found]
    assert [each.topic for each in found] == [f"{root}/a", "", f"{root}/b", ""]
    assert aliases == [1, 1, None, 1]


async def test_broker_uses_no_topic_alias_unless_allowed(client, root):
    """Without a topic alias maximum every message has its name and no alias."""
    one = client()
    await one.connect()
    await one.subscribe(root)
    for qos in (0, 1, 2):
        one.publish(root, b"x", qos)
    found = await one.messages(most=3)
    assert [each.topic for each in found] == [root] * 3
    assert not any(Property.TOPIC_ALIAS in each.properties for each in found)


async def test_message_too_large_for_its_receiver_is_left_out(client, root):
    """What exceeds the client's maximum packet size is not sent; the next small one is."""
    one = client()
    await one.connect(properties={Property.MAXIMUM_PACKET_SIZE: 64})
    await one.subscribe(root)
    for payload in (b"small", b"." * 64, b"after"):
        one.publish(root, payload, 1)
    assert [each.payload for each in await one.messages()] == [b"small", b"after"]


async def test_packet_too_large_for_the_broker_ends_the_connection(client, root):
    """The broker says its maximum packet size, and why it ends who exceeds it."""
    one = client()
    connack = await one.connect()
    most = connack.properties.get(Property.MAXIMUM_PACKET_SIZE)
    if most is None:
        pytest.skip("this broker announces no maximum")
    one.publish(root, b"." * most)
    farewell = await one.ended()
    assert isinstance(farewell, Disconnect)
    assert farewell.code == 0x95


async def test_long_keepalive_is_cut_to_the_brokers(client):
    """A client that asks for 120 s is told 60 s."""
    one = client()
    connack = await one.connect(keepalive_s=120)
    assert connack.properties[Property.SERVER_KEEP_ALIVE] == 60


async def test_broker_keeps_to_the_clients_receive_maximum(client, root):
    """No more unacknowledged messages than the client takes; each PUBACK brings the next."""
    one, other = client(), client()
    await one.connect(properties={Property.RECEIVE_MAXIMUM: 2})
    await one.subscribe(root)
    await other.connect()
    for number in range(3):
        other.publish(root, b"%d" % number, 1)
    await other.messages()
    first = await one.expect(Publish)
    second = await one.expect(Publish)
    with pytest.raises(TimeoutError):
        await one.receive(0.3)
    one.send(Ack(kind=Kind.PUBACK, packet_id=first.packet_id))
    third = await one.expect(Publish)
    assert [each.payload for each in (first, second, third)] == [b"0", b"1", b"2"]


async def test_client_that_exceeds_the_brokers_receive_maximum_is_ended(client, root):
    """One open QoS 2 message too many: DISCONNECT with Receive Maximum exceeded."""
    one = client()
    connack = await one.connect()
    most = connack.properties.get(Property.RECEIVE_MAXIMUM, 65535)
    for packet_id in range(1, most + 2):
        one.send(Publish(topic=root, payload=b"x", qos=2, packet_id=packet_id))
    farewell = await one.ended()
    assert isinstance(farewell, Disconnect)
    assert farewell.code == 0x93


@pytest.mark.parametrize(
    ("delay_s", "expiry_s", "expected_s"), [(1, 30, 1), (30, 0, 0), (30, 1, 1)]
)
async def test_will_waits_for_its_delay_or_the_end_of_the_session(
    client, root, delay_s, expiry_s, expected_s
):
    """The will comes after the shorter of will delay and session expiry."""
    watcher, lost = client(), client()
    await watcher.connect()
    await watcher.subscribe(root)
    await lost.connect(
        properties={Property.SESSION_EXPIRY: expiry_s},
        will=WillFields(
            topic=root, payload=b"gone", qos=1, properties={Property.WILL_DELAY: delay_s}
        ),
    )
    started_s = asyncio.get_running_loop().time()
    await lost.close()
    found = await watcher.messages(most=1)
    assert [each.payload for each in found] == [b"gone"]
    assert asyncio.get_running_loop().time() - started_s >= expected_s - 0.1


async def test_will_is_void_when_the_client_comes_back_in_time(client, root):
    """A reconnect within the will delay keeps the will from being published."""
    watcher, back = client(), client()
    await watcher.connect()
    await watcher.subscribe(root)
    session = {Property.SESSION_EXPIRY: 30}
    will = WillFields(topic=root, payload=b"gone", qos=1, properties={Property.WILL_DELAY: 1})
    await back.connect(properties=session, will=will)
    await back.close()
    await back.connect(clean_start=False, properties=session)
    assert await watcher.messages(quiet_s=1.5) == []


async def test_disconnect_with_will_publishes_it(client, root):
    """Reason 0x04 asks for the will."""
    watcher, leaving = client(), client()
    await watcher.connect()
    await watcher.subscribe(root)
    await leaving.connect(will=WillFields(topic=root, payload=b"gone", qos=1))
    await leaving.disconnect(code=0x04)
    assert [each.payload for each in await watcher.messages(most=1)] == [b"gone"]


async def test_shared_subscription_serves_one_member_each(client, root):
    """Each message of a shared subscription goes to one member; plain ones to everyone."""
    members = [client(), client()]
    for each in members:
        await each.connect()
        await each.subscribe(f"$share/group/{root}/x", f"{root}/all")
    publisher = client()
    await publisher.connect()
    publisher.publish(f"{root}/all", b"all")
    for number in range(4):
        publisher.publish(f"{root}/x", b"%d" % number)
    found = [await each.messages() for each in members]
    shared = [each.payload for messages in found for each in messages if each.topic.endswith("x")]
    assert sorted(shared) == [b"0", b"1", b"2", b"3"]
    assert [sum(each.payload == b"all" for each in messages) for messages in found] == [1, 1]


async def test_retained_messages_do_not_come_to_shared_subscriptions(client, root):
    """A shared subscription gets live messages only."""
    one = client()
    await one.connect()
    one.publish(root, b"kept", 1, retain=True)
    await one.messages()
    await one.subscribe(f"$share/group/{root}")
    assert await one.messages() == []


async def test_publisher_learns_that_nobody_listens(client, root):
    """PUBACK and PUBREC say No matching subscribers."""
    one = client()
    await one.connect()
    one.publish(root, b"x", 1)
    assert (await one.expect(Ack)).code == 0x10
    one.publish(root, b"x", 2)
    assert (await one.expect(Ack)).code == 0x10
    assert one.version == V5
