"""A slew arrives where the star is when it arrives, by the short way, at the axes' own pace."""

from __future__ import annotations

import pytest

from pyros.sky import altaz_now, icrs_from_altaz
from simulators.kinematics import Rates
from simulators.mount_motion import (
    Following,
    Standing,
    displaced,
    drifted,
    halted,
    horizontal_deg,
    now_doing,
    pointing,
    slew,
)

RATES = Rates(max_per_s=12.0, acceleration_per_s2=6.0)


def test_slew_meets_the_star(site, night_unix_s):
    """At arrival both axes stand on the moving star to a tenth of an arcsecond, without a jump."""
    star = Following(ra_deg=56.75, dec_deg=24.12)
    start = Standing(alt_deg=10.0, az_deg=5.0, parked=True)
    moving = slew(start, star, site, night_unix_s, rates=Rates(max_per_s=1.0), settle_s=2.0)
    assert moving.arrival_unix_s - night_unix_s > 60.0
    alt_deg, az_deg = altaz_now(site, star.ra_deg, star.dec_deg, moving.arrival_unix_s)
    assert moving.altitude.end == pytest.approx(alt_deg, abs=3e-5)
    assert moving.azimuth.end % 360.0 == pytest.approx(az_deg, abs=3e-4)
    assert now_doing(moving, moving.arrival_unix_s) == star
    assert now_doing(moving, moving.arrival_unix_s - 0.1) is moving


def test_slew_turns_through_north_when_shorter(site, night_unix_s):
    """From azimuth 350 to 20 it turns 30 degrees."""
    start, goal = Standing(alt_deg=45.0, az_deg=350.0), Standing(alt_deg=45.0, az_deg=20.0)
    moving = slew(start, goal, site, night_unix_s, rates=RATES, settle_s=0.0)
    assert moving.arrival_unix_s - night_unix_s == pytest.approx(30.0 / 12.0 + 2.0)
    halfway = horizontal_deg(moving, site, night_unix_s + 2.25)
    assert halfway == pytest.approx((45.0, 5.0))


def test_slew_time_is_that_of_the_slower_axis(site, night_unix_s):
    """Axes move together; the longer way decides, and settling comes on top."""
    start, goal = Standing(alt_deg=20.0, az_deg=100.0), Standing(alt_deg=80.0, az_deg=110.0)
    moving = slew(start, goal, site, night_unix_s, rates=RATES, settle_s=1.5)
    assert moving.arrival_unix_s - night_unix_s == pytest.approx(60.0 / 12.0 + 2.0 + 1.5)


def test_halted_slew_stands_on_its_way_and_is_not_parked(site, night_unix_s):
    """Stopped on the way to the park position it is not parked."""
    start = Standing(alt_deg=60.0, az_deg=100.0)
    goal = Standing(alt_deg=10.0, az_deg=0.0, parked=True)
    moving = slew(start, goal, site, night_unix_s, rates=RATES, settle_s=0.0)
    stopped = halted(moving, site, night_unix_s + 3.0)
    assert stopped.parked is False
    assert 10.0 < stopped.alt_deg < 60.0
    assert halted(goal, site, night_unix_s).parked is True


def test_standing_mount_drifts_over_the_sky(site, night_unix_s):
    """A tube at rest sees right ascension grow by a degree in four minutes."""
    tube = Standing(alt_deg=70.0, az_deg=180.0)
    first = pointing(tube, site, night_unix_s)
    later = pointing(tube, site, night_unix_s + 239.345)
    assert (later.ra_deg - first.ra_deg) % 360.0 == pytest.approx(1.0, abs=1e-3)
    soon = pointing(tube, site, night_unix_s + 600.0)
    guessed = drifted(first, 600.0)
    assert guessed.ra_deg == pytest.approx(soon.ra_deg, abs=1e-2)
    assert guessed.dec_deg == pytest.approx(soon.dec_deg, abs=1e-2)
    assert icrs_from_altaz(site, 70.0, 180.0, night_unix_s) == (first.ra_deg, first.dec_deg)


def test_displaced_moves_by_angles_on_the_sky():
    """East is stretched by the declination; right ascension stays within a turn."""
    ra_deg, dec_deg = displaced(359.999, 60.0, 36.0, -18.0)
    assert ra_deg == pytest.approx(0.019)
    assert dec_deg == pytest.approx(59.995)
