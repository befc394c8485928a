"""`pyros alert` prints what each packet is, and what a recorded day would have led to."""

from __future__ import annotations

import argparse
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocols.alert_command import add_parser, run
from pyros.domain.alert.gate import Observability

if TYPE_CHECKING:
    import pytest

DATA = Path(__file__).parents[1] / "data" / "alerts"
KEYS = [
    *("stream", "packet_type", "event_id", "role", "test", "retraction", "time_utc"),
    *("ra_deg", "dec_deg", "error_deg", "containment", "class", "cites"),
]


def command(*words: str, sky: Any = None) -> int:
    """Run the command as the application does."""
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(dest="command"))
    return run(parser.parse_args(["alert", *words]), sky=sky)


def test_parse_prints_one_json_line_for_each_file_in_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Good and bad files each give their line, and any bad one gives status 1."""
    names = ["svom/sb26050402_eclairs_312.xml", "malformed/empty.xml", "absent.xml"]
    status = command("parse", *(str(DATA / name) for name in names), "--json")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert status == 1
    assert [line["file"] for line in lines] == [str(DATA / name) for name in names]
    good, empty, absent = lines
    assert list(good) == ["file", "ok", "notice", "actionable", "reasons"]
    assert list(good["notice"]) == KEYS
    assert good["notice"]["time_utc"] == "2026-05-04T09:31:19.587000Z"
    assert good["actionable"] is True
    assert empty == {
        "file": str(DATA / "malformed/empty.xml"),
        "ok": False,
        "error": "packet is empty; an alert is XML or JSON",
    }
    assert absent["ok"] is False


def test_parse_ends_with_0_when_all_are_alerts(capsys: pytest.CaptureFixture[str]) -> None:
    """An alert that does not act is an alert all the same."""
    files = [DATA / "svom/sb26020402_grm_285.xml", DATA / "einstein_probe/alert_249.json"]
    assert command("parse", *map(str, files)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "does not act: no position" in first
    assert "acts: " in second


def test_replay_prints_what_a_real_day_would_have_led_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """2023-11-04: the burst that Swift and Fermi saw is one event, observed 14 s after its T0."""
    day = DATA / "replay" / "2023-11-04.tar.gz"
    assert command("replay", str(day), "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first = rows[0]
    assert (first["action"], first["strategy"]) == ("observe", "grb-localised")
    assert first["stream"] == "swift-bat 97"
    assert "odds" in first["why"][0]
    streams = {row["stream"].split()[0] for row in rows if row["event"] == first["event"]}
    assert {"swift-bat", "fermi-gbm", "swift-xrt"} <= streams
    assert {row["action"] for row in rows} == {"observe", "update"}
    assert command("replay", str(day)) == 0
    assert "873 packets" in capsys.readouterr().out.splitlines()[-1]


def test_replay_asks_the_sky_at_the_time_of_each_notice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a sky that shows nothing, nothing is observed, and the reason says so."""
    with tarfile.open(DATA / "replay" / "2023-11-04.tar.gz") as archive:
        for member in archive.getmembers():
            if "BAT_GRB_Pos" in member.name or "GBM_Flt" in member.name:
                archive.extract(member, tmp_path, filter="data")
    asked = []

    def sky(notice: Any, now_utc: Any) -> Observability:
        asked.append((notice.stream, now_utc.day))
        return Observability(now=False, text="it is day")

    assert command("replay", str(tmp_path), "--json", "--all", sky=sky) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["action"] for row in rows} == {"none"}
    assert any("it is day" in row["why"] for row in rows)
    assert ("swift-bat", 4) in asked


def test_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder without packets and a receiver that is not there are no tracebacks."""
    assert command("replay", str(tmp_path)) == 2
    assert "no packet in it" in capsys.readouterr().err
    assert command("replay", str(tmp_path / "absent")) == 2
    packet = str(DATA / "svom/sb26050402_mxt_50.xml")
    assert command("send", packet, "--port", "1") == 1
    assert "not sent" in capsys.readouterr().out


def test_replay_with_a_site_judges_visibility_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A northern site defers or refuses what a southern one sees; half a site is no site."""
    folder = str(DATA / "svom")
    told: dict[str, list[str]] = {}
    for name, latitude in (("north", "85"), ("south", "-30")):
        words = ("--latitude", latitude, "--longitude", "20", "--json", "--all")
        assert command("replay", folder, *words) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        told[name] = [reason for line in lines for reason in line["why"]]
    assert any("altitude" in reason and "Sun" in reason for reason in told["north"])
    assert told["north"] != told["south"]
    assert command("replay", folder, "--latitude", "10") == 2
    assert "give both" in capsys.readouterr().err
