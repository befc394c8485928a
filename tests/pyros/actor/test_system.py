"""The system: addresses, spawning, and living once."""

import asyncio

import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    BadSpecError,
    ChildSpec,
    Message,
    StartError,
)
from tests.pyros.actor.probes import (
    Crash,
    Note,
    WhoAreYou,
    World,
    settle,
)

pytestmark = pytest.mark.asyncio


async def test_system_lives_once(system: ActorSystem, world: World):
    """A system cannot be started twice, and takes no actor once it is shut down."""
    with pytest.raises(RuntimeError, match="started before"):
        await system.start()
    await system.shutdown()
    with pytest.raises(BadSpecError, match="can have no children"):
        await system.spawn(world.child("late"))


async def test_addresses_are_stable(system: ActorSystem, world: World):
    """A reference may precede its actor and is the same object over restarts and respawns."""
    early = system.ref("/a")
    early.tell(Note(text="too early"))
    assert system.dead_letters.total == 1
    ref = await system.spawn(world.child("a"))
    assert ref is early
    await ref.stop()
    again = await system.spawn(world.child("a"))
    assert again is early
    assert await early.ask(WhoAreYou()) == 2
    for bad in ("a", "/a/", "//a", ""):
        with pytest.raises(BadSpecError, match="no actor's path"):
            system.ref(bad)


async def test_dynamic_children_belong_to_their_actor(system: ActorSystem, world: World):
    """An actor spawns children, which start again never when it restarts, and stop before it."""

    class Parent(Actor):
        async def on_receive(self, message: Message):
            match message:
                case Note(text=text):
                    child = await self.spawn(world.child(text))
                    return child.path
                case Crash(text=text):
                    raise RuntimeError(text)

        async def on_stop(self) -> None:
            world.log.append("stop parent")

    parent = await system.spawn(ChildSpec(name="p", factory=Parent))
    assert await parent.ask(Note(text="x"), block=False) == "/p/x"
    parent.tell(Crash())
    await settle(3.0)
    assert world.log == ["start x", "stop x", "stop parent"]
    assert [info.path for info in system.tree()] == ["/", "/p"]


async def test_interrupted_spawn_leaves_nothing(system: ActorSystem, world: World):
    """A spawn whose caller is cancelled stops the child that was starting."""
    world.hanging["a"] = asyncio.Event()
    spawning = asyncio.ensure_future(system.spawn(world.child("a")))
    await settle()
    spawning.cancel()
    await settle(20.0)
    assert [info.path for info in system.tree()] == ["/"]
    del world.hanging["a"]
    assert (await system.spawn(world.child("a"))).is_alive()


async def test_start_error_carries_its_cause(system: ActorSystem):
    """A start that fails says which actor and why, with the original exception chained."""

    class NoDevice(Actor):
        async def on_start(self) -> None:
            raise OSError("port closed")

    with pytest.raises(StartError, match=r"/n did not start: start_failed: OSError: port closed"):
        await system.spawn(ChildSpec(name="n", factory=NoDevice))
