"""The real loop: a loop second is a second, and the clock starts at the computer's UTC.

This is the only place where the computer's date is read; everything else derives from the clock.
"""

from __future__ import annotations

import asyncio
import time
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pyros.clock import LoopClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class RealLoop(asyncio.SelectorEventLoop):
    """asyncio's selector loop, with the speed and the clock that all PyROS loops have."""

    speed: float = 1.0

    def clock(self) -> LoopClock:
        """The observatory's clock on this loop: the computer's UTC, then the monotonic clock."""
        return LoopClock(self, epoch_unix_s=_computer_unix_s())


def run_real(main: Coroutine[Any, Any, T] | Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `main` (a coroutine, or a function that makes one) to its end in real time."""
    with asyncio.Runner(loop_factory=RealLoop) as runner:
        return runner.run(as_coroutine(main))


def as_coroutine(
    main: Coroutine[Any, Any, T] | Callable[[], Coroutine[Any, Any, T]],
) -> Coroutine[Any, Any, T]:
    """The coroutine that `main` is, or makes when called inside the loop."""
    if isawaitable(main):
        return main

    async def call() -> T:
        return await main()

    return call()


def speed_of(loop: asyncio.AbstractEventLoop) -> float:
    """Loop seconds per wall second: 1 unless the loop is dilated."""
    return float(getattr(loop, "speed", 1.0))


def clock_for(loop: asyncio.AbstractEventLoop) -> LoopClock:
    """The clock of any asyncio loop: the loop's own if it builds one, else the computer's UTC."""
    build = getattr(loop, "clock", None)
    if build is not None:
        return cast("LoopClock", build())
    return LoopClock(loop, epoch_unix_s=_computer_unix_s())


def _computer_unix_s() -> float:
    return time.time()  # noqa: TID251 - the clock's own source, read once per loop
