"""The simulated weather is smooth, reproducible, plausible, and sometimes bad."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulators.weather import ClimateSettings, Override, WeatherTruth

NIGHT_UNIX_S = 1_795_503_600.0
DAY_S = 86400.0


def truth(seed: int = 1, **changes) -> WeatherTruth:
    return WeatherTruth(ClimateSettings(**changes), seed=seed, local_offset_s=-115.464 * 240.0)


def test_weather_is_the_same_for_the_same_seed_only():
    """Two truths of one seed agree at any instant in any order; another seed differs."""
    times = [NIGHT_UNIX_S + 137.0 * step for step in range(50)]
    forwards = [truth().at(time_s) for time_s in times]
    other = truth()
    backwards = [other.at(time_s) for time_s in reversed(times)]
    assert forwards == backwards[::-1]
    assert truth(2).at(NIGHT_UNIX_S) != forwards[0]


def test_weather_is_smooth_and_plausible():
    """Over thirty days nothing jumps (but rain) and nothing leaves its range."""
    weather = truth(seed=5)
    before = weather.at(NIGHT_UNIX_S)
    for step in range(1, 30 * 288):
        now = weather.at(NIGHT_UNIX_S + 300.0 * step)
        assert abs(now.temperature_deg_C - before.temperature_deg_C) < 1.5
        assert abs(now.wind_m_s - before.wind_m_s) < 8.0
        assert 0.0 <= now.humidity_pct <= 100.0
        assert 0.0 <= now.cloud_fraction <= 1.0
        assert now.gust_m_s >= now.wind_m_s > 0.0
        assert 0.4 < now.seeing_arcsec < 5.0
        assert now.dew_point_deg_C < now.temperature_deg_C + 0.1
        before = now


def test_weather_clear_nights_are_calm():
    """Without spells a night stays within what any observatory would open in."""
    weather = truth(spells_per_night=(1.0, 0.0, 0.0))
    night = [weather.at(NIGHT_UNIX_S + 600.0 * step) for step in range(-30, 36)]
    assert all(now.wind_m_s < 12.0 for now in night)
    assert all(now.humidity_pct < 85.0 for now in night)
    assert all(now.cloud_fraction < 0.25 for now in night)
    assert all(now.rain_mm_h == 0.0 for now in night)
    assert all(now.cloud_extinction_mag < 0.3 for now in night)


def test_weather_bad_spells_come_as_often_as_asked():
    """Of 400 nights as many are bad as the climate says; rain comes with full cloud and damp."""
    weather = truth(seed=11)
    nights = [weather.spells(NIGHT_UNIX_S + DAY_S * night) for night in range(400)]
    share = sum(1 for spells in nights if spells) / 400.0
    assert share == pytest.approx(0.45, abs=0.08)
    rains = [spell for spells in nights for spell in spells if spell.kind == "rain"]
    assert len(rains) > 20
    for spell in rains[:10]:
        wet = weather.at((spell.start_unix_s + spell.end_unix_s) / 2.0)
        assert wet.rain_mm_h > 1.0
        assert wet.cloud_fraction > 0.8
        assert wet.humidity_pct > 80.0
        soon = weather.at(spell.start_unix_s - 120.0)
        assert soon.cloud_fraction > 0.6


def test_weather_scenario_prescribes_what_it_names():
    """An override holds for its time and leaves other quantities to the seed."""
    weather = truth()
    weather.prescribe(
        Override(start_unix_s=NIGHT_UNIX_S, end_unix_s=NIGHT_UNIX_S + 60.0, wind_m_s=20.0)
    )
    inside, outside = weather.at(NIGHT_UNIX_S + 30.0), weather.at(NIGHT_UNIX_S + 60.0)
    assert (inside.wind_m_s, inside.gust_m_s) == (20.0, 27.0)
    assert inside.temperature_deg_C == truth().at(NIGHT_UNIX_S + 30.0).temperature_deg_C
    assert outside == truth().at(NIGHT_UNIX_S + 60.0)


def test_weather_dew_point_by_the_magnus_formula():
    """20 degrees and 50 per cent: 9.3 degrees (WMO 2008, annex 4.B)."""
    weather = truth().at(NIGHT_UNIX_S)
    assert replace(
        weather, temperature_deg_C=20.0, humidity_pct=50.0
    ).dew_point_deg_C == pytest.approx(9.27, abs=0.05)
