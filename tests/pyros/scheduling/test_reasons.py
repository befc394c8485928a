"""Every sequence that is left out has its reason, with numbers and in a sentence."""

from __future__ import annotations

import pytest

from pyros.scheduling import Committed, NoWindow, Programme, Telescope, plan_night
from tests.pyros.scheduling.nights import NAMES, small_night, wish

CLOSED = (Telescope(id="t1", slew_rate_deg_s=5.0, closed_s=((0.0, 3500.0),)),)


@pytest.mark.parametrize(
    ("sequence", "changes", "now_s", "reason", "number"),
    [
        (wish("x", windows_s=()), {}, 0.0, "NEVER_VISIBLE", None),
        (
            wish("x", windows_s=(), no_window=NoWindow("MOON", "near", {"separation_deg": 12.0})),
            {}, 0.0, "MOON", ("separation_deg", 12.0),
        ),
        (
            wish("x", windows_s=((0.0, 500.0),)), {}, 0.0,
            "TOO_LONG_FOR_WINDOW", ("longest_window_s", 500.0),
        ),
        (wish("x", windows_s=((3300.0, 4400.0),)), {}, 0.0, "TWILIGHT", ("dark_window_s", 300.0)),
        (
            wish("x", windows_s=((0.0, 700.0),)), {}, 200.0,
            "WINDOW_PASSED", ("latest_start_s", 100.0),
        ),
        (
            wish("x", devices=("nir",)), {"device_down": {"nir": ((0.0, 3600.0),)}}, 0.0,
            "DEVICE_DOWN", ("until_s", 3600.0),
        ),
        (wish("x"), {"telescopes": CLOSED}, 0.0, "WEATHER", ("closed_until_s", 3500.0)),
        (wish("x", telescopes=("t9",)), {}, 0.0, "NO_TELESCOPE", ("telescopes", "t9")),
        (
            wish("x"), {"programmes": (Programme(id="P", quota_s=500.0),)}, 0.0,
            "QUOTA", ("over_s", 100.0),
        ),
    ],
)  # fmt: skip
def test_reason_has_its_code_and_numbers(sequence, changes, now_s, reason, number):
    """Each cause gives its code, the numbers for programs and a sentence for people."""
    (rejection,) = plan_night(small_night(sequence, **changes), now_s=now_s).rejected
    assert rejection.reason == reason
    assert rejection.sentence
    if number is not None:
        assert rejection.numbers[number[0]] == number[1]


def test_outbid_says_who_would_go_and_what_they_are_worth():
    """Best start, own value, the names displaced and their value: own is less."""
    night = small_night(
        *(wish(f"s{i}", priority=50.0) for i in range(5)), wish("poor", priority=2.0)
    )
    plan = plan_night(night, iterations=20)
    rejection = plan.rejection("poor")
    assert rejection.reason == "OUTBID"
    displaced = rejection.numbers["displaced"].split(", ")
    assert set(displaced) <= {p.id for p in plan.placements}
    assert rejection.numbers["own_value"] < rejection.numbers["displaced_value"]
    assert displaced[0] in rejection.sentence


def test_a_gap_too_narrow_for_the_slews_is_called_so():
    """The gap would hold the exposure but not the set-up on its sides."""
    slow = (Telescope(id="t1", slew_rate_deg_s=0.5, settle_s=30.0),)
    night = small_night(
        wish("a"),
        wish("b"),
        wish("far", ra_deg=60.0, windows_s=((600.0, 1300.0),)),
        telescopes=slow,
    )
    plan = plan_night(
        night, fixed=[Committed(id="a", start_s=0.0), Committed(id="b", start_s=1220.0)]
    )
    rejection = plan.rejection("far")
    assert rejection.reason == "SETUP_GAP"
    assert rejection.numbers == {"gap_s": 620.0, "duration_s": 600.0}


def test_committed_work_that_leaves_no_time_is_named():
    """What cannot be displaced is no bid."""
    night = small_night(wish("a", duration_s=3600.0), wish("b"))
    plan = plan_night(night, fixed=[Committed(id="a", start_s=0.0)])
    assert plan.rejection("b").reason == "COMMITTED_WORK"


@pytest.mark.parametrize("name", NAMES)
def test_no_sequence_of_the_published_nights_is_left_without_a_reason(name, instances):
    """Placed and explained sequences together are all there are, each once."""
    plan = plan_night(instances[name])
    ids = [p.id for p in plan.placements] + [r.id for r in plan.rejected]
    assert sorted(ids) == sorted(s.id for s in instances[name].sequences)
    for rejection in plan.rejected:
        assert rejection.numbers
        assert any(ch.isdigit() for ch in rejection.sentence)
