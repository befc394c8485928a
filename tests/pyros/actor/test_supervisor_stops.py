"""Restarts that keep messages, stops that end as stops, and zombies (rules L5, S1, S6)."""

import asyncio

import pytest

from pyros.actor import (
    ONE_FOR_ALL,
    Actor,
    ActorSystem,
    ChildSpec,
    State,
)
from tests.pyros.actor.probes import Crash, Note, Work, World, settle

pytestmark = pytest.mark.asyncio


async def test_messages_survive_a_restart(system: ActorSystem, world: World):
    """L5: the failing message is not handled again, the rest is kept, or dropped if specified."""
    await system.spawn(world.supervisor(world.child("keep"), world.child("drop", on_crash="drop")))
    for name in ("keep", "drop"):
        child = system.ref(f"/sup/{name}")
        child.tell(Crash())
        child.tell(Note(text="later"))
    await settle()
    assert world.log.count("keep later") == 1
    assert world.log.count("drop later") == 0
    assert [letter.message for letter in system.dead_letters.recent()] == [Note(text="later")]


async def test_hanging_handler_becomes_a_zombie(system: ActorSystem, world: World):
    """S6: what neither stops nor yields to cancellation is reported, and blocks nobody."""

    class Undead(Actor):
        async def on_stop(self) -> None:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

    release = asyncio.Event()
    undead = await system.spawn(ChildSpec(name="u", factory=Undead, stop_timeout_s=1.0))
    assert await undead.stop()
    assert undead.state is State.STOPPED
    assert [path for path, _ in system.zombies] == ["/u"]
    release.set()
    await settle()


async def test_work_in_progress_is_cut_at_the_deadline(system: ActorSystem, world: World):
    """S6: a handler that outlasts the stop deadline is cancelled, and `on_stop` still runs."""
    child = await system.spawn(world.child("w", stop_timeout_s=2.0))
    asking = asyncio.ensure_future(child.ask(Work(for_s=1e6), timeout_s=1e7))
    await settle()
    await child.stop()
    assert world.log == ["start w", "w begins", "w cleans up", "stop w"]
    assert isinstance(asking.exception(), Exception)


async def test_a_stop_meant_for_one_incarnation_does_not_hit_the_next(
    system: ActorSystem, world: World
):
    """S1: a child that was being stopped while it started, and restarted, keeps running."""
    await system.spawn(
        world.supervisor(world.child("a"), world.child("b"), strategy=ONE_FOR_ALL, max_restarts=10)
    )
    gate = world.hanging["a"] = asyncio.Event()
    system.ref("/sup/a").tell(Crash())
    await settle(1.0)
    assert system.ref("/sup/a").state is State.STARTING
    system.ref("/sup/a").kill()
    system.ref("/sup/b").kill()
    await settle(1.0)
    world.hanging.clear()
    gate.set()
    await settle(30.0)
    assert system.ref("/sup/a").state is State.RUNNING
    before = system.ref("/sup/a").incarnation
    await settle(30.0)
    assert system.ref("/sup/a").incarnation == before
