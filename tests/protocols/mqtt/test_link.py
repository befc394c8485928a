"""One contract for every link: in memory, over sockets to our broker, over sockets to Mosquitto."""

from __future__ import annotations

import asyncio
import itertools
import socket

import pytest
import pytest_asyncio

from protocols.mqtt import MqttLinkError, MqttMessage, MqttRefusedError, Will
from protocols.mqtt.access import OpenAccess
from protocols.mqtt.link import AiomqttLink
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.router import Router
from protocols.mqtt.server import free_port, serve_broker

pytestmark = pytest.mark.asyncio
_names = itertools.count(1)
_ACCESS = OpenAccess(refused_filters=("nobody/may/subscribe",))


@pytest_asyncio.fixture(
    params=["memory", "pyros", pytest.param("mosquitto", marks=pytest.mark.peer)]
)
async def link(request):
    """Makes links to one broker, by whatever transport; all are closed at the end."""
    made = []
    server = None
    router = Router(asyncio.get_running_loop(), access=_ACCESS)
    port = 0
    if request.param == "pyros":
        server = await serve_broker(0, access=_ACCESS)
        port = server.port
    elif request.param == "mosquitto":
        port = request.getfixturevalue("mosquitto_port")

    def make(client_id=None, **fields):
        name = client_id or f"link-{next(_names)}"
        if request.param == "memory":
            made.append(MemoryLink(router, client_id=name, **fields))
        else:
            made.append(AiomqttLink("127.0.0.1", port, client_id=name, **fields))
        return made[-1]

    make.kind = request.param
    yield make
    for each in made:
        await each.disconnect()
    if server is not None:
        await server.stop()


async def take(link, count, patience_s=5.0):
    """The next messages."""
    messages = link.messages()
    async with asyncio.timeout(patience_s):
        return [await anext(messages) for _ in range(count)]


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_message_crosses_with_all_it_carries(link, root, qos):
    """Payload, QoS, response topic, correlation, expiry and user properties arrive."""
    one, two = link(), link()
    await one.connect()
    await two.connect()
    await two.subscribe(f"{root}/+", qos=2)
    sent = MqttMessage(
        topic=f"{root}/a",
        payload=bytes(range(256)),
        qos=qos,
        response_topic=f"{root}/rsp",
        correlation=b"\x00\xff",
        expiry_s=30,
        user_properties=(("trace", "1"), ("trace", "2")),
    )
    await one.publish(sent)
    assert await take(two, 1) == [sent]


async def test_messages_arrive_in_the_order_of_publishing(link, root):
    """A hundred QoS 1 messages, in order, each once."""
    one, two = link(), link()
    await one.connect()
    await two.connect()
    await two.subscribe(root)
    for number in range(100):
        await one.publish(MqttMessage(topic=root, payload=b"%d" % number, qos=1))
    assert [each.payload for each in await take(two, 100)] == [b"%d" % n for n in range(100)]


async def test_retained_value_comes_with_the_subscription(link, root):
    """The last value arrives flagged as retained; a cleared one does not."""
    one, two = link(), link()
    await one.connect()
    await two.connect()
    for payload in (b"old", b"new"):
        await one.publish(MqttMessage(topic=f"{root}/v", payload=payload, qos=1, retain=True))
    await one.publish(MqttMessage(topic=f"{root}/gone", payload=b"x", qos=1, retain=True))
    await one.publish(MqttMessage(topic=f"{root}/gone", payload=b"", qos=1, retain=True))
    await two.subscribe(f"{root}/#")
    await two.publish(MqttMessage(topic=f"{root}/end", payload=b"", qos=1))
    first, last = await take(two, 2)
    assert (first.topic, first.payload, first.retain) == (f"{root}/v", b"new", True)
    assert last.topic == f"{root}/end"


async def test_cut_link_raises_and_leaves_its_will(link, root):
    """The reader learns of the loss, others get the will, retained."""
    one, two = link(will=Will(topic=f"{root}/will", payload=b"lost")), link()
    await one.connect()
    await two.connect()
    await two.subscribe(f"{root}/#")
    one.abort()
    with pytest.raises(MqttLinkError):
        await take(one, 1)
    with pytest.raises(MqttLinkError):
        await one.publish(MqttMessage(topic=root, payload=b""))
    (will,) = await take(two, 1)
    assert (will.topic, will.payload) == (f"{root}/will", b"lost")
    late = link()
    await late.connect()
    await late.subscribe(f"{root}/#")
    (kept,) = await take(late, 1)
    assert (kept.payload, kept.retain) == (b"lost", True)


async def test_orderly_disconnect_leaves_no_will(link, root):
    """Who leaves in order is not lost."""
    one, two = link(will=Will(topic=f"{root}/will", payload=b"lost")), link()
    await one.connect()
    await two.connect()
    await two.subscribe(f"{root}/#")
    await one.disconnect()
    await asyncio.sleep(0.05)
    await two.publish(MqttMessage(topic=f"{root}/end", payload=b"", qos=1))
    assert [each.topic for each in await take(two, 1)] == [f"{root}/end"]


async def test_unsubscribed_link_hears_no_more(link, root):
    """After unsubscribe only the other filter delivers."""
    one = link()
    await one.connect()
    await one.subscribe(f"{root}/a")
    await one.subscribe(f"{root}/b")
    await one.unsubscribe(f"{root}/a")
    for level in ("a", "b"):
        await one.publish(MqttMessage(topic=f"{root}/{level}", payload=b"", qos=1))
    assert [each.topic for each in await take(one, 1)] == [f"{root}/b"]


async def test_second_link_of_a_name_ends_the_first(link, root):
    """The broker closes the older connection of a client id."""
    first = link(f"{root}-name")
    await first.connect()
    second = link(f"{root}-name")
    await second.connect()
    with pytest.raises(MqttLinkError):
        await take(first, 1)
    await second.publish(MqttMessage(topic=root, payload=b"", qos=1))


async def test_kept_session_receives_what_it_missed(link, root):
    """With a session expiry, QoS 1 messages wait for the client."""
    fields = {"clean_start": False, "session_expiry_s": 60}
    first = link(f"{root}-kept", **fields)
    await first.connect()
    await first.subscribe(root)
    await first.disconnect()
    other = link()
    await other.connect()
    await other.publish(MqttMessage(topic=root, payload=b"missed", qos=1))
    again = link(f"{root}-kept", **fields)
    await again.connect()
    assert [each.payload for each in await take(again, 1)] == [b"missed"]


async def test_refused_subscription_leaves_the_link_alone(link, root):
    """A refusal names the filter; the connection goes on."""
    if link.kind == "mosquitto":
        pytest.skip("Mosquitto is started without an access list")
    one = link()
    await one.connect()
    with pytest.raises(MqttRefusedError, match="nobody/may/subscribe"):
        await one.subscribe("nobody/may/subscribe")
    await one.subscribe(root)
    await one.publish(MqttMessage(topic=root, payload=b"on", qos=1))
    assert [each.payload for each in await take(one, 1)] == [b"on"]


async def test_publishing_to_a_wildcard_is_refused_and_the_link_goes_on(link, root):
    """A malformed topic is the caller's mistake, not the link's end."""
    one = link()
    await one.connect()
    with pytest.raises(MqttRefusedError):
        await one.publish(MqttMessage(topic=f"{root}/#", payload=b""))
    await one.publish(MqttMessage(topic=root, payload=b"", qos=1))


async def test_unconnected_link_refuses_to_work(link, root):
    """Publish, subscribe and read need a connection."""
    one = link()
    with pytest.raises(MqttLinkError):
        await one.publish(MqttMessage(topic=root, payload=b""))
    with pytest.raises(MqttLinkError):
        await one.subscribe(root)
    with pytest.raises(MqttLinkError):
        await take(one, 1)


async def test_link_to_nobody_says_so():
    """No broker: one error that names the address."""
    port = free_port()
    with pytest.raises(MqttLinkError, match=f"127.0.0.1:{port}"):
        await AiomqttLink("127.0.0.1", port, client_id="x").connect()


async def test_link_to_a_silent_server_gives_up_and_leaves_nothing_behind():
    """Without CONNACK in time the attempt ends, and its socket is closed."""
    closed = asyncio.Event()

    async def say_nothing(reader, writer):
        while await reader.read(100):
            pass
        closed.set()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(MqttLinkError, match="cannot connect"):
            await AiomqttLink("127.0.0.1", port, client_id="x", timeout_s=0.3).connect()
        async with asyncio.timeout(5):
            await closed.wait()


async def test_publish_under_way_ends_with_the_link():
    """A publish that waits for its acknowledgement fails at once when the link is lost."""
    server = await serve_broker(0)
    one = AiomqttLink("127.0.0.1", server.port, client_id="one")
    await one.connect()
    session = server.router.session("one")
    session.port._transport.pause_reading()  # the broker hears no more, as when stopped
    publish = asyncio.create_task(one.publish(MqttMessage(topic="a", payload=b"", qos=1)))
    await asyncio.sleep(0.05)
    assert not publish.done()
    server.router.sever("one")
    with pytest.raises(MqttLinkError):
        async with asyncio.timeout(2):
            await publish
    await one.disconnect()
    await server.stop()


async def test_sockets_do_not_wait_for_more_to_send():
    """TCP_NODELAY is set on both sides: no Nagle in request and response."""
    server = await serve_broker(0)
    one = AiomqttLink("127.0.0.1", server.port, client_id="one")
    await one.connect()
    theirs = one._client._client.socket()
    ours = server.router.session("one").port._transport.get_extra_info("socket")
    for each in (theirs, ours):
        assert each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await one.disconnect()
    await server.stop()


async def test_timeouts_are_wall_seconds_on_a_dilated_loop():
    """A loop sixty times faster waits sixty times as many of its seconds."""
    loop = asyncio.get_running_loop()
    loop.speed = 60.0
    try:
        link = AiomqttLink("127.0.0.1", 1, client_id="x", timeout_s=2.0)
        assert link._build().timeout == 120.0
    finally:
        del loop.speed


async def test_cancelled_publish_is_cancelled_at_whatever_moment(link):
    """A cancellation that comes together with the acknowledgement is not lost."""
    here = link()
    await here.connect()
    for ticks in itertools.count():
        sent = asyncio.ensure_future(here.publish(MqttMessage(topic="t", payload=b"", qos=1)))
        for _ in range(ticks):
            await asyncio.sleep(0)
        if not sent.cancel():
            break
        with pytest.raises(asyncio.CancelledError):
            await sent
