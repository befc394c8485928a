"""The fusion of weather stations: closing at once, opening late, suspects, silence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.weather_source.messages import WeatherReport
from actors.weather_verdict.explain import verdict
from actors.weather_verdict.fusion import WeatherState, fuse
from actors.weather_verdict.opinions import is_bad
from actors.weather_verdict.settings import DEFAULT_RULES, QuantityRule, WeatherSettings
from actors.weather_verdict.words import words_of
from pyros.clock import datetime_from_unix
from pyros.domain.device import DeviceState, Quality, Reading
from pyros.domain.verdict import Safety

if TYPE_CHECKING:
    from actors.weather_verdict.messages import WeatherVerdict

T0 = 1_795_000_000.0
RULES = {rule.quantity: rule for rule in DEFAULT_RULES}
GOOD = {
    "rain": False,
    "wind_m_s": 3.0,
    "humidity_pct": 50.0,
    "temperature_deg_C": 10.0,
    "dew_point_deg_C": 1.0,
}


class Weather:
    """Three stations and what is made of them, in steps of five seconds."""

    def __init__(self, stations=("a", "b", "c"), rules: WeatherSettings | None = None) -> None:
        self.settings = rules or WeatherSettings()
        self.now_s = T0
        self.state = WeatherState()
        self.says = {station: dict(GOOD) for station in stations}
        self.silent: set[str] = set()
        self.reports: dict[str, WeatherReport | None] = dict.fromkeys(stations)
        self.said: WeatherVerdict | None = None

    def run(self, for_s: float) -> WeatherVerdict:
        """Report and judge every five seconds for a while."""
        end_s = self.now_s + for_s
        while self.now_s < end_s:
            self.now_s += 5.0
            self.judge()
        return self.said

    def judge(self) -> WeatherVerdict:
        now_utc = datetime_from_unix(self.now_s)
        for station, values in self.says.items():
            if station in self.silent:
                continue
            readings = {
                name: Reading(value=value, unit="", time_utc=now_utc)
                for name, value in values.items()
            }
            self.reports[station] = WeatherReport(
                station=station, state=DeviceState.READY, readings=readings, time_utc=now_utc
            )
        words = {
            station: None if report is None else words_of(report, self.settings.rules)
            for station, report in self.reports.items()
        }
        self.state = fuse(self.state, words, self.now_s, self.settings, slack_s=2.0)
        self.said = verdict(self.state, self.now_s, self.settings)
        return self.said

    @property
    def safety(self) -> Safety:
        return self.said.verdict.safety

    @property
    def codes(self) -> list[str]:
        return [reason.code for reason in self.said.verdict.reasons]

    def vote(self, station: str) -> str:
        return next(vote.vote for vote in self.said.votes if vote.station == station)


@pytest.mark.parametrize(
    ("quantity", "value", "code"),
    [("rain", True, "RAIN"), ("wind_m_s", 15.1, "WIND"), ("humidity_pct", 97.5, "HUMIDITY")],
)
def test_one_station_closes_at_once(quantity: str, value: float, code: str) -> None:
    """Rain, wind, or critical humidity at one of three stations is unsafe with the first report."""
    weather = Weather()
    assert weather.run(60.0).verdict.safety is Safety.SAFE
    weather.says["b"][quantity] = value
    weather.run(5.0)
    assert weather.safety is Safety.UNSAFE
    assert weather.codes == [code]
    reason = weather.said.verdict.reasons[0]
    assert (reason.source, weather.vote("b")) == ("b", "unsafe")


def test_reason_names_station_value_and_limit() -> None:
    """A person reads what was measured, where, and against which limit."""
    weather = Weather()
    weather.says["c"]["wind_m_s"] = 17.234
    weather.run(5.0)
    text = weather.said.verdict.reasons[0].text
    assert text == "wind_m_s 17.23 m/s at c, limit 15 m/s"


def test_humidity_counts_after_its_delay() -> None:
    """Humidity over its limit for less than 90 s closes nothing; for 90 s it does."""
    weather = Weather()
    weather.run(60.0)
    weather.says["a"]["humidity_pct"] = 90.0
    assert weather.run(90.0).verdict.safety is Safety.SAFE
    assert weather.run(5.0).verdict.safety is Safety.UNSAFE


def test_good_counts_after_its_delay_and_says_so() -> None:
    """After rain: 300 s without a drop at any station, and the verdict names the end of that."""
    weather = Weather()
    weather.says["a"]["rain"] = True
    weather.run(5.0)
    weather.says["a"]["rain"] = False
    said = weather.run(5.0)
    assert (weather.safety, weather.codes) == (Safety.UNSAFE, ["HOLD_OFF"])
    assert said.verdict.safe_after_utc == datetime_from_unix(weather.now_s + 300.0)
    assert weather.run(295.0).verdict.safety is Safety.UNSAFE
    assert weather.run(5.0).verdict.safety is Safety.SAFE


def test_value_between_the_limits_stays_what_it_was() -> None:
    """Wind of 13 m/s is fine on the way up and not yet fine on the way down."""
    weather = Weather()
    weather.says["a"]["wind_m_s"] = 13.0
    assert weather.run(60.0).verdict.safety is Safety.SAFE
    weather.says["a"]["wind_m_s"] = 16.0
    weather.run(5.0)
    weather.says["a"]["wind_m_s"] = 13.0
    assert weather.run(3600.0).verdict.safety is Safety.UNSAFE
    weather.says["a"]["wind_m_s"] = 12.0
    assert weather.run(605.0).verdict.safety is Safety.SAFE


@pytest.mark.parametrize("rule", DEFAULT_RULES, ids=lambda rule: rule.quantity)
def test_value_exactly_at_a_limit_does_not_jam(rule: QuantityRule) -> None:
    """At the bad limit a value is not yet bad; at the good one it is good again: no dead point."""
    if rule.bad_when_true:
        assert (is_bad(False, rule, was_bad=True), is_bad(True, rule, was_bad=False)) == (
            False,
            True,
        )
        return
    at_bad = rule.bad_above if rule.bad_above is not None else rule.bad_below
    at_good = rule.good_below if rule.bad_above is not None else rule.good_above
    assert not is_bad(at_bad, rule, was_bad=False)
    assert not is_bad(at_good, rule, was_bad=True)
    assert is_bad(at_bad, rule, was_bad=True) is (at_good != at_bad)


def test_wind_flapping_about_its_limit_closes_once() -> None:
    """Wind that crosses its limit every ten seconds for an hour closes once, not 180 times."""
    weather = Weather()
    weather.run(60.0)
    changes, last = 0, weather.safety
    for number in range(360):
        weather.says["a"]["wind_m_s"] = 15.5 if number % 2 else 14.5
        weather.run(10.0)
        changes += weather.safety is not last
        last = weather.safety
    assert (changes, last) == (1, Safety.UNSAFE)


def test_humidity_flapping_about_its_limit_closes_all_the_same() -> None:
    """Bad words that come and go within the bad delay do not start it anew each time."""
    weather = Weather()
    weather.run(60.0)
    for number in range(12):
        weather.says["a"]["humidity_pct"] = 89.0 if number % 2 == 0 else 82.0
        weather.run(20.0)
    assert weather.safety is Safety.UNSAFE


def test_lone_dissenter_becomes_suspect_and_is_left_out() -> None:
    """A humidity sensor stuck at 95 % against two that agree costs ten minutes, not the night."""
    weather = Weather()
    weather.says["c"]["humidity_pct"] = 95.0
    assert weather.run(595.0).verdict.safety is Safety.UNSAFE
    weather.run(10.0)
    assert weather.vote("c") == "suspect"
    assert weather.run(300.0).verdict.safety is Safety.SAFE


def test_suspect_is_believed_again_when_another_confirms_it() -> None:
    """The suspect was right after all: as soon as a second station agrees, both count."""
    weather = Weather()
    weather.says["c"]["humidity_pct"] = 95.0
    weather.run(1000.0)
    assert (weather.vote("c"), weather.safety) == ("suspect", Safety.SAFE)
    weather.says["a"]["humidity_pct"] = 92.0
    weather.run(100.0)
    assert (weather.vote("c"), weather.safety) == ("unsafe", Safety.UNSAFE)


def test_suspect_that_agrees_long_enough_is_believed_again() -> None:
    """A sensor that has recovered takes part again after ten minutes of agreement."""
    weather = Weather()
    weather.says["c"]["humidity_pct"] = 95.0
    weather.run(1000.0)
    weather.says["c"]["humidity_pct"] = 50.0
    weather.run(590.0)
    assert weather.vote("c") == "suspect"
    weather.run(15.0)
    assert weather.vote("c") == "safe"


@pytest.mark.parametrize(("quantity", "value"), [("rain", True), ("wind_m_s", 16.0)])
def test_lone_rain_or_wind_is_never_excluded(quantity: str, value: float) -> None:
    """However long the others contradict: one word of rain or wind keeps it closed."""
    weather = Weather()
    weather.says["b"][quantity] = value
    assert weather.run(2 * 3600.0).verdict.safety is Safety.UNSAFE
    assert weather.vote("b") == "unsafe"
    text = next(vote.text for vote in weather.said.votes if vote.station == "b")
    assert "alone against the others" in text


def test_one_silent_station_is_outvoted_two_are_not() -> None:
    """Of three stations two must speak; with one the weather is unknown, which is unsafe."""
    weather = Weather()
    weather.run(60.0)
    weather.silent = {"a"}
    assert weather.run(120.0).verdict.safety is Safety.SAFE
    assert weather.vote("a") == "lost"
    weather.silent = {"a", "b"}
    assert weather.run(20.0).verdict.safety is Safety.SAFE
    assert weather.run(15.0).verdict.safety is Safety.UNKNOWN
    assert set(weather.codes) == {"STALE"}


def test_never_heard_stations_count_as_missing() -> None:
    """Silence from the start is not good weather."""
    weather = Weather()
    weather.silent = {"a", "b", "c"}
    assert weather.run(60.0).verdict.safety is Safety.UNKNOWN
    weather.silent = {"b", "c"}
    assert weather.run(60.0).verdict.safety is Safety.UNKNOWN


def test_station_without_a_sensor_does_not_count_for_it() -> None:
    """The majority is of those that measure a quantity."""
    weather = Weather(stations=("a", "b"))
    del weather.says["b"]["rain"]
    assert weather.run(60.0).verdict.safety is Safety.SAFE


def test_stuck_rain_report_of_a_station_that_dies_does_not_open() -> None:
    """The last word was rain and then nothing more: good time is counted from the others' words."""
    weather = Weather()
    weather.run(60.0)
    weather.says["a"]["rain"] = True
    weather.run(5.0)
    weather.silent = {"a"}
    assert weather.run(25.0).verdict.safety is Safety.UNSAFE
    assert weather.run(290.0).verdict.safety is Safety.UNSAFE
    assert weather.run(60.0).verdict.safety is Safety.SAFE


def test_all_stations_silent_after_rain_stays_unsafe() -> None:
    """Without anybody's word rain is not over."""
    weather = Weather()
    weather.says["a"]["rain"] = True
    weather.run(5.0)
    weather.silent = {"a", "b", "c"}
    assert weather.run(3600.0).verdict.safety is Safety.UNSAFE


def test_silence_starts_the_good_delay_anew() -> None:
    """Rain may have come back while nobody looked: the 300 s are counted from the next word."""
    weather = Weather()
    weather.says["a"]["rain"] = True
    weather.run(5.0)
    weather.says["a"]["rain"] = False
    weather.run(200.0)
    weather.silent = {"a", "b", "c"}
    weather.run(60.0)
    weather.silent = set()
    assert weather.run(295.0).verdict.safety is Safety.UNSAFE
    assert weather.run(20.0).verdict.safety is Safety.SAFE


def test_bad_and_stale_readings_are_no_words() -> None:
    """Quality decides, not the value: 0 m/s of quality BAD is no calm."""
    weather = Weather(stations=("a",))
    weather.run(30.0)
    now_utc = datetime_from_unix(weather.now_s)
    for quality, age_s in ((Quality.BAD, 0.0), (Quality.STALE, 0.0), (Quality.GOOD, 60.0)):
        report = weather.reports["a"]
        readings = dict(report.readings)
        readings["wind_m_s"] = Reading(
            value=0.0, unit="m/s", time_utc=now_utc - timedelta(seconds=age_s), quality=quality
        )
        report = WeatherReport(
            station="a", state=DeviceState.READY, readings=readings, time_utc=now_utc
        )
        words = {"a": words_of(report, weather.settings.rules)}
        state = fuse(weather.state, words, weather.now_s, weather.settings, slack_s=2.0)
        said = verdict(state, weather.now_s, weather.settings)
        assert said.verdict.safety is Safety.UNKNOWN, quality


_VALUES = {
    "rain": st.booleans(),
    "wind_m_s": st.sampled_from([3.0, 12.0, 13.5, 15.0, 15.01, 25.0]),
    "humidity_pct": st.sampled_from([50.0, 83.0, 86.0, 88.0, 88.1, 99.0]),
}


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_safe_means_every_trusted_word_good_and_fresh(data: st.DataObject) -> None:
    """For any history: SAFE implies a quorum of fresh words per mandatory quantity, none bad.

    Checked against the raw reports, not against the fusion's own memory: no trusted station's fresh
    value is over its good limit after having been bad, and rain and wind not at any station at all.
    """
    weather = Weather()
    last_bad: dict[str, float] = {}
    for _ in range(data.draw(st.integers(1, 12))):
        station = data.draw(st.sampled_from(["a", "b", "c"]))
        what = data.draw(st.sampled_from([*_VALUES, "silence", "speech"]))
        if what == "silence":
            weather.silent.add(station)
        elif what == "speech":
            weather.silent.discard(station)
        else:
            weather.says[station][what] = data.draw(_VALUES[what])
        for _ in range(int(data.draw(st.sampled_from([5.0, 20.0, 95.0, 310.0, 700.0])) / 5.0)):
            weather.now_s += 5.0
            weather.judge()
            speaking = [name for name in weather.says if name not in weather.silent]
            for name in speaking:
                if weather.says[name]["rain"]:
                    last_bad["rain"] = weather.now_s
                if weather.says[name]["wind_m_s"] > 15.0:
                    last_bad["wind_m_s"] = weather.now_s
            if weather.safety is not Safety.SAFE:
                continue
            for name in speaking:
                assert not weather.says[name]["rain"]
                assert weather.says[name]["wind_m_s"] <= 15.0
            for quantity, bad_s in last_bad.items():
                assert weather.now_s - bad_s >= RULES[quantity].good_delay_s
            heard = [
                report
                for report in weather.reports.values()
                if report is not None and weather.now_s - report.time_utc.timestamp() <= 27.0
            ]
            assert len(heard) >= 2
            trusted = [
                weather.says[name]["humidity_pct"]
                for name in speaking
                if weather.vote(name) != "suspect"
            ]
            assert all(value <= 97.0 for value in trusted)
