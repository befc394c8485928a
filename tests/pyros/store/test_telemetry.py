"""Tests of telemetry: samples, trends, roll-ups, retention."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from pyros.store import Sample, Store, StoreConflictError

pytestmark = pytest.mark.asyncio

WIND = "site/meteo-1/wind_m_s"


def _samples(at, count: int, *, step_s: float = 5.0, channel: str = WIND) -> list[Sample]:
    return [Sample(channel, "m/s", at(i * step_s), 5.0 + math.sin(i / 30.0)) for i in range(count)]


async def test_samples_come_back_in_order_to_the_millisecond(store: Store, at):
    """Raw samples of one channel within half-open bounds."""
    await store.telemetry.append(_samples(at, 10))
    found = await store.telemetry.samples(WIND, start_utc=at(10), end_utc=at(30))
    assert [s.time_utc for s in found] == [at(10), at(15), at(20), at(25)]
    assert found[0] == _samples(at, 3)[2]
    assert await store.telemetry.latest(WIND) == _samples(at, 10)[-1]
    assert await store.telemetry.latest("nobody") is None


async def test_second_value_at_one_instant_replaces_the_first(store: Store, at):
    """A value told twice is one sample."""
    await store.telemetry.append([Sample(WIND, "m/s", at(0), 1.0)])
    await store.telemetry.append([Sample(WIND, "m/s", at(0), 2.0)])
    assert [
        s.value for s in await store.telemetry.samples(WIND, start_utc=at(-1), end_utc=at(1))
    ] == [2.0]


async def test_channels_are_known_again_after_a_restart(file_store: Store, at, tmp_path):
    """Channel numbers are the database's, not the process's."""
    await file_store.telemetry.append(_samples(at, 2) + _samples(at, 2, channel="tel1/f/x"))
    await file_store.close()
    async with Store(tmp_path / "data") as again:
        await again.telemetry.append([Sample("a/new/one", "K", at(0), 1.0)])
        await again.telemetry.append([Sample(WIND, "m/s", at(100), 9.0)])
        assert await again.telemetry.channels() == {
            "a/new/one": "K",
            WIND: "m/s",
            "tel1/f/x": "m/s",
        }
        latest = await again.telemetry.latest(WIND)
        assert latest is not None
        assert latest.value == 9.0


async def test_failed_append_forgets_the_channels_it_would_have_made(store: Store, at):
    """A rolled back batch leaves no channel behind in memory either."""
    with pytest.raises(Exception, match="NOT NULL"):
        await store.telemetry.append([Sample(WIND, "m/s", at(0), math.nan)])
    assert await store.telemetry.channels() == {}
    await store.telemetry.append(_samples(at, 3))
    assert await store.telemetry.channels() == {WIND: "m/s"}


async def test_trend_keeps_every_spike(store: Store, at):
    """However few points a page asks for, the extremes of each bin are there."""
    samples = _samples(at, 1000)
    samples[637] = Sample(WIND, "m/s", samples[637].time_utc, 31.0)
    await store.telemetry.append(samples)
    trend = await store.telemetry.trend(WIND, start_utc=at(0), end_utc=at(5000), points=20)
    assert len(trend) == 20
    assert sum(point.n for point in trend) == 1000
    assert max(point.high for point in trend) == 31.0
    assert max(trend, key=lambda point: point.high).time_utc == at(3000)
    mean = sum(point.n * point.mean for point in trend) / 1000
    assert mean == pytest.approx(sum(s.value for s in samples) / 1000)


async def test_trend_of_nothing_is_empty(store: Store, at):
    """An unknown channel and a quiet span have no points; an impossible span is refused."""
    await store.telemetry.append(_samples(at, 3))
    assert await store.telemetry.trend("x", start_utc=at(0), end_utc=at(9)) == []
    assert await store.telemetry.trend(WIND, start_utc=at(500), end_utc=at(900)) == []
    with pytest.raises(StoreConflictError, match="give an end after the start"):
        await store.telemetry.trend(WIND, start_utc=at(9), end_utc=at(9))


async def test_trend_is_the_same_with_and_without_roll_ups(store: Store, at):
    """Roll-ups change how fast a long trend is, never what it says."""
    day_s = 86400.0
    start, end = at(-at(0).timestamp() % 600.0), at(-at(0).timestamp() % 600.0 + day_s)
    await store.telemetry.append(_samples(at, int(day_s / 20.0) + 60, step_s=20.0))
    for points in (48, 400):  # bins of 30 minutes and of 216 s
        raw = await store.telemetry.trend(WIND, start_utc=start, end_utc=end, points=points)
        await store.telemetry.roll_up(until_utc=at(day_s * 0.7))
        rolled = await store.telemetry.trend(WIND, start_utc=start, end_utc=end, points=points)
        assert sum(point.n for point in rolled) == sum(point.n for point in raw)
        assert max(p.high for p in rolled) == max(p.high for p in raw)
        if points == 48:  # whole roll-ups per bin: equal bin by bin
            assert [(p.time_utc, p.n, p.low, p.high) for p in rolled] == [
                (p.time_utc, p.n, p.low, p.high) for p in raw
            ]
            assert [p.mean for p in rolled] == pytest.approx([p.mean for p in raw])


async def test_roll_ups_outlive_the_raw_samples(store: Store, at):
    """After a month raw samples go; a trend of that day is still there in minutes."""
    await store.telemetry.append(_samples(at, 720))
    for hours in (0.25, 0.5, 2.0):  # as the recorder does, more than once
        await store.telemetry.roll_up(until_utc=at(hours * 3600.0))
    gone = await store.telemetry.forget(now_utc=at(0) + timedelta(days=31))
    assert gone == 720
    assert await store.telemetry.samples(WIND, start_utc=at(0), end_utc=at(9000)) == []
    trend = await store.telemetry.trend(WIND, start_utc=at(-60), end_utc=at(3660), points=20)
    assert sum(point.n for point in trend) == 720
