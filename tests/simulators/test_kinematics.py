"""Motions follow trapezoids: right durations, continuous, monotonic, exact at their ends."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.kinematics import Rates, Travel, shortest_turn_deg

RATES = st.builds(
    Rates,
    max_per_s=st.floats(0.01, 100.0),
    acceleration_per_s2=st.one_of(st.floats(0.01, 100.0), st.just(math.inf)),
)
PLACES = st.floats(-1000.0, 1000.0)


@pytest.mark.parametrize(
    ("distance", "duration_s"),
    [
        (0.0, 0.0),
        (180.0, 180.0 / 12.0 + 2.0),  # a trapezoid: distance / rate + rate / acceleration
        (24.0, 4.0),  # just reaches its highest rate
        (6.0, 2.0),  # a triangle: 2 sqrt(distance / acceleration)
    ],
)
def test_rates_duration_by_hand(distance, duration_s):
    """Numbers worked out on paper for 12 per second and 6 per second squared."""
    assert Rates(max_per_s=12.0, acceleration_per_s2=6.0).duration_s(distance) == duration_s


@given(RATES, PLACES, PLACES, st.lists(st.floats(0.0, 1.2), min_size=2, max_size=8))
def test_travel_is_monotonic_bounded_and_exact(rates, start, end, shares):
    """It never leaves the interval, never turns back, never exceeds its rate, ends exactly."""
    travel = Travel(start_unix_s=1000.0, start=start, end=end, rates=rates)
    duration_s = travel.end_unix_s - 1000.0
    times = sorted(1000.0 + share * duration_s for share in shares)
    places = [travel.position(time_s) for time_s in times]
    low, high = min(start, end), max(start, end)
    slack = 1e-6 * (1.0 + abs(start) + abs(end))
    assert all(low - slack <= place <= high + slack for place in places)
    towards = [(place - start) * math.copysign(1.0, end - start) for place in places]
    assert all(b >= a - slack for a, b in itertools.pairwise(towards))
    for (t0, p0), (t1, p1) in zip(
        zip(times, places, strict=True), zip(times[1:], places[1:], strict=True), strict=False
    ):
        assert abs(p1 - p0) <= rates.max_per_s * (t1 - t0) * (1.0 + 1e-6) + slack
    assert travel.position(travel.end_unix_s + 1e-6) == end
    assert travel.position(999.0) == start
    assert not travel.moving(travel.end_unix_s)


@given(RATES, PLACES, PLACES, st.floats(0.0, 1.0), PLACES)
def test_travel_continues_from_where_it_is(rates, start, end, share, elsewhere):
    """Redirected or stopped on the way, nothing jumps."""
    travel = Travel(start_unix_s=0.0, start=start, end=end, rates=rates)
    now_s = share * travel.end_unix_s
    here = travel.position(now_s)
    assert travel.towards(elsewhere, now_s).position(now_s) == pytest.approx(here)
    assert travel.stopped(now_s).position(now_s + 1e6) == here


def test_rates_slowed_stretch_time():
    """Three times slower takes three times as long, ramps included."""
    rates = Rates(max_per_s=12.0, acceleration_per_s2=6.0)
    for distance in (1.0, 50.0):
        assert rates.slowed(3.0).duration_s(distance) == pytest.approx(
            3.0 * rates.duration_s(distance)
        )


@pytest.mark.parametrize(
    ("start", "end", "turn"), [(350.0, 10.0, 20.0), (10.0, 350.0, -20.0), (725.0, 5.0, 0.0)]
)
def test_shortest_turn(start, end, turn):
    """Through north when that is shorter, whatever the number of turns."""
    assert shortest_turn_deg(start, end) == turn
