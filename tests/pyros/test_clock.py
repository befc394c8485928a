"""The observatory's clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pyros.clock import LoopClock, datetime_from_unix, unix_from_datetime


class Loop:
    """A loop's time, set by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def time(self) -> float:
        return self.now_s


def test_clock_follows_its_loop() -> None:
    """An hour of the loop is an hour of the observatory."""
    loop = Loop()
    clock = LoopClock(loop, epoch_unix_s=1_795_492_800.0)
    assert clock.now() == datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    loop.now_s += 3600.0
    assert clock.now() == datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
    assert clock.monotonic_s() == 3700.0


def test_clock_counts_wall_seconds_when_dilated() -> None:
    """A lease of 20 wall seconds is 1200 loop seconds at speed 60."""
    clock = LoopClock(Loop(), epoch_unix_s=0.0, speed=60.0)
    assert clock.wall_to_loop_s(20.0) == 1200.0


def test_processes_of_a_site_derive_the_same_time() -> None:
    """The same epoch at the same loop second, whenever the clock is made."""
    early, late = Loop(), Loop()
    late.now_s = 500.0
    first = LoopClock(early, epoch_unix_s=1000.0, epoch_loop_s=0.0)
    second = LoopClock(late, epoch_unix_s=1000.0, epoch_loop_s=0.0)
    early.now_s = 500.0
    assert first.unix_s() == second.unix_s() == 1500.0


def test_instants_round_trip_and_naive_ones_are_refused() -> None:
    """A time without a zone would be a guess."""
    instant = datetime(2026, 11, 24, 3, 4, 5, tzinfo=UTC)
    assert datetime_from_unix(unix_from_datetime(instant)) == instant
    with pytest.raises(ValueError, match="zone"):
        unix_from_datetime(instant.replace(tzinfo=None))
