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

from actors.weather_verdict.opinions import GOOD, Opinion, heard, is_critical, weighed
from actors.weather_verdict.words import UNHEARD, Health, fresh, health

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.weather_verdict.opinions import Value
    from actors.weather_verdict.settings import QuantityRule, WeatherSettings
    from actors.weather_verdict.words import Words


@dataclass(frozen=True, slots=True)
class Condition:
    """Where one quantity stands, all stations together.

    Attributes:
        bad: Whether it counts as bad.
        bad_since_s: Begin of the present run of bad words, None when there is none.
        last_bad_s: When a trusted source last called it bad.
        good_since_s: Begin of the present stretch in which all trusted sources call it good.
        fresh: How many trusted sources gave a fresh value.
        needed: How many have to; 0 when the quantity is not mandatory.
    """

    bad: bool = False
    bad_since_s: float | None = None
    last_bad_s: float | None = None
    good_since_s: float | None = None
    fresh: int = 0
    needed: int = 1

    @property
    def known(self) -> bool:
        """Whether enough sources speak."""
        return self.fresh >= self.needed


@dataclass(frozen=True, slots=True)
class WeatherState:
    """What is remembered between judgements, by quantity or station."""

    opinions: Mapping[str, Mapping[str, Opinion]] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    stations: Mapping[str, Health] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """Fresh values of the stations that are heard, by station."""

    def says_the_same(self, other: WeatherState) -> bool:
        """Whether both lead to the same verdict, up to the numbers in its sentences."""
        return (
            self.conditions == other.conditions
            and self.stations == other.stations
            and self.opinions == other.opinions
        )


def _condition(
    before: Condition,
    opinions: Mapping[str, Opinion],
    values: Mapping[str, Value],
    rule: QuantityRule,
    now_s: float,
    least: int,
) -> Condition:
    trusted = [name for name, one in opinions.items() if not one.suspect]
    if not trusted:
        # Nobody speaks: a bad quantity stays bad, and its good stretch begins anew.
        return replace(before, good_since_s=None, fresh=0, needed=least)
    calling_bad = [name for name in trusted if opinions[name].bad]
    if calling_bad:
        since_s = now_s if before.bad_since_s is None else before.bad_since_s
        critical = any(is_critical(values[name], rule) for name in calling_bad)
        return Condition(
            bad=before.bad or critical or now_s - since_s >= rule.bad_delay_s,
            bad_since_s=since_s,
            last_bad_s=now_s,
            fresh=len(trusted),
            needed=least,
        )
    good_since_s = now_s if before.good_since_s is None else before.good_since_s
    last_s = before.last_bad_s
    # Bad words that pause for less than the bad delay are one run of bad words.
    over = last_s is None or now_s - last_s >= rule.bad_delay_s
    return Condition(
        bad=before.bad and now_s - good_since_s < rule.good_delay_s,
        bad_since_s=None if over else before.bad_since_s,
        last_bad_s=last_s,
        good_since_s=good_since_s,
        fresh=len(trusted),
        needed=least,
    )


def _steady(before: Condition, opinions: Mapping[str, Opinion], least: int) -> bool:
    """Whether nothing can have changed: everybody calls good what has long been good."""
    return (
        not before.bad
        and before.good_since_s is not None
        and before.bad_since_s is None
        and before.fresh == len(opinions)
        and before.needed == least
        and all(one is GOOD for one in opinions.values())
    )


def needed(words: Mapping[str, Words | None], quantity: str, settings: WeatherSettings) -> int:
    """Fresh trusted sources a mandatory quantity needs.

    A station that never reported counts as measuring everything: it was configured to be heard.
    """
    if settings.quorum is not None:
        return settings.quorum
    able = sum(one is None or quantity in one.measures for one in words.values())
    return able // 2 + 1


def fuse(
    state: WeatherState,
    words: Mapping[str, Words | None],
    now_s: float,
    settings: WeatherSettings,
    *,
    slack_s: float,
) -> WeatherState:
    """The state after a look at the latest words of every configured station.

    Args:
        state: What was remembered.
        words: Latest words of each configured station, None for those never heard.
        now_s: Seconds since 1970, the observatory's.
        settings: Rules and limits.
        slack_s: Observatory seconds of latency forgiven when ages are judged.
    """
    stations: dict[str, Health] = {}
    values: dict[str, Mapping[str, Value]] = {}
    for station, said in words.items():
        if said is None:
            stations[station] = UNHEARD
            continue
        recent = fresh(said, now_s, age_s=settings.reading_age_s + slack_s)
        stations[station] = health(said, recent, now_s, settings, slack_s=slack_s)
        if not stations[station].lost:
            values[station] = recent
    opinions: dict[str, Mapping[str, Opinion]] = {}
    conditions: dict[str, Condition] = {}
    for rule in settings.rules:
        name = rule.quantity
        given = {station: recent[name] for station, recent in values.items() if name in recent}
        voices = heard(state.opinions.get(name, {}), given, rule)
        before = state.conditions.get(name, Condition())
        least = needed(words, name, settings) if rule.mandatory else 0
        if _steady(before, voices, least):
            opinions[name], conditions[name] = voices, before
            continue
        opinions[name] = weighed(voices, rule, now_s, settings)
        conditions[name] = _condition(before, opinions[name], given, rule, now_s, least)
    return WeatherState(opinions, conditions, stations, values)
