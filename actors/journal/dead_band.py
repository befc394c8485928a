"""Which readings are worth recording: those that changed by more than their sensor's noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyros.domain.device import Quality
from pyros.store import Sample

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyros.domain.device import Reading

BANDS = {
    "deg": 0.1,
    "deg_C": 0.1,
    "%": 0.5,
    "m/s": 0.3,
    "hPa": 0.05,
    "arcsec": 0.05,
    "um": 1.0,
    "s": 1.0,
}
"""By unit; numbers without unit (fractions, flags, positions) are recorded on any change."""


BANDS_BY_NAME = {"wind_from_deg": 10.0, "sky_temperature_deg_C": 0.5, "cloud_fraction": 0.02}
"""By property, before the unit: sensors that are noisier than their unit's others."""


class DeadBand:
    """Remembers what was recorded last of each channel.

    Args:
        quiet_s: Seconds after which an unchanged value is worth recording again.
    """

    def __init__(self, *, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._last: dict[tuple[str, str, str], tuple[datetime, float]] = {}

    def news(self, unit: str, device: str, readings: Mapping[str, Reading]) -> list[Sample]:
        """Samples worth recording, remembered as recorded; channels are `unit/device/property`."""
        fresh: list[Sample] = []
        for name, reading in readings.items():
            value = reading.value
            if value is None or isinstance(value, str) or reading.quality is not Quality.GOOD:
                continue
            number = float(value)
            key = (unit, device, name)
            last = self._last.get(key)
            if last is not None and not self._worth(name, last, reading, number):
                continue
            if math.isfinite(number):
                self._last[key] = (reading.time_utc, number)
                channel = f"{unit}/{device}/{name}"
                fresh.append(Sample(channel, reading.unit, reading.time_utc, number))
        return fresh

    def _worth(
        self, name: str, last: tuple[datetime, float], reading: Reading, number: float
    ) -> bool:
        last_utc, recorded = last
        if reading.time_utc <= last_utc:
            return False
        band = BANDS_BY_NAME.get(name)
        if band is None:
            band = BANDS.get(reading.unit, 0.0)
        if abs(number - recorded) > band:
            return True
        return (reading.time_utc - last_utc).total_seconds() >= self._quiet_s
