"""Quota ledgers, the search process, and the command line."""

from __future__ import annotations

import argparse
import json

import pytest

from pyros.errors import PermanentError
from pyros.scheduling import Committed, plan_night
from pyros.scheduling import command as plan_command
from pyros.scheduling.quota_ledger import (
    Account,
    QuotaExceededError,
    charge,
    night_quota_s,
    night_quotas_s,
    refund,
    submit,
)
from pyros.scheduling.worker import SearchJob, SearchProcess, run_job, worth_publishing
from pyros.sky import command as sky_command
from tests.pyros.scheduling.nights import INSTANCES, small_night, wish


def test_submission_beyond_the_semester_is_refused_with_the_excess():
    """The cap is hard, and the text says by how much it is passed."""
    account = submit(Account(programme="A", allocation_s=1000.0), 900.0)
    with pytest.raises(QuotaExceededError, match=r"has 100 s of its 1000 s left.*: 50 s over"):
        submit(account, 150.0)
    with pytest.raises(QuotaExceededError, match=": 1 s over"):
        submit(account, 100.2)
    assert submit(account, 100.0).left_s == 0.0


def test_submissions_that_fill_a_semester_are_not_refused_for_rounding():
    """Ten tenths are the whole, however their sum is rounded."""
    account = Account(programme="A", allocation_s=0.1 * 10)
    for _ in range(10):
        account = submit(account, 0.1)
    assert account.left_s < 1e-9


def test_overdrawn_semester_has_nothing_left():
    """An overrun or a smaller grant leaves 0, never less, and refuses the next."""
    account = Account(programme="A", allocation_s=1000.0, charged_s=1200.0, reserved_s=150.0)
    assert (account.left_s, night_quota_s(account, 40000.0)) == (0.0, 0.0)
    with pytest.raises(QuotaExceededError, match="has 0 s of its 1000 s left"):
        submit(account, 1.0)
    assert night_quota_s(account, 40000.0, reserved_tonight_s=150.0) == 0.0


def test_time_is_reserved_charged_and_refunded():
    """What was reserved and not used comes back; bonus is counted apart."""
    account = submit(Account(programme="A", allocation_s=1000.0, night_share=0.5), 600.0)
    assert account.left_s == 400.0
    interrupted = charge(account, 600.0, 250.0)
    assert (interrupted.left_s, interrupted.charged_s) == (750.0, 250.0)
    assert refund(account, 600.0).left_s == 1000.0
    bonus = charge(account, 600.0, 600.0, bonus=True)
    assert (bonus.left_s, bonus.bonus_s) == (1000.0, 600.0)


def test_a_night_has_the_smaller_of_share_and_semester():
    """Half of a short night, or what the semester has left with tonight's own reservations."""
    account = submit(Account(programme="A", allocation_s=1000.0, night_share=0.5), 600.0)
    assert night_quota_s(account, 1000.0, reserved_tonight_s=600.0) == 500.0
    assert night_quota_s(account, 40000.0, reserved_tonight_s=600.0) == 1000.0
    assert night_quota_s(account, 40000.0) == 400.0


def test_a_night_counts_what_was_charged_in_it_once():
    """Tonight's charge shortens the share; the semester has it already."""
    account = Account(
        programme="A", allocation_s=1000.0, night_share=0.5, charged_s=300.0, reserved_s=600.0
    )
    assert night_quota_s(account, 1000.0, reserved_tonight_s=600.0, charged_tonight_s=300.0) == 200
    assert night_quota_s(account, 4000.0, reserved_tonight_s=600.0, charged_tonight_s=300.0) == 700
    assert night_quota_s(account, 500.0, reserved_tonight_s=600.0, charged_tonight_s=300.0) == 0.0
    other = Account(programme="B", allocation_s=50.0)
    quotas = night_quotas_s(
        {"A": account, "B": other},
        1000.0,
        reserved_tonight_s={"A": 600.0},
        charged_tonight_s={"A": 300.0},
    )
    assert quotas == {"A": 200.0, "B": 50.0}


def test_search_process_gives_the_answer_of_the_plain_call():
    """Another process, the same plan: background search and virtual nights agree."""
    night = small_night(*(wish(f"s{i}", priority=5.0 + i) for i in range(9)))
    job = SearchJob(version=7, instance=night, now_s=0.0, seed=2, iterations=30)
    process = SearchProcess()
    process.start()
    try:
        answer = process.submit(job).result(timeout=60)
    finally:
        process.stop()
    assert answer == run_job(job)


def test_only_better_plans_of_the_same_version_are_published():
    """Out of date, not better enough, or touching what is frozen: not published."""
    night = small_night(*(wish(f"s{i}", priority=5.0 + i) for i in range(9)))
    answer = run_job(SearchJob(version=3, instance=night, now_s=0.0, seed=0, iterations=20))
    poor = plan_night(small_night(wish("s0", priority=5.0)))
    first = answer.plan.placements[0]
    frozen = [Committed(id=first.id, start_s=float(first.start_s))]
    assert worth_publishing(answer, poor, live_version=3, frozen=frozen)
    assert not worth_publishing(answer, poor, live_version=4, frozen=frozen)
    assert not worth_publishing(answer, answer.plan, live_version=3, frozen=frozen)
    moved = [Committed(id=first.id, start_s=first.start_s + 1.0)]
    assert not worth_publishing(answer, poor, live_version=3, frozen=moved)


def command_line(*words: str) -> int:
    """Run `plan` or `sky` as the program does."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    plan_command.add_parser(commands)
    sky_command.add_parser(commands)
    options = parser.parse_args(words)
    return options.run(options)


def test_plan_command_prints_what_the_checker_reads(capsys, checker):
    """JSON with plan, reasons, value, seed, iterations and CPU time, without a violation."""
    path = INSTANCES / "pool-50-0.json"
    assert command_line("plan", str(path), "--greedy", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    report = checker.check(json.loads(path.read_text()), answer)
    assert report["valid"]
    assert report["unexplained"] == 0
    assert answer["value"] == pytest.approx(report["value"], abs=0.06)
    assert {"seed", "iterations", "cpu_s"} <= answer.keys()


def test_plan_command_says_why(capsys):
    """`--why` answers for planned and for refused sequences, and refuses strangers."""
    path = str(INSTANCES / "pool-50-0.json")
    command_line("plan", path, "--greedy", "--why", "s0001")
    assert "s0001 is not planned: QUOTA" in capsys.readouterr().out
    command_line("plan", path, "--greedy", "--why", "s0002")
    assert "s0002 is planned from +" in capsys.readouterr().out
    with pytest.raises(PermanentError, match="no such sequence"):
        command_line("plan", path, "--why", "nobody")


def test_sky_commands_answer_in_json(capsys, tmp_path):
    """Position, night and windows, with a drawing."""
    place = ("--latitude", "31.044", "--longitude=-115.464", "--height", "2830", "--json")
    assert (
        command_line("sky", "altaz", "83.82", "-5.39", "--time", "2026-11-24T08:00:00Z", *place)
        == 0
    )
    assert {"altitude_deg", "azimuth_deg"} <= json.loads(capsys.readouterr().out).keys()
    picture = tmp_path / "night.png"
    assert command_line("sky", "night", "--date", "2026-11-23", "--plot", str(picture), *place) == 0
    assert json.loads(capsys.readouterr().out)["sunset"] == "2026-11-24T00:40:36Z"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert command_line("sky", "windows", "83.82", "-5.39", "--date", "2026-11-16", *place) == 0
    assert json.loads(capsys.readouterr().out)["windows"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sky", "altaz", "483", "-95", "--time", "2026-11-24T08:00:00Z"), "RA 483.*\nDEC -95"),
        (("sky", "altaz", "83", "5", "--time", "soon"), "'soon' is no time"),
        (("sky", "night", "--date", "2026-13-45"), "is no date"),
        (("sky", "night", "--date", "2026-11-23", "--site", "la-sila"), "did you mean la-silla"),
        (
            ("sky", "night", "--date", "2026-11-23", "--latitude", "95", "--longitude", "0"),
            "latitude 95",
        ),
        (("sky", "night", "--date", "2026-11-23", "--latitude", "5"), "--longitude is missing"),
        (("plan", "nothing.json"), "cannot be read"),
    ],
)
def test_mistakes_end_in_one_clear_line_each(words, message):
    """No traceback: an error of the kind that the command line explains."""
    with pytest.raises(PermanentError, match=message):
        command_line(*words)
