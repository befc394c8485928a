"""The session actor in virtual time: one process's MQTT, through every loss of the link."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import pytest

from protocols.mqtt import MqttMessage, Will
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.outgoing import OutgoingQueue
from protocols.mqtt.router import Router
from protocols.mqtt.session import (
    IsLinked,
    LinkDown,
    LinkUp,
    MqttReceived,
    MqttReplyTimeoutError,
    MqttRequest,
    MqttSession,
    Publish,
    Subscribe,
    Unsubscribe,
    reconnect_delay_s,
)
from pyros.actor import Actor, ChildSpec, Message, Request

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Request[list]):
    """What was heard so far."""


class Listener(Actor):
    """Remembers what it is told."""

    async def on_start(self) -> None:
        self.heard: list[Any] = []
        self.subscribe(LinkUp, LinkDown)

    async def on_receive(self, message: Message) -> Any:
        match message:
            case Heard():
                return list(self.heard)
            case MqttReceived(message=received):
                self.heard.append((received.topic, received.payload))
            case LinkUp():
                self.heard.append("up")
            case LinkDown():
                self.heard.append("down")
        return None


class Echo(Actor):
    """Answers every request with its payload reversed."""

    def __init__(self, mqtt) -> None:
        super().__init__()
        self.mqtt = mqtt

    async def on_start(self) -> None:
        self.mqtt.tell(Subscribe(filter="cmd/#", subscriber=self.ref))

    async def on_receive(self, message: Message) -> Any:
        asked = message.message
        for payload in (asked.payload[::-1], b"second reply"):
            reply = MqttMessage(
                topic=asked.response_topic, payload=payload, correlation=asked.correlation, qos=1
            )
            self.mqtt.tell(Publish(message=reply))


@pytest.fixture
def router():
    return LateRouter()


class LateRouter:
    """Makes the router when the loop runs."""

    def __init__(self) -> None:
        self.router: Router | None = None

    def get(self) -> Router:
        if self.router is None:
            self.router = Router(asyncio.get_running_loop())
        return self.router


async def start(system, router, name, **link):
    """A session under this name, with its listener."""

    def make_link():
        return MemoryLink(router.get(), client_id=name, **link)

    session = await system.spawn(
        ChildSpec(
            name=f"mqtt-{name}",
            factory=lambda: MqttSession(link=make_link, response_topic=f"rsp/{name}"),
        )
    )
    listener = await system.spawn(ChildSpec(name=f"listener-{name}", factory=Listener))
    return session, listener


def say(session, topic, payload=b"x", **fields):
    """Publish through a session."""
    session.tell(Publish(message=MqttMessage(topic=topic, payload=payload, **fields)))


async def test_retained_then_live_messages_reach_the_subscriber(system, router):
    """A subscriber gets the last value first, then what is published."""
    one, _ = await start(system, router, "one")
    two, listener = await start(system, router, "two")
    say(one, "dev/p/temp", b"old", retain=True, qos=1)
    await asyncio.sleep(0.1)
    two.tell(Subscribe(filter="dev/#", subscriber=listener))
    await asyncio.sleep(0.1)
    say(one, "dev/p/temp", b"new", retain=True, qos=1)
    say(one, "dev/evt", b"event", qos=1)
    await asyncio.sleep(0.1)
    heard = [each for each in await listener.ask(Heard()) if isinstance(each, tuple)]
    assert heard == [("dev/p/temp", b"old"), ("dev/p/temp", b"new"), ("dev/evt", b"event")]


async def test_unsubscribed_listener_hears_no_more_while_another_still_does(system, router):
    """Each subscriber of a shared filter leaves for itself."""
    one, first = await start(system, router, "one")
    _, second = await start(system, router, "two")
    for each in (first, second):
        one.tell(Subscribe(filter="a/+", subscriber=each))
    one.tell(Unsubscribe(filter="a/+", subscriber=first))
    say(one, "a/b")
    await asyncio.sleep(0.1)
    assert ("a/b", b"x") not in await first.ask(Heard())
    assert ("a/b", b"x") in await second.ask(Heard())


async def test_subscriber_that_is_gone_is_forgotten(system, router):
    """When the last subscriber of a filter ends, the broker is told."""
    one, listener = await start(system, router, "one")
    one.tell(Subscribe(filter="a", subscriber=listener))
    await asyncio.sleep(0.1)
    assert "a" in router.get().session("one").subscriptions
    await listener.stop()
    await asyncio.sleep(0.1)
    assert list(router.get().session("one").subscriptions) == ["rsp/one"]


async def test_lost_link_is_told_reconnected_and_resubscribed(system, router):
    """Down, up again within seconds, subscriptions stand, what waited is published once."""
    one, listener = await start(system, router, "one")
    one.tell(Subscribe(filter="a/#", subscriber=listener))
    await asyncio.sleep(0.1)
    router.get().go_down()
    await asyncio.sleep(0.1)
    assert await one.ask(IsLinked()) is False
    for number in range(3):
        say(one, "a/p/v", b"%d" % number, retain=True, qos=1)
        say(one, "a/evt", b"%d" % number, qos=1)
    await asyncio.sleep(30.0)
    router.get().come_up()
    await asyncio.sleep(70.0)
    heard = await listener.ask(Heard())
    assert [each for each in heard if isinstance(each, str)][-2:] == ["down", "up"]
    values = [each for each in heard if isinstance(each, tuple)]
    assert sorted(values) == [
        ("a/evt", b"0"), ("a/evt", b"1"), ("a/evt", b"2"), ("a/p/v", b"2"),
    ]  # fmt: skip


async def test_kept_session_misses_no_event_while_the_link_is_lost(system, router):
    """With a session expiry the broker keeps QoS 1 messages for a client that comes back."""
    one, listener = await start(system, router, "one", clean_start=False, session_expiry_s=60.0)
    two, _ = await start(system, router, "two")
    one.tell(Subscribe(filter="a/evt", subscriber=listener))
    await asyncio.sleep(0.1)
    router.get().sever("one")
    say(two, "a/evt", b"meanwhile", qos=1)
    await asyncio.sleep(5.0)
    assert ("a/evt", b"meanwhile") in await listener.ask(Heard())


async def test_message_given_while_the_link_is_lost_unnoticed_is_sent_later(system, router):
    """What is published into a link that turns out to be cut is not lost at QoS 1."""
    one, _ = await start(system, router, "one")
    two, listener = await start(system, router, "two")
    two.tell(Subscribe(filter="a", subscriber=listener))
    await asyncio.sleep(0.1)
    router.get().sever("one")
    say(one, "a", b"kept", qos=1)
    await asyncio.sleep(5.0)
    assert ("a", b"kept") in await listener.ask(Heard())


async def test_session_starts_before_the_broker(system, router):
    """Subscriptions and messages given before there is a broker take effect when it comes."""
    router.get().go_down()
    one, listener = await start(system, router, "one")
    one.tell(Subscribe(filter="a", subscriber=listener))
    say(one, "a", b"early", qos=1)
    await asyncio.sleep(5.0)
    router.get().come_up()
    await asyncio.sleep(70.0)
    assert await listener.ask(Heard()) == ["up", ("a", b"early")]


async def test_severed_link_leaves_the_will_and_comes_back(system, router):
    """The will is seen by others; the session reconnects by itself."""
    will = Will(topic="bridge/one/state", payload=b"lost")
    await start(system, router, "one", will=will)
    two, listener = await start(system, router, "two")
    two.tell(Subscribe(filter="bridge/#", subscriber=listener))
    await asyncio.sleep(0.1)
    router.get().sever("one")
    await asyncio.sleep(0.1)
    assert ("bridge/one/state", b"lost") in await listener.ask(Heard())
    await asyncio.sleep(5.0)
    assert router.get().session("one").port is not None


async def test_stopped_session_publishes_its_last_words_and_no_will(system, router):
    """An ordered stop flushes what waits and disconnects."""
    one, _ = await start(system, router, "one", will=Will(topic="w", payload=b"lost"))
    two, listener = await start(system, router, "two")
    two.tell(Subscribe(filter="#", subscriber=listener))
    await asyncio.sleep(0.1)
    say(one, "last/words", b"bye", qos=1)
    await one.ask(IsLinked())  # it has the message in hand, whether published or not
    await one.stop()
    await asyncio.sleep(0.1)
    heard = await listener.ask(Heard())
    assert ("last/words", b"bye") in heard
    assert ("w", b"lost") not in heard


async def test_frozen_link_is_given_up_by_the_broker_after_its_keepalive(system, router):
    """A stopped process is noticed after 1.5 keepalives, its will published."""
    watcher, listener = await start(system, router, "watcher")
    watcher.tell(Subscribe(filter="w", subscriber=listener))
    frozen = MemoryLink(
        router.get(), client_id="f", keepalive_s=10.0, will=Will(topic="w", payload=b"lost")
    )
    await frozen.connect()
    frozen.freeze()
    await asyncio.sleep(14.0)
    assert ("w", b"lost") not in await listener.ask(Heard())
    await asyncio.sleep(2.0)
    assert ("w", b"lost") in await listener.ask(Heard())


async def test_request_is_answered_by_its_first_reply(system, router):
    """Correlated replies find their askers, also when several are under way."""
    one, _ = await start(system, router, "one")
    two, _ = await start(system, router, "two")
    await system.spawn(ChildSpec(name="echo", factory=lambda: Echo(two)))
    await asyncio.sleep(0.1)
    replies = await asyncio.gather(
        *(one.ask(MqttRequest(topic="cmd/do", payload=b"ab%d" % each)) for each in range(5))
    )
    assert replies == [b"%dba" % each for each in range(5)]


async def test_request_without_reply_fails_in_time(system, router):
    """The asker gets a time-out that says so."""
    one, _ = await start(system, router, "one")
    before_s = asyncio.get_running_loop().time()
    with pytest.raises(MqttReplyTimeoutError, match="no reply in time"):
        await one.ask(MqttRequest(topic="cmd/x", payload=b"", reply_timeout_s=2.0), timeout_s=10.0)
    assert asyncio.get_running_loop().time() - before_s == pytest.approx(2.0, abs=0.1)


async def test_expired_command_is_not_sent_after_the_link_returns(system, router):
    """A command that waited longer than its expiry is worthless and dropped."""
    one, _ = await start(system, router, "one")
    two, listener = await start(system, router, "two")
    two.tell(Subscribe(filter="#", subscriber=listener))
    await asyncio.sleep(0.1)
    router.get().go_down(forget=False)
    await asyncio.sleep(0.1)
    say(one, "cmd/old", qos=1, expiry_s=5)
    say(one, "cmd/new", qos=1, expiry_s=500)
    await asyncio.sleep(20.0)
    router.get().come_up()
    await asyncio.sleep(70.0)
    topics = [each[0] for each in await listener.ask(Heard()) if isinstance(each, tuple)]
    assert topics == ["cmd/new"]


async def test_power_cut_severs_the_link_and_the_will_fires(system, router, virtual_time):
    """Kill -9 in virtual time looks the same from outside as a lost connection."""
    await start(system, router, "one", will=Will(topic="w", payload=b"lost"))
    await asyncio.sleep(0.1)
    outside = MemoryLink(router.get(), client_id="outside")
    await outside.connect()
    await outside.subscribe("w")
    system.power_cut()
    message = await anext(outside.messages())
    assert (message.topic, message.payload) == ("w", b"lost")


def values(messages):
    """Payloads in order."""
    return [each.message.payload for each in messages]


def drain(queue, now_s=0.0):
    """Everything that is still to be sent."""
    found = []
    while (item := queue.pop(now_s)) is not None:
        found.append(item)
    return found


def message(topic, payload, **fields):
    """A message."""
    return MqttMessage(topic=topic, payload=payload, **fields)


async def test_queue_keeps_the_latest_retained_value_in_the_place_of_the_first():
    """Order is by first mention, content by last."""
    queue = OutgoingQueue(10)
    queue.put(message("a", b"1", retain=True), now_s=0.0)
    queue.put(message("b", b"2"), now_s=0.0)
    queue.put(message("a", b"3", retain=True), now_s=0.0)
    assert values(drain(queue)) == [b"3", b"2"]


async def test_full_queue_drops_the_oldest_that_is_not_retained():
    """State outlives events when there is no room for both."""
    queue = OutgoingQueue(2)
    queue.put(message("s", b"state", retain=True), now_s=0.0)
    queue.put(message("e", b"1"), now_s=0.0)
    queue.put(message("e", b"2"), now_s=0.0)
    assert queue.dropped == 1
    assert values(drain(queue)) == [b"state", b"2"]


async def test_unconfirmed_messages_go_first_again_but_not_over_newer_state():
    """What the broker did not acknowledge is sent again in order; newer retained values win."""
    queue = OutgoingQueue(10)
    for payload in (b"1", b"2"):
        queue.put(message("e", payload), now_s=0.0)
    queue.put(message("s", b"old", retain=True), now_s=0.0)
    sent = drain(queue)
    queue.put(message("e", b"3"), now_s=0.0)
    queue.put(message("s", b"new", retain=True), now_s=0.0)
    queue.put_back(sent)
    assert values(drain(queue)) == [b"1", b"2", b"3", b"new"]


async def test_queued_message_carries_the_life_it_has_left():
    """Expiry counts wall seconds, also on a dilated loop."""
    queue = OutgoingQueue(10)
    queue.put(message("c", b"x", expiry_s=10), now_s=0.0, loop_per_wall=60.0)
    assert queue.pop(240.0).at(240.0).expiry_s == 6


async def test_reconnect_delays_grow_to_a_minute():
    """1 s, growing by half, capped, with jitter of a fifth."""
    rng = random.Random(1)  # noqa: S311 - repeatable jitter, no secret
    delays = [reconnect_delay_s(attempt, rng) for attempt in range(20)]
    assert 0.8 <= delays[0] <= 1.2
    assert 48.0 <= delays[-1] <= 72.0
    assert len(set(delays)) == 20
