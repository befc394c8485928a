"""What a property is worth: a payload becomes a reading, a reading ages. Pure.

Stale is unknown. A value without its unit, outside its range, of the wrong type or stamped in the
future is BAD: it is shown, and nothing is decided on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.device_table import DEVICE_TABLE
from pyros.domain.device import DeviceKind, Quality, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from protocols.device_table import ValueType
    from protocols.payloads import PropertyDescription, PropertyPayload, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertySpec:
    """What is expected of one property.

    Attributes:
        name: Its name, unit in it.
        unit: VOUnit string; the device table's where it knows the property.
        type: Type of the value.
        ttl_s: Observatory seconds after which a value is stale.
        low: Least credible value, None when open.
        high: Greatest credible value, None when open.
    """

    name: str
    unit: str
    type: ValueType
    ttl_s: float
    low: float | None = None
    high: float | None = None


def specs(
    kind: DeviceKind, described: Mapping[str, PropertyDescription]
) -> dict[str, PropertySpec]:
    """Expectations from a description; the device table has the last word on unit and type."""
    rows = DEVICE_TABLE[kind].properties
    result: dict[str, PropertySpec] = {}
    for name in sorted(described):
        told = described[name]
        row = rows.get(name)
        result[name] = PropertySpec(
            name=name,
            unit=told.u if row is None else row.unit,
            type=told.type if row is None else row.type,
            ttl_s=told.ttl_s if row is None else min(told.ttl_s, row.ttl_s),
            low=told.min,
            high=told.max,
        )
    return result


def _fits(value: Value, expected: ValueType) -> bool:
    match expected:
        case "boolean":
            return isinstance(value, bool)
        case "text":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and math.isfinite(value)
            )


def fault(
    spec: PropertySpec, payload: PropertyPayload, now_utc: datetime, *, slack_s: float
) -> str:
    """What is wrong with a payload, or an empty text.

    Args:
        spec: What is expected.
        payload: What came.
        now_utc: The observatory's time of arrival.
        slack_s: Seconds a stamp may lie ahead of `now_utc`.
    """
    if payload.q != "good":
        return "the device itself calls it bad"
    if not _fits(payload.v, spec.type):
        return f"{payload.v!r} is no {spec.type}"
    if payload.u != spec.unit:
        return f"its unit is {payload.u!r} instead of {spec.unit!r}"
    if (payload.t - now_utc).total_seconds() > slack_s:
        return f"its time {payload.t:%Y-%m-%dT%H:%M:%SZ} lies in the future"
    if isinstance(payload.v, int | float) and not isinstance(payload.v, bool):
        if spec.low is not None and payload.v < spec.low:
            return f"{payload.v:g} {spec.unit} is below {spec.low:g}"
        if spec.high is not None and payload.v > spec.high:
            return f"{payload.v:g} {spec.unit} is above {spec.high:g}"
    return ""


def reading_of(payload: PropertyPayload, *, bad: bool) -> Reading:
    """The reading a payload stands for."""
    return Reading(
        value=payload.v,
        unit=payload.u,
        time_utc=payload.t,
        quality=Quality.BAD if bad else Quality.GOOD,
    )


def supersedes(new: Reading, kept: Reading | None) -> bool:
    """Whether a reading replaces the one kept: late and duplicate ones do not.

    A value stamped in the future must not lock out the good ones that follow it.
    """
    return kept is None or kept.quality is not Quality.GOOD or new.time_utc >= kept.time_utc


def is_stale(reading: Reading, ttl_s: float, now_utc: datetime, *, slack_s: float) -> bool:
    """Whether a reading is older than its time to live plus the network's latency."""
    return (now_utc - reading.time_utc).total_seconds() > ttl_s + slack_s


def aged(
    readings: Mapping[str, Reading],
    expected: Mapping[str, PropertySpec],
    now_utc: datetime,
    *,
    slack_s: float,
) -> dict[str, Reading]:
    """The readings as they are worth now: those too old have quality STALE.

    A property that is no longer described is stale whatever its age.
    """
    result: dict[str, Reading] = {}
    for name, reading in readings.items():
        spec = expected.get(name)
        if reading.quality is not Quality.STALE and (
            spec is None or is_stale(reading, spec.ttl_s, now_utc, slack_s=slack_s)
        ):
            result[name] = Reading(
                value=reading.value,
                unit=reading.unit,
                time_utc=reading.time_utc,
                quality=Quality.STALE,
            )
        else:
            result[name] = reading
    return result


def first_expiry_s(
    readings: Mapping[str, Reading],
    expected: Mapping[str, PropertySpec],
    now_utc: datetime,
    *,
    slack_s: float,
) -> float | None:
    """Seconds from `now_utc` until the first fresh reading is stale; None when none is fresh."""
    ages = (
        spec.ttl_s + slack_s - (now_utc - reading.time_utc).total_seconds()
        for name, reading in readings.items()
        if (spec := expected.get(name)) is not None
    )
    return min((left_s for left_s in ages if left_s >= 0.0), default=None)


def awaited(
    readings: Mapping[str, Reading],
    expected: Iterable[PropertySpec],
    now_utc: datetime,
    *,
    slack_s: float,
) -> tuple[str, ...]:
    """Described properties without a fresh value; one that is bad has at least been heard."""
    return tuple(
        spec.name
        for spec in expected
        if (reading := readings.get(spec.name)) is None
        or is_stale(reading, spec.ttl_s, now_utc, slack_s=slack_s)
    )


def good_number(readings: Mapping[str, Reading], name: str) -> float | None:
    """A trusted number, or None when it is missing, bad, stale or no number."""
    reading = readings.get(name)
    if reading is None or reading.quality is not Quality.GOOD:
        return None
    value = reading.value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def good_flag(readings: Mapping[str, Reading], name: str) -> bool | None:
    """A trusted truth value, or None when it is missing, bad, stale or none."""
    reading = readings.get(name)
    if reading is None or reading.quality is not Quality.GOOD:
        return None
    return reading.value if isinstance(reading.value, bool) else None


def good_text(readings: Mapping[str, Reading], name: str) -> str | None:
    """A trusted text, or None when it is missing, bad, stale or none."""
    reading = readings.get(name)
    if reading is None or reading.quality is not Quality.GOOD:
        return None
    return reading.value if isinstance(reading.value, str) else None
