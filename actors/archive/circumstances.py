"""What the devices and the weather were when a frame was taken: kept from the shutter's opening.

By the time a frame lies in the spool the telescope may be on its way to a burst, so what goes into
the header is remembered when the exposure begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.fits_facts import Weather
from pyros.domain.device import DeviceKind, Quality, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.device.messages import DeviceStatus
    from actors.weather_source.messages import WeatherReport
    from actors.weather_verdict.messages import WeatherVerdict

_WEATHER = {
    "temperature_deg_c": "temperature_deg_C",
    "humidity_pct": "humidity_pct",
    "dew_point_deg_c": "dew_point_deg_C",
    "pressure_hpa": "pressure_hPa",
    "wind_m_s": "wind_m_s",
    "gust_m_s": "gust_m_s",
    "wind_from_deg": "wind_from_deg",
    "cloud_fraction": "cloud_fraction",
    "sky_temperature_deg_c": "sky_temperature_deg_C",
    "seeing_arcsec": "seeing_arcsec",
}
"""Field of `Weather` to property of a weather station."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Readings at one moment, of one telescope and camera.

    Attributes:
        telescope: Readings of the telescope.
        camera: Readings of the camera.
        focuser: Readings of its focuser.
        dome: Readings of its dome.
        weather: Trusted weather.
    """

    telescope: Mapping[str, Reading]
    camera: Mapping[str, Reading]
    focuser: Mapping[str, Reading]
    dome: Mapping[str, Reading]
    weather: Weather


class Surroundings:
    """The latest of everything, from the events."""

    def __init__(self) -> None:
        self._devices: dict[tuple[str, str], DeviceStatus] = {}
        self._reports: dict[str, WeatherReport] = {}
        self._verdict: WeatherVerdict | None = None

    def take_status(self, status: DeviceStatus) -> None:
        """Remember a device's latest status."""
        self._devices[status.unit, status.device] = status

    def take_report(self, report: WeatherReport) -> None:
        """Remember a station's latest report."""
        self._reports[report.station] = report

    def take_verdict(self, verdict: WeatherVerdict) -> None:
        """Remember the fused weather."""
        self._verdict = verdict

    def now(self, unit: str, camera: str) -> Circumstances:
        """What is known now for a frame of this camera on this telescope."""
        return Circumstances(
            telescope=self._of_kind(unit, DeviceKind.TELESCOPE),
            camera=self._readings(unit, camera),
            focuser=self._of_kind(unit, DeviceKind.FOCUSER),
            dome=self._of_kind(unit, DeviceKind.DOME),
            weather=self._weather(),
        )

    def _readings(self, unit: str, device: str) -> Mapping[str, Reading]:
        status = self._devices.get((unit, device))
        return {} if status is None else status.readings

    def _of_kind(self, unit: str, kind: DeviceKind) -> Mapping[str, Reading]:
        """Readings of the unit's device of a kind, of the site's when it has none of its own."""
        for owner in (unit, "site"):
            for (its_unit, _), status in self._devices.items():
                if its_unit == owner and status.kind is kind:
                    return status.readings
        return {}

    def _weather(self) -> Weather:
        """The fused value of each quantity; where nothing is fused, a good one of any station."""
        fused = {} if self._verdict is None else self._verdict.fused
        values: dict[str, float | None] = {}
        for field, name in _WEATHER.items():
            trusted = fused.get(name)
            if trusted is None:
                stations = sorted(self._reports.items())
                readings = (report.readings.get(name) for _, report in stations)
                trusted = next((r for r in map(good_number, readings) if r is not None), None)
            values[field] = None if trusted is None else float(trusted)
        return Weather(**values)


def good_number(reading: Reading | None) -> float | None:
    """The number of a reading that may be trusted, None otherwise."""
    if reading is None or reading.quality is not Quality.GOOD:
        return None
    value = reading.value
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
