"""What mypy must infer of the kernel: run by `typing_tests/test_kernel_typing.py`, never imported.

Each `assert_type` is a promise to those who write actors; each `type: ignore` with a code is a
mistake that mypy must report (an unused one fails the check).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never, assert_type, cast

import pykka
from pykka.typing import proxy_field, proxy_method

from pyros.actor import (
    Actor,
    ActorRef,
    ActorSystem,
    ChildSpec,
    Deferred,
    Message,
    Proxy,
    Request,
    Supervisor,
    SupervisorSpec,
    ThreadingActor,
    awaited_method,
)
from pyros.testing import simulated_system


@dataclass(frozen=True, slots=True, kw_only=True)
class SlewStarted:
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTo(Request[SlewStarted]):
    ra_deg: float
    dec_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Park(Request[bool]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Message):
    pass


Handled = GoTo | Park | Tick


class Telescope(Actor):
    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed

    async def on_start(self) -> None:
        assert_type(self.ref.path, str)
        self.every(1.0, Tick())

    async def on_stop(self) -> None:
        self.log.info("parked")

    async def on_failure(self, error: BaseException) -> None:
        self.log.error("failed: %s", error)

    async def on_receive(self, message: Message) -> Any:
        match message:
            case GoTo() | Park() | Tick():
                return self.handle(message)
            case _:
                return await super().on_receive(message)

    def handle(self, message: Handled) -> SlewStarted | bool | None:
        match message:
            case GoTo():
                later: Deferred[SlewStarted] = self.defer()
                later.set(SlewStarted(duration_s=1.0))
                later.set(3)  # type: ignore[arg-type]  # a deferred reply is typed
                return None
            case Park():
                return True
            case Tick():
                return None
            case _:
                assert_never(message)


class Dome(Actor):
    azimuth_deg: float = 0.0

    async def open(self, width_m: float) -> bool:
        return width_m > 0

    def turns(self) -> int:
        return 3


class DomeProxy(Proxy[Dome]):
    open = awaited_method(Dome.open)
    turns = proxy_method(Dome.turns)
    azimuth_deg = proxy_field(Dome.azimuth_deg)


async def use_proxy(ref: ActorRef[Dome]) -> None:
    dome = cast("DomeProxy", ref.proxy())
    assert_type(await dome.open(width_m=2.0), bool)
    assert_type(await dome.turns(), int)
    assert_type(await dome.azimuth_deg, float)
    dome.open("wide")  # type: ignore[arg-type]  # arguments are typed
    await ref.set("azimuth_deg", 3.0)


class Driver(ThreadingActor):
    def move(self, to: int) -> int:
        return to


class Plain(pykka.ThreadingActor):
    pass


async def use(system: ActorSystem) -> None:
    telescope = await system.spawn(ChildSpec(name="tel", factory=Telescope))
    assert_type(telescope, ActorRef[Telescope])
    assert_type(await telescope.ask(GoTo(ra_deg=1.0, dec_deg=2.0)), SlewStarted)
    assert_type(await telescope.ask(Park(), timeout_s=3.0), bool)
    telescope.tell(Tick())
    telescope.tell("tick")  # type: ignore[arg-type]  # only messages are told
    await telescope.ask(Tick())  # type: ignore[call-overload]  # a plain message has no reply
    telescope.ask(Park())  # type: ignore[unused-coroutine]  # nobody awaits the reply
    GoTo(ra_deg=1.0)  # type: ignore[call-arg]  # fields are required
    assert_type(system.ref("/tel", Telescope), ActorRef[Telescope])
    assert_type(system.ref("/tel"), ActorRef[Actor])

    parametrised = ChildSpec(name="fast", factory=lambda: Telescope(speed=3.0))
    assert_type(await system.spawn(parametrised), ActorRef[Telescope])

    supervisor = SupervisorSpec(name="devices", children=(parametrised,))
    assert_type(await system.spawn(supervisor), ActorRef[Supervisor])
    ChildSpec(name="x", factory=Telescope, restart="never")  # type: ignore[arg-type]  # an enum

    driver = await system.spawn(ChildSpec(name="driver", factory=Driver))
    assert_type(driver, ActorRef[Driver])
    plain = await system.spawn(ChildSpec(name="plain", factory=Plain))
    assert_type(plain, ActorRef[Plain])


async def simulate() -> None:
    async with simulated_system(seed=7) as system:
        assert_type(system, ActorSystem)
