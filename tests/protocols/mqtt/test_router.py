"""The broker core with its timers turned by hand: no sockets, no waiting."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field

import pytest

from protocols.mqtt.faults import Direction, FaultKind, FaultRule, Faults
from protocols.mqtt.limits import BrokerLimits
from protocols.mqtt.publication import Delivery, Publication
from protocols.mqtt.reason import Reason
from protocols.mqtt.router import ConnectRequest, Router
from protocols.mqtt.subscriptions import Subscription
from protocols.mqtt.wills import LastWill


class HandTimers:
    """A loop's time and timers, advanced by the test."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._due: list = []
        self._order = itertools.count()

    def time(self) -> float:
        return self.now_s

    def call_later(self, delay, callback):
        timer = HandTimer(callback)
        heapq.heappush(self._due, (self.now_s + delay, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        end = self.now_s + seconds
        while self._due and self._due[0][0] <= end:
            self.now_s, _, timer = heapq.heappop(self._due)
            if not timer.cancelled:
                timer.callback()
        self.now_s = end


@dataclass
class HandTimer:
    callback: object
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(eq=False)
class TestPort:
    """A connected client that acknowledges at once, unless told not to."""

    __test__ = False

    acknowledging: bool = True
    congested: bool = False
    largest: int = 1 << 30
    session: object = None
    got: list[Delivery] = field(default_factory=list)
    closed: list = field(default_factory=list)

    def deliver(self, delivery: Delivery) -> bool:
        if len(delivery.publication.payload) > self.largest:
            return False
        self.got.append(delivery)
        return True

    def acknowledge(self) -> None:
        for delivery in list(self.got):
            if delivery.qos == 1:
                self.session.acknowledged(delivery.packet_id)

    def release(self, packet_id: int) -> None:
        self.closed.append(("release", packet_id))

    def close(self, reason: Reason) -> None:
        self.closed.append(reason)

    def sever(self) -> None:
        self.closed.append("severed")

    @property
    def payloads(self) -> list[bytes]:
        return [each.publication.payload for each in self.got]


@pytest.fixture
def timers():
    return HandTimers()


@pytest.fixture
def router(timers):
    return Router(timers, limits=BrokerLimits(max_queued_messages=5, max_inflight=3))


def join(router, client_id, *filters, **request):
    """Connect and subscribe; the session and its port."""
    port = TestPort()
    session, _ = router.connect(ConnectRequest(client_id=client_id, **request), port)
    port.session = session
    if filters:
        wanted = [Subscription(topic_filter=each, qos=2) for each in filters]
        router.subscribe(session, wanted, lambda reasons: None)
    session.pump()
    return session, port


def say(router, topic, payload=b"x", qos=0, **fields):
    """Publish as a nameless client."""
    return router.publish(Publication(topic=topic, payload=payload, qos=qos, **fields))


def will(topic="will", **fields):
    """A will of QoS 1."""
    return LastWill(publication=Publication(topic=topic, payload=b"gone", qos=1), **fields)


def test_publish_tells_whether_anyone_matched(router):
    """True with a subscriber, false without."""
    join(router, "a", "x")
    assert say(router, "x") is True
    assert say(router, "y") is False


def test_session_without_expiry_ends_with_its_connection(router):
    """Nothing is left of it: no session, no subscription."""
    session, port = join(router, "a", "x")
    router.detach(session, port, lost=False)
    assert router.session("a") is None
    assert say(router, "x") is False


def test_session_with_expiry_waits_and_then_ends(router, timers):
    """Within the expiry it is resumed; after it, it is gone."""
    session, port = join(router, "a", "x", session_expiry_s=60.0)
    router.detach(session, port, lost=True)
    timers.advance(59.0)
    again, present = router.connect(
        ConnectRequest(client_id="a", clean_start=False, session_expiry_s=60.0), port
    )
    assert present is True
    assert again is session
    router.detach(session, port, lost=True)
    timers.advance(61.0)
    assert router.session("a") is None


def test_queue_of_an_absent_client_is_bounded_and_keeps_the_newest(router):
    """Beyond the bound the oldest message goes; QoS 0 is not kept at all."""
    session, port = join(router, "a", "x", session_expiry_s=60.0)
    router.detach(session, port, lost=True)
    for number in range(9):
        say(router, "x", b"%d" % number, qos=1)
    say(router, "x", b"not kept", qos=0)
    assert session.queued == 5
    assert session.dropped == 5
    port.got.clear()
    _, port = join(router, "a", clean_start=False)
    port.acknowledge()
    assert port.payloads[:5] == [b"4", b"5", b"6", b"7", b"8"]


def test_queue_is_bounded_in_bytes(timers):
    """Large payloads count by their size."""
    router = Router(timers, limits=BrokerLimits(max_queued_bytes=1000))
    session, port = join(router, "a", "x", session_expiry_s=60.0)
    router.detach(session, port, lost=True)
    for _ in range(10):
        say(router, "x", b"." * 300, qos=1)
    assert session.queued == 3


def test_slow_reader_loses_qos_0_and_keeps_qos_1(router):
    """While its socket is full, QoS 0 is dropped and QoS 1 waits."""
    session, port = join(router, "a", "x")
    port.congested = True
    say(router, "x", b"lost", qos=0)
    say(router, "x", b"kept", qos=1)
    assert port.got == []
    port.congested = False
    session.pump()
    assert port.payloads == [b"kept"]
    assert session.dropped == 1


def test_in_flight_messages_are_bounded_and_sent_in_order(router):
    """No more than the receive maximum is open; each acknowledgement brings the next."""
    session, port = join(router, "a", "x", receive_maximum=2)
    for number in range(4):
        say(router, "x", b"%d" % number, qos=1)
    assert port.payloads == [b"0", b"1"]
    assert session.acknowledged(port.got[0].packet_id) is True
    assert port.payloads == [b"0", b"1", b"2"]
    assert session.acknowledged(999) is False
    port.acknowledge()
    assert port.payloads == [b"0", b"1", b"2", b"3"]
    assert session.inflight == 1


def test_message_too_large_for_its_receiver_costs_no_quota(router):
    """It is dropped, and what follows is sent."""
    session, port = join(router, "a", "x", receive_maximum=1)
    port.largest = 10
    say(router, "x", b"." * 11, qos=1)
    say(router, "x", b"small", qos=1)
    assert port.payloads == [b"small"]
    assert session.dropped == 1


def test_qos_2_delivery_goes_through_its_four_steps(router):
    """Open until PUBCOMP; PUBREC twice is fine, PUBCOMP before it is not."""
    session, port = join(router, "a", "x")
    say(router, "x", b"once", qos=2)
    packet_id = port.got[0].packet_id
    assert session.completed(packet_id) is False
    assert session.received(packet_id, refused=False) is True
    assert session.received(packet_id, refused=False) is True
    assert session.inflight == 1
    assert session.completed(packet_id) is True
    assert session.inflight == 0


def test_refused_qos_2_delivery_is_done(router):
    """A PUBREC with an error ends the exchange."""
    session, port = join(router, "a", "x")
    say(router, "x", b"once", qos=2)
    assert session.received(port.got[0].packet_id, refused=True) is True
    assert session.inflight == 0


def test_message_that_expired_while_waiting_is_not_sent(router, timers):
    """Expiry is judged when it is the message's turn."""
    _, port = join(router, "a", "x", receive_maximum=1)
    say(router, "x", b"first", qos=1)
    say(router, "x", b"short", qos=1, expires_s=5.0)
    say(router, "x", b"long", qos=1, expires_s=500.0)
    timers.advance(10.0)
    port.acknowledge()
    assert port.payloads == [b"first", b"long"]
    assert port.got[1].message(timers.now_s).expiry_s == 490


def test_takeover_closes_the_old_connection_and_keeps_the_session(router):
    """The newer connection of a client id wins."""
    session, old = join(router, "a", "x", session_expiry_s=60.0)
    again, new = join(router, "a", clean_start=False, session_expiry_s=60.0)
    assert old.closed == [Reason.SESSION_TAKEN_OVER]
    assert again is session
    say(router, "x")
    assert (len(old.got), len(new.got)) == (0, 1)
    router.detach(session, old, lost=True)
    assert session.port is new


def test_takeover_with_clean_start_begins_anew(router):
    """Subscriptions of the old session are gone."""
    join(router, "a", "x", session_expiry_s=60.0)
    _, new = join(router, "a")
    say(router, "x")
    assert new.got == []


def test_will_comes_true_at_once_without_a_delay(router):
    """A lost client's will is published; one that left in order has none."""
    _, watcher = join(router, "w", "will")
    lost, port = join(router, "a", will=will())
    router.detach(lost, port, lost=True)
    assert watcher.payloads == [b"gone"]
    left, port = join(router, "b", will=will())
    router.detach(left, port, lost=False)
    assert watcher.payloads == [b"gone"]


def test_delayed_will_comes_with_its_delay_or_the_sessions_end(router, timers):
    """Whichever is sooner; a comeback voids it; a clean start ends the session and brings it."""
    _, watcher = join(router, "w", "will")
    for client_id, delay_s, expiry_s, at_s in (("a", 10, 60.0, 10), ("b", 60, 10.0, 10)):
        session, port = join(
            router, client_id, will=will(delay_s=delay_s), session_expiry_s=expiry_s
        )
        router.detach(session, port, lost=True)
        timers.advance(at_s - 1)
        assert watcher.payloads == []
        timers.advance(2)
        assert watcher.payloads == [b"gone"]
        watcher.got.clear()
    session, port = join(router, "c", will=will(delay_s=10), session_expiry_s=60.0)
    router.detach(session, port, lost=True)
    join(router, "c", clean_start=False, session_expiry_s=60.0)
    timers.advance(30)
    assert watcher.payloads == []
    session, port = join(router, "d", will=will(delay_s=10), session_expiry_s=60.0)
    router.detach(session, port, lost=True)
    join(router, "d", clean_start=True)
    assert watcher.payloads == [b"gone"]


def test_wills_expiry_counts_from_its_publication(router, timers):
    """The will's message expiry begins when it is published."""
    lost, port = join(router, "a", will=will(delay_s=100, expiry_s=5), session_expiry_s=1000.0)
    join(router, "w", "will")
    router.detach(lost, port, lost=True)
    timers.advance(100)
    _, watcher = router.session("w"), router.session("w").port
    assert watcher.got[0].message(timers.now_s).expiry_s == 5


def test_share_group_takes_turns_and_skips_the_slow_and_absent(router):
    """Members are served in turn; one that cannot take a message is passed over."""
    _, one = join(router, "a", "$share/g/x")
    _, two = join(router, "b", "$share/g/x")
    for number in range(4):
        say(router, "x", b"%d" % number)
    assert (one.payloads, two.payloads) == ([b"0", b"2"], [b"1", b"3"])
    two.congested = True
    for number in range(4, 7):
        say(router, "x", b"%d" % number)
    assert len(one.got) == 5


def test_retained_messages_wait_for_a_slow_reader_even_at_qos_0(router):
    """State that was asked for is not dropped."""
    say(router, "state", b"on", retain=True)
    port = TestPort(congested=True)
    session, _ = router.connect(ConnectRequest(client_id="a"), port)
    router.subscribe(session, [Subscription(topic_filter="state")], lambda reasons: None)
    assert port.got == []
    port.congested = False
    session.pump()
    assert port.payloads == [b"on"]


def test_subscribe_acknowledges_before_anything_retained(router):
    """The answer comes first, then the retained messages."""
    say(router, "state", b"on", qos=1, retain=True)
    session, port = join(router, "a")
    seen = []
    router.subscribe(
        session,
        [Subscription(topic_filter="state", qos=1), Subscription(topic_filter="bad/#/x")],
        lambda reasons: seen.append((list(reasons), len(port.got))),
    )
    assert seen == [([Reason.GRANTED_QOS_1, Reason.TOPIC_FILTER_INVALID], 0)]
    assert port.got[0].retain is True


def test_too_many_levels_and_too_many_subscriptions_are_refused(timers):
    """Bounds on depth and number hold."""
    router = Router(timers, limits=BrokerLimits(max_topic_levels=3, max_subscriptions=1))
    session, _ = join(router, "a")
    got: list[Reason] = []
    wanted = [Subscription(topic_filter=each) for each in ("a/b/c/d", "a", "a", "b")]
    router.subscribe(session, wanted, got.extend)
    assert got == [
        Reason.TOPIC_FILTER_INVALID,
        Reason.GRANTED_QOS_1,
        Reason.GRANTED_QOS_1,
        Reason.QUOTA_EXCEEDED,
    ]


def test_kept_sessions_are_bounded_and_the_longest_away_goes(timers):
    """Clients that never come back do not fill the memory."""
    router = Router(timers, limits=BrokerLimits(max_offline_sessions=2))
    for name in ("a", "b", "c"):
        session, port = join(router, name, "x", session_expiry_s=float("inf"))
        router.detach(session, port, lost=False)
    assert [each.client_id for each in router.sessions] == ["b", "c"]


def test_broker_that_goes_down_forgets_and_publishes_no_will(router):
    """As after kill -9 without persistence: connections cut, nothing kept, nothing said."""
    say(router, "state", b"on", retain=True)
    _, watcher = join(router, "w", "#", session_expiry_s=60.0)
    join(router, "a", will=will(), session_expiry_s=60.0)
    watcher.got.clear()
    router.go_down()
    assert router.sessions == ()
    assert len(router.retained) == 0
    assert watcher.payloads == []
    assert watcher.closed == ["severed"]


def test_severed_client_leaves_its_will(router):
    """A cut cable is a lost connection."""
    _, watcher = join(router, "w", "will")
    _, port = join(router, "a", will=will())
    assert router.sever("a") is True
    assert router.sever("a") is False
    assert port.closed == ["severed"]
    assert watcher.payloads == [b"gone"]


def faulty(timers, *rules, seed=1):
    """A router with these faults."""
    faults = Faults(random.Random(seed))  # noqa: S311 - a repeatable fault, no secret
    for rule in rules:
        faults.add(rule)
    return Router(timers, faults=faults)


def test_dropped_topic_reaches_nobody_and_others_do(timers):
    """A drop rule applies to its topics and clients only."""
    router = faulty(timers, FaultRule(kind=FaultKind.DROP, topic_filter="x/#", client="cam*"))
    _, camera = join(router, "cam-1", "#")
    _, other = join(router, "other", "#")
    say(router, "x/1")
    say(router, "y")
    assert [each.publication.topic for each in camera.got] == ["y"]
    assert [each.publication.topic for each in other.got] == ["x/1", "y"]


def test_delayed_and_duplicated_messages_arrive_late_and_twice(timers):
    """Both faults may befall one message."""
    router = faulty(
        timers,
        FaultRule(kind=FaultKind.DELAY, delay_s=10.0),
        FaultRule(kind=FaultKind.DUPLICATE),
    )
    _, port = join(router, "a", "x")
    say(router, "x", qos=1)
    assert port.got == []
    timers.advance(10.0)
    assert len(port.got) == 2
    assert port.got[0].packet_id != port.got[1].packet_id


def test_disconnect_fault_cuts_the_client_a_given_number_of_times(timers):
    """The rule is spent after its count."""
    rule = FaultRule(kind=FaultKind.DISCONNECT, client="a", count=1)
    router = faulty(timers, rule)
    _, port = join(router, "a", "x")
    say(router, "x")
    assert port.closed == ["severed"]
    _, port = join(router, "a", "x")
    say(router, "x")
    assert len(port.got) == 1


def test_faults_on_the_way_to_the_broker_hide_a_message_from_all(timers):
    """A message lost on its way in is not retained either."""
    router = faulty(timers, FaultRule(kind=FaultKind.DROP, direction=Direction.TO_BROKER))
    _, port = join(router, "a", "x")
    session, _ = join(router, "b")
    router.receive(session, Publication(topic="x", payload=b"1", retain=True))
    assert port.got == []
    assert len(router.retained) == 0


def test_faults_repeat_from_their_seed(timers):
    """The same seed drops the same messages."""
    runs = []
    for seed in (3, 3, 4):
        rule = FaultRule(kind=FaultKind.DROP, probability=0.5)
        router = faulty(HandTimers(), rule, seed=seed)
        _, port = join(router, "a", "x")
        for number in range(64):
            say(router, "x", b"%d" % number)
        runs.append(port.payloads)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert 10 < len(runs[0]) < 54
