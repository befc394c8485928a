"""Deciders, background starts, links, owned tasks, and ends before the first step."""

import asyncio
import gc

import pytest

from pyros.actor import (
    Actor,
    ActorSystem,
    ChildSpec,
    Directive,
    InterruptedHandlerError,
    Message,
    Restart,
    StartError,
    State,
)
from tests.pyros.actor.probes import (
    AskedCrash,
    Crash,
    Note,
    Work,
    World,
    settle,
)

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("directive", list(Directive))
async def test_decider_5(system: ActorSystem, world: World, directive: Directive):
    """S5: the decider turns an exception into restart, resume, stop or escalate."""
    await system.spawn(
        world.supervisor(world.child("a"), world.child("b"), decider=lambda _error: directive)
    )
    ref = system.ref("/sup/a")
    with pytest.raises(RuntimeError, match="while asked"):
        await ref.ask(AskedCrash())
    await settle()
    match directive:
        case Directive.RESTART:
            assert ref.incarnation == 2
        case Directive.RESUME:
            assert (ref.incarnation, ref.state) == (1, State.RUNNING)
        case Directive.STOP:
            assert ref.state is State.STOPPED
        case Directive.ESCALATE:
            await settle(5.0)
            assert system.ref("/sup").incarnation == 2
            assert ref.incarnation == 2
    assert system.ref("/sup/b").incarnation == (2 if directive is Directive.ESCALATE else 1)


async def test_background_start_retries(system: ActorSystem, world: World):
    """L2: a child started in the background is retried until it starts, beyond any budget."""
    world.failing["cam"] = 10
    spec = world.supervisor(
        world.child("cam", start="background"), world.child("b"), max_restarts=2
    )
    sup = await system.spawn(spec)
    await settle()
    assert world.log.count("fail cam") == 10
    assert sup.incarnation == 1
    assert system.ref("/sup/cam").state is State.RUNNING


@pytest.mark.parametrize("traps", [False, True])
async def test_links_share_abnormal_exits(system: ActorSystem, world: World, traps: bool):
    """W2: an abnormal exit crashes a linked partner, or is told to one that traps exits."""
    told = []

    class Partner(Actor):
        trap_exits = traps

        async def on_start(self) -> None:
            self.link(self.system.ref("/a"))

        async def on_receive(self, message: Message):
            told.append(message)

    await system.spawn(world.child("a", restart=Restart.TEMPORARY))
    partner = await system.spawn(ChildSpec(name="p", factory=Partner, restart=Restart.TEMPORARY))
    system.ref("/a").tell(Crash())
    await settle()
    assert partner.is_alive() is traps
    assert len(told) == traps


async def test_owned_task_failure_crashes_its_actor(system: ActorSystem, world: World):
    """An exception in an owned task crashes the actor at once, also in the midst of a handler."""

    class Owner(Actor):
        async def on_receive(self, message: Message):
            if isinstance(message, Note):
                self.start_task(self.fail_later(), name="bomb")
                return None
            return await asyncio.sleep(100.0)

        async def fail_later(self) -> None:
            await asyncio.sleep(2.0)
            raise ValueError("task failed")

    ref = await system.spawn(ChildSpec(name="o", factory=Owner))
    ref.tell(Note(text="arm"))
    begin_s = system.clock.monotonic_s()
    with pytest.raises(InterruptedHandlerError):
        await ref.ask(Work(for_s=0.0), timeout_s=200.0)
    assert system.clock.monotonic_s() - begin_s == pytest.approx(2.0)
    await settle(2.0)
    assert ref.incarnation == 2
    assert isinstance(ref.cell.last_error, ValueError)


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_ending_an_actor_before_its_first_step(system: ActorSystem, world: World, how: str):
    """L2: a spawn whose actor is killed or stopped before it could run says so, and never hangs."""
    spawning = asyncio.ensure_future(
        system.spawn(world.child("a", restart=Restart.TEMPORARY, stop_timeout_s=1.0))
    )
    await asyncio.sleep(0)
    ref = system.ref("/a")
    assert ref.state is State.STARTING
    if how == "kill":
        ref.kill()
        with pytest.raises(StartError, match="killed"):
            await spawning
    else:
        await ref.stop()
        await asyncio.wait([spawning])
    assert ref.state is State.STOPPED
    await system.spawn(world.child("a"))


async def test_owned_task_cancelled_before_its_first_step(system: ActorSystem):
    """A task that never ran leaves no warning behind, and SystemExit in one ends its actor only."""

    class Owner(Actor):
        async def on_receive(self, message: Message):
            if isinstance(message, Note):
                self.start_task(asyncio.sleep(1.0), name="never").cancel()
            else:
                self.start_task(self.quits(), name="quits")

        async def quits(self) -> None:
            raise SystemExit(5)

    ref = await system.spawn(ChildSpec(name="o", factory=Owner))
    ref.tell(Note(text="x"))
    await settle()
    gc.collect()
    ref.tell(Crash())
    await settle(2.0)
    assert ref.incarnation == 2
    assert "SystemExit(5)" in str(ref.cell.last_error)


@pytest.mark.parametrize("traps", [False, True])
async def test_linking_to_the_dead_shares_their_end(system: ActorSystem, traps: bool):
    """W2: who links to an actor that is not alive is told, or crashes, at once."""
    told = []

    class Mourner(Actor):
        trap_exits = traps

        async def on_receive(self, message: Message):
            if isinstance(message, Note):
                self.link(self.system.ref("/nobody"))
            else:
                told.append(message)

    ref = await system.spawn(ChildSpec(name="m", factory=Mourner, restart=Restart.TEMPORARY))
    ref.tell(Note(text="link"))
    await settle()
    assert ref.is_alive() is traps
    assert len(told) == traps
