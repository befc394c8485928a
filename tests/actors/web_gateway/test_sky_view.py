"""The sky of the pages against the almanac and against pyros.sky's single positions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.web_gateway.sky_view import (
    BLOCK_POINTS,
    Target,
    block_curves,
    bright_stars,
    night_section,
    sky_section,
)
from pyros.sky.engine import altaz_now
from tests.browser import staged_night as staged

UNIX_S = staged.NOW.timestamp()


def test_night_has_its_twilights_where_the_almanac_has_them() -> None:
    """Sunset and sunrise at Haute-Provence on 2026-11-23/24.

    Skyfield 1.55's `almanac.sunrise_sunset` (DE421) gives 16:04:42 and 06:43:13 UTC for
    43.9308 N, 5.7133 E.
    """
    events: Any = night_section(staged.SITE, staged.NIGHT)["events"]
    sunset = datetime.fromisoformat(events["sunset"])
    sunrise = datetime.fromisoformat(events["sunrise"])
    assert abs(sunset - datetime(2026, 11, 23, 16, 4, 42, tzinfo=UTC)) < timedelta(seconds=2)
    assert abs(sunrise - datetime(2026, 11, 24, 6, 43, 13, tzinfo=UTC)) < timedelta(seconds=2)
    assert events["sunset"] < events["astronomical_dusk"] < events["astronomical_dawn"]


def test_night_curves_cover_noon_to_noon() -> None:
    """A point every ten minutes, Sun up at both ends and well down in the middle."""
    night: Any = night_section(staged.SITE, staged.NIGHT)
    assert len(night["sun_alt_deg"]) == len(night["moon_alt_deg"]) == 145
    assert night["sun_alt_deg"][0] > 20.0
    assert night["sun_alt_deg"][72] < -60.0
    assert night["moon_illumination"] == pytest.approx(0.99, abs=0.02)


def test_block_curves_are_the_targets_altitudes() -> None:
    """Start, middle and end of each block agree with single positions to a tenth of a degree."""
    scheduled = staged.plan(staged.NOW).scheduled
    curves: Any = block_curves(staged.SITE, staged.NIGHT, scheduled)
    for item in scheduled[::4]:
        span = item.end_utc - item.start_utc
        for index in (0, BLOCK_POINTS // 2, BLOCK_POINTS - 1):
            at = item.start_utc + span * index / (BLOCK_POINTS - 1)
            alt, _ = altaz_now(staged.SITE, item.ra_deg, item.dec_deg, at.timestamp())
            assert curves[item.sequence_id][index] == pytest.approx(alt, abs=0.06)


def test_no_plan_has_no_curves() -> None:
    """An empty plan is drawn as nothing."""
    assert block_curves(staged.SITE, staged.NIGHT, ()) == {}
    assert sky_section(staged.SITE, UNIX_S, ())["targets"] == {}


def test_sky_shows_what_is_up() -> None:
    """Only stars above the horizon, targets wherever they are, the Moon as bright as it is."""
    targets = (Target("m31", 10.685, 41.269), Target("eta-car", 161.265, -59.684))
    sky: Any = sky_section(staged.SITE, UNIX_S, targets)
    assert 60 < len(sky["stars"]) < len(bright_stars())
    assert all(alt > 0 for _, alt, _ in sky["stars"])
    assert sky["targets"]["m31"][1] > 60.0
    assert sky["targets"]["eta-car"][1] < 0.0
    assert sky["moon_illumination"] > 0.95
    assert 0.0 <= sky["lst_deg"] < 360.0
