"""Topic names, filters, the subscription index and the retained store agree on what matches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from protocols.mqtt.publication import Publication
from protocols.mqtt.retained import RetainedMessages
from protocols.mqtt.subscriptions import Subscription, SubscriptionIndex
from protocols.mqtt.topic_filter import (
    MqttTopicError,
    check_topic_filter,
    check_topic_name,
    split_share,
    topic_matches,
)

levels = st.sampled_from(["a", "b", "", "$SYS", "ü"])
topics = st.lists(levels, min_size=1, max_size=4).map("/".join).filter(bool)


@st.composite
def filters(draw):
    """Well-formed filters over the same few levels."""
    parts = draw(st.lists(levels | st.just("+"), min_size=0, max_size=4))
    if draw(st.booleans()) or not any(parts):
        parts.append("#")
    return "/".join(parts)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True),
        ("#", "anything/at/all", True),
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/monitor", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/monitor", True),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
        ("ACCOUNTS", "Accounts", False),
        ("a//b", "a/b", False),
    ],
)
def test_examples_of_the_standard(topic_filter, topic, expected):
    """The examples of MQTT 5.0 §4.7 hold."""
    assert topic_matches(topic_filter, topic) is expected


@given(filters(), topics)
def test_matching_agrees_with_another_implementation(topic_filter, topic):
    """paho-mqtt matches the same."""
    assert topic_matches(topic_filter, topic) == topic_matches_sub(topic_filter, topic)


@given(st.lists(filters(), max_size=6), st.lists(topics, max_size=6))
def test_index_finds_exactly_what_matches(topic_filters, names):
    """The tree gives each client once with its matching subscriptions, also after removals."""
    index: SubscriptionIndex[str] = SubscriptionIndex()
    for number, topic_filter in enumerate(topic_filters):
        index.add(f"client {number % 3}", Subscription(topic_filter=topic_filter))
    kept = {}
    for number, topic_filter in enumerate(topic_filters):
        kept.setdefault(f"client {number % 3}", {})[topic_filter] = None
    for removing in (False, True):
        if removing:
            for client, own in kept.items():
                gone = next(iter(own))
                index.remove(client, gone)
                del own[gone]
        for topic in names:
            expected = {
                client: sorted(each for each in own if topic_matches(each, topic))
                for client, own in kept.items()
            }
            found = {
                route.client: sorted(each.topic_filter for each in route.subscriptions)
                for route in index.match(topic).routes
            }
            assert found == {client: own for client, own in expected.items() if own}


@given(st.lists(topics, max_size=8), filters())
def test_retained_store_finds_exactly_what_matches(names, topic_filter):
    """Looking up by filter gives each kept topic that matches, once."""
    store = RetainedMessages(max_messages=100)
    for topic in names:
        store.store(Publication(topic=topic, payload=b"x", retain=True))
    found = [each.topic for each in store.matching(topic_filter, 0.0)]
    assert sorted(found) == sorted({each for each in names if topic_matches(topic_filter, each)})
    for topic in names:
        store.store(Publication(topic=topic, payload=b"", retain=True))
    assert len(store) == 0


def test_retained_message_is_forgotten_when_it_expires():
    """An expired value is not found and no longer counted."""
    store = RetainedMessages(max_messages=2)
    store.store(Publication(topic="a", payload=b"x", expires_s=10.0))
    assert len(store.matching("a", 9.0)) == 1
    assert store.matching("a", 10.0) == []
    assert len(store) == 0


def test_retained_store_refuses_a_new_topic_when_full():
    """The bound holds for new topics; known ones still change."""
    store = RetainedMessages(max_messages=1)
    assert store.store(Publication(topic="a", payload=b"1"))
    assert not store.store(Publication(topic="b", payload=b"1"))
    assert store.store(Publication(topic="a", payload=b"2"))
    assert [each.payload for each in store.matching("#", 0.0)] == [b"2"]


def test_retained_store_is_bounded_in_bytes():
    """A value too large for the room left is not kept, and does not leave an old one behind."""
    store = RetainedMessages(max_messages=10, max_bytes=10)
    assert store.store(Publication(topic="a", payload=b"12345"))
    assert store.store(Publication(topic="a", payload=b"1234567890"))
    assert not store.store(Publication(topic="b", payload=b"1"))
    assert not store.store(Publication(topic="a", payload=b"12345678901"))
    assert len(store) == 0
    assert store.store(Publication(topic="b", payload=b"1234567890"))


@pytest.mark.parametrize(
    "bad", ["", "a/#/b", "a#", "+a", "a/b+", "##", "a\0b", "$share/g", "$share//a", "$share/+/a"]
)
def test_malformed_filter_is_refused(bad):
    """Misplaced wildcards, nulls and shares without group or filter are named."""
    with pytest.raises(MqttTopicError):
        check_topic_filter(bad)


@pytest.mark.parametrize("bad", ["", "a/+", "#", "a\0", "ä" * 40_000])
def test_malformed_name_is_refused(bad):
    """A topic to publish to has no wildcards, no null, and fits the wire."""
    with pytest.raises(MqttTopicError):
        check_topic_name(bad)


def test_share_is_split_into_group_and_filter():
    """The group is what follows $share, the filter is the rest."""
    assert split_share("$share/group/a/+/c") == ("group", "a/+/c")
    assert split_share("a/b") == (None, "a/b")
