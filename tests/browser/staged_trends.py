"""Weather trends of an evening, for tests that need no observatory."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def past_weather(
    now: datetime, minutes: int = 175
) -> list[tuple[float, dict[str, dict[str, float]]]]:
    """Points of the trend rings up to now."""
    points = []
    for step in range(minutes * 4):
        at = now - timedelta(seconds=15 * (minutes * 4 - step))
        hour = step / 240.0
        values = {}
        for index, name in enumerate(("cloud-watcher", "mast", "roof")):
            gust = 1.6 * math.sin(step / 5.0 + index) * math.sin(step / 31.0)
            values[name] = {
                "wind_m_s": 7.0 + 3.4 * math.sin(hour * 1.7) + gust + 0.4 * index,
                "humidity_pct": 62 + 9 * math.sin(hour * 0.8 + 0.2 * index),
                "temperature_deg_C": 8.2 - 0.9 * hour + 0.5 * index,
                "cloud_fraction": max(0.0, 0.25 + 0.3 * math.sin(hour * 1.2 + 0.3 * index)),
            }
        points.append((at.timestamp(), values))
    return points
