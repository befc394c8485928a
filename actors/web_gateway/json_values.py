"""How domain values are written into the live model: instants, readings, reasons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from actors.web_gateway.changes import Json
    from pyros.domain.device import Reading
    from pyros.domain.verdict import Reason, Verdict


def instant(time_utc: datetime | None) -> str | None:
    """An aware UTC instant as RFC 3339 with milliseconds and `Z`, None for None."""
    if time_utc is None:
        return None
    return time_utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number(value: float | None, digits: int = 6) -> float | None:
    """A finite number with no more digits than anybody reads; None for NaN and infinities."""
    if value is None or not math.isfinite(value):
        return None
    return round(value, digits)


def plain(value: object) -> Json:
    """Any JSON-like value made of plain dicts, lists and scalars; what is none becomes its text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value)


def readings(values: Mapping[str, Reading]) -> dict[str, Json]:
    """Readings by property: `v` value, `u` unit, `t` source time, `q` quality."""
    return {
        name: {
            "v": number(reading.value) if isinstance(reading.value, float) else reading.value,
            "u": reading.unit,
            "t": instant(reading.time_utc),
            "q": str(reading.quality),
        }
        for name, reading in values.items()
    }


def reasons(items: Iterable[Reason]) -> list[Json]:
    """Reasons as objects of code, text and source."""
    return [{"code": item.code, "text": item.text, "source": item.source} for item in items]


def verdict(value: Verdict) -> dict[str, Json]:
    """A verdict as an object."""
    return {
        "safety": str(value.safety),
        "reasons": reasons(value.reasons),
        "time_utc": instant(value.time_utc),
        "safe_after_utc": instant(value.safe_after_utc),
    }
