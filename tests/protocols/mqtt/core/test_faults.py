"""Faults injected at the broker core befall what they are meant for, repeatably."""

from __future__ import annotations

import random

from protocols.mqtt.faults import Direction, FaultKind, FaultRule, Faults
from protocols.mqtt.publication import Publication
from protocols.mqtt.router import Router


def faulty(timers, *rules, seed=1):
    """A router with these faults."""
    faults = Faults(random.Random(seed))  # noqa: S311 - a repeatable fault, no secret
    for rule in rules:
        faults.add(rule)
    return Router(timers, faults=faults)


def test_dropped_topic_reaches_nobody_and_others_do(timers, join, say):
    """A drop rule applies to its topics and clients only."""
    router = faulty(timers, FaultRule(kind=FaultKind.DROP, topic_filter="x/#", client="cam*"))
    _, camera = join(router, "cam-1", "#")
    _, other = join(router, "other", "#")
    say(router, "x/1")
    say(router, "y")
    assert [each.publication.topic for each in camera.got] == ["y"]
    assert [each.publication.topic for each in other.got] == ["x/1", "y"]


def test_delayed_and_duplicated_messages_arrive_late_and_twice(timers, join, say):
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


def test_disconnect_fault_cuts_the_client_a_given_number_of_times(timers, join, say):
    """The rule is spent after its count."""
    rule = FaultRule(kind=FaultKind.DISCONNECT, client="a", count=1)
    router = faulty(timers, rule)
    _, port = join(router, "a", "x")
    say(router, "x")
    assert port.closed == ["severed"]
    _, port = join(router, "a", "x")
    say(router, "x")
    assert len(port.got) == 1


def test_faults_on_the_way_to_the_broker_hide_a_message_from_all(timers, join):
    """A message lost on its way in is not retained either."""
    router = faulty(timers, FaultRule(kind=FaultKind.DROP, direction=Direction.TO_BROKER))
    _, port = join(router, "a", "x")
    session, _ = join(router, "b")
    router.receive(session, Publication(topic="x", payload=b"1", retain=True))
    assert port.got == []
    assert len(router.retained) == 0


def test_faults_repeat_from_their_seed(timers, join, say):
    """The same seed drops the same messages."""
    runs = []
    for seed in (3, 3, 4):
        rule = FaultRule(kind=FaultKind.DROP, probability=0.5)
        router = faulty(timers, rule, seed=seed)
        _, port = join(router, "a", "x")
        for number in range(64):
            say(router, "x", b"%d" % number)
        runs.append(port.payloads)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert 10 < len(runs[0]) < 54
