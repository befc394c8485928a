"""A report as the fusion needs it: numbers with their times, read once per report. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.device.readings import good_number
from pyros.clock import unix_from_datetime
from pyros.domain.device import USABLE, Quality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.weather_source.messages import WeatherReport
    from actors.weather_verdict.opinions import Value
    from actors.weather_verdict.settings import QuantityRule, WeatherSettings

DEW_MARGIN = "dew_margin_deg_C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a station said last.

    Attributes:
        reported_s: When, seconds since 1970.
        unusable: Why its report does not count, empty when it does.
        values: Values of quality GOOD by quantity, the dew margin among them.
        taken_s: When each was taken.
        oldest_s: When the oldest of the ruled ones was taken.
        measures: Ruled quantities it has a sensor for.
    """

    reported_s: float
    unusable: str
    values: Mapping[str, Value]
    taken_s: Mapping[str, float]
    oldest_s: float
    measures: frozenset[str]


def words_of(report: WeatherReport, rules: tuple[QuantityRule, ...]) -> Words:
    """The words of a report."""
    values: dict[str, Value] = {}
    taken_s: dict[str, float] = {}
    readings = report.readings
    for name, reading in readings.items():
        if reading.quality is not Quality.GOOD:
            continue
        if isinstance(reading.value, bool):
            values[name] = reading.value
        elif (number := good_number(readings, name)) is not None:
            values[name] = number
        else:
            continue
        taken_s[name] = unix_from_datetime(reading.time_utc)
    temperature, dew_point = values.get("temperature_deg_C"), values.get("dew_point_deg_C")
    if temperature is not None and dew_point is not None:
        values[DEW_MARGIN] = temperature - dew_point
        taken_s[DEW_MARGIN] = min(taken_s["temperature_deg_C"], taken_s["dew_point_deg_C"])
    named = set(readings)
    if {"temperature_deg_C", "dew_point_deg_C"} <= named:
        named.add(DEW_MARGIN)
    reported_s = unix_from_datetime(report.time_utc)
    ruled = [rule.quantity for rule in rules]
    return Words(
        reported_s=reported_s,
        unusable="" if report.state in USABLE else f"it is {report.state}",
        values=values,
        taken_s=taken_s,
        oldest_s=min((taken_s[name] for name in ruled if name in taken_s), default=reported_s),
        measures=frozenset(name for name in ruled if name in named),
    )


def fresh(words: Words, now_s: float, *, age_s: float) -> Mapping[str, Value]:
    """The values not older than `age_s`."""
    if now_s - words.oldest_s <= age_s:
        return words.values
    return {
        name: value for name, value in words.values.items() if now_s - words.taken_s[name] <= age_s
    }


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a station is heard, and what of its word is old.

    Attributes:
        lost: Why it is not heard, empty when it is.
        stale: Ruled quantities it measures but gives no fresh value of.
    """

    lost: str = ""
    stale: tuple[str, ...] = ()


WELL = Health()
UNHEARD = Health("no report yet")


def health(
    words: Words | None,
    values: Mapping[str, Value],
    now_s: float,
    settings: WeatherSettings,
    *,
    slack_s: float,
) -> Health:
    """How a station stands.

    Args:
        words: What it said last, None before its first report.
        values: What of it is fresh.
        now_s: Seconds since 1970.
        settings: Limits of ages.
        slack_s: Observatory seconds of latency forgiven.
    """
    if words is None:
        return UNHEARD
    if now_s - words.reported_s > settings.report_age_s + slack_s:
        return Health(f"no report for more than {settings.report_age_s:g} s")
    if words.unusable:
        return Health(words.unusable)
    if words.measures <= values.keys():
        return WELL
    return Health("", tuple(sorted(words.measures - values.keys())))
