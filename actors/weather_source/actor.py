"""The actor of one weather station: a device whose readings travel as reports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from actors.device.actor import DeviceActor
from actors.device.readings import good_flag
from actors.weather_source.messages import WeatherReport
from actors.weather_source.settings import WeatherSourceSettings
from pyros.actor import Message
from pyros.domain.device import DeviceKind

if TYPE_CHECKING:
    from actors.device.arguments import DeviceArguments
    from actors.device.messages import DeviceStateChanged
    from pyros.actor import TimerHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report(Message):
    """To itself: report now."""


class WeatherSourceActor(DeviceActor[WeatherSourceSettings]):
    """One weather station, which the device's id names."""

    kind = DeviceKind.WEATHER_STATION

    def __init__(self, **device: Unpack[DeviceArguments[WeatherSourceSettings]]) -> None:
        super().__init__(**device)
        self._reporting: TimerHandle | None = None
        self._reported_s = -math.inf
        self._rain: bool | None = None

    async def on_receive(self, message: Message) -> Any:
        """Handle what concerns stations only."""
        match message:
            case _Report():
                self._reporting = None
                self._report()
                return None
            case _:
                return await super().on_receive(message)

    def on_telemetry(self, *, changed: bool) -> None:
        """Report what changed soon, rain at once, and what did not now and then."""
        rain = good_flag(self.model.readings, "rain")
        if rain is True and self._rain is not True:
            self._report()
            return
        since_s = self.clock.monotonic_s() - self._reported_s
        refresh_s = 0.9 * self._settings.report_refresh_s  # stations publish with that period
        if self._reporting is None and (changed or since_s >= refresh_s):
            wall = self.clock.wall_to_loop_s
            wait_s = max(
                wall(self._settings.gather_s), wall(self._settings.report_period_s) - since_s
            )
            self._reporting = self.tell_later(wait_s, _Report())

    def on_state(self, change: DeviceStateChanged) -> None:
        """A lost station is news for the verdict."""
        del change
        self._report()

    def _report(self) -> None:
        now_utc = self.clock.now()
        self._reported_s = self.clock.monotonic_s()
        readings = self.model.now(now_utc)
        self._rain = good_flag(readings, "rain")
        self.publish(
            WeatherReport(
                station=self.device,
                state=self.model.state,
                readings=readings,
                time_utc=now_utc,
            )
        )
