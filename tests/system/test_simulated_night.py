"""A part of a night of the whole site in virtual time: rain comes, goes, and all goes on.

Two processes run the same hour and a half beside each other, with different hash seeds, one
with its database on disk; what the first leaves there is then read as an astronomer would.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from pyros.app.locations import default_config
from pyros.app.night_scenario import load_scenario
from pyros.app.settings import load_settings
from pyros.errors import ConfigurationError
from pyros.store import LedgerEntry, Store, WrittenLine
from pyros.store.journal import JournalFilter

if TYPE_CHECKING:
    from pyros.scheduling.quota_ledger import Account

pytestmark = pytest.mark.night

NIGHT, START, END = "2026-11-23", "07:00", "08:30"
RAIN_FROM_S, RAIN_FOR_S = 2400.0, 600.0
SCENARIO = f"""
origin = "start"

[[weather]]
at_s = {RAIN_FROM_S}
for_s = {RAIN_FOR_S}
rain_mm_h = 3.0
"""
SCENARIOS = default_config().parents[1] / "scenarios"
BEGINS = datetime.fromisoformat("2026-11-24T07:00:00+00:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOfANight:
    """What two processes made of the same part of a night."""

    first: dict[str, Any]
    second: dict[str, Any]
    data: Path
    journal: list[WrittenLine]
    bookings: list[LedgerEntry]
    accounts: dict[str, Account]
    placed_as_bonus: dict[str, bool]
    """By each sequence's last plan before it began or was left out."""

    def modes(self) -> list[tuple[datetime, str, str]]:
        """(time, from, to) of the observatory's modes."""
        return [
            (written.line.time_utc, written.line.data["from"], written.line.data["to"])
            for written in self.journal
            if written.line.subject.endswith("/majordome") and "from" in written.line.data
        ]


def simulate(scenario: Path, *options: str, hash_seed: str) -> subprocess.Popen[str]:
    """Start `pyros simulate` of the part of the night in a process of its own."""
    command = [sys.executable, "-m", "pyros.app.cli", "simulate", "--night", NIGHT, "--seed", "7"]
    command += ["--from", START, "--until", END, "--no-burst", "--scenario", str(scenario)]
    return subprocess.Popen(
        [*command, "--json", *options],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it printed; it must have found nothing wrong."""
    out, _ = process.communicate(timeout=110.0)
    assert process.returncode == 0, out
    return json.loads(out)


async def read_journal(data: Path) -> list[WrittenLine]:
    async with Store(data) as store:
        return await store.journal.read(limit=20_000, chosen=JournalFilter())


async def read_quotas(
    data: Path,
) -> tuple[list[LedgerEntry], dict[str, Account], dict[str, bool]]:
    """All bookings, what each programme has left, and what plans had placed as bonus."""
    async with Store(data) as store:
        accounts = await store.programmes.accounts()
        bookings = [entry for name in accounts for entry in await store.programmes.ledger(name)]
        bonus: dict[str, bool] = {}
        for head in await store.plans.versions(NIGHT):
            plan = await store.plans.get(NIGHT, head.version)
            assert plan is not None
            bonus |= {item.sequence_id: item.bonus for item in plan.placements}
        return bookings, accounts, bonus


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> PartOfANight:
    """The part of the night, run twice."""
    folder = tmp_path_factory.mktemp("night")
    scenario = folder / "rain.toml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    data = folder / "data"
    one = simulate(scenario, "--data", str(data), hash_seed="1")
    two = simulate(scenario, hash_seed="2")
    first, second = result(one), result(two)
    journal = asyncio.run(read_journal(data))
    bookings, accounts, bonus = asyncio.run(read_quotas(data))
    return PartOfANight(
        first=first, second=second, data=data, journal=journal, bookings=bookings,
        accounts=accounts, placed_as_bonus=bonus,
    )  # fmt: skip


def test_night_is_the_same_in_another_process(night: PartOfANight):
    """Same seed, same journal: hash seeds, disks and directories do not matter."""
    assert night.first["digest"] == night.second["digest"]
    machine = {"wall_s", "speedup"}
    assert {k: v for k, v in night.first.items() if k not in machine} == {
        k: v for k, v in night.second.items() if k not in machine
    }


def test_night_breaks_no_rule(night: PartOfANight):
    """The witness, who looks at the metal itself, has nothing to say; nothing crashed."""
    assert night.first["violations"] == []
    assert night.first["excused"] == []
    crashes = [w.line.text for w in night.journal if "crashed" in w.line.text]
    assert crashes == []
    lost = [w.line.text for w in night.journal if "-> DISABLED" in w.line.text]
    assert lost == []


def test_night_completes_sequences(night: PartOfANight):
    """Before and after the rain sequences are completed; the one in the rain is interrupted."""
    states = night.first["sequences"]
    assert states["completed"] >= 2
    assert states["interrupted"] == 1
    assert "failed" not in states
    ended = [
        (w.line.time_utc, w.line.data["to"])
        for w in night.journal
        if w.line.data.get("from") == "EXECUTING"
    ]
    rain = BEGINS + timedelta(seconds=RAIN_FROM_S)
    assert {to for at, to in ended if at < rain} == {"COMPLETED"}
    assert next(to for at, to in ended if at >= rain) == "INTERRUPTED"
    assert "COMPLETED" in {to for at, to in ended if at > rain + timedelta(seconds=60)}


def test_night_books_what_was_executed_once(night: PartOfANight):
    """Each execution is charged, or bonus where its plan said so; no request was refused."""
    executed = [w.line.subject for w in night.journal if w.line.data.get("from") == "EXECUTING"]
    assert sorted(entry.sequence_id for entry in night.bookings) == sorted(executed)
    for entry in night.bookings:
        assert (entry.kind == "bonus") == night.placed_as_bonus[entry.sequence_id]
    refused = [w.line.text for w in night.journal if "is refused" in w.line.text]
    assert refused == []
    for programme_id, account in night.accounts.items():
        mine = [entry for entry in night.bookings if entry.programme_id == programme_id]
        charged_s = sum(entry.seconds for entry in mine if entry.kind == "charge")
        assert account.charged_s == pytest.approx(charged_s)
        assert account.left_s == pytest.approx(
            account.allocation_s - charged_s - account.reserved_s
        )


def test_night_closes_for_rain_and_opens_after_the_hold_off(night: PartOfANight):
    """Closing begins within seconds, ends within the closing time; opening keeps the hold-off."""
    safety = load_settings(default_config()).safety
    rain = BEGINS + timedelta(seconds=RAIN_FROM_S)
    dry = rain + timedelta(seconds=RAIN_FOR_S)
    after = [(at, to) for at, _, to in night.modes() if at >= rain]
    (closing, to_closing), (paused, to_paused), (opening, to_opening), (open_, to_open) = after[:4]
    assert [to_closing, to_paused, to_opening, to_open] == [
        "CLOSING", "PAUSED", "OPENING", "OBSERVING",
    ]  # fmt: skip
    assert (closing - rain).total_seconds() <= 10.0
    assert (paused - closing).total_seconds() <= safety.closing_s + safety.closing_margin_s
    assert (opening - dry).total_seconds() >= safety.hold_off_s
    assert (opening - dry).total_seconds() <= safety.hold_off_s + 600.0
    assert (open_ - opening).total_seconds() <= 180.0


def test_night_leaves_complete_frames(night: PartOfANight):
    """Every frame lies in its place, valid, with its WCS, its weather and its sums."""
    produced = night.data / "PRODUCED_DATA"
    frames = sorted(produced.rglob("*.fits"))
    assert len(frames) == night.first["frames"] >= 20
    assert not list(produced.rglob("*.tmp"))
    assert not list((night.data / "spool").glob("*.fits"))
    previews = list((night.data / "previews").rglob("*.png"))
    assert len(previews) == len(frames)
    for path in frames[:: max(1, len(frames) // 6)]:
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            header, pixels = hdus[0].header, hdus[0].data
            assert header["IMAGETYP"].lower().startswith("light")
            assert header["OBSERVER"]
            assert header["EXPTIME"] > 0.0
            assert header["FILTER"] in {"g", "r", "i", "z", "J", "H"}
            assert BEGINS.replace(tzinfo=None) < datetime.fromisoformat(header["DATE-OBS"])
            assert pixels.shape == (512, 512)
            middle = WCS(header).pixel_to_world(255.5, 255.5)
            assert abs(middle.dec.deg - header["DEC"]) < 0.02
            assert np.std(pixels) > 0.0


def test_the_example_of_the_manual_passes(tmp_path: Path):
    """What docs/simulated-night.md shows as a test works as it stands there."""
    manual = (Path(__file__).parents[2] / "docs" / "simulated-night.md").read_text("utf-8")
    block = re.search(r"```python\n(.*?)```", manual, re.DOTALL)
    assert block is not None
    (tmp_path / "test_example.py").write_text(block[1], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=tmp_path,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(path.name for path in SCENARIOS.glob("*.toml")))
def test_shipped_scenarios_fit_the_simulated_observatory(name: str):
    """Every scenario that is shipped can happen there, and prescribes something."""
    config = default_config()
    scenario = load_scenario(SCENARIOS / name, load_settings(config), config=config)
    assert scenario.weather or scenario.faults or scenario.outages or scenario.bursts


def test_scenario_mistakes_are_named(tmp_path: Path):
    """A device, a template or a place that cannot be: one line each, with file and remedy."""
    path = tmp_path / "wrong.toml"
    path.write_text(
        '[[faults]]\nat_s = 1.0\ndevice = "t1/dom"\nkind = "stuck"\n'
        '[[bursts]]\nat_s = 1.0\nkind = "swift-bad"\nra_deg = 3.0\n',
        encoding="utf-8",
    )
    config = default_config()
    with pytest.raises(ConfigurationError) as caught:
        load_scenario(path, load_settings(config), config=config)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith(str(path)) for line in lines)
    assert "did you mean 't1/dome'?" in lines[0]
    assert "swift-bat" in lines[1]
    assert "both ra_deg and dec_deg" in lines[2]
