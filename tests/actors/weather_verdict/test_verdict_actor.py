"""The weather verdict's actor: what it tells, and how often."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.weather_source.messages import WeatherReport
from actors.weather_verdict.actor import WeatherVerdictActor
from actors.weather_verdict.messages import WeatherVerdict
from actors.weather_verdict.settings import WeatherSettings
from pyros.actor import Actor, ActorSystem, ChildSpec, Message
from pyros.domain.device import DeviceState, Reading
from pyros.domain.verdict import Safety

pytestmark = pytest.mark.asyncio

STATIONS = ("wx-1", "wx-2", "wx-3")
FINE = {
    "rain": (False, ""),
    "wind_m_s": (4.0, "m/s"),
    "humidity_pct": (30.0, "%"),
    "temperature_deg_C": (10.0, "deg_C"),
    "dew_point_deg_C": (-7.0, "deg_C"),
}


class Reader(Actor):
    """Keeps the verdicts."""

    def __init__(self) -> None:
        super().__init__()
        self.verdicts: list[WeatherVerdict] = []

    async def on_start(self) -> None:
        self.subscribe(WeatherVerdict)

    async def on_receive(self, message: Message) -> Any:
        assert isinstance(message, WeatherVerdict)
        self.verdicts.append(message)


def report(system: ActorSystem, station: str, **changed: bool) -> WeatherReport:
    """What a station says now."""
    now_utc = system.clock.now()
    said = FINE | {name: (value, FINE[name][1]) for name, value in changed.items()}
    return WeatherReport(
        station=station,
        state=DeviceState.READY,
        readings={
            name: Reading(value=value, unit=unit, time_utc=now_utc)
            for name, (value, unit) in said.items()
        },
        time_utc=now_utc,
    )


async def test_reports_that_come_together_are_judged_once(system: ActorSystem):
    """Rain at every station in the same moment is one verdict, told without any delay."""
    reader = Reader()
    await system.spawn(ChildSpec(name="reader", factory=lambda: reader))
    await system.spawn(
        ChildSpec(
            name="verdict",
            factory=lambda: WeatherVerdictActor(stations=STATIONS, settings=WeatherSettings()),
        )
    )
    for _ in range(3):
        for station in STATIONS:
            system.events.publish(report(system, station))
        await asyncio.sleep(5.0)
    assert reader.verdicts[-1].verdict.safety is Safety.SAFE
    reader.verdicts.clear()
    before_s = system.clock.monotonic_s()
    for station in STATIONS:
        system.events.publish(report(system, station, rain=True))
    for _ in range(20):
        await asyncio.sleep(0)
    assert system.clock.monotonic_s() == before_s
    assert [told.verdict.safety for told in reader.verdicts] == [Safety.UNSAFE]
    assert {vote.station for vote in reader.verdicts[0].votes if vote.vote == "unsafe"} == {
        *STATIONS
    }
