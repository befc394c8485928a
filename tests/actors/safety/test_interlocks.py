"""Interlocks: what it takes to be SAFE, and how long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.device.messages import DeviceStatus
from actors.safety.interlocks import Facts, Memory, judge
from actors.safety.settings import SafetySettings
from pyros.clock import datetime_from_unix
from pyros.domain.device import DeviceKind, DeviceState, Quality, Reading
from pyros.domain.verdict import Reason, Safety, Verdict

T0 = 1_795_000_000.0
SETTINGS = SafetySettings()
S = Safety


def weather(safety: Safety = S.SAFE, *codes: str) -> Verdict:
    reasons = tuple(Reason(code=code, text=code.lower()) for code in codes)
    return Verdict(safety=safety, reasons=reasons, time_utc=datetime_from_unix(T0))


def plc(state: DeviceState = DeviceState.READY, **values: object) -> DeviceStatus:
    contacts = {"mains": True, "rain": False, "ups_charge_pct": 100.0, "door_closed": True} | values
    now_utc = datetime_from_unix(T0)
    return DeviceStatus(
        unit="site",
        device="plc",
        kind=DeviceKind.PLC,
        state=state,
        reason="",
        since_utc=now_utc,
        readings={
            name: value
            if isinstance(value, Reading)
            else Reading(value=value, unit="", time_utc=now_utc)
            for name, value in contacts.items()
        },
        blocking=True,
        simulated=True,
        running_command=None,
        time_utc=now_utc,
    )


NIGHT = Facts(
    now_s=T0,
    weather=weather(),
    weather_age_s=0.0,
    plc=plc(),
    plc_age_s=0.0,
    sun_altitude_deg=-30.0,
)


class Night:
    """Judgements in order of time."""

    def __init__(self, facts: Facts = NIGHT, rules: SafetySettings = SETTINGS) -> None:
        self.memory = Memory()
        self.facts = facts
        self.rules = rules
        self.verdict: Verdict | None = None

    def after(self, seconds: float, **changes: object) -> Safety:
        """Time passes, then facts change, then it is judged."""
        now_s = self.facts.now_s + seconds
        self.facts = replace(self.facts, now_s=now_s, **changes)
        self.memory, self.verdict = judge(self.memory, self.facts, self.rules, slack_s=2.0)
        return self.verdict.safety

    @property
    def codes(self) -> list[str]:
        return [reason.code for reason in self.verdict.reasons]


def safe_night() -> Night:
    night = Night()
    night.after(0.0)
    assert night.after(600.0) is S.SAFE
    return night


def test_start_is_unknown_and_then_held_off() -> None:
    """Without a word it is UNKNOWN; with good words it is SAFE after the hold-off, not before."""
    night = Night(replace(NIGHT, weather=None, plc=None))
    assert night.after(0.0) is S.UNKNOWN
    assert night.after(10.0, weather=weather(), plc=plc()) is S.UNSAFE
    assert night.codes == ["HOLD_OFF"]
    assert night.verdict.safe_after_utc == datetime_from_unix(T0 + 610.0)
    assert night.after(599.9) is S.UNSAFE
    assert night.after(0.1) is S.SAFE
    assert night.verdict.reasons == ()


@pytest.mark.parametrize(
    ("changes", "safety", "code"),
    [
        ({"weather": weather(S.UNSAFE, "RAIN")}, S.UNSAFE, "RAIN"),
        ({"weather": weather(S.UNKNOWN, "STALE")}, S.UNKNOWN, "STALE"),
        ({"weather": weather(S.UNSAFE)}, S.UNSAFE, "WEATHER"),
        ({"weather": None}, S.UNKNOWN, "WEATHER"),
        ({"weather_age_s": 33.0}, S.UNKNOWN, "WEATHER"),
        ({"plc": None}, S.UNKNOWN, "PLC"),
        ({"plc_age_s": 43.0}, S.UNKNOWN, "PLC"),
        ({"plc": plc(DeviceState.DISABLED)}, S.UNKNOWN, "PLC"),
        ({"plc": plc(DeviceState.FAULT)}, S.UNKNOWN, "PLC"),
        ({"plc": plc(rain=True)}, S.UNSAFE, "RAIN"),
        (
            {
                "plc": plc(
                    rain=Reading(
                        value=False,
                        unit="",
                        time_utc=datetime_from_unix(T0),
                        quality=Quality.STALE,
                    )
                )
            },
            S.UNKNOWN,
            "PLC",
        ),
        ({"plc": plc(ups_charge_pct=59.0)}, S.UNSAFE, "UPS"),
        ({"sun_altitude_deg": -0.7}, S.UNSAFE, "SUN"),
        ({"lock": "ana: people on the roof"}, S.UNSAFE, "LOCK"),
    ],
)
def test_each_condition_ends_safe_at_once(changes, safety: Safety, code: str) -> None:
    """Whatever goes wrong, the next judgement is not SAFE, and says why."""
    night = safe_night()
    assert night.after(1.0, **changes) is safety
    assert night.codes == [code]


def test_held_condition_is_held_off_again_after_it_ended() -> None:
    """After rain on the PLC's contact ten good minutes must pass."""
    night = safe_night()
    night.after(1.0, plc=plc(rain=True))
    assert night.after(60.0, plc=plc()) is S.UNSAFE
    assert night.after(599.0) is S.UNSAFE
    assert night.after(1.0) is S.SAFE


def test_short_blindness_is_held_off_like_rain() -> None:
    """What happened while nobody looked is not known."""
    night = safe_night()
    assert night.after(1.0, weather_age_s=60.0) is S.UNKNOWN
    assert night.after(1.0, weather_age_s=0.0) is S.UNSAFE
    assert night.codes == ["HOLD_OFF"]


def test_weathers_own_delay_and_the_hold_off_run_together() -> None:
    """Rain's 300 s good delay counts into the 600 s hold-off, not before it."""
    night = safe_night()
    night.after(1.0, weather=weather(S.UNSAFE, "RAIN"))
    night.after(10.0, weather=weather(S.UNSAFE, "HOLD_OFF"))
    assert night.after(300.0, weather=weather()) is S.UNSAFE
    assert night.after(300.0) is S.SAFE


def test_weathers_delay_alone_still_keeps_it_closed() -> None:
    """When the hold-off is shorter than the weather's own delay, the longer one counts."""
    night = Night(rules=SafetySettings(hold_off_s=10.0, start_hold_off_s=0.0))
    assert night.after(0.0) is S.SAFE
    night.after(1.0, weather=weather(S.UNSAFE, "WIND"))
    night.after(1.0, weather=weather(S.UNSAFE, "HOLD_OFF"))
    assert night.after(100.0) is S.UNSAFE


def test_sun_and_locks_are_not_held_off() -> None:
    """Sunset and an operator's word open at once: they say themselves when they end."""
    night = Night(replace(NIGHT, sun_altitude_deg=5.0))
    night.after(0.0)
    assert night.after(3600.0) is S.UNSAFE
    assert night.codes == ["SUN"]
    assert night.after(10.0, sun_altitude_deg=-0.84) is S.SAFE
    assert night.after(10.0, lock="ana: visitors") is S.UNSAFE
    assert night.after(10.0, lock="") is S.SAFE


@pytest.mark.parametrize("offset_deg", [-1e-9, 0.0, 1e-9])
def test_sun_at_its_limit_does_not_flap(offset_deg: float) -> None:
    """Exactly at the limit, above or below it by rounding: SAFE once, then SAFE."""
    limit_deg = SETTINGS.sun_open_below_deg
    night = Night(replace(NIGHT, sun_altitude_deg=limit_deg - 0.001))
    night.after(0.0)
    night.after(600.0)
    for _ in range(10):
        assert night.after(10.0, sun_altitude_deg=limit_deg + offset_deg) is S.SAFE
        offset_deg = -offset_deg
    assert night.after(10.0, sun_altitude_deg=limit_deg + 0.06) is S.UNSAFE
    assert night.after(10.0, sun_altitude_deg=limit_deg + 0.01) is S.UNSAFE


def test_mains_failure_closes_after_its_grace() -> None:
    """A dip of the mains costs nothing; a minute on the UPS closes."""
    night = safe_night()
    assert night.after(1.0, plc=plc(mains=False)) is S.SAFE
    assert night.after(30.0) is S.SAFE
    assert night.after(1.0, plc=plc()) is S.SAFE
    assert night.after(1.0, plc=plc(mains=False)) is S.SAFE
    assert night.after(60.0) is S.UNSAFE
    assert night.codes == ["MAINS"]


def test_site_without_a_plc_says_so_in_its_configuration() -> None:
    """Only `needs_plc = false` makes a missing PLC no reason."""
    night = Night(replace(NIGHT, plc=None), rules=SafetySettings(needs_plc=False))
    night.after(0.0)
    assert night.after(600.0) is S.SAFE


_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "weather": st.sampled_from(
            [
                weather(),
                weather(),
                weather(S.UNSAFE, "RAIN"),
                weather(S.UNSAFE, "HOLD_OFF"),
                weather(S.UNKNOWN, "STALE"),
                weather(S.UNSAFE, "HOLD_OFF", "STALE"),
                None,
            ]
        ),
        "weather_age_s": st.sampled_from([0.0, 10.0, 31.0, 33.0, 500.0]),
        "plc": st.sampled_from(
            [plc(), plc(), plc(rain=True), plc(mains=False), plc(DeviceState.DISABLED), None]
        ),
        "plc_age_s": st.sampled_from([0.0, 41.0, 43.0]),
        "sun_altitude_deg": st.sampled_from([-40.0, -0.84, -0.83, -0.8, -0.7, 30.0]),
        "lock": st.sampled_from(["", "", "ana: works"]),
    },
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1.0, 9.0, 61.0, 300.0, 601.0]), _CHANGES), max_size=30))
def test_safe_implies_everything_good_for_the_hold_off(steps) -> None:
    """For any history: SAFE only with good fresh words, dark, unlocked, and 600 s since harm.

    The oracle looks at the facts of each step alone and never at what the interlocks remember.
    """
    night = Night()
    harmed_s = T0
    night.after(0.0)
    for seconds, changes in steps:
        before = night.facts
        safety = night.after(seconds, **changes)
        facts = night.facts
        blind = (
            facts.weather is None
            or facts.weather_age_s > 32.0
            or facts.plc is None
            or facts.plc_age_s > 42.0
            or facts.plc.state is not DeviceState.READY
        )
        wet = facts.weather is not None and any(
            reason.code in {"RAIN", "STALE"} for reason in facts.weather.reasons
        )
        contact = facts.plc is not None and facts.plc.readings["rain"].value is True
        if blind or wet or contact:
            harmed_s = facts.now_s
        if safety is S.SAFE:
            assert not blind
            assert not wet
            assert not contact
            assert facts.weather.safety is S.SAFE
            assert facts.sun_altitude_deg <= SETTINGS.sun_open_below_deg + 0.05
            assert not facts.lock
            assert facts.now_s - harmed_s >= 600.0
            assert night.verdict.reasons == ()
        else:
            assert night.verdict.reasons
        del before
