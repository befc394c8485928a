"""May the observatory be open: weather, PLC, power, Sun and operators in one verdict. Pure.

What is not known counts as unsafe. Conditions that may have hurt (weather, rain contact, power,
blindness) must be good for a hold-off before it is safe again; Sun and operators' locks are not
held off, since they say themselves when they end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from actors.device.readings import good_flag, good_number
from pyros.clock import datetime_from_unix
from pyros.domain.device import USABLE
from pyros.domain.verdict import Reason, Safety, Verdict

if TYPE_CHECKING:
    from actors.device.messages import DeviceStatus
    from actors.safety.settings import SafetySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known at an instant.

    Attributes:
        now_s: Seconds since 1970, the observatory's.
        weather: The weather's verdict, None when there is none.
        weather_age_s: Seconds since it was heard.
        plc: The PLC's status, None when there is none.
        plc_age_s: Seconds since it was heard.
        sun_altitude_deg: Geometric altitude of the Sun.
        lock: Who keeps it closed and why; empty when nobody does.
    """

    now_s: float
    weather: Verdict | None
    weather_age_s: float
    plc: DeviceStatus | None
    plc_age_s: float
    sun_altitude_deg: float
    lock: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered between verdicts.

    Attributes:
        good_since_s: Since when no held condition is bad or unknown, None while one is.
        disturbed: Whether anything bad or a loss of SAFE was seen since the start.
        dark: Whether the Sun allowed it last time (hysteresis).
        on_ups_since_s: Since when the mains are lost, None while they are there.
        safety: The last verdict.
    """

    good_since_s: float | None = None
    disturbed: bool = False
    dark: bool = False
    on_ups_since_s: float | None = None
    safety: Safety = Safety.UNKNOWN


@dataclass(frozen=True, slots=True)
class _Finding:
    """A reason, how bad it is, and whether it is held off."""

    safety: Safety
    reason: Reason
    held: bool = True


def _unknown(code: str, text: str, source: str) -> _Finding:
    return _Finding(Safety.UNKNOWN, Reason(code=code, text=text, source=source))


def _unsafe(code: str, text: str, source: str, *, held: bool = True) -> _Finding:
    return _Finding(Safety.UNSAFE, Reason(code=code, text=text, source=source), held)


def _weather(facts: Facts, settings: SafetySettings, slack_s: float) -> list[_Finding]:
    if facts.weather is None:
        return [_unknown("WEATHER", "no word of the weather yet", "weather")]
    if facts.weather_age_s > settings.weather_age_s + slack_s:
        text = f"no weather verdict for {facts.weather_age_s:.0f} s"
        return [_unknown("WEATHER", text, "weather")]
    weather = facts.weather
    if weather.safety is Safety.SAFE:
        return []
    findings = [
        _Finding(
            Safety.UNKNOWN if reason.code == "STALE" else Safety.UNSAFE,
            reason,
            # The weather's own delay runs at the same time as the hold-off, not before it.
            held=reason.code != "HOLD_OFF",
        )
        for reason in weather.reasons
    ]
    return findings or [_Finding(weather.safety, Reason(code="WEATHER", text="no reason given"))]


def _plc(
    facts: Facts, memory: Memory, settings: SafetySettings, slack_s: float
) -> tuple[list[_Finding], float | None]:
    """Findings of the PLC, and since when it runs on the UPS."""
    plc = facts.plc
    if plc is None or facts.plc_age_s > settings.plc_age_s + slack_s or plc.state not in USABLE:
        if not settings.needs_plc:
            return [], memory.on_ups_since_s
        told = "no word of it" if plc is None else f"it is {plc.state}"
        if plc is not None and plc.state in USABLE:
            told = f"no word of it for {facts.plc_age_s:.0f} s"
        return [_unknown("PLC", f"PLC: {told}", "plc")], memory.on_ups_since_s
    findings: list[_Finding] = []
    readings = plc.readings
    rain, mains = good_flag(readings, "rain"), good_flag(readings, "mains")
    charge_pct = good_number(readings, "ups_charge_pct")
    if rain is None:
        findings.append(_unknown("PLC", "PLC: its rain contact is not known", "plc"))
    elif rain:
        findings.append(_unsafe("RAIN", "the PLC's rain contact is wet", "plc"))
    since_s = memory.on_ups_since_s
    if mains is None:
        findings.append(_unknown("PLC", "PLC: whether there are mains is not known", "plc"))
    elif mains:
        since_s = None
    else:
        since_s = facts.now_s if since_s is None else since_s
        on_ups_s = facts.now_s - since_s
        if on_ups_s >= settings.mains_grace_s:
            text = f"no mains for {on_ups_s:.0f} s, limit {settings.mains_grace_s:g} s"
            findings.append(_unsafe("MAINS", text, "plc"))
    if charge_pct is not None and charge_pct < settings.ups_min_pct:
        text = f"UPS charged to {charge_pct:.0f} %, limit {settings.ups_min_pct:g} %"
        findings.append(_unsafe("UPS", text, "plc"))
    if settings.door_must_be_closed and good_flag(readings, "door_closed") is not True:
        findings.append(_unsafe("DOOR", "the dome's door is not seen closed", "plc", held=False))
    return findings, since_s


def _sun(facts: Facts, memory: Memory, settings: SafetySettings) -> tuple[list[_Finding], bool]:
    """Findings of the Sun, and whether it is dark enough."""
    limit_deg = settings.sun_open_below_deg
    if memory.dark:
        limit_deg += settings.sun_hysteresis_deg
    if facts.sun_altitude_deg <= limit_deg:
        return [], True
    text = (
        f"the Sun stands at {facts.sun_altitude_deg:.2f} deg, limit "
        f"{settings.sun_open_below_deg:g} deg"
    )
    return [_unsafe("SUN", text, "sun", held=False)], False


def judge(
    memory: Memory, facts: Facts, settings: SafetySettings, *, slack_s: float
) -> tuple[Memory, Verdict]:
    """The verdict on the facts, and what to remember.

    Args:
        memory: What was remembered.
        facts: What is known now.
        settings: Limits and hold-offs.
        slack_s: Observatory seconds of latency forgiven when ages are judged.
    """
    plc, on_ups_since_s = _plc(facts, memory, settings, slack_s)
    sun, dark = _sun(facts, memory, settings)
    findings = [*_weather(facts, settings, slack_s), *plc, *sun]
    if facts.lock:
        findings.append(_unsafe("LOCK", f"kept closed by {facts.lock}", "operator", held=False))
    held = [one for one in findings if one.held]
    hurt = any(one.safety is Safety.UNSAFE for one in held)
    disturbed = memory.disturbed or hurt or (bool(held) and memory.safety is Safety.SAFE)
    good_since_s = None
    safe_after_s = None
    if not held:
        good_since_s = facts.now_s if memory.good_since_s is None else memory.good_since_s
        hold_off_s = settings.hold_off_s if disturbed else settings.start_hold_off_s
        good_s = facts.now_s - good_since_s
        if good_s < hold_off_s:
            safe_after_s = good_since_s + hold_off_s
            text = f"everything good for {good_s:.0f} s of {hold_off_s:g} s"
            findings.append(_unsafe("HOLD_OFF", text, "safety", held=False))
    safety = Safety.SAFE
    if findings:
        unsafe = any(one.safety is Safety.UNSAFE for one in findings)
        safety = Safety.UNSAFE if unsafe else Safety.UNKNOWN
    weather_after_utc = None if facts.weather is None else facts.weather.safe_after_utc
    safe_after_utc = None if safe_after_s is None else datetime_from_unix(safe_after_s)
    if safe_after_utc is not None and weather_after_utc is not None:
        safe_after_utc = max(safe_after_utc, weather_after_utc)
    remembered = replace(
        memory,
        good_since_s=good_since_s,
        disturbed=disturbed,
        dark=dark,
        on_ups_since_s=on_ups_since_s,
        safety=safety,
    )
    verdict = Verdict(
        safety=safety,
        reasons=tuple(one.reason for one in findings),
        time_utc=datetime_from_unix(facts.now_s),
        safe_after_utc=safe_after_utc,
    )
    return remembered, verdict
