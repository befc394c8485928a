"""The simulated weather station: the true weather through imperfect sensors."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from protocols.device_table import DEVICE_TABLE
from protocols.topics import SITE_UNIT
from pyros.domain.device import DeviceKind
from simulators.orders import Refused
from simulators.simulated_device import SimulatedDevice, Wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.device_table import PropertyRow
    from protocols.payloads import Value
    from simulators.orders import Answer, Order
    from simulators.weather import Weather

FULL_STATION: Final = (
    "temperature_deg_C",
    "humidity_pct",
    "dew_point_deg_C",
    "pressure_hPa",
    "wind_m_s",
    "gust_m_s",
    "wind_from_deg",
    "rain",
)
CLOUD_STATION: Final = ("rain", "cloud_fraction", "sky_temperature_deg_C")


class StationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One weather station."""

    id: str
    """Device id under the unit `site`."""
    sensors: tuple[str, ...] = FULL_STATION
    """Properties it measures."""
    bias_scale: float = 1.0
    """How badly it is calibrated: multiplies the drawn biases."""
    rain_dries_s: float = 90.0
    """Seconds that the rain sensor stays wet after the last drop."""


STATIONS: Final[tuple[StationSettings, ...]] = (
    StationSettings(id="wx-1", sensors=(*FULL_STATION, "seeing_arcsec")),
    StationSettings(id="wx-2"),
    StationSettings(id="wx-3", sensors=CLOUD_STATION),
)

_SENSORS: Final[dict[str, tuple[float, float, float]]] = {
    "temperature_deg_C": (0.3, 0.05, 0.1),
    "humidity_pct": (1.5, 0.4, 0.5),
    "dew_point_deg_C": (0.4, 0.1, 0.1),
    "pressure_hPa": (0.4, 0.05, 0.1),
    "wind_m_s": (0.1, 0.35, 0.1),
    "gust_m_s": (0.1, 0.5, 0.1),
    "wind_from_deg": (3.0, 6.0, 1.0),
    "cloud_fraction": (0.01, 0.01, 0.01),
    "sky_temperature_deg_C": (0.5, 0.2, 0.1),
    "seeing_arcsec": (0.03, 0.05, 0.01),
}
"""Per property: rms of the bias over stations, rms noise of a sample, resolution."""
_FLOORS: Final = frozenset({"wind_m_s", "gust_m_s", "cloud_fraction", "seeing_arcsec"})


class WeatherStationSimulator(SimulatedDevice):
    """A weather station.

    Args:
        wiring: Its site and process.
        settings: What it measures.
    """

    kind = DeviceKind.WEATHER_STATION
    period_s = 5.0
    dead_bands: ClassVar[Mapping[str, float]] = {
        "temperature_deg_C": 0.4,
        "humidity_pct": 3.0,
        "dew_point_deg_C": 0.8,
        "pressure_hPa": 0.5,
        "wind_m_s": 1.5,
        "gust_m_s": 2.0,
        "wind_from_deg": 25.0,
        "cloud_fraction": 0.04,
        "sky_temperature_deg_C": 1.0,
        "seeing_arcsec": 0.2,
    }

    def __init__(self, wiring: Wiring, settings: StationSettings) -> None:
        super().__init__(wiring, SITE_UNIT, settings.id)
        self.settings = settings
        self._wet_until_unix_s = float("-inf")

    async def on_start(self) -> None:
        """Draw the biases from the station's name: a restart does not recalibrate it."""
        name = f"{self.wiring.metal.seed}/{self.device}/bias"
        draw = Random(name)  # noqa: S311 - physics, not secrets
        self._biases = {
            name: draw.gauss(0.0, rms) * self.settings.bias_scale
            for name, (rms, _, _) in _SENSORS.items()
        }
        await super().on_start()

    def rows(self) -> Mapping[str, PropertyRow]:
        """Those that it has sensors for."""
        rows = DEVICE_TABLE[self.kind].properties
        return {name: rows[name] for name in self.settings.sensors}

    def readings(self, unix_s: float) -> dict[str, Value]:
        """One sample of each sensor."""
        weather = self.wiring.metal.weather.at(unix_s)
        if weather.rain_mm_h > 0.0:
            self._wet_until_unix_s = unix_s + self.settings.rain_dries_s
        return {
            name: unix_s < self._wet_until_unix_s if name == "rain" else self._sample(name, weather)
            for name in self.settings.sensors
        }

    def _sample(self, name: str, weather: Weather) -> float:
        _, noise, resolution = _SENSORS[name]
        value: float = getattr(weather, name) + self._biases[name] + self.rng.gauss(0.0, noise)
        value = round(round(value / resolution) * resolution, 3)
        if name == "wind_from_deg":
            return value % 360.0
        if name == "humidity_pct":
            return min(100.0, max(0.0, value))
        if name == "cloud_fraction":
            return min(1.0, max(0.0, value))
        return max(0.0, value) if name in _FLOORS else value

    def begin(self, order: Order, unix_s: float) -> Answer:
        """Refuse: a station obeys nothing."""
        del order, unix_s
        return Refused("a weather station takes no commands")
