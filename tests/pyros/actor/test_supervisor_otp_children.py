"""Acceptance, how children start, stop and end: the other cases of OTP's supervisor_SUITE.erl.

Cases 1 to 3, 15 to 18 and 22 to 25; the others are in `test_supervisor_otp_restarts.py`.
"""

import asyncio
import sys

import pytest

from pyros.actor import (
    ONE_FOR_ALL,
    Actor,
    ActorSystem,
    BadSpecError,
    ChildSpec,
    Restart,
    StartError,
    State,
    SupervisorSpec,
)
from tests.pyros.actor.probes import Crash, Leave, WhoAreYou, World, settle

pytestmark = pytest.mark.asyncio


async def test_start_fails_with_child_1(system: ActorSystem, world: World):
    """Case 1 sup_start_fail: a supervisor whose child does not start does not start either."""
    world.failing["b"] = 1
    with pytest.raises(StartError, match="/sup"):
        await system.spawn(world.supervisor(world.child("a"), world.child("b"), world.child("c")))
    assert world.log == ["start a", "fail b", "failure b: b cannot start", "stop a"]
    assert [info.path for info in system.tree()] == ["/"]


async def test_start_child_returns_error_2(system: ActorSystem, world: World):
    """Case 2 sup_start_child_returns_error: the error reaches the caller, the supervisor lives."""
    sup = await system.spawn(world.supervisor())
    world.failing["x"] = 1
    with pytest.raises(StartError, match="x cannot start") as caught:
        await system.spawn(world.child("x"), parent="/sup")
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert sup.state is State.RUNNING
    await system.spawn(world.child("x"), parent="/sup")
    assert [info.path for info in system.tree()] == ["/", "/sup", "/sup/x"]


async def test_order_of_children_3(system: ActorSystem, world: World):
    """Case 3 order_of_children: started in order, stopped in reverse."""
    sup = await system.spawn(world.supervisor(*(world.child(name) for name in "abc")))
    await sup.stop()
    assert world.log == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]


class Stubborn(Actor):
    """Takes its time to stop."""

    def __init__(self, for_s: float) -> None:
        self.for_s = for_s

    async def on_stop(self) -> None:
        await asyncio.sleep(self.for_s)


async def test_dynamic_children_shutdown_15(system: ActorSystem, world: World):
    """Case 15 simple_one_for_one_shutdown: a slow child does not take more than its deadline."""
    sup = await system.spawn(world.supervisor())
    for number in range(5):
        spec = ChildSpec(name=f"c{number}", factory=lambda: Stubborn(1.0), stop_timeout_s=2.0)
        await system.spawn(spec, parent="/sup")
    begin_s = system.clock.monotonic_s()
    await sup.stop()
    assert system.clock.monotonic_s() - begin_s == pytest.approx(5.0)


async def test_stop_timeout_16(system: ActorSystem, world: World):
    """Case 16 sup_stop_timeout: who is not in time is cancelled, the others stop in peace."""
    slow = ChildSpec(name="slow", factory=lambda: Stubborn(1e6), stop_timeout_s=3.0)
    sup = await system.spawn(world.supervisor(world.child("a"), slow, world.child("b")))
    begin_s = system.clock.monotonic_s()
    await sup.stop()
    assert system.clock.monotonic_s() - begin_s == pytest.approx(3.0)
    assert world.log[-2:] == ["stop b", "stop a"]
    assert system.zombies == []


async def test_stop_brutal_kill_17(system: ActorSystem, world: World):
    """Case 17 sup_stop_brutal_kill: with no time to stop it is killed, `on_stop` does not run."""
    sup = await system.spawn(
        world.supervisor(world.child("a"), world.child("k", stop_timeout_s=0.0))
    )
    await sup.stop()
    assert world.log == ["start a", "start k", "stop a"]
    assert system.ref("/sup/k").state is State.STOPPED


async def test_child_cannot_leave_its_supervisor_18(system: ActorSystem, world: World):
    """Case 18 child_unlink: unlinking from the supervisor does not escape supervision."""

    class Runaway(Actor):
        async def on_start(self) -> None:
            self.unlink(self.system.ref("/sup"))
            self.unwatch(self.system.ref("/sup"))

    sup = await system.spawn(world.supervisor(ChildSpec(name="r", factory=Runaway)))
    child = system.ref("/sup/r")
    assert child.is_alive()
    await sup.stop()
    assert not child.is_alive()


async def test_child_administration_22(system: ActorSystem, world: World):
    """Case 22 child_adm: stop and start again a static child; a dynamic one is forgotten."""
    await system.spawn(world.supervisor(world.child("a")))
    child = system.ref("/sup/a")
    with pytest.raises(BadSpecError, match="exists and is running"):
        await system.spawn(world.child("a"), parent="/sup")
    with pytest.raises(BadSpecError, match="only a stopped child"):
        await system.restart_child("/sup/a")
    assert await child.stop() is True
    assert await child.stop() is False
    assert [info.state for info in system.tree()][-1] is State.STOPPED
    await system.restart_child("/sup/a")
    assert await child.ask(WhoAreYou()) == 2
    dynamic = await system.spawn(world.child("d"), parent="/sup")
    await dynamic.stop()
    with pytest.raises(BadSpecError, match="/sup/d is unknown"):
        await system.restart_child("/sup/d")
    with pytest.raises(BadSpecError, match="/nowhere does not exist"):
        await system.spawn(world.child("x"), parent="/nowhere")


def _bad_specs():
    probe = World().child
    yield lambda: probe(""), "one part of a path"
    yield lambda: probe("a/b"), "one part of a path"
    yield lambda: ChildSpec(name="a", factory=Actor()), "not callable"
    yield lambda: probe("a", restart="permanent"), "not a Restart"
    yield lambda: probe("a", start="later"), "'await' or 'background'"
    yield lambda: probe("a", stop_timeout_s=-1.0), "at least 0"
    yield lambda: probe("a", significant=True), "cannot be significant"
    yield lambda: probe("a", on_crash="forget"), "'keep' or 'drop'"
    yield lambda: SupervisorSpec(name="s", max_restarts=-1), "max_restarts >= 0"
    yield lambda: SupervisorSpec(name="s", window_s=0.0), "window_s > 0"
    yield lambda: SupervisorSpec(name="s", strategy="one_for_one"), "not a Strategy"
    yield lambda: SupervisorSpec(name="s", auto_shutdown="some"), "never, any or all"
    yield lambda: SupervisorSpec(name="s", children=(probe("a"), probe("a"))), "two children"
    yield (
        lambda: SupervisorSpec(
            name="s", children=(probe("a", restart=Restart.TRANSIENT, significant=True),)
        ),
        "set it to 'any' or 'all'",
    )


@pytest.mark.parametrize(("make", "says"), list(_bad_specs()))
async def test_bad_specs_are_refused_23(make, says: str):
    """Case 23 child_specs, sup_flags: a wrong specification is refused where it is written."""
    with pytest.raises(BadSpecError, match=says):
        make()


async def _calls_for(system: ActorSystem, count: int) -> int:
    """Function calls that it takes to start and stop so many children."""
    calls = 0

    def profile(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        refs = [
            await system.spawn(
                ChildSpec(name=f"t{number}", factory=Actor, restart=Restart.TEMPORARY)
            )
            for number in range(count)
        ]
        for ref in refs:
            assert await ref.stop()
    finally:
        sys.setprofile(None)
    return calls


async def test_scale_many_temporary_children_24(system: ActorSystem):
    """Case 24 simple_one_for_one_scale_many_temporary_children: ten times as many cost ten times.

    OTP allows fifty times the time; calls are counted here, since a test must not measure a
    machine.
    """
    few = await _calls_for(system, 50)
    many = await _calls_for(system, 500)
    assert many <= 15 * few


async def test_significant_transient_25(system: ActorSystem, world: World):
    """Case 25 significant_transient: any or all significant ends shut the supervisor down."""
    for mode, ends in (("any", 1), ("all", 2)):
        children = [world.child(n, restart=Restart.TRANSIENT, significant=True) for n in "ab"]
        spec = world.supervisor(
            *children,
            world.child("plain"),
            name=mode,
            auto_shutdown=mode,
            restart=Restart.TRANSIENT,
        )
        sup = await system.spawn(spec)
        for number, name in enumerate("ab", start=1):
            assert sup.is_alive() is (number <= ends)
            system.ref(f"/{mode}/{name}").tell(Leave())
            await settle()
        assert not sup.is_alive()


async def test_significant_bystander_and_crash_25(system: ActorSystem, world: World):
    """Case 25 significant_bystander: a significant child that is restarted does not count."""
    spec = world.supervisor(
        world.child("a", restart=Restart.TRANSIENT, significant=True),
        world.child("b"),
        strategy=ONE_FOR_ALL,
        auto_shutdown="any",
    )
    sup = await system.spawn(spec)
    system.ref("/sup/a").tell(Crash())
    await settle()
    system.ref("/sup/b").tell(Crash())
    await settle()
    assert sup.incarnation == 1
    assert system.ref("/sup/a").incarnation == 3


async def test_significant_escalation_25(system: ActorSystem, world: World):
    """Case 25 significant_escalation: a significant supervisor that shuts down ends its parent."""
    inner = world.supervisor(
        world.child("a", restart=Restart.TRANSIENT, significant=True),
        name="inner",
        auto_shutdown="any",
        restart=Restart.TRANSIENT,
        significant=True,
    )
    outer = await system.spawn(
        world.supervisor(inner, name="outer", auto_shutdown="any", restart=Restart.TEMPORARY)
    )
    system.ref("/outer/inner/a").tell(Leave())
    await settle()
    assert outer.state is State.STOPPED
