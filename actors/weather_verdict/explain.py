"""The weather's state as a verdict with reasons, votes and values, numbers in them. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from actors.weather_verdict.messages import StationVote, WeatherVerdict
from pyros.clock import datetime_from_unix
from pyros.domain.verdict import Reason, Safety, Verdict

if TYPE_CHECKING:
    from actors.weather_verdict.fusion import WeatherState
    from actors.weather_verdict.opinions import Value
    from actors.weather_verdict.settings import QuantityRule, WeatherSettings
    from actors.weather_verdict.words import Health


def _shown(value: Value, rule: QuantityRule) -> str:
    if rule.bad_when_true:
        return f"{rule.quantity} reported"
    unit = f" {rule.unit}" if rule.unit else ""
    return f"{rule.quantity} {value:.4g}{unit}"


def _limit(rule: QuantityRule, value: Value) -> str:
    unit = f" {rule.unit}" if rule.unit else ""
    if rule.bad_when_true:
        return ""
    if rule.bad_above is not None and (rule.bad_below is None or value > rule.bad_below):
        over = value > rule.bad_above
        if over or rule.good_below is None:
            return f", limit {rule.bad_above:g}{unit}"
        return f", good again up to {rule.good_below:g}{unit}"
    below = rule.bad_below is not None and value < rule.bad_below
    if below or rule.good_above is None:
        return f", limit {rule.bad_below:g}{unit}"
    return f", good again from {rule.good_above:g}{unit}"


def _worst(
    state: WeatherState, rule: QuantityRule, *, calling_bad: bool = False
) -> tuple[str, Value] | None:
    """The worst trusted value and its station; the first of equals."""
    trusted = [
        (name, state.values[name][rule.quantity])
        for name, one in state.opinions.get(rule.quantity, {}).items()
        if not one.suspect and (one.bad or not calling_bad)
    ]
    if not trusted:
        return None
    low = rule.bad_below is not None and rule.bad_above is None
    return (min if low else max)(trusted, key=lambda pair: pair[1])


def _bad_reason(state: WeatherState, rule: QuantityRule, now_s: float) -> Reason:
    condition = state.conditions[rule.quantity]
    worst = _worst(state, rule, calling_bad=True)
    if worst is not None:
        station, value = worst
        text = f"{_shown(value, rule)} at {station}{_limit(rule, value)}"
        return Reason(code=rule.code, text=text, source=station)
    since_s = condition.good_since_s
    if since_s is None:
        return Reason(
            code=rule.code, text=f"{rule.quantity} was bad and nobody says otherwise", source=""
        )
    text = f"{rule.quantity} good for {now_s - since_s:.0f} s of {rule.good_delay_s:g} s"
    return Reason(code="HOLD_OFF", text=text, source=rule.quantity)


def _votes(state: WeatherState) -> tuple[StationVote, ...]:
    return tuple(_vote(station, one, state) for station, one in state.stations.items())


def _vote(station: str, one: Health, state: WeatherState) -> StationVote:
    if one.lost:
        return StationVote(station=station, vote="lost", text=one.lost)
    words = {
        quantity: opinions[station]
        for quantity, opinions in state.opinions.items()
        if station in opinions
    }
    bad = [name for name, word in words.items() if word.bad and not word.suspect]
    if bad:
        alone = [name for name in bad if words[name].dissents_since_s is not None]
        note = " (alone against the others)" if alone == bad else ""
        return StationVote(
            station=station, vote="unsafe", text=f"calls bad: {', '.join(bad)}{note}"
        )
    suspect = [name for name, word in words.items() if word.suspect]
    if suspect:
        text = f"contradicts the others, left out for: {', '.join(suspect)}"
        return StationVote(station=station, vote="suspect", text=text)
    if one.stale:
        text = f"no fresh value of: {', '.join(one.stale)}"
        return StationVote(station=station, vote="stale", text=text)
    return StationVote(station=station, vote="safe", text="all its values are good")


def _fused(state: WeatherState, settings: WeatherSettings) -> dict[str, float | bool]:
    """The worst trusted value of what is ruled, the median of what is only measured."""
    found: dict[str, list[float]] = {}
    ruled = {rule.quantity for rule in settings.rules}
    for values in state.values.values():
        for name, value in values.items():
            if name not in ruled and not isinstance(value, bool):
                found.setdefault(name, []).append(value)
    fused: dict[str, float | bool] = {name: median(them) for name, them in found.items()}
    for rule in settings.rules:
        worst = _worst(state, rule)
        if worst is not None:
            fused[rule.quantity] = worst[1]
    return fused


def verdict(
    state: WeatherState,
    now_s: float,
    settings: WeatherSettings,
) -> WeatherVerdict:
    """The verdict on a state: UNSAFE before UNKNOWN before SAFE.

    Args:
        state: Of this instant.
        now_s: Seconds since 1970, the observatory's.
        settings: Rules.
    """
    reasons: list[Reason] = []
    unknown: list[Reason] = []
    safe_after_s = 0.0
    for rule in settings.rules:
        condition = state.conditions[rule.quantity]
        if condition.bad:
            reason = _bad_reason(state, rule, now_s)
            reasons.append(reason)
            if reason.code == "HOLD_OFF" and condition.good_since_s is not None:
                safe_after_s = max(safe_after_s, condition.good_since_s + rule.good_delay_s)
        if not condition.known:
            text = (
                f"{rule.quantity}: {condition.fresh} of {len(state.stations)} stations give a "
                f"trusted fresh value, {condition.needed} needed"
            )
            unknown.append(Reason(code="STALE", text=text, source=rule.quantity))
    safety = Safety.UNSAFE if reasons else Safety.UNKNOWN if unknown else Safety.SAFE
    clearing = bool(reasons) and not unknown and all(one.code == "HOLD_OFF" for one in reasons)
    return WeatherVerdict(
        verdict=Verdict(
            safety=safety,
            reasons=(*reasons, *unknown),
            time_utc=datetime_from_unix(now_s),
            safe_after_utc=datetime_from_unix(safe_after_s) if clearing else None,
        ),
        votes=_votes(state),
        fused=_fused(state, settings),
    )
