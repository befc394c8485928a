"""Repair: a valid plan after every event, valid starts kept, the rest explained."""

from __future__ import annotations

import copy
import random
from dataclasses import replace

import pytest

from pyros.scheduling import plan_night, repair, what_if
from pyros.scheduling.events import (
    AlertArrived,
    Cancelled,
    Closure,
    DeviceBack,
    DeviceLost,
    Overrun,
    QuotaChanged,
    Reopening,
    Submitted,
)
from pyros.scheduling.geometry import setup_seconds
from tests.pyros.scheduling.nights import raw, small_night, wish


def burst(instance, now_s, **changes):
    """An alert sequence of twenty minutes that is up from now on."""
    ra_deg = (instance.night.lst_at_start_deg + now_s * 360.98565 / 86400.0) % 360.0
    settings = {
        "programme": instance.programmes[0].id, "priority": 100.0, "filter": "f1", "ra_deg": ra_deg,
        "dec_deg": 20.0, "duration_s": 1200.0, "windows_s": ((now_s, now_s + 5000.0),),
    }  # fmt: skip
    return wish("GRB", **{**settings, **changes})


def with_room(instance):
    """The instance with quota for a burst in its first programme."""
    first = instance.programmes[0]
    return replace(
        instance,
        programmes=(replace(first, quota_s=first.quota_s + 1200), *instance.programmes[1:]),
    )


@pytest.mark.parametrize("name", ["pool-50-0", "pool-200-0"])
def test_repaired_plans_are_valid_and_keep_valid_starts(name, instances, judge):
    """Thirty bursts and closures at random times: checker happy, no valid start moved far."""
    instance = with_room(instances[name])
    plan = plan_night(instance, iterations=60)
    chance = random.Random(4)  # noqa: S311 - a seeded draw of instants, no secret
    for turn in range(30):
        now_s = float(chance.randrange(600, 36000))
        data = copy.deepcopy(raw(name))
        data["programmes"][0]["quota_s"] += 1200
        if turn % 2:
            event = Closure(start_s=now_s, end_s=now_s + 3600.0)
        else:
            event = AlertArrived(sequence=burst(instance, now_s))
            data["sequences"].append({k: getattr(event.sequence, k) for k in data["sequences"][0]})
        done = repair(instance, plan, event, now_s=now_s)
        report = judge(data, done.plan)
        assert report["valid"], report["violations"]
        assert report["unexplained"] == 0
        check_starts(done, plan, event, now_s)


def check_starts(done, plan, event, now_s):
    """No start that was still valid moved by more than five minutes."""
    if isinstance(event, Closure):
        busy = (event.start_s, event.end_s, None)
        assert all(
            p.end_s <= event.start_s or p.start_s >= event.end_s for p in done.plan.placements
        )
    else:
        alert = done.plan.placement("GRB")
        assert alert is not None
        busy = (alert.start_s, alert.end_s, "GRB")
    index = {s.id: i for i, s in enumerate(done.instance.sequences)}
    setup = setup_seconds(done.instance.sequences, done.instance.telescopes[0])
    count = len(index)
    for old in plan.placements:
        if old.start_s < now_s:
            continue
        gap = (
            0
            if busy[2] is None
            else max(
                setup[index["GRB"] * count + index[old.id]],
                setup[index[old.id] * count + index["GRB"]],
            )
        )
        if old.start_s >= busy[1] + gap or old.end_s + gap <= busy[0]:
            new = done.plan.placement(old.id)
            if new is None:  # the burst took its programme's quota, not its time
                assert done.plan.rejection(old.id).reason == "QUOTA"
                continue
            assert abs(new.start_s - old.start_s) <= 300


def test_burst_goes_first_and_interrupts_what_runs(instances):
    """The running sequence gives way, the burst starts at once, the dropped are told why."""
    instance = with_room(instances["pool-200-0"])
    plan = plan_night(instance)
    running = plan.placements[5]
    now_s = float(running.start_s + 100)
    done = repair(instance, plan, AlertArrived(sequence=burst(instance, now_s)), now_s=now_s)
    alert = done.plan.placement("GRB")
    assert alert.start_s - now_s <= 60
    assert running.id in done.dropped
    assert done.plan.rejection(running.id).reason in ("DROPPED_BY_ALERT", "QUOTA")
    kept = repair(
        instance, plan, AlertArrived(sequence=burst(instance, now_s), interrupt=False), now_s=now_s
    )
    assert kept.plan.placement(running.id).committed
    assert kept.plan.placement("GRB").start_s >= running.end_s


def test_executed_work_is_never_touched(instances):
    """What started before now keeps its start and stays committed."""
    instance = instances["pool-200-0"]
    plan = plan_night(instance)
    now_s = 20000.0
    done = repair(instance, plan, Closure(start_s=now_s, end_s=now_s + 1800), now_s=now_s)
    past = [p for p in plan.placements if p.end_s <= now_s]
    assert past
    for old in past:
        new = done.plan.placement(old.id)
        assert (new.start_s, new.committed) == (old.start_s, True)


def test_an_overrun_pushes_or_drops_what_follows():
    """The running sequence ends later; nothing overlaps it."""
    night = small_night(*(wish(f"s{i}", priority=10.0 + i) for i in range(5)))
    plan = plan_night(night)
    first = plan.placements[0]
    done = repair(night, plan, Overrun(id=first.id, end_s=first.end_s + 500.0), now_s=300.0)
    after = [p for p in done.plan.placements if p.id != first.id]
    assert min(p.start_s for p in after) >= first.end_s + 500
    assert done.plan.placement(first.id).end_s == first.end_s + 500


def test_submitted_and_cancelled_sequences_come_and_go():
    """A new sequence takes a hole, a cancelled one leaves it, nothing else moves."""
    night = small_night(wish("a"), wish("b"))
    plan = plan_night(night)
    more = repair(night, plan, Submitted(sequences=(wish("c"),)), now_s=0.0)
    assert {p.id for p in more.plan.placements} == {"a", "b", "c"}
    less = repair(more.instance, more.plan, Cancelled(ids=("a",)), now_s=0.0)
    assert {p.id for p in less.plan.placements} == {"b", "c"}
    assert all(abs(moved) <= 300 for moved in less.moved_s.values())


def test_a_lost_device_and_its_return():
    """Its sequences become unplannable with the reason, and are taken back when it answers."""
    night = small_night(wish("vis"), wish("nir", devices=("cam-nir",)))
    plan = plan_night(night)
    lost = repair(night, plan, DeviceLost(device="cam-nir", end_s=3600.0), now_s=0.0)
    assert lost.plan.rejection("nir").reason == "DEVICE_DOWN"
    back = repair(lost.instance, lost.plan, DeviceBack(device="cam-nir"), now_s=60.0)
    assert back.plan.placement("nir") is not None


def test_reopening_takes_the_time_back():
    """A closure that ends early leaves its time to the plan."""
    night = small_night(*(wish(f"s{i}") for i in range(5)))
    plan = plan_night(night)
    shut = repair(night, plan, Closure(start_s=0.0, end_s=3600.0), now_s=0.0)
    assert shut.plan.placements == ()
    assert {r.reason for r in shut.plan.rejected} == {"WEATHER"}
    again = repair(shut.instance, shut.plan, Reopening(), now_s=600.0)
    assert len(again.plan.placements) == 4


def test_a_smaller_quota_drops_the_excess():
    """After a quota is cut the plan keeps within it."""
    night = small_night(*(wish(f"s{i}") for i in range(5)))
    plan = plan_night(night)
    done = repair(night, plan, QuotaChanged(programme="P", quota_s=1300.0), now_s=0.0)
    assert done.plan.metrics.used_s["P"] <= 1300


def test_what_if_leaves_the_live_plan_alone(instances):
    """The answer is another plan; the question changes nothing."""
    instance = instances["pool-50-0"]
    plan = plan_night(instance)
    before = (copy.deepcopy(plan), instance)
    answer = what_if(instance, plan, [Closure(start_s=0.0, end_s=9000.0)], now_s=0.0)
    assert answer.value_change < 0.0
    assert answer.lost
    assert all(p.start_s >= 9000 for p in answer.plan.placements)
    assert (plan, instance) == before
