"""Sessions, takeover, wills and bounds of the broker core."""

from __future__ import annotations

from protocols.mqtt.limits import BrokerLimits
from protocols.mqtt.publication import Publication
from protocols.mqtt.reason import Reason
from protocols.mqtt.router import ConnectRequest, Router
from protocols.mqtt.subscriptions import Subscription
from protocols.mqtt.wills import LastWill


def will(topic="will", **fields):
    """A will of QoS 1."""
    return LastWill(publication=Publication(topic=topic, payload=b"gone", qos=1), **fields)


def test_publish_tells_whether_anyone_matched(router, join, say):
    """True with a subscriber, false without."""
    join(router, "a", "x")
    assert say(router, "x") is True
    assert say(router, "y") is False


def test_session_without_expiry_ends_with_its_connection(router, join, say):
    """Nothing is left of it: no session, no subscription."""
    session, port = join(router, "a", "x")
    router.detach(session, port, lost=False)
    assert router.session("a") is None
    assert say(router, "x") is False


def test_session_with_expiry_waits_and_then_ends(router, timers, join):
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


def test_takeover_closes_the_old_connection_and_keeps_the_session(router, join, say):
    """The newer connection of a client id wins."""
    session, old = join(router, "a", "x", session_expiry_s=60.0)
    again, new = join(router, "a", clean_start=False, session_expiry_s=60.0)
    assert old.closed == [Reason.SESSION_TAKEN_OVER]
    assert again is session
    say(router, "x")
    assert (len(old.got), len(new.got)) == (0, 1)
    router.detach(session, old, lost=True)
    assert session.port is new


def test_takeover_with_clean_start_begins_anew(router, join, say):
    """Subscriptions of the old session are gone."""
    join(router, "a", "x", session_expiry_s=60.0)
    _, new = join(router, "a")
    say(router, "x")
    assert new.got == []


def test_will_comes_true_at_once_without_a_delay(router, join):
    """A lost client's will is published; one that left in order has none."""
    _, watcher = join(router, "w", "will")
    lost, port = join(router, "a", will=will())
    router.detach(lost, port, lost=True)
    assert watcher.payloads == [b"gone"]
    left, port = join(router, "b", will=will())
    router.detach(left, port, lost=False)
    assert watcher.payloads == [b"gone"]


def test_delayed_will_comes_with_its_delay_or_the_sessions_end(router, timers, join):
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


def test_wills_expiry_counts_from_its_publication(router, timers, join):
    """The will's message expiry begins when it is published."""
    lost, port = join(router, "a", will=will(delay_s=100, expiry_s=5), session_expiry_s=1000.0)
    join(router, "w", "will")
    router.detach(lost, port, lost=True)
    timers.advance(100)
    _, watcher = router.session("w"), router.session("w").port
    assert watcher.got[0].message(timers.now_s).expiry_s == 5


def test_too_many_levels_and_too_many_subscriptions_are_refused(timers, join):
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


def test_kept_sessions_are_bounded_and_the_longest_away_goes(timers, join):
    """Clients that never come back do not fill the memory."""
    router = Router(timers, limits=BrokerLimits(max_offline_sessions=2))
    for name in ("a", "b", "c"):
        session, port = join(router, name, "x", session_expiry_s=float("inf"))
        router.detach(session, port, lost=False)
    assert [each.client_id for each in router.sessions] == ["b", "c"]


def test_broker_that_goes_down_forgets_and_publishes_no_will(router, join, say):
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


def test_severed_client_leaves_its_will(router, join):
    """A cut cable is a lost connection."""
    _, watcher = join(router, "w", "will")
    _, port = join(router, "a", will=will())
    assert router.sever("a") is True
    assert router.sever("a") is False
    assert port.closed == ["severed"]
    assert watcher.payloads == [b"gone"]
