"""`pyros simulate` and the mistakes one can make with it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from pyros.app.cli import FAULT_STATUS, main
from pyros.app.locations import default_config
from pyros.app.settings import load_settings
from pyros.app.simulated_night import WHOLE_NIGHT, Window
from pyros.clock import datetime_from_unix
from pyros.sky import Night

if TYPE_CHECKING:
    from pathlib import Path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on standard error."""
    assert main(["simulate", *arguments]) == FAULT_STATUS
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    return said.err


@pytest.mark.parametrize("label", ["tonight", "2026-13-45", "26-11-23", "2199-01-01"])
def test_simulate_refuses_what_is_no_night(capsys: pytest.CaptureFixture[str], label: str):
    """A night is a date for which Sun and Moon are known."""
    assert label in refused(capsys, "--night", label)


@pytest.mark.parametrize("option", ["--from", "--until"])
def test_simulate_refuses_what_is_no_time(capsys: pytest.CaptureFixture[str], option: str):
    """Times of day are written as such."""
    assert "23:45" in refused(capsys, option, "25:00")


def test_simulate_refuses_a_part_of_a_night_that_ends_before_it_begins(
    capsys: pytest.CaptureFixture[str],
):
    """Sunset and sunrise are told."""
    assert "sunrise" in refused(capsys, "--from", "09:00", "--until", "03:00")


def test_simulate_does_not_mix_two_nights(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """A directory with a database would be carried over into the new night."""
    (tmp_path / "observatory.db").touch()
    assert "new directory" in refused(capsys, "--data", str(tmp_path))


def test_simulate_names_a_missing_scenario(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """With the option that it came from."""
    assert "--scenario" in refused(capsys, "--scenario", str(tmp_path / "none.toml"))


def test_simulate_names_a_misspelt_scenario_key(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """The nearest right name is offered."""
    path = tmp_path / "s.toml"
    path.write_text("[[weather]]\nat_s = 1.0\nfor_s = 2.0\nrain_mmh = 1.0\n", encoding="utf-8")
    assert "rain_mm_h" in refused(capsys, "--scenario", str(path))


def test_window_is_the_whole_night_unless_told():
    """From twenty minutes before sunset to three hours after sunrise, or between two times."""
    site = load_settings(default_config()).site.sky_site()
    sky = Night(site, "2026-11-23")
    assert sky.sunset is not None
    assert sky.sunrise is not None
    assert WHOLE_NIGHT.of(sky) == (sky.sunset - 1200.0, sky.sunrise + 3 * 3600.0)
    window = Window(start=dt.time(23, 30), end=dt.time(5))
    assert [f"{datetime_from_unix(at_s):%d %H:%M}" for at_s in window.of(sky)] == [
        "23 23:30",
        "24 05:00",
    ]
