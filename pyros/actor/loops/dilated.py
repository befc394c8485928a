"""The dilated loop: time passes `speed` times faster, with real sockets, for demonstrations.

All processes of a site are given the same epoch and read the same monotonic clock, so each derives
the same UTC: `epoch + (monotonic - epoch_monotonic) * speed`.

A process that is late must not see time leap (at x60 a stall of one second would be a minute in
which every timer fires at once). So each iteration's advance is capped: what exceeds `MAX_LATE_S`
wall seconds of lateness becomes *slip*, and the loop's time lags the site's UTC by it. The slip is
then worked off by running `CATCH_UP` times faster until it is gone, as NTP slews a clock instead of
stepping it. Time is monotonic throughout; processes of a site differ by their slip only, and only
while they
catch
up.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pyros.actor.loops.real import as_coroutine
from pyros.clock import LoopClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

MAX_LATE_S = 0.1
"""Wall seconds of lateness per iteration that are taken at once; more of it slips."""

CATCH_UP = 1.25
"""How much faster than `speed` a loop runs while it has slip to work off."""


class DilatedTime:
    """The arithmetic of dilation, free of any loop so that it can be tested with numbers.

    Args:
        speed: Loop seconds per wall second, > 0.
        epoch_s: Monotonic wall second at which loop time is 0.
        now_s: Monotonic wall second of the start: no slip at that moment.
    """

    def __init__(self, *, speed: float, epoch_s: float, now_s: float) -> None:
        self.speed = speed
        self.rate = speed
        self._epoch_s = epoch_s
        self._anchor_wall_s = now_s
        self._anchor_loop_s = (now_s - epoch_s) * speed

    def at(self, wall_s: float) -> float:
        """Loop time at a wall second of the current iteration, capped to the permitted advance."""
        elapsed_s = min(max(wall_s - self._anchor_wall_s, 0.0), MAX_LATE_S)
        return self._bounded(self._anchor_loop_s + elapsed_s * self.rate, wall_s)

    def slip_s(self, wall_s: float) -> float:
        """Loop seconds by which this process lags the site's time."""
        return (wall_s - self._epoch_s) * self.speed - self.at(wall_s)

    def begin_wait(self, wall_s: float) -> None:
        """Close the running part of an iteration before the loop sleeps."""
        self._move(self.at(wall_s), wall_s)

    def end_wait(self, wall_s: float, asked_wall_s: float | None) -> None:
        """Account for a sleep: what was asked for has passed, lateness beyond the cap slips.

        Args:
            wall_s: Monotonic wall second now.
            asked_wall_s: Wall seconds that the loop meant to sleep; None for "until an event".
        """
        slept_s = max(wall_s - self._anchor_wall_s, 0.0)
        if asked_wall_s is not None:
            slept_s = min(slept_s, asked_wall_s + MAX_LATE_S)
        self._move(self._anchor_loop_s + slept_s * self.rate, wall_s)

    def _move(self, loop_s: float, wall_s: float) -> None:
        self._anchor_loop_s = self._bounded(loop_s, wall_s)
        self._anchor_wall_s = wall_s
        behind_s = (wall_s - self._epoch_s) * self.speed - self._anchor_loop_s
        self.rate = self.speed * (CATCH_UP if behind_s > 1e-3 * self.speed else 1.0)

    def _bounded(self, loop_s: float, wall_s: float) -> float:
        if self.rate == self.speed:
            return loop_s
        due_s = (wall_s - self._epoch_s) * self.speed  # catching up never overshoots the site
        return max(min(loop_s, due_s), self._anchor_loop_s)


class _DilatedSelector(selectors.DefaultSelector):
    """Sleeps for wall seconds what the loop asks in loop seconds."""

    dilation: DilatedTime

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        dilation = self.dilation
        dilation.begin_wait(time.monotonic())
        asked_wall_s = None if timeout is None else max(timeout, 0.0) / dilation.rate
        events = super().select(asked_wall_s)
        dilation.end_wait(time.monotonic(), asked_wall_s)
        return events


class DilatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes `speed` times faster than the wall's.

    Args:
        speed: Loop seconds per wall second, > 0.
        epoch_unix_s: The observatory's UTC at the epoch, the same for all processes of a site.
        epoch_monotonic_s: CLOCK_MONOTONIC at the epoch, the same for all; now when None.
    """

    def __new__(cls, *, speed: float, **_epochs: float | None) -> Self:
        """Refuse a speed that stops or reverses time, before there is a loop to close."""
        if not speed > 0:
            raise ValueError(f"dilated loop: speed {speed} must be greater than 0")
        return super().__new__(cls)

    def __init__(
        self, *, speed: float, epoch_unix_s: float, epoch_monotonic_s: float | None = None
    ) -> None:
        now_s = time.monotonic()
        epoch_s = now_s if epoch_monotonic_s is None else epoch_monotonic_s
        self._dilation = DilatedTime(speed=speed, epoch_s=epoch_s, now_s=now_s)
        selector = _DilatedSelector()
        selector.dilation = self._dilation
        super().__init__(selector)
        self.speed = speed
        self._epoch_unix_s = epoch_unix_s

    def time(self) -> float:
        """Loop seconds since the epoch."""
        return self._dilation.at(time.monotonic())

    def slip_s(self) -> float:
        """Loop seconds by which this process lags the site's time; 0 when it keeps up."""
        return max(self._dilation.slip_s(time.monotonic()), 0.0)

    def clock(self) -> LoopClock:
        """The observatory's clock on this loop: the site's epoch plus loop time."""
        return LoopClock(self, epoch_unix_s=self._epoch_unix_s, epoch_loop_s=0.0, speed=self.speed)


def run_dilated(
    main: Coroutine[Any, Any, T] | Callable[[], Coroutine[Any, Any, T]],
    speed: float = 60.0,
    epoch_unix_s: float | None = None,
    epoch_monotonic_s: float | None = None,
) -> T:
    """Run `main` to its end in dilated time.

    Args:
        main: A coroutine, or a function that makes one.
        speed: Loop seconds per wall second.
        epoch_unix_s: The observatory's UTC at the epoch; the computer's UTC when None.
        epoch_monotonic_s: CLOCK_MONOTONIC at the epoch; now when None. The launcher gives both
            epochs
            to every process of a site.
    """
    unix_s = time.time() if epoch_unix_s is None else epoch_unix_s  # noqa: TID251 - epoch's default

    def make_loop() -> DilatedLoop:
        return DilatedLoop(speed=speed, epoch_unix_s=unix_s, epoch_monotonic_s=epoch_monotonic_s)

    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(as_coroutine(main))
