"""What-if questions on the command line."""

from __future__ import annotations

import argparse
import json

import pytest

from pyros.errors import PermanentError
from pyros.scheduling.command import add_parser
from tests.pyros.scheduling.nights import INSTANCES, raw

POOL = INSTANCES / "pool-50-0.json"


def ask(capsys, *words, path=POOL):
    """The command's JSON answer, by the first plan."""
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    options = parser.parse_args(["plan", str(path), "--greedy", "--json", *words])
    assert options.run(options) == 0
    return json.loads(capsys.readouterr().out)


def test_closed_until_a_clock_time_nothing_starts_before_it(capsys):
    """The night begins 01:37 UTC; closed until 04:00 is 8,580 s, on either scale."""
    live = ask(capsys)
    by_clock = ask(capsys, "--closed-until", "04:00")
    after_start = ask(capsys, "--closed-until", "+2:23")
    assert min(p["start_s"] for p in by_clock["plan"]) >= 8580
    assert by_clock["plan"] == after_start["plan"]
    gone = {p["id"] for p in live["plan"]} - {p["id"] for p in by_clock["plan"]}
    assert set(by_clock["what_if"]["lost"]) == gone
    assert by_clock["what_if"]["value_change"] == pytest.approx(
        by_clock["value"] - live["value"], abs=0.01
    )


def test_a_burst_takes_its_time_and_says_whose(capsys):
    """A burst two hours into the night starts then; who stood there is lost or moves."""
    answer = ask(capsys, "--burst", "30", "20", "--at", "+2:00")
    burst = next(p for p in answer["plan"] if p["id"] == "burst")
    assert burst["start_s"] == 7200
    assert answer["what_if"]["gained"] == ["burst"]
    assert answer["what_if"]["lost"] or answer["what_if"]["moved_s"]


def test_a_burst_below_the_horizon_is_refused_with_its_reason(capsys):
    """Far south of San Pedro Martir nothing changes but the reason given."""
    answer = ask(capsys, "--burst", "200", "-80")
    reasons = {r["id"]: r["reason"] for r in answer["rejected"]}
    assert reasons["burst"] == "NEVER_VISIBLE"
    assert answer["what_if"]["value_change"] == 0.0


def test_without_a_device_what_needs_it_goes(capsys, tmp_path):
    """Two sequences that need the near-infrared camera are lost for that reason."""
    live = ask(capsys)
    needy = [p["id"] for p in live["plan"]][10:12]
    data = raw("pool-50-0")
    for sequence in data["sequences"]:
        if sequence["id"] in needy:
            sequence["devices"] = ["cam-nir"]
    path = tmp_path / "night.json"
    path.write_text(json.dumps(data))
    answer = ask(capsys, "--without", "cam-nir", path=path)
    reasons = {r["id"]: r["reason"] for r in answer["rejected"]}
    assert [reasons[name] for name in needy] == ["DEVICE_DOWN"] * 2
    assert set(needy) <= set(answer["what_if"]["lost"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--closed-until", "25:00"), "--closed-until 25:00: give hh:mm UTC between 2026"),
        (("--closed-until", "+1:00", "--at", "+2:00"), "is not after"),
        (("--without", "cam"), "--without cam: no sequence needs it"),
        (("--burst", "400", "99"), "RA 400.*\n.*DEC 99"),
        (("--burst", "30", "20", "--burst-duration", "nan"), "--burst-duration nan"),
    ],
)
def test_wrong_questions_get_a_line_for_each_fault(capsys, words, message):
    """What, where, the value and the remedy."""
    with pytest.raises(PermanentError, match=message):
        ask(capsys, *words)
