"""What a session does with messages: order, bounds, the steps of QoS 1 and 2, expiry."""

from __future__ import annotations

from protocols.mqtt.limits import BrokerLimits
from protocols.mqtt.reason import Reason
from protocols.mqtt.router import ConnectRequest, Router
from protocols.mqtt.subscriptions import Subscription


def test_queue_of_an_absent_client_is_bounded_and_keeps_the_newest(router, join, say):
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


def test_queue_is_bounded_in_bytes(timers, join, say):
    """Large payloads count by their size."""
    router = Router(timers, limits=BrokerLimits(max_queued_bytes=1000))
    session, port = join(router, "a", "x", session_expiry_s=60.0)
    router.detach(session, port, lost=True)
    for _ in range(10):
        say(router, "x", b"." * 300, qos=1)
    assert session.queued == 3


def test_slow_reader_loses_qos_0_and_keeps_qos_1(router, join, say):
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


def test_in_flight_messages_are_bounded_and_sent_in_order(router, join, say):
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


def test_message_too_large_for_its_receiver_costs_no_quota(router, join, say):
    """It is dropped, and what follows is sent."""
    session, port = join(router, "a", "x", receive_maximum=1)
    port.largest = 10
    say(router, "x", b"." * 11, qos=1)
    say(router, "x", b"small", qos=1)
    assert port.payloads == [b"small"]
    assert session.dropped == 1


def test_qos_2_delivery_goes_through_its_four_steps(router, join, say):
    """Open until PUBCOMP; PUBREC twice is fine, PUBCOMP before it is not."""
    session, port = join(router, "a", "x")
    say(router, "x", b"once", qos=2)
    packet_id = port.got[0].packet_id
    assert session.completed(packet_id) is False
    assert session.received(packet_id, refused=False) is True
    assert session.received(packet_id, refused=False) is True
    assert session.completed(packet_id) is True
    assert session.completed(packet_id) is False


def test_refused_qos_2_delivery_is_done(router, join, say):
    """A PUBREC with an error ends the exchange."""
    session, port = join(router, "a", "x")
    say(router, "x", b"once", qos=2)
    assert session.received(port.got[0].packet_id, refused=True) is True
    assert session.received(port.got[0].packet_id, refused=False) is False


def test_message_that_expired_while_waiting_is_not_sent(router, timers, join, say):
    """Expiry is judged when it is the message's turn."""
    _, port = join(router, "a", "x", receive_maximum=1)
    say(router, "x", b"first", qos=1)
    say(router, "x", b"short", qos=1, expires_s=5.0)
    say(router, "x", b"long", qos=1, expires_s=500.0)
    timers.advance(10.0)
    port.acknowledge()
    assert port.payloads == [b"first", b"long"]
    assert port.got[1].message(timers.now_s).expiry_s == 490


def test_share_group_takes_turns_and_skips_the_slow_and_absent(router, join, say):
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


def test_retained_messages_wait_for_a_slow_reader_even_at_qos_0(router, say, make_port):
    """State that was asked for is not dropped."""
    say(router, "state", b"on", retain=True)
    port = make_port(congested=True)
    session, _ = router.connect(ConnectRequest(client_id="a"), port)
    router.subscribe(session, [Subscription(topic_filter="state")], lambda reasons: None)
    assert port.got == []
    port.congested = False
    session.pump()
    assert port.payloads == [b"on"]


def test_subscribe_acknowledges_before_anything_retained(router, join, say):
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
