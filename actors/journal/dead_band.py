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
    "deg": 0.01,
    "deg_C": 0.05,
    "%": 0.2,
    "m/s": 0.1,
    "hPa": 0.05,
    "arcsec": 0.02,
    "um": 1.0,
    "s": 1.0,
}
"""By unit; numbers without unit (fractions, flags, positions) are recorded on any change."""


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
            if last is not None and not self._worth(last, reading, number):
                continue
            if math.isfinite(number):
                self._last[key] = (reading.time_utc, number)
                channel = f"{unit}/{device}/{name}"
                fresh.append(Sample(channel, reading.unit, reading.time_utc, number))
        return fresh

    def _worth(self, last: tuple[datetime, float], reading: Reading, number: float) -> bool:
        age_s = (reading.time_utc - last[0]).total_seconds()
        if age_s <= 0.0:
            return False
        return abs(number - last[1]) > BANDS.get(reading.unit, 0.0) or age_s >= self._quiet_s
