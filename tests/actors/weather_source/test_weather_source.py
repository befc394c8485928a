"""A weather station's actor: reports in time, rain at once, silence told."""

from __future__ import annotations

import asyncio

import pytest

from actors.weather_source.actor import WeatherSourceActor
from actors.weather_source.messages import WeatherReport
from actors.weather_source.settings import WeatherSourceSettings
from pyros.domain.device import DeviceKind, DeviceState, Quality

pytestmark = pytest.mark.asyncio


async def station(site):
    """A scripted station, its actor's reports, and the actor."""
    device = await site.device(DeviceKind.WEATHER_STATION, "wx-1", unit="site")
    reports = await site.listen(WeatherReport)
    await site.spawn(
        "weather-wx-1",
        lambda: WeatherSourceActor(
            topics=site.topics,
            unit="site",
            device="wx-1",
            settings=WeatherSourceSettings(),
            mqtt=site.mqtt,
        ),
    )
    return device, reports


async def test_station_reports_every_five_seconds_though_nothing_changes(site) -> None:
    """The verdict hears that the station lives; a burst of values is one report."""
    _, reports = await station(site)
    reports.clear()
    await asyncio.sleep(60.0)
    assert 11 <= len(reports) <= 13
    assert reports[-1].station == "wx-1"
    assert reports[-1].readings["humidity_pct"].value == 50.0


async def test_rain_is_reported_at_once(site) -> None:
    """Not with the next period: in the same instant."""
    device, reports = await station(site)
    await asyncio.sleep(2.5)
    await device.set(wind_m_s=4.0)
    await device.set(rain=True)
    await asyncio.sleep(0.01)
    assert reports[-1].readings["rain"].value is True


async def test_changes_are_reported_at_most_once_a_second(site) -> None:
    """A chattering sensor does not flood the site."""
    device, reports = await station(site)
    reports.clear()
    for number in range(100):
        await device.set(wind_m_s=float(number % 7))
        await asyncio.sleep(0.1)
    assert len(reports) <= 12


async def test_silent_station_reports_stale_values_and_then_its_loss(site) -> None:
    """First the values are STALE, then the station is DISABLED: both are told unasked."""
    device, reports = await station(site)
    device.silent = True
    await asyncio.sleep(26.0)
    assert {reading.quality for reading in reports[-1].readings.values()} == {Quality.STALE}
    await asyncio.sleep(10.0)
    assert reports[-1].state is DeviceState.DISABLED
