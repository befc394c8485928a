"""Probes: actors that record what happens to them, for the tests of the kernel."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pyros.actor import (
    Actor,
    ActorSystem,
    Backoff,
    ChildSpec,
    Lane,
    Message,
    Reason,
    Rejected,
    Request,
    SupervisorSpec,
)

AT_ONCE = Backoff(base_s=0.0, cap_s=0.0, jitter=0.0)
"""A back-off without delay, for the cases ported from OTP, which knows none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash(Message):
    """Raise in the handler."""

    text: str = "crashed on request"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCrash(Request[int]):
    """Raise in the handler of an ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse(Request[int]):
    """Refuse, as a declared `Rejected`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(Message):
    """End by itself, for a reason."""

    reason: Reason = Reason.NORMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAreYou(Request[int]):
    """Answered with the incarnation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Message):
    """Recorded in the world's log."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Request[str]):
    """Takes a while."""

    for_s: float


class World:
    """What the probes of one test share: a log of events and the faults to come."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.failing: Counter[str] = Counter()
        self.hanging: dict[str, asyncio.Event] = {}
        self.alive: Counter[str] = Counter()
        self.most_alive: Counter[str] = Counter()

    def child(self, name: str, **spec: Any) -> ChildSpec[Probe]:
        """A specification of a probe."""
        return ChildSpec(name=name, factory=lambda: Probe(self), **spec)

    def supervisor(
        self, *children: ChildSpec[Any], name: str = "sup", **spec: Any
    ) -> SupervisorSpec:
        """A supervisor that restarts without delay unless told otherwise."""
        spec.setdefault("backoff", AT_ONCE)
        return SupervisorSpec(name=name, children=children, **spec)

    def since(self, mark: int = 0) -> list[str]:
        """The log from a mark on."""
        return self.log[mark:]


class Probe(Actor):
    """Logs its starts and stops, and does what it is told."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def name(self) -> str:
        """Its name."""
        return self.path.rpartition("/")[2]

    async def on_start(self) -> None:
        """Log, fail or hang, as the world wants."""
        if self.world.failing[self.name] > 0:
            self.world.failing[self.name] -= 1
            self.world.log.append(f"fail {self.name}")
            raise RuntimeError(f"{self.name} cannot start")
        if (gate := self.world.hanging.get(self.name)) is not None:
            self.world.log.append(f"hang {self.name}")
            await gate.wait()
        self.world.log.append(f"start {self.name}")
        self.world.alive[self.name] += 1
        self.world.most_alive[self.name] = max(
            self.world.most_alive[self.name], self.world.alive[self.name]
        )

    async def on_stop(self) -> None:
        """Log."""
        self.world.log.append(f"stop {self.name}")
        self.world.alive[self.name] -= 1

    async def on_failure(self, error: BaseException) -> None:
        """Log."""
        self.world.log.append(f"failure {self.name}: {error}")

    async def on_receive(self, message: Message) -> Any:
        """Do what the message says."""
        match message:
            case Crash(text=text):
                raise RuntimeError(text)
            case AskedCrash():
                raise RuntimeError("crashed while asked")
            case Refuse():
                raise Rejected("no, thank you")
            case Leave(reason=reason):
                self.stop(reason)
            case WhoAreYou():
                return self.incarnation
            case Note(text=text):
                self.world.log.append(f"{self.name} {text}")
            case Work(for_s=for_s):
                self.world.log.append(f"{self.name} begins")
                try:
                    await asyncio.sleep(for_s)
                finally:
                    self.world.log.append(f"{self.name} cleans up")
                self.world.log.append(f"{self.name} done")
                return "done"
            case _:
                return await super().on_receive(message)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Message):
    """A timer's message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Message):
    """An event."""

    lane = Lane.TELEMETRY
    safe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rain(Weather):
    """A more special event."""


class Collector(Actor):
    """Keeps what it is told, with the time."""

    def __init__(self, *subscriptions: type[Message]) -> None:
        self.subscriptions = subscriptions
        self.seen: list[tuple[float, Message]] = []

    async def on_start(self) -> None:
        self.subscribe(*self.subscriptions)

    async def on_receive(self, message: Message):
        self.seen.append((self.clock.monotonic_s(), message))
        match message:
            case Work(for_s=for_s):
                await asyncio.sleep(for_s)
                return "done"
            case Crash(text=text):
                raise RuntimeError(text)
        return None

    @property
    def messages(self) -> list[Message]:
        return [message for _, message in self.seen]


async def collector(system: ActorSystem, *subscriptions: type[Message], name: str = "c"):
    made: list[Collector] = []

    def make() -> Collector:
        made.append(Collector(*subscriptions))
        return made[-1]

    ref = await system.spawn(ChildSpec(name=name, factory=make))
    return made, ref


async def settle(seconds: float = 1e-6) -> None:
    """Let time pass: in virtual time, everything that is ready happens first."""
    await asyncio.sleep(seconds)


def block_thread(seconds: float) -> None:
    """Hold the calling thread, as a vendor's driver or a bad handler does."""
    time.sleep(seconds)  # noqa: TID251 - that is its purpose
