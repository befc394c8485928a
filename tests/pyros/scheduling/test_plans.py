"""Plans: valid by the independent checker, as good as promised, the same every time."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyros.scheduling import Committed, Programme, Telescope, instance_from_json, plan_night
from pyros.scheduling.compilation import can_compile
from tests.pyros.scheduling.nights import NAMES, raw, small_night, wish


@pytest.mark.parametrize("name", NAMES)
def test_first_plan_is_valid_explained_and_beats_its_reference(name, instances, judge):
    """Without a search: no violation, nothing unexplained, at least the reference greedy."""
    plan = plan_night(instances[name])
    report = judge(raw(name), plan)
    assert report["valid"], report["violations"]
    assert report["unexplained"] == 0
    assert report["value"] >= instances[name].reference["greedy"]
    assert plan.value == pytest.approx(report["value"], abs=0.06)


@pytest.mark.parametrize(
    ("name", "turns"), [("pool-200-0", 300), ("pool-1000-0", 300), ("short-300-0", 150)]
)
def test_search_is_valid_and_beats_the_reference_search(name, turns, instances, judge):
    """A few hundred turns of the plain loop pass the prototype's search."""
    plan = plan_night(instances[name], seed=1, iterations=turns, compiled=False)
    report = judge(raw(name), plan)
    assert report["valid"], report["violations"]
    assert report["unexplained"] == 0
    assert report["value"] >= instances[name].reference["search"]


def test_search_of_the_small_pool_beats_the_reference_search(instances, judge):
    """Fifty sequences leave a narrow best: the compiled loop finds it in a second."""
    if not can_compile():
        pytest.skip("numba is not installed")
    plan = plan_night(instances["pool-50-0"], seed=1, iterations=60000)
    report = judge(raw("pool-50-0"), plan)
    assert report["valid"], report["violations"]
    assert report["of_bound"] >= 0.99
    assert report["value"] >= instances["pool-50-0"].reference["search"]


def test_search_never_loses_against_the_first_plan(instances):
    """Whatever the seed, the best found is kept."""
    first = plan_night(instances["pool-50-0"])
    for seed in range(3):
        assert plan_night(instances["pool-50-0"], seed=seed, iterations=40).value >= first.value


def test_same_seed_and_turns_give_the_same_plan(instances):
    """A plan can be recomputed: placements, reasons and hash are equal; another seed differs."""
    plans = [plan_night(instances["pool-200-0"], seed=5, iterations=60) for _ in range(2)]
    assert plans[0] == plans[1]
    other = plan_night(instances["pool-200-0"], seed=6, iterations=60)
    assert other.input_hash != plans[0].input_hash
    assert other.placements != plans[0].placements


@pytest.mark.parametrize("name", ["pool-50-0", "short-300-0"])
def test_compiled_and_plain_loop_give_the_same_plan(name, instances):
    """One source, two speeds, one plan: bit by bit."""
    if not can_compile():
        pytest.skip("numba is not installed")
    plain = plan_night(instances[name], seed=3, iterations=120, compiled=False)
    assert plan_night(instances[name], seed=3, iterations=120, compiled=True) == plain


def test_input_hash_sees_every_input(instances):
    """A quota, a window or the present changed by a second gives another hash."""
    base = instances["pool-50-0"]
    hashes = {plan_night(base).input_hash, plan_night(base, now_s=1.0).input_hash}
    first = base.programmes[0]
    other = replace(
        base, programmes=(replace(first, quota_s=first.quota_s + 1), *base.programmes[1:])
    )
    hashes.add(plan_night(other).input_hash)
    assert len(hashes) == 3


def test_empty_nights_have_empty_plans():
    """No sequence, or no dark time, is no error; the reasons say why."""
    assert plan_night(small_night()).placements == ()
    night = small_night(wish("a"), wish("b"))
    dark = plan_night(replace(night, night=replace(night.night, duration_s=0.0)), iterations=5)
    assert dark.placements == ()
    assert [r.reason for r in dark.rejected] == ["TWILIGHT", "TWILIGHT"]


def test_nothing_starts_before_the_present():
    """`now_s` moves the start of planning; committed work may lie before it."""
    night = small_night(wish("a"), wish("b"), wish("c"))
    plan = plan_night(night, fixed=[Committed(id="a", start_s=100.0)], now_s=900.0)
    starts = {p.id: p.start_s for p in plan.placements}
    assert starts["a"] == 100
    assert min(starts["b"], starts["c"]) >= 900


def test_committed_work_stands_and_others_go_around_it():
    """A frozen start is kept to the second, and the set-up after it is respected."""
    night = small_night(*(wish(c, priority=50.0) for c in "abcde"), wish("low", priority=1.0))
    plan = plan_night(night, fixed=[Committed(id="low", start_s=1000.0)], iterations=30)
    low = plan.placement("low")
    assert low is not None
    assert (low.start_s, low.committed) == (1000, True)
    order = sorted(plan.placements, key=lambda p: p.start_s)
    for before, after in pairwise(order):
        assert after.start_s >= before.end_s + after.setup_s


def test_alerts_and_mandatory_sequences_come_before_value():
    """Tiers: an alert beats everything, a mandatory one beats what is worth more."""
    rich = [wish(f"r{i}", priority=100.0) for i in range(6)]
    night = small_night(
        *rich, wish("must", priority=1.0, mandatory=True), wish("grb", priority=0.1, alert=True)
    )
    plan = plan_night(night, iterations=20)
    assert plan.placement("must") is not None
    assert plan.placement("grb") is not None


def test_all_or_nothing_requests_are_whole_or_absent():
    """A request of which one part cannot be placed gives its time to others, with its reason."""
    parts = [
        wish("x1", request="X", all_or_nothing=True, priority=90.0),
        wish("x2", request="X", all_or_nothing=True, priority=90.0, windows_s=((0.0, 300.0),)),
    ]
    plan = plan_night(small_night(*parts, wish("y")), iterations=20)
    assert [p.id for p in plan.placements] == ["y"]
    reasons = {r.id: r.reason for r in plan.rejected}
    assert reasons == {"x1": "ALL_OR_NOTHING", "x2": "TOO_LONG_FOR_WINDOW"}


def test_idle_time_goes_beyond_quota_only_where_allowed():
    """Hard quotas by default; with `fill_idle` the rest is flagged and counted as bonus."""
    wishes = [wish(f"s{i}") for i in range(4)]
    night = small_night(*wishes, programmes=(Programme(id="P", quota_s=1200.0),))
    assert len(plan_night(night).placements) == 2
    filled = plan_night(replace(night, fill_idle=True))
    assert len(filled.placements) == 4
    assert sum(p.bonus for p in filled.placements) == 2
    assert filled.metrics.used_s == {"P": 1200}
    assert filled.metrics.bonus_s == {"P": 1200}


def test_bonus_time_is_not_said_to_use_the_quota():
    """A refusal counts what is charged to the quota; time given beyond it stands apart."""
    wishes = [wish(f"s{i}") for i in range(8)]
    night = small_night(*wishes, programmes=(Programme(id="P", quota_s=1200.0),), fill_idle=True)
    plan = plan_night(night)
    assert plan.metrics.bonus_s["P"] > 0
    refused = [r for r in plan.rejected if r.reason == "QUOTA"]
    assert refused
    for rejection in refused:
        assert rejection.numbers["used_s"] == plan.metrics.used_s["P"] == 1200
        assert rejection.numbers["bonus_s"] == plan.metrics.bonus_s["P"]
        assert rejection.numbers["over_s"] == 600.0
        assert "other sequences take 1200 s; " in rejection.sentence
        assert rejection.sentence.endswith("does not fit into idle time")


def test_fillers_take_only_what_is_left():
    """A filler never displaces anything, however high its priority."""
    night = small_night(*(wish(f"s{i}") for i in range(5)), wish("f", filler=True, priority=99.0))
    plan = plan_night(night, iterations=20)
    assert {p.id for p in plan.placements} == {f"s{i}" for i in range(5)}
    alone = plan_night(small_night(wish("s0"), wish("f", filler=True)))
    assert alone.placement("f").bonus


def test_several_telescopes_share_the_work():
    """Two telescopes do twice as much, each sequence once, and only where it may be done."""
    two = (
        Telescope(id="t1", slew_rate_deg_s=5.0, settle_s=4.0),
        Telescope(id="t2", slew_rate_deg_s=1.0, settle_s=20.0),
    )
    wishes = [wish(f"s{i}", priority=10.0 + i) for i in range(12)]
    wishes.append(wish("only", telescopes=("t2",), priority=1.0, mandatory=True))
    one = plan_night(small_night(*wishes[:-1]), iterations=20)
    both = plan_night(small_night(*wishes, telescopes=two), iterations=50)
    assert len(both.placements) == 2 * len(one.placements)
    assert len({p.id for p in both.placements}) == len(both.placements)
    assert both.placement("only").telescope == "t2"
    for name in ("t1", "t2"):
        row = [p for p in both.placements if p.telescope == name]
        assert all(b.start_s >= a.end_s + b.setup_s for a, b in pairwise(row))


def test_published_starts_are_not_moved_for_a_trifle(instances):
    """With a published plan as input, a search keeps most of its starts within five minutes."""
    instance = instances["pool-50-0"]
    plan = plan_night(instance, iterations=100)
    told = {p.id: float(p.start_s) for p in plan.placements}
    again = plan_night(replace(instance, published=told), seed=9, iterations=100)
    moved = [p.id for p in again.placements if p.id in told and abs(p.start_s - told[p.id]) > 300]
    assert len(moved) < len(told) / 4


@st.composite
def problems(draw):
    """A random small problem in the published format, feasible or not."""
    count = draw(st.integers(0, 12))
    sequences = []
    for index in range(count):
        start = draw(st.integers(0, 9000))
        windows = [[start, start + draw(st.integers(0, 6000))]]
        if draw(st.booleans()):
            windows.append([windows[0][1] + 100, windows[0][1] + 100 + draw(st.integers(0, 3000))])
        sequences.append(
            {
                "id": f"s{index}", "programme": draw(st.sampled_from("AB")),
                "priority": draw(st.integers(1, 30)), "filter": draw(st.sampled_from("gri")),
                "ra_deg": draw(st.floats(0, 359.9)), "dec_deg": draw(st.floats(-60, 89)),
                "duration_s": draw(st.integers(30, 3000)), "windows_s": windows,
            }
        )  # fmt: skip
    return {
        "format": "pyros-plan-instance/1", "name": "random",
        "site": {"latitude_deg": draw(st.floats(-89, 89)), "longitude_deg": 0.0, "height_m": 0.0},
        "night": {
            "start_utc": "2026-11-24T01:37:00Z", "duration_s": 12000,
            "lst_at_start_deg": draw(st.floats(0, 359)),
        },
        "telescope": {"slew_rate_deg_s": 3.0, "settle_s": 5.0, "filter_change_s": 20.0},
        "programmes": [
            {"id": "A", "quota_s": draw(st.integers(0, 9000))}, {"id": "B", "quota_s": 6000},
        ],
        "sequences": sequences,
    }  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(problems(), st.integers(0, 3))
def test_every_random_problem_gets_a_valid_explained_plan(judge, data, seed):
    """Whatever the problem: no violation, everything explained, values as the checker has them."""
    for s in data["sequences"]:
        s["windows_s"] = [[a, min(b, 12000)] for a, b in s["windows_s"] if a < 12000]
    plan = plan_night(
        instance_from_json(json.loads(json.dumps(data))), seed=seed, iterations=15, compiled=False
    )
    report = judge(data, plan)
    assert report["valid"], report["violations"]
    assert report["unexplained"] == 0
    assert len(plan.placements) + len(plan.rejected) == len(data["sequences"])
    assert plan.value == pytest.approx(report["value"], abs=0.06)
