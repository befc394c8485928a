"""Acceptance, who is restarted and how: cases 4 to 14 and 19 to 21 of OTP's supervisor_SUITE.erl.

The numbers run on in `test_supervisor_otp_children.py` and `test_supervision_pekko.py`.
"""

import asyncio

import pytest

from pyros.actor import (
    ONE_FOR_ALL,
    REST_FOR_ONE,
    ActorSystem,
    Reason,
    Restart,
    State,
    Strategy,
)
from tests.pyros.actor.probes import Crash, Leave, WhoAreYou, World, settle

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("restart", list(Restart))
@pytest.mark.parametrize("how", ["normal", "shutdown", "abnormal"])
async def test_restart_types_4(system: ActorSystem, world: World, restart: Restart, how: str):
    """Case 4 {permanent,transient,temporary}_{normal,shutdown,abnormal}: who is restarted."""
    await system.spawn(world.supervisor(world.child("a", restart=restart)))
    child = system.ref("/sup/a")
    child.tell(Crash() if how == "abnormal" else Leave(reason=Reason(how)))
    await settle()
    restarted = restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and how == "abnormal")
    assert child.is_alive() is restarted
    assert child.incarnation == (2 if restarted else 1)
    paths = [info.path for info in system.tree()]
    assert ("/sup/a" in paths) is (restart is not Restart.TEMPORARY)


@pytest.mark.parametrize("strategy", [ONE_FOR_ALL, REST_FOR_ONE])
async def test_temporary_bystander_5(system: ActorSystem, world: World, strategy: Strategy):
    """Case 5 temporary_bystander: a temporary child stopped for another's failure stays away."""
    await system.spawn(
        world.supervisor(
            world.child("a"), world.child("b", restart=Restart.TEMPORARY), strategy=strategy
        )
    )
    system.ref("/sup/a").tell(Crash())
    await settle()
    assert [info.path for info in system.tree()] == ["/", "/sup", "/sup/a"]
    assert world.log.count("stop b") == 1


async def test_multiple_restarts_6(system: ActorSystem, world: World):
    """Case 6 multiple_restarts: a start that fails is tried again, within the budget."""
    await system.spawn(world.supervisor(world.child("a"), max_restarts=4))
    world.failing["a"] = 3
    system.ref("/sup/a").tell(Crash())
    await settle()
    assert world.log.count("fail a") == 3
    assert await system.ref("/sup/a").ask(WhoAreYou()) == 5


async def test_one_for_one_7(system: ActorSystem, world: World):
    """Case 7 one_for_one: siblings keep their identity; past the limit the supervisor dies."""
    spec = world.supervisor(
        world.child("a"), world.child("b"), max_restarts=3, restart=Restart.TEMPORARY
    )
    sup = await system.spawn(spec)
    for _ in range(3):
        system.ref("/sup/a").tell(Crash())
        await settle()
    assert await system.ref("/sup/b").ask(WhoAreYou()) == 1
    assert await system.ref("/sup/a").ask(WhoAreYou()) == 4
    system.ref("/sup/a").tell(Crash())
    await settle()
    assert sup.state is State.STOPPED
    assert world.log[-1] == "stop b"


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_escalation_8_10_13(system: ActorSystem, world: World, strategy: Strategy):
    """Cases 8, 10, 13 *_escalation: past its budget a supervisor fails, its parent restarts it."""
    inner = world.supervisor(
        world.child("a"), world.child("b"), name="inner", strategy=strategy, max_restarts=1
    )
    await system.spawn(world.supervisor(inner, world.child("c"), name="outer"))
    for _ in range(2):
        system.ref("/outer/inner/a").tell(Crash())
        await settle()
    assert system.ref("/outer/inner").incarnation == 2
    assert system.ref("/outer/inner/a").incarnation == 3
    assert system.ref("/outer/c").incarnation == 1
    assert all(count == 1 for count in world.alive.values())


async def test_one_for_all_9(system: ActorSystem, world: World):
    """Case 9 one_for_all: the others stop in reverse order, all start in order."""
    await system.spawn(
        world.supervisor(*(world.child(name) for name in "abc"), strategy=ONE_FOR_ALL)
    )
    mark = len(world.log)
    system.ref("/sup/b").tell(Crash(text="oops"))
    await settle()
    assert world.since(mark) == [
        "failure b: oops",
        "stop b",
        "stop c",
        "stop a",
        "start a",
        "start b",
        "start c",
    ]


async def test_one_for_all_other_child_fails_restart_11(system: ActorSystem, world: World):
    """Case 11 one_for_all_other_child_fails_restart: the restarted sibling stops, all try again."""
    await system.spawn(
        world.supervisor(*(world.child(name) for name in "abc"), strategy=ONE_FOR_ALL)
    )
    mark = len(world.log)
    world.failing["b"] = 1
    system.ref("/sup/c").tell(Crash())
    await settle()
    events = [entry for entry in world.since(mark) if not entry.startswith("failure")]
    assert events == [
        *("stop c", "stop b", "stop a"),
        *("start a", "fail b", "stop a"),
        *("start a", "start b", "start c"),
    ]


async def test_rest_for_one_12(system: ActorSystem, world: World):
    """Case 12 rest_for_one: the failed one and those after it restart, those before stay."""
    await system.spawn(
        world.supervisor(*(world.child(name) for name in "abc"), strategy=REST_FOR_ONE)
    )
    mark = len(world.log)
    system.ref("/sup/b").tell(Crash(text="oops"))
    await settle()
    assert world.since(mark) == ["failure b: oops", "stop b", "stop c", "start b", "start c"]
    assert system.ref("/sup/a").incarnation == 1


async def test_rest_for_one_other_child_fails_restart_14(system: ActorSystem, world: World):
    """Case 14 rest_for_one_other_child_fails_restart: who restarted already is left alone."""
    await system.spawn(
        world.supervisor(*(world.child(name) for name in "abc"), strategy=REST_FOR_ONE)
    )
    mark = len(world.log)
    world.failing["b"] = 1
    system.ref("/sup/a").tell(Crash())
    await settle()
    events = [entry for entry in world.since(mark) if not entry.startswith("failure")]
    assert events == [
        *("stop a", "stop c", "stop b"),
        *("start a", "fail b"),
        *("start b", "start c"),
    ]


async def test_tree_19(system: ActorSystem, world: World):
    """Case 19 tree: a restarted subtree has its static children again, not its dynamic ones."""
    inner = world.supervisor(world.child("s"), name="inner", max_restarts=0)
    await system.spawn(world.supervisor(inner, name="outer"))
    await system.spawn(world.child("d"), parent="/outer/inner")
    system.ref("/outer/inner/d").tell(Crash())
    await settle()
    assert [info.path for info in system.tree()] == [
        "/",
        "/outer",
        "/outer/inner",
        "/outer/inner/s",
    ]
    assert system.ref("/outer/inner").incarnation == 2


async def test_count_restarting_children_20(system: ActorSystem, world: World):
    """Case 20 count_restarting_children: a child that is being restarted is still in the tree."""
    gate = asyncio.Event()
    await system.spawn(world.supervisor(world.child("a"), world.child("b")))
    world.hanging["a"] = gate
    system.ref("/sup/a").tell(Crash())
    await settle()
    states = {info.path: info.state for info in system.tree()}
    assert states["/sup/a"] is State.STARTING
    assert states["/sup/b"] is State.RUNNING
    gate.set()
    await settle()
    assert system.ref("/sup/a").state is State.RUNNING


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_hanging_restart_21(system: ActorSystem, world: World, strategy: Strategy):
    """Case 21 hanging_restart_loop(_rest_for_one): start, terminate and stop work meanwhile."""
    sup = await system.spawn(
        world.supervisor(world.child("a"), world.child("b"), strategy=strategy)
    )
    world.hanging["a"] = asyncio.Event()
    system.ref("/sup/a").tell(Crash())
    await settle()
    assert system.ref("/sup/a").state is State.STARTING
    await system.spawn(world.child("c"), parent="/sup")
    assert await system.ref("/sup/c").ask(WhoAreYou()) == 1
    assert await system.ref("/sup/a").stop() is True
    assert system.ref("/sup/a").state is State.STOPPED
    assert await sup.stop() is True
    assert all(count == 0 for count in world.alive.values())
