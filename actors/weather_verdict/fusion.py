"""The fusion of all stations into one judgement of the weather. Pure.

Closing and opening are not alike. Any healthy, trusted source over a limit makes a quantity bad
(after the quantity's bad delay; rain and wind have none). It is good again when every trusted
source has called it good for the good delay. A mandatory quantity of which too few sources give
fresh values is unknown, and unknown is unsafe. Peers close on any bad flag and never compare
sources; here one station that contradicts two or more for ten minutes is suspect and left out,
except for rain and wind, where one word is enough for as long as it is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from actors.device.readings import good_number
from actors.weather_verdict.opinions import Opinion, heard, is_critical, weighed
from pyros.clock import unix_from_datetime
from pyros.domain.device import USABLE, Quality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.weather_source.messages import WeatherReport
    from actors.weather_verdict.opinions import Value
    from actors.weather_verdict.settings import QuantityRule, WeatherSettings

DEW_MARGIN = "dew_margin_deg_C"


@dataclass(frozen=True, slots=True)
class Condition:
    """Where one quantity stands, all stations together.

    Attributes:
        bad: Whether it counts as bad.
        bad_since_s: Begin of the present run of bad words, None when there is none.
        last_bad_s: When a trusted source last called it bad.
        good_since_s: Begin of the present stretch in which all trusted sources call it good.
        known: Whether enough sources gave a fresh value.
        fresh: How many did.
        needed: How many had to.
    """

    bad: bool = False
    bad_since_s: float | None = None
    last_bad_s: float | None = None
    good_since_s: float | None = None
    known: bool = False
    fresh: int = 0
    needed: int = 1


@dataclass(frozen=True, slots=True)
class WeatherState:
    """What is remembered between judgements, by quantity."""

    opinions: Mapping[str, Mapping[str, Opinion]] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    stations: Mapping[str, Health] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a station speaks, and what of its word is old.

    Attributes:
        lost: Why it is not heard, empty when it is.
        stale: Ruled quantities it measures but gives no fresh value of.
        measures: Ruled quantities it has given a value of; None before its first report.
    """

    lost: str = "no report yet"
    stale: tuple[str, ...] = ()
    measures: frozenset[str] | None = None


def fresh_values(report: WeatherReport, now_s: float, *, reading_age_s: float) -> dict[str, Value]:
    """Trusted values of a report by quantity, the dew margin among them."""
    values: dict[str, Value] = {}
    readings = report.readings
    for name, reading in readings.items():
        if reading.quality is not Quality.GOOD:
            continue
        if now_s - unix_from_datetime(reading.time_utc) > reading_age_s:
            continue
        if isinstance(reading.value, bool):
            values[name] = reading.value
        elif (number := good_number(readings, name)) is not None:
            values[name] = number
    temperature, dew_point = values.get("temperature_deg_C"), values.get("dew_point_deg_C")
    if temperature is not None and dew_point is not None:
        values[DEW_MARGIN] = temperature - dew_point
    return values


def _measures(report: WeatherReport, rules: tuple[QuantityRule, ...]) -> frozenset[str]:
    named = set(report.readings)
    if {"temperature_deg_C", "dew_point_deg_C"} <= named:
        named.add(DEW_MARGIN)
    return frozenset(rule.quantity for rule in rules if rule.quantity in named)


def health(
    report: WeatherReport | None,
    values: Mapping[str, Value],
    age_s: float,
    settings: WeatherSettings,
    *,
    slack_s: float,
) -> Health:
    """How a station stands.

    Args:
        report: Its latest report, None before the first.
        values: The fresh values of it.
        age_s: Seconds since that report.
        settings: Limits of ages.
        slack_s: Observatory seconds of latency forgiven.
    """
    if report is None:
        return Health()
    measures = _measures(report, settings.rules)
    if age_s > settings.report_age_s + slack_s:
        return Health(f"no report for {age_s:.0f} s", measures=measures)
    if report.state not in USABLE:
        return Health(f"it is {report.state}", measures=measures)
    stale = tuple(sorted(name for name in measures if name not in values))
    return Health("", stale, measures)


def _condition(
    before: Condition, opinions: Mapping[str, Opinion], rule: QuantityRule, now_s: float
) -> Condition:
    trusted = [one for one in opinions.values() if not one.suspect]
    if not trusted:
        # Nobody speaks: a bad quantity stays bad, and its good stretch begins anew.
        return replace(before, good_since_s=None, fresh=0)
    calling_bad = [one for one in trusted if one.bad]
    if not calling_bad:
        good_since_s = now_s if before.good_since_s is None else before.good_since_s
        last_s = before.last_bad_s
        over = last_s is None or now_s - last_s >= rule.bad_delay_s
        bad = before.bad and now_s - good_since_s < rule.good_delay_s
        return Condition(
            bad=bad,
            bad_since_s=None if over else before.bad_since_s,
            last_bad_s=last_s,
            good_since_s=good_since_s,
            fresh=len(trusted),
        )
    bad_since_s = now_s if before.bad_since_s is None else before.bad_since_s
    critical = any(is_critical(one.value, rule) for one in calling_bad)
    bad = before.bad or critical or now_s - bad_since_s >= rule.bad_delay_s
    return Condition(bad=bad, bad_since_s=bad_since_s, last_bad_s=now_s, fresh=len(trusted))


def needed(stations: Mapping[str, Health], quantity: str, settings: WeatherSettings) -> int:
    """Fresh trusted sources a quantity needs.

    A station that never reported counts as measuring everything: it was configured to be heard.
    """
    if settings.quorum is not None:
        return settings.quorum
    able = sum(one.measures is None or quantity in one.measures for one in stations.values())
    return able // 2 + 1


def fuse(
    state: WeatherState,
    reports: Mapping[str, WeatherReport | None],
    now_s: float,
    settings: WeatherSettings,
    *,
    slack_s: float,
) -> WeatherState:
    """The state after a look at the latest report of every configured station.

    Args:
        state: What was remembered.
        reports: Latest report of each configured station, None for those never heard.
        now_s: Seconds since 1970, the observatory's.
        settings: Rules and limits.
        slack_s: Observatory seconds of latency forgiven when ages are judged.
    """
    stations: dict[str, Health] = {}
    values: dict[str, dict[str, Value]] = {}
    for station, report in reports.items():
        fresh: dict[str, Value] = {}
        age_s = 0.0
        if report is not None:
            fresh = fresh_values(report, now_s, reading_age_s=settings.reading_age_s + slack_s)
            age_s = now_s - unix_from_datetime(report.time_utc)
        stations[station] = health(report, fresh, age_s, settings, slack_s=slack_s)
        values[station] = {} if stations[station].lost else fresh
    opinions: dict[str, Mapping[str, Opinion]] = {}
    conditions: dict[str, Condition] = {}
    for rule in settings.rules:
        name = rule.quantity
        said = {station: fresh[name] for station, fresh in values.items() if name in fresh}
        words = weighed(heard(state.opinions.get(name, {}), said, rule), rule, now_s, settings)
        opinions[name] = words
        condition = _condition(state.conditions.get(name, Condition()), words, rule, now_s)
        least = needed(stations, name, settings) if rule.mandatory else 0
        conditions[name] = replace(condition, known=condition.fresh >= least, needed=least)
    return WeatherState(opinions, conditions, stations)
