"""The observatory's clock: the only source of dates, derived from the event loop's time.

All timing in PyROS is the loop's (`loop.time()`), so a clock is an epoch and a loop: on the real
loop one loop second is a second, on the dilated loop it passes N times faster, on the virtual loop
it jumps when nothing is left to do. Each process of a site is given the same epoch and derives the
same UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

_UNIX_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)


def datetime_from_unix(unix_s: float) -> datetime:
    """The aware UTC instant `unix_s` seconds after 1970-01-01T00:00:00Z (leap seconds ignored)."""
    return _UNIX_EPOCH_UTC + timedelta(seconds=unix_s)


def unix_from_datetime(time_utc: datetime) -> float:
    """Seconds from 1970-01-01T00:00:00Z to an aware instant.

    Raises:
        ValueError: When `time_utc` is naive, since its zone would be a guess.
    """
    if time_utc.tzinfo is None:
        raise ValueError(f"time {time_utc.isoformat()} has no zone; give an aware UTC datetime")
    return (time_utc - _UNIX_EPOCH_UTC).total_seconds()


class LoopTime(Protocol):
    """What a clock needs of a loop: `asyncio.AbstractEventLoop` has it."""

    def time(self) -> float:
        """Seconds on the loop's own scale."""
        ...


class Clock(Protocol):
    """The observatory's time, injected wherever a date or a wait is needed."""

    def now(self) -> datetime:
        """The observatory's instant, aware UTC."""
        ...

    def unix_s(self) -> float:
        """The same instant as seconds since 1970-01-01T00:00:00Z."""
        ...

    def monotonic_s(self) -> float:
        """Loop seconds: what timers and deadlines are set in."""
        ...

    def wall_to_loop_s(self, wall_s: float) -> float:
        """Loop seconds that pass during `wall_s` seconds at the wall: x speed when dilated."""
        ...


class LoopClock:
    """A clock that reads an event loop.

    Args:
        loop: The loop whose `time()` drives the clock.
        epoch_unix_s: The observatory's UTC when the loop's time was `epoch_loop_s`.
        epoch_loop_s: Loop seconds at the epoch; the loop's time now when None.
        speed: Loop seconds per wall second; 1 on the real and on the virtual loop.
    """

    def __init__(
        self,
        loop: LoopTime,
        *,
        epoch_unix_s: float,
        epoch_loop_s: float | None = None,
        speed: float = 1.0,
    ) -> None:
        self._loop = loop
        self._offset_s = epoch_unix_s - (loop.time() if epoch_loop_s is None else epoch_loop_s)
        self.speed = speed

    def now(self) -> datetime:
        """The observatory's instant, aware UTC."""
        return datetime_from_unix(self.unix_s())

    def unix_s(self) -> float:
        """The same instant as seconds since 1970-01-01T00:00:00Z."""
        return self._loop.time() + self._offset_s

    def monotonic_s(self) -> float:
        """Loop seconds: what timers and deadlines are set in."""
        return self._loop.time()

    def wall_to_loop_s(self, wall_s: float) -> float:
        """Loop seconds that pass during `wall_s` seconds at the wall."""
        return wall_s * self.speed
