"""Observation: the tree says what each actor does, the trace who sent what to whom."""

import asyncio

import pytest

from pyros.actor import (
    ActorSystem,
    Lane,
    State,
)
from pyros.actor.tracing import trace_id_of
from tests.pyros.actor.probes import (
    Crash,
    Note,
    Weather,
    WhoAreYou,
    Work,
    World,
    settle,
)

pytestmark = pytest.mark.asyncio


async def test_tree_says_what_each_actor_does(system: ActorSystem, world: World):
    """`tree()`: path, state, depth per lane, oldest age, restarts, error, current message."""
    await system.spawn(world.supervisor(world.child("a"), world.child("b")))
    ref = system.ref("/sup/a")
    ref.tell(Crash(text="once"))
    await settle()
    working = asyncio.ensure_future(ref.ask(Work(for_s=10.0), timeout_s=60.0))
    await settle(3.0)
    ref.tell(Note(text="waits"))
    ref.tell(Weather(safe=True))
    await settle(2.0)
    info = next(one for one in system.tree() if one.path == "/sup/a")
    assert info.state is State.RUNNING
    assert info.kind == "Probe"
    assert info.depth == (0, 0, 1, 1)
    assert info.oldest_age_s == pytest.approx(2.0, abs=1e-3)
    assert info.current == "Work"
    assert info.since_s == pytest.approx(5.0, abs=1e-3)
    assert (info.restarts, info.incarnation) == (1, 2)
    assert info.last_error == "RuntimeError: once"
    assert [one.path for one in system.tree()] == ["/", "/sup", "/sup/a", "/sup/b"]
    await working


async def test_trace_says_who_sent_what_to_whom(system: ActorSystem, world: World):
    """The ring of envelopes: sender, target, type, lane, queue wait, duration, outcome."""
    ref = await system.spawn(world.child("a"))
    await asyncio.gather(ref.ask(Work(for_s=2.0)), ref.ask(WhoAreYou()))
    ref.tell(Crash())
    await settle()
    records = system.trace.records(target="/a")
    assert [(one.kind, one.outcome) for one in records] == [
        ("Work", "ok"),
        ("WhoAreYou", "ok"),
        ("Crash", "crash"),
    ]
    assert (records[0].waited_s, records[0].took_s) == (0.0, 2.0)
    assert (records[1].waited_s, records[1].took_s) == (2.0, 0.0)
    assert records[0].lane is Lane.COMMAND
    assert len({one.trace_id for one in records}) == 3
    assert all(len(one.trace_id) == 32 for one in records)


async def test_trace_is_bounded(system: ActorSystem, world: World):
    """The ring keeps ten thousand records, however many messages there were."""
    ref = await system.spawn(world.child("a"))
    for _ in range(12):
        for _ in range(1_000):
            ref.tell(WhoAreYou())
        await settle()
    assert len(system.trace) == 10_000


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "0af7651916cd43dd8448eb211c80319c",
        ),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
        ("00-0af7-b7ad-01", None),
        ("", None),
    ],
)
async def test_traceparent_is_read(header: str, trace_id: str | None):
    """W3C `traceparent`: the trace id, or None for what is malformed or zero."""
    assert trace_id_of(header) == trace_id


async def test_traceparent_is_written(system: ActorSystem):
    """What leaves the process carries the trace in W3C form."""
    assert trace_id_of(system.trace.traceparent(7)) == system.trace.trace_id(7)
