"""What one station says of one quantity: good or bad, and whether it is believed. Pure.

Times are seconds since 1970 of the observatory's clock. A word that says nothing new is the same
object as before, so that a quiet night costs little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.weather_verdict.settings import QuantityRule, WeatherSettings

Value = float | bool


@dataclass(frozen=True, slots=True)
class Opinion:
    """A station's word on a quantity.

    Attributes:
        bad: Whether it calls it bad, hysteresis applied.
        dissents_since_s: Since when it alone calls bad what two or more call good.
        agrees_since_s: Since when, being suspect, it calls it good like the others.
        suspect: Whether it is no longer believed.
    """

    bad: bool = False
    dissents_since_s: float | None = None
    agrees_since_s: float | None = None
    suspect: bool = False


GOOD = Opinion()


def is_bad(value: Value, rule: QuantityRule, *, was_bad: bool) -> bool:
    """Whether a value is bad; between the limits it stays what it was.

    Exactly at a limit: at the bad one a value is not yet bad, at the good one it is good again.
    """
    if rule.bad_when_true:
        return bool(value)
    high, low = rule.bad_above, rule.bad_below
    if was_bad:
        high = rule.good_below if rule.good_below is not None else high
        low = rule.good_above if rule.good_above is not None else low
    return (high is not None and value > high) or (low is not None and value < low)


def is_critical(value: Value, rule: QuantityRule) -> bool:
    """Whether a value is so bad that no delay is allowed."""
    return rule.critical_above is not None and value > rule.critical_above


def heard(
    before: Mapping[str, Opinion], values: Mapping[str, Value], rule: QuantityRule
) -> dict[str, Opinion]:
    """The stations' opinions after fresh `values`, by station; who gives none has no opinion."""
    opinions: dict[str, Opinion] = {}
    for station, value in values.items():
        known = before.get(station, GOOD)
        bad = is_bad(value, rule, was_bad=known.bad)
        opinions[station] = known if bad is known.bad else replace(known, bad=bad)
    return opinions


def weighed(
    opinions: Mapping[str, Opinion],
    rule: QuantityRule,
    now_s: float,
    settings: WeatherSettings,
) -> Mapping[str, Opinion]:
    """The opinions with those who dissent alone noted, and in time suspected.

    A suspect whose word another trusted station confirms is believed at once. For quantities whose
    rule is `alone` dissent is noted, so that people can be told, and nobody is suspected.
    """
    if all(one is GOOD for one in opinions.values()):
        return opinions
    trusted = {name: one for name, one in opinions.items() if not one.suspect}
    bad = [name for name, one in trusted.items() if one.bad]
    good = len(trusted) - len(bad)
    result: dict[str, Opinion] = {}
    for name, one in opinions.items():
        if one.suspect:
            result[name] = _reconsidered(one, confirmed=bool(bad), now_s=now_s, settings=settings)
        elif bad == [name] and good >= 2:
            since_s = now_s if one.dissents_since_s is None else one.dissents_since_s
            long = now_s - since_s >= settings.suspect_after_s
            result[name] = replace(one, dissents_since_s=since_s, suspect=long and not rule.alone)
        else:
            result[name] = Opinion(bad=True) if one.bad else GOOD
    return result


def _reconsidered(
    one: Opinion, *, confirmed: bool, now_s: float, settings: WeatherSettings
) -> Opinion:
    if one.bad:
        return Opinion(bad=True) if confirmed else replace(one, agrees_since_s=None)
    since_s = now_s if one.agrees_since_s is None else one.agrees_since_s
    if now_s - since_s >= settings.trust_again_s:
        return GOOD
    return replace(one, agrees_since_s=since_s)
