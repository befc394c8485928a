"""The event bus and the dead letters."""

import logging

import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    ChildSpec,
    DeadLetter,
    Lane,
    LifecycleEvent,
    Restart,
    State,
    Undelivered,
)
from tests.pyros.actor.probes import (
    Crash,
    Note,
    Rain,
    Weather,
    World,
    collector,
    settle,
)

pytestmark = pytest.mark.asyncio


async def test_events_reach_subscribers_by_type(system: ActorSystem):
    """Published events are told to who subscribed to their type or a base, once, in order."""
    general, _ = await collector(system, Weather, name="general")
    special, ref = await collector(system, Rain, Weather, name="special")
    system.events.publish(Weather(safe=True))
    system.events.publish(Rain(safe=False))
    await settle()
    assert general[0].messages == [Weather(safe=True), Rain(safe=False)]
    assert special[0].messages == [Weather(safe=True), Rain(safe=False)]
    await ref.stop()
    assert system.events.subscribers(Rain) == []


async def test_a_subscription_may_take_some_events_only(system: ActorSystem):
    """What `only` is false for is never sent; the last subscription to a type counts."""
    made, ref = await collector(system)
    system.events.subscribe(ref, Weather, only=lambda event: event.safe)
    for safe in (True, False):
        system.events.publish(Weather(safe=safe))
    system.events.subscribe(ref, Weather)
    system.events.publish(Weather(safe=False))
    await settle()
    assert made[0].messages == [Weather(safe=True), Weather(safe=False)]


async def test_subscription_outlives_a_restart(system: ActorSystem):
    """A subscription belongs to the reference: what is published during the back-off arrives."""
    made, ref = await collector(system, Weather)
    ref.tell(Crash())
    await settle(0.1)
    assert ref.state is State.BACKOFF
    system.events.publish(Weather(safe=False))
    await settle(3.0)
    assert made[1].messages == [Weather(safe=False)]
    made[1].unsubscribe()
    system.events.publish(Weather(safe=True))
    await settle()
    assert made[1].messages == [Weather(safe=False)]


async def test_lifecycle_is_published_with_the_incarnation(system: ActorSystem, world: World):
    """L1: starting, running, stopping, backoff, stopped are told with the incarnation."""
    listener, _ = await collector(system, LifecycleEvent)
    ref = await system.spawn(world.child("a", restart=Restart.TRANSIENT))
    ref.tell(Crash())
    await settle(3.0)
    await ref.stop()
    await settle()
    events = [one for one in listener[0].messages if one.path == "/a"]
    assert [(one.state.value, one.incarnation) for one in events] == [
        *[("starting", 1), ("running", 1), ("stopping", 1), ("backoff", 1)],
        *[("starting", 2), ("running", 2), ("stopping", 2), ("stopped", 2)],
    ]


async def test_dead_letters_are_kept_and_published(system: ActorSystem):
    """A dead letter says message, reason, target, sender, lane and incarnation."""
    listener, _ = await collector(system)
    system.dead_letters.subscribe(system.ref("/c"))
    system.ref("/nobody").tell(Weather(safe=True))
    await settle()
    (letter,) = listener[0].messages
    assert isinstance(letter, DeadLetter)
    assert (letter.message, letter.reason) == (Weather(safe=True), Undelivered.DEAD)
    assert (letter.target, letter.sender, letter.in_lane) == ("/nobody", None, Lane.TELEMETRY)
    assert letter.incarnation == 0


async def test_unhandled_message_is_a_dead_letter(system: ActorSystem):
    """What an actor passes to its base's `on_receive` is noted as unhandled."""
    ref = await system.spawn(ChildSpec(name="a", factory=Actor))
    ref.tell(Note(text="what?"))
    await settle()
    assert [letter.reason for letter in system.dead_letters.recent()] == [Undelivered.UNHANDLED]


async def test_dead_letters_are_logged_ten_times(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
):
    """A storm of dead letters is ten log lines, then silence for 5 min; the ring is bounded."""
    caplog.set_level(logging.INFO, logger="pyros")
    nobody = system.ref("/nobody")
    for _ in range(1_500):
        nobody.tell(Note(text="x"))
    assert sum("dead letter" in record.message for record in caplog.records) == 10
    assert len(system.dead_letters.recent()) == 1_000
    assert system.dead_letters.total == 1_500
    await settle(301.0)
    nobody.tell(Note(text="again"))
    assert sum("dead letter" in record.message for record in caplog.records) == 11
