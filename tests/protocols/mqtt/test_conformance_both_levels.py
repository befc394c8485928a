"""What MQTT 3.1.1 and 5 promise alike, asked of our broker and of Mosquitto.

The cases follow the list of the public Eclipse Paho interoperability suite, in our own words.
"""

from __future__ import annotations

import asyncio

import pytest

from protocols.mqtt.encode import encode
from protocols.mqtt.packets import (
    V5,
    V311,
    Ack,
    Connack,
    Connect,
    Disconnect,
    Publish,
    Subscribe,
    WillFields,
)
from protocols.mqtt.properties import Kind, Property
from protocols.mqtt.subscriptions import Subscription

pytestmark = pytest.mark.asyncio
levels = pytest.mark.parametrize("version", [V311, V5], ids=["v311", "v5"])


def kept(version: int) -> dict:
    """CONNECT fields of a session that outlives its connection."""
    properties = {Property.SESSION_EXPIRY: 60} if version == V5 else {}
    return {"clean_start": False, "properties": properties}


@levels
async def test_subscriber_receives_each_quality_of_service(client, root, version):
    """A message arrives once at the lower of published and granted QoS, 0, 1 and 2."""
    one = client(version)
    assert (await one.connect()).session_present is False
    assert await one.subscribe(root) == (2,)
    for qos in (0, 1, 2):
        one.publish(root, b"at %d" % qos, qos)
    found = await one.messages(most=3)
    assert sorted((each.qos, each.payload) for each in found) == [
        (0, b"at 0"), (1, b"at 1"), (2, b"at 2"),
    ]  # fmt: skip


@levels
async def test_second_connect_ends_the_connection(client, version):
    """A CONNECT on a connected socket is a protocol error."""
    one = client(version)
    await one.connect()

    one.send(Connect(version=version, client_id=one.client_id))
    await one.ended()


@levels
async def test_wrong_protocol_name_is_not_let_in(client, version):
    """A CONNECT of another protocol gets no CONNACK of success."""
    one = client(version)
    await one.open()
    frame = encode(Connect(version=version, client_id=one.client_id), version)
    one.send_bytes(frame.replace(b"\x00\x04MQTT", b"\x00\x04HJTT"))
    answer = await one.receive()
    assert answer is None or (isinstance(answer, Connack) and answer.code != 0)


@levels
async def test_retained_messages_come_to_a_new_subscription_until_cleared(client, root, version):
    """The last value of each topic comes with the retain flag; an empty payload clears it."""
    one = client(version)
    await one.connect()
    for qos in (0, 1, 2):
        one.publish(f"{root}/{qos}", b"kept", qos, retain=True)
    await one.messages()
    await one.subscribe(f"{root}/+")
    found = await one.messages(most=3)
    assert sorted((each.topic, each.qos, each.retain) for each in found) == [
        (f"{root}/{qos}", qos, True) for qos in (0, 1, 2)
    ]
    for qos in (0, 1, 2):
        one.publish(f"{root}/{qos}", b"", qos, retain=True)
    await one.messages()
    two = client(version)
    await two.connect()
    await two.subscribe(f"{root}/+")
    assert await two.messages() == []


@levels
async def test_will_is_published_when_the_socket_is_cut_but_not_after_disconnect(
    client, root, version
):
    """The will is for the lost, not for those who left."""
    watcher = client(version)
    await watcher.connect()
    await watcher.subscribe(f"{root}/#")
    left = client(version)
    await left.connect(will=WillFields(topic=f"{root}/will", payload=b"left", qos=1))
    await left.disconnect()
    lost = client(version)
    await lost.connect(will=WillFields(topic=f"{root}/will", payload=b"gone", qos=1))
    await lost.close()
    found = await watcher.messages(most=1)
    assert [each.payload for each in found] == [b"gone"]


@levels
async def test_silent_client_is_lost_after_one_and_a_half_keepalives(client, root, version):
    """A client that promised to ping each second and does not is lost; its will comes true."""
    watcher = client(version)
    await watcher.connect()
    await watcher.subscribe(root)
    silent = client(version)
    await silent.connect(
        keepalive_s=1, will=WillFields(topic=root, payload=b"keepalive expiry", qos=1)
    )
    started_s = asyncio.get_running_loop().time()
    found = await watcher.messages(most=1)
    assert [each.payload for each in found] == [b"keepalive expiry"]
    assert asyncio.get_running_loop().time() - started_s > 1.2


@levels
async def test_messages_queue_for_a_client_that_is_away(client, root, version):
    """A kept session receives later what was published meanwhile at QoS 1 and 2, in order."""
    away = client(version)
    await away.connect(**kept(version))
    await away.subscribe(f"{root}/+")
    await away.disconnect()
    other = client(version)
    await other.connect()
    for qos in (0, 1, 2):
        other.publish(f"{root}/{qos}", b"%d" % qos, qos)
    await other.messages()
    connack = await away.connect(**kept(version))
    assert connack.session_present is True
    found = await away.messages()
    assert [each.payload for each in found if each.qos] == [b"1", b"2"]


@levels
async def test_overlapping_subscriptions_deliver_at_the_highest_quality(client, root, version):
    """One message at the highest granted QoS, or one for each subscription: nothing else."""
    one = client(version)
    await one.connect()
    await one.subscribe(f"{root}/#", qos=2)
    await one.subscribe(f"{root}/+", qos=1)
    one.publish(f"{root}/c", b"overlap", 2)
    found = await one.messages()
    assert sorted(each.qos for each in found) in ([2], [1, 2])


@levels
async def test_what_was_not_acknowledged_is_sent_again_as_duplicate(client, root, version):
    """After a reconnect QoS 1 and 2 messages in flight come again with the DUP flag, same ids."""
    one = client(version)
    await one.connect(**kept(version))
    await one.subscribe(f"{root}/#")
    other = client(version)
    await other.connect()
    other.publish(f"{root}/b", b"one", 1)
    other.publish(f"{root}/c", b"two", 2)
    await other.messages()
    first = [await one.expect(Publish), await one.expect(Publish)]
    await one.close()
    await one.connect(**kept(version))
    again = await one.messages(most=2)
    assert [(each.packet_id, each.payload) for each in again] == [
        (each.packet_id, each.payload) for each in first
    ]
    assert all(each.duplicate for each in again)


@levels
async def test_received_but_not_completed_is_released_again(client, root, version):
    """After PUBREC and a lost connection the broker repeats PUBREL, not the message."""
    one = client(version)
    await one.connect(**kept(version))
    await one.subscribe(root)
    other = client(version)
    await other.connect()
    other.publish(root, b"once", 2)
    await other.messages()
    publish = await one.expect(Publish)
    one.send(Ack(kind=Kind.PUBREC, packet_id=publish.packet_id))
    assert (await one.expect(Ack)).kind is Kind.PUBREL
    await one.close()
    await one.connect(**kept(version))
    release = await one.expect(Ack)
    assert (release.kind, release.packet_id) == (Kind.PUBREL, publish.packet_id)
    one.send(Ack(kind=Kind.PUBCOMP, packet_id=publish.packet_id))
    assert await one.messages() == []


@levels
async def test_message_sent_twice_at_qos_2_is_delivered_once(client, root, version):
    """A PUBLISH repeated before its PUBREL is the same message."""
    one = client(version)
    await one.connect()
    await one.subscribe(root)
    for duplicate in (False, True):
        one.send(Publish(topic=root, payload=b"x", qos=2, packet_id=77, duplicate=duplicate))
    assert len(await one.messages()) == 1


@levels
async def test_wildcards_at_the_front_do_not_match_dollar_topics(client, root, version):
    """`#` and `+/...` leave topics that begin with `$` alone; naming them matches."""
    one = client(version)
    await one.connect()
    await one.subscribe("#", f"+/{root}")
    await one.messages()
    one.publish(f"$other/{root}", b"hidden", 1)
    assert [each for each in await one.messages() if each.payload == b"hidden"] == []
    await one.subscribe(f"$other/{root}")
    one.publish(f"$other/{root}", b"named", 1)
    assert [each.payload for each in await one.messages(most=1)] == [b"named"]


@levels
async def test_unsubscribed_topic_is_no_longer_received(client, root, version):
    """After UNSUBACK only the other subscriptions deliver."""
    one = client(version)
    await one.connect()
    await one.subscribe(f"{root}/a", f"{root}/b")
    await one.unsubscribe(f"{root}/a")
    one.publish(f"{root}/a", b"a", 1)
    one.publish(f"{root}/b", b"b", 1)
    assert [each.payload for each in await one.messages()] == [b"b"]


@levels
async def test_second_client_of_a_name_takes_the_first_one_over(client, root, version):
    """The older connection of a client id is closed, its will published."""
    watcher = client(version)
    await watcher.connect()
    await watcher.subscribe(root)
    first = client(version)
    await first.connect(will=WillFields(topic=root, payload=b"taken over", qos=1))
    second = client(version, client_id=first.client_id)
    await second.connect()
    farewell = await first.ended()
    if version == V5:
        assert isinstance(farewell, Disconnect)
        assert farewell.code == 0x8E
    assert [each.payload for each in await watcher.messages(most=1)] == [b"taken over"]


@levels
async def test_large_message_arrives_whole(client, root, version):
    """Half a megabyte crosses unchanged, among small ones, in order."""
    one = client(version)
    await one.connect()
    await one.subscribe(root, qos=1)
    big = bytes(range(256)) * 2048
    for payload in (b"before", big, b"after"):
        one.publish(root, payload, 1)
    found = await one.messages(most=3)
    assert [each.payload for each in found] == [b"before", big, b"after"]


@levels
async def test_retained_message_is_sent_for_each_subscribe_of_the_filter(client, root, version):
    """Subscribing again repeats the retained messages, and replaces the subscription."""
    one = client(version)
    await one.connect()
    one.publish(root, b"kept", 1, retain=True)
    await one.messages()
    await one.subscribe(root)
    assert len(await one.messages(most=1)) == 1
    await one.subscribe(root, qos=0)
    assert [each.qos for each in await one.messages(most=1)] == [0]
    one.publish(root, b"live", 1)
    assert [(each.payload, each.qos) for each in await one.messages()] == [(b"live", 0)]


async def test_empty_client_id_needs_a_clean_session_in_311(client):
    """3.1.1: refused with return code 2 unless the session is clean."""
    one = client(V311, client_id="")
    assert (await one.connect(clean_start=False)).code == 2
    await one.close()
    assert (await one.connect(clean_start=True)).code == 0


async def test_empty_client_id_is_given_a_name_in_5(client):
    """MQTT 5: the broker assigns a name and says which."""
    one = client(V5, client_id="")
    connack = await one.connect(clean_start=True)
    assert connack.code == 0
    assert connack.properties[Property.ASSIGNED_CLIENT_ID]
    await one.disconnect()
    assert (await one.connect(clean_start=False)).code == 0


@levels
async def test_refused_filter_fails_alone(client, root, version, broker):
    """A SUBACK refuses one filter with 0x80 and grants the other."""
    if broker.kind == "mosquitto":
        pytest.skip("Mosquitto is started without an access list")
    one = client(version)
    await one.connect()
    assert await one.subscribe("nobody/may/subscribe", root) == (0x80, 2)


@levels
async def test_several_packets_in_one_segment_and_one_in_many(client, root, version):
    """Framing does not depend on how TCP cuts the stream."""
    one = client(version)
    await one.connect()
    stream = encode(
        Subscribe(packet_id=9, subscriptions=(Subscription(topic_filter=root, qos=0),)), version
    )
    for number in range(5):
        stream += encode(Publish(topic=root, payload=b"%d" % number), version)
    for byte in stream:
        one.send_bytes(bytes((byte,)))
        await asyncio.sleep(0)
    found = await one.messages(most=5)
    assert [each.payload for each in found] == [b"0", b"1", b"2", b"3", b"4"]
