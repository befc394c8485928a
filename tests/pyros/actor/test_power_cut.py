"""The power cut: what is lost at once leaves no effect."""

import asyncio
from datetime import UTC, datetime

import pytest

from pyros.actor import Actor, ActorSystem, ChildSpec, Message, State
from pyros.actor.loops import (
    VirtualLoop,
)
from tests.pyros.actor.probes import Note, Work, World, block_thread, settle

START = datetime(2026, 11, 23, 22, tzinfo=UTC)


@pytest.mark.asyncio
async def test_power_cut_runs_no_clean_up(virtual_time: VirtualLoop, world: World):
    """Kill -9: no `finally`, no `on_stop`, no late effect; other systems on the loop go on."""
    system = ActorSystem(name="doomed")
    other = ActorSystem(name="other")
    await system.start()
    await other.start()
    survivor_world = World()
    await other.spawn(survivor_world.child("s"))
    await system.spawn(world.supervisor(world.child("a"), world.child("b")))
    working = asyncio.ensure_future(system.ref("/sup/a").ask(Work(for_s=10.0), timeout_s=100.0))
    survivor = asyncio.ensure_future(other.ref("/s").ask(Work(for_s=10.0), timeout_s=100.0))
    await settle(1.0)
    hooks: list[str] = []
    system.on_power_cut(lambda: hooks.append("severed"))
    before = list(world.log)
    system.power_cut()
    assert hooks == ["severed"]
    system.ref("/sup/b").tell(Note(text="too late"))
    assert await survivor == "done"
    await settle(1_000.0)
    assert world.log == before
    assert system.ref("/sup/a").state is State.STOPPED
    assert system.tree() == []
    assert not working.done()
    working.cancel()
    await system.shutdown()
    await other.shutdown()
    assert survivor_world.log[-1] == "stop s"


@pytest.mark.asyncio
async def test_power_cut_drops_tasks_made_by_handlers(virtual_time: VirtualLoop):
    """A power cut reaches tasks made with asyncio alone, and blocking work's results."""
    effects: list[str] = []

    class Maker(Actor):
        async def on_receive(self, message: Message):
            self.child = asyncio.create_task(self.later())
            await self.blocking(block_thread, 0.01, deadline_s=5.0)
            effects.append("blocking result used")

        async def later(self) -> None:
            try:
                await asyncio.sleep(5.0)
            finally:
                effects.append("late")

    system = ActorSystem()
    await system.start()
    ref = await system.spawn(ChildSpec(name="m", factory=Maker))
    ref.tell(Note(text="go"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    system.power_cut()
    await settle(100.0)
    assert effects == []


@pytest.mark.asyncio
async def test_power_cut_needs_virtual_time():
    """Elsewhere tasks cannot be frozen, so it is refused."""
    async with ActorSystem(watchdog=False) as system:
        with pytest.raises(RuntimeError, match="needs the virtual loop"):
            system.power_cut()
