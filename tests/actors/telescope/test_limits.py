"""The telescope's limits: altitude, the Sun and the way there, parking."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.telescope.limits import Escape, Stance, breach, refusal, uncovering
from actors.telescope.settings import AxisSettings, TelescopeSettings
from actors.telescope.slews import AltAz, axis_at_deg, axis_s, path, separation_deg, slew_s

SETTINGS = TelescopeSettings()
NIGHT_SUN = AltAz(alt_deg=-40.0, az_deg=0.0)
DAY_SUN = AltAz(alt_deg=40.0, az_deg=180.0)
READY = Stance(at=AltAz(alt_deg=60.0, az_deg=90.0), parked=False, exposed=True, sun=NIGHT_SUN)


def at(alt_deg: float, az_deg: float = 90.0) -> AltAz:
    return AltAz(alt_deg=alt_deg, az_deg=az_deg)


@pytest.mark.parametrize(
    ("alt_deg", "allowed"),
    [(15.0, True), (14.96, True), (14.9, False), (90.0, True), (-3.0, False), (math.nan, False)],
)
def test_altitude_limit_holds_and_allows_a_target_exactly_at_it(alt_deg, allowed) -> None:
    """At the limit a slew goes; below it, or nowhere at all, it is refused with the number."""
    refused = refusal(READY, at(alt_deg), SETTINGS)
    assert (refused == "") is allowed
    if not allowed and not math.isnan(alt_deg):
        assert f"{alt_deg:.1f} deg is below the limit of 15 deg" in refused


def test_parked_telescope_must_be_unparked_first() -> None:
    """A slew never unparks by itself; unknown counts as parked."""
    assert "unpark it first" in refusal(replace(READY, parked=True), at(60.0), SETTINGS)
    assert "unknown" in refusal(replace(READY, parked=None), at(60.0), SETTINGS)


def test_sun_is_avoided_at_the_target() -> None:
    """Nearer than 30 degrees to the Sun is refused by day while anything is open."""
    day = replace(READY, sun=DAY_SUN, at=at(40.0, 90.0))
    assert "from the Sun" in refusal(day, at(40.0, 215.0), SETTINGS)
    assert refusal(day, at(70.0, 90.0), SETTINGS) == ""
    assert refusal(replace(day, exposed=False), at(40.0, 215.0), SETTINGS) == ""


def test_sun_is_avoided_on_the_way() -> None:
    """From one side of the Sun to the other at its altitude: the way is refused, not the target."""
    day = replace(READY, sun=DAY_SUN, at=at(40.0, 120.0))
    refused = refusal(day, at(40.0, 240.0), SETTINGS)
    assert refused.startswith("the way passes")
    assert "unknown" in refusal(replace(day, at=None), at(40.0, 90.0), SETTINGS)


@settings(deadline=None)
@given(
    st.floats(15, 90), st.floats(0, 359.99), st.floats(15, 90), st.floats(0, 359.99),
    st.floats(-17, 80), st.floats(0, 359.99),
)  # fmt: skip
def test_allowed_slews_never_pass_the_sun(alt1, az1, alt2, az2, sun_alt, sun_az) -> None:
    """For any start outside the avoidance: an allowed way stays outside, finer steps looked at."""
    sun = at(sun_alt, sun_az)
    stance = replace(READY, at=at(alt1, az1), sun=sun)
    if separation_deg(stance.at, sun) < 30.0 or refusal(stance, at(alt2, az2), SETTINGS):
        return
    axis = SETTINGS.altitude_axis
    fine = path(stance.at, at(alt2, az2), altitude=axis, azimuth=axis, step_deg=0.1)
    assert min(separation_deg(point, sun) for point in fine) > 28.0


def test_cover_stays_shut_towards_the_sun() -> None:
    """The mirror is not uncovered while the tube looks near the Sun, even unseen behind a dome."""
    towards = replace(READY, sun=DAY_SUN, at=at(40.0, 175.0), exposed=False)
    assert "from the Sun" in uncovering(towards, SETTINGS)
    assert uncovering(replace(towards, at=at(40.0, 0.0)), SETTINGS) == ""
    assert uncovering(replace(towards, sun=NIGHT_SUN), SETTINGS) == ""


def test_tracking_into_a_limit_parks() -> None:
    """A setting target followed below the limit: park. A slew under way is left alone."""
    low = replace(READY, at=at(14.0))
    found = breach(low, tracking=True, slewing=False, settings=SETTINGS)
    assert found is not None
    assert found.escape is Escape.PARK
    assert breach(low, tracking=True, slewing=True, settings=SETTINGS) is None
    assert breach(low, tracking=False, slewing=False, settings=SETTINGS) is None
    assert breach(READY, tracking=True, slewing=False, settings=SETTINGS) is None


def test_open_telescope_near_the_sun_is_covered() -> None:
    """However it got there: the cover closes."""
    near = replace(READY, sun=DAY_SUN, at=at(40.0, 200.0))
    found = breach(near, tracking=False, slewing=False, settings=SETTINGS)
    assert found is not None
    assert found.escape is Escape.COVER
    assert breach(
        replace(near, exposed=False), tracking=False, slewing=False, settings=SETTINGS
    ) is None  # fmt: skip


def test_slew_takes_the_longer_axis_and_its_settling() -> None:
    """Two axes of 4 deg/s and 2 deg/s2: 90 degrees take 24.5 s, 2 degrees take 2 s."""
    axis = AxisSettings(rate_deg_s=4.0, acceleration_deg_s2=2.0)
    assert axis_s(90.0, axis) == pytest.approx(90.0 / 4.0 + 4.0 / 2.0)
    assert axis_s(2.0, axis) == pytest.approx(2.0)
    took_s = slew_s(at(30.0, 350.0), at(32.0, 80.0), altitude=axis, azimuth=axis, settle_s=3.0)
    assert took_s == pytest.approx(axis_s(90.0, axis) + 3.0)


@given(st.floats(-360, 360), st.floats(0.1, 20), st.floats(0.05, 10), st.floats(0, 1))
def test_axis_moves_forward_and_arrives(angle_deg, rate, acceleration, part) -> None:
    """At no time has an axis turned less than before, nor beyond its end."""
    axis = AxisSettings(rate_deg_s=rate, acceleration_deg_s2=acceleration)
    whole_s = axis_s(angle_deg, axis)
    here = axis_at_deg(angle_deg, axis, part * whole_s)
    later = axis_at_deg(angle_deg, axis, min(whole_s, part * whole_s + 0.01 * whole_s))
    assert abs(here) <= abs(later) + 1e-9
    assert abs(later) <= abs(angle_deg) + 1e-6
    assert axis_at_deg(angle_deg, axis, whole_s) == angle_deg
