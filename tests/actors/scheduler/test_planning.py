"""The plans of one night as the observatory asks for them: instant tier, search tier, pauses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from actors.scheduler.book import Entry
from actors.scheduler.planning import NightPlanning, PlanQuestion
from actors.scheduler.settings import SchedulerSettings
from pyros.clock import datetime_from_unix
from pyros.domain.programme import Grade, ScientificProgramme
from pyros.domain.request import Request, RequestKind
from pyros.domain.sequence import Album, ChannelTimes, Plan, Sequence, SequenceState
from pyros.domain.target import Target
from pyros.scheduling.worker import SearchAnswer, run_job
from pyros.sky import Night, Site

SITE = Site(latitude_deg=31.044, longitude_deg=-115.464, height_m=2830.0)
SPAN = Night(SITE, "2026-11-16").span(-12.0)
assert SPAN is not None
START_S, END_S = SPAN


def entry(number: int) -> Entry:
    """A sequence of twenty minutes that rises in the order of its number."""
    exposures = (Plan(filter_name="r", exposure_s=60, count=20),)
    sequence = Sequence(
        sequence_id=f"s{number:02d}",
        request_id="r",
        programme_id="p",
        name=f"field {number}",
        target=Target(name="field", ra_deg=(330.0 + 5.0 * number) % 360.0, dec_deg=31.0),
        albums=(Album(channel="cam-vis", plans=exposures),),
    )
    request = Request(
        request_id="r", programme_id="p", kind=RequestKind.ROUTINE, name="r", sequences=(sequence,)
    )
    return Entry(sequence=sequence, request=request, state=SequenceState.TO_BE_PLANNED)


@pytest.fixture
def planning() -> NightPlanning:
    """A night with one programme and one camera."""
    programme = ScientificProgramme(
        programme_id="p", name="p", grade=Grade.A,
        semester_quota_s=1e6, night_share=1.0,
    )  # fmt: skip
    return NightPlanning(
        unit="t1", site=SITE, night="2026-11-16", start_unix_s=START_S, end_unix_s=END_S,
        programmes=(programme,),
        channel_times={"cam-vis": ChannelTimes(readout_s=2.0, filter_change_s=5.0)},
        settings=SchedulerSettings(), version=0,
    )  # fmt: skip


def question(
    entries: dict[str, Entry], after_s: float, *, quota_s: float = 1e6, paused: bool = False
) -> PlanQuestion:
    """A question some seconds into the night."""
    return PlanQuestion(
        entries=entries, lost_channels=(), trigger="test", quota_s={"p": quota_s},
        now_utc=datetime_from_unix(START_S + after_s), paused=paused,
    )  # fmt: skip


def test_planning_an_event_moves_no_valid_start(planning: NightPlanning) -> None:
    """A withdrawn sequence leaves the others within five minutes of where they were."""
    entries = {f"s{n:02d}": entry(n) for n in range(16)}
    first = planning.plan(question(entries, 0.0))
    gone = first.scheduled[3].sequence_id
    rest = {name: item for name, item in entries.items() if name != gone}
    second = planning.plan(question(rest, 1.0))
    before = {item.sequence_id: item.start_utc for item in first.scheduled[1:]}
    assert (first.tier, second.tier) == ("first", "repair")
    assert {item.sequence_id for item in second.scheduled} >= before.keys() - {gone}
    moved = [
        abs(item.start_utc - before[item.sequence_id])
        for item in second.scheduled
        if item.sequence_id in before
    ]
    assert max(moved) <= timedelta(minutes=5)


def test_planning_while_paused_nothing_starts_before_the_closure_ends(
    planning: NightPlanning,
) -> None:
    """A paused observatory's plan begins after the closure it counts on, and never in the past."""
    entries = {f"s{n:02d}": entry(n) for n in range(16)}
    planning.plan(question(entries, 0.0))
    paused = planning.plan(question(entries, 3600.0, paused=True))
    opens = datetime_from_unix(START_S + 3600.0 + SchedulerSettings().pause_s)
    assert paused.scheduled
    assert min(item.start_utc for item in paused.scheduled) >= opens


def test_planning_overdue_names_what_did_not_begin(planning: NightPlanning) -> None:
    """A planned start that has passed asks for a plan; a fresh plan does not."""
    entries = {f"s{n:02d}": entry(n) for n in range(6)}
    first = planning.plan(question(entries, 0.0))
    start_s = first.scheduled[0].start_utc.timestamp()
    assert planning.overdue(start_s + 60.0, set(entries)) is None
    late = planning.overdue(start_s + 600.0, set(entries))
    assert late == f"{first.scheduled[0].sequence_id} has not begun"


def test_planning_a_search_is_refused_when_the_plan_has_changed(planning: NightPlanning) -> None:
    """An older version's answer, or a worse one, is never published; a better one is."""
    entries = {f"s{n:02d}": entry(n) for n in range(40)}
    planning.plan(question(entries, 0.0))
    job = planning.search_job(START_S, 0.0)
    assert job is not None
    answer = run_job(replace(job, iterations=50))
    frozen = {(c.id, round(c.start_s)) for c in job.instance.committed}
    assert frozen <= {(p.id, p.start_s) for p in answer.plan.placements}
    better = replace(answer.plan, value=answer.plan.value * 2.0)
    planning.plan(question(entries, 5.0))
    now_utc = datetime_from_unix(START_S + 6.0)
    stale = SearchAnswer(version=answer.version, plan=better)
    assert planning.searched(stale, now_utc) is None
    job = planning.search_job(START_S + 5.0, 0.0)
    assert job is not None
    fresh = run_job(replace(job, iterations=50))
    worse = replace(fresh, plan=replace(fresh.plan, value=1.0))
    assert planning.searched(worse, now_utc) is None
    better = replace(fresh.plan, value=fresh.plan.value * 2.0)
    published = planning.searched(replace(fresh, plan=better), now_utc)
    assert published is not None
    assert (published.tier, published.version) == ("search", job.version + 1)
    assert {item.sequence_id for item in published.scheduled} == {p.id for p in better.placements}


def test_planning_what_runs_is_kept_and_its_overrun_is_seen(planning: NightPlanning) -> None:
    """A running sequence stands in every plan, until now when it takes longer than planned."""
    entries = {f"s{n:02d}": entry(n) for n in range(6)}
    first = planning.plan(question(entries, 0.0))
    running = first.scheduled[0]
    begun_s = running.start_utc.timestamp()
    planning.begun(running.sequence_id, begun_s)
    long_s = (running.end_utc - running.start_utc).total_seconds()
    assert planning.overdue(begun_s + long_s + 30.0, set(entries)) is None
    late_s = begun_s + long_s + 300.0
    assert planning.overdue(late_s, set(entries)) == f"{running.sequence_id} overruns"
    second = planning.plan(question(entries, late_s - START_S))
    placed = {item.sequence_id: item for item in second.scheduled}
    assert placed[running.sequence_id].end_utc.timestamp() >= late_s - 1.0
    others = [i for i in second.scheduled if i.sequence_id != running.sequence_id]
    assert min(item.start_utc.timestamp() for item in others) >= late_s - 1.0


LONG_S = 20 * 62.0 + 5.0
"""What a sequence of `entry` takes: twenty exposures of a minute with readouts, one filter."""


def test_planning_beyond_the_quota_is_flagged_and_goes_last(planning: NightPlanning) -> None:
    """As many count as the quota holds; the rest of the night is filled, as bonus."""
    entries = {f"s{n:02d}": entry(n) for n in range(8)}
    plan = planning.plan(question(entries, 0.0, quota_s=3.5 * LONG_S))
    assert len(plan.scheduled) == 8
    assert sum(not item.bonus for item in plan.scheduled) == 3


def test_planning_what_began_as_bonus_stays_so_and_takes_no_quota(planning: NightPlanning) -> None:
    """While it runs, plans and searches flag it and let three others count as before."""
    entries = {f"s{n:02d}": entry(n) for n in range(8)}
    first = planning.plan(question(entries, 0.0, quota_s=3.5 * LONG_S))
    running = next(item for item in first.scheduled if item.bonus)
    begun_s = running.start_utc.timestamp() - START_S
    gone = {item.sequence_id for item in first.scheduled if item.start_utc < running.start_utc}
    entries = {name: item for name, item in entries.items() if name not in gone}
    counted = sum(not item.bonus for item in first.scheduled if item.sequence_id not in gone)
    assert counted > 0
    assert planning.is_bonus(running.sequence_id)
    planning.begun(running.sequence_id, START_S + begun_s)
    left_s = (counted + 0.5) * LONG_S
    second = planning.plan(question(entries, begun_s + 60.0, quota_s=left_s))
    third = planning.plan(question(entries, begun_s + 90.0, quota_s=left_s))
    job = planning.search_job(START_S + begun_s + 90.0, 0.0)
    assert job is not None
    answer = run_job(replace(job, iterations=20))
    for bonus in (
        {item.sequence_id: item.bonus for item in second.scheduled},
        {item.sequence_id: item.bonus for item in third.scheduled},
        {item.id: item.bonus for item in answer.plan.placements},
    ):
        assert bonus[running.sequence_id]
        assert sum(not flag for flag in bonus.values()) == counted
    planning.ended(running.sequence_id)
    rest = {name: item for name, item in entries.items() if name != running.sequence_id}
    planning.plan(question(rest, begun_s + LONG_S, quota_s=left_s))
    assert not planning.is_bonus(running.sequence_id)


def test_planning_a_count_that_began_stays_counted(planning: NightPlanning) -> None:
    """What began within the quota is no bonus when little is left meanwhile."""
    entries = {f"s{n:02d}": entry(n) for n in range(4)}
    first = planning.plan(question(entries, 0.0, quota_s=4.5 * LONG_S))
    running = first.scheduled[0].sequence_id
    planning.begun(running, START_S)
    planning.plan(question(entries, 60.0, quota_s=1.0))
    assert not planning.is_bonus(running)


def test_planning_alerts_waive_the_quota(planning: NightPlanning) -> None:
    """With nothing left a burst is placed, and not as bonus; routine work is bonus."""
    routine, burst = entry(1), entry(2)
    burst = replace(burst, sequence=replace(burst.sequence, alert_id="a1"))
    entries = {"s01": routine, "s02": burst}
    plan = planning.plan(question(entries, 0.0, quota_s=0.0))
    assert {item.sequence_id: item.bonus for item in plan.scheduled} == {"s01": True, "s02": False}
