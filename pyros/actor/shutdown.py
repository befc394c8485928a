"""Ordered shutdown: named phases that depend on each other, each with its own deadline.

The defaults are *quiesce* (no new work), *make_safe* (dome closed, telescope parked), *flush*
(database, MQTT) and *stop_tree*, in this order. A phase that fails or is late is logged and the
next one runs; the whole runs once; a second request skips the waits, except that making safe is
never cut short.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyros.actor.errors import BadSpecError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pyros.log import BoundLogger

QUIESCE: Final = "quiesce"
MAKE_SAFE: Final = "make_safe"
FLUSH: Final = "flush"
STOP_TREE: Final = "stop_tree"

UNHURRIED: Final = (MAKE_SAFE, STOP_TREE)
"""Phases that a second shutdown request does not cut short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One step of the shutdown.

    Attributes:
        name: Unique.
        action: Makes the coroutine that does it.
        after: Names of the phases that must be over before.
        deadline_s: Wall seconds it may take.
        hurried: Whether a second shutdown request cuts it short.
    """

    name: str
    action: Callable[[], Awaitable[object]]
    after: tuple[str, ...]
    deadline_s: float
    hurried: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseOutcome:
    """How a phase went (`done`, `failed`, `late`, `skipped`) and its loop seconds."""

    name: str
    outcome: str
    took_s: float
    error: str | None = None


def order_of(phases: Iterable[Phase]) -> list[list[Phase]]:
    """Phases in groups: those of one group run together, the groups one after the other.

    Raises:
        BadSpecError: When a phase depends on itself or on one that does not exist.
    """
    waiting = {phase.name: phase for phase in phases}
    names = set(waiting)
    for phase in waiting.values():
        for before in phase.after:
            if before not in names:
                raise BadSpecError(
                    f"shutdown phase {phase.name!r} comes after {before!r}, which does not exist; "
                    f"known are {', '.join(sorted(names))}"
                )
    groups: list[list[Phase]] = []
    while waiting:
        group = [p for p in waiting.values() if not any(name in waiting for name in p.after)]
        if not group:
            raise BadSpecError(f"shutdown phases depend on each other: {', '.join(waiting)}")
        for phase in group:
            del waiting[phase.name]
        groups.append(group)
    return groups


class Shutdown:
    """Runs the phases of one system.

    Args:
        log: Where outcomes are logged.
        now_s: The loop's time.
        speed: Loop seconds per wall second.
    """

    def __init__(self, log: BoundLogger, now_s: Callable[[], float], speed: float) -> None:
        self._log = log
        self._now_s = now_s
        self._speed = speed
        self._phases: dict[str, Phase] = {}
        self._hurry = asyncio.Event()
        self.outcomes: list[PhaseOutcome] = []

    def add(self, phase: Phase) -> None:
        """Add a phase, or replace the one of that name; checked at once for a loop.

        Raises:
            BadSpecError: When it depends on itself or on an unknown phase.
        """
        order_of({**self._phases, phase.name: phase}.values())
        self._phases[phase.name] = phase

    def hurry(self) -> None:
        """Skip the waits of the remaining phases, but of making safe."""
        self._hurry.set()

    async def run(self) -> list[PhaseOutcome]:
        """Run all phases in order; returns how each went."""
        for group in order_of(self._phases.values()):
            await asyncio.gather(*(self._run(phase) for phase in group))
        return self.outcomes

    async def _run(self, phase: Phase) -> None:
        begin_s = self._now_s()
        error: str | None = None
        task = asyncio.ensure_future(_call(phase))
        hurry = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait(
                [task, hurry] if phase.hurried else [task],
                timeout=phase.deadline_s * self._speed,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if task.done():
                failure = None if task.cancelled() else task.exception()
                outcome = "done" if failure is None else "failed"
                error = None if failure is None else f"{type(failure).__name__}: {failure}"
            else:
                outcome = "skipped" if hurry.done() and phase.hurried else "late"
                task.cancel()
                await asyncio.wait([task], timeout=self._speed)
        finally:
            hurry.cancel()
            if not task.done():
                task.cancel()
        took_s = self._now_s() - begin_s
        self.outcomes.append(
            PhaseOutcome(name=phase.name, outcome=outcome, took_s=took_s, error=error)
        )
        if outcome != "done":
            self._log.error(
                "shutdown phase %s %s after %.1f s: %s", phase.name, outcome, took_s, error
            )


async def _call(phase: Phase) -> None:
    await phase.action()


def standard_phases(stop_tree: Callable[[], Awaitable[object]]) -> tuple[Phase, ...]:
    """The phases every system has; all but the last do nothing until they are replaced."""
    return (
        Phase(name=QUIESCE, action=_nothing, after=(), deadline_s=10.0),
        Phase(name=MAKE_SAFE, action=_nothing, after=(QUIESCE,), deadline_s=120.0, hurried=False),
        Phase(name=FLUSH, action=_nothing, after=(MAKE_SAFE,), deadline_s=10.0),
        Phase(name=STOP_TREE, action=stop_tree, after=(FLUSH,), deadline_s=60.0, hurried=False),
    )


async def _nothing() -> None:
    """The action of a phase nobody has filled."""
