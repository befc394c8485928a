"""Two telescopes of one site: each a subtree of its own, sharing weather and PLC."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path

import msgspec
import pytest

from actors.device.messages import DeviceStatus
from actors.device.readings import good_text
from actors.majordome.messages import ModeChanged
from actors.sequencer.messages import SequenceProgress
from pyros.actor import Actor, ChildSpec, Message
from pyros.actor.loops import run_virtual
from pyros.app.settings import load_settings
from pyros.app.simulated_site import simulated_site
from pyros.domain.device import DeviceKind
from pyros.sky import Night, noon_unix_s

CONFIG = Path(__file__).parents[2] / "config" / "simulated" / "observatory.toml"


class Notes(Actor):
    """Which telescope did what."""

    def __init__(self) -> None:
        super().__init__()
        self.open_domes: set[str] = set()
        self.exposing: set[str] = set()

    async def on_start(self) -> None:
        self.subscribe(DeviceStatus, ModeChanged, SequenceProgress)

    async def on_receive(self, message: Message) -> None:
        match message:
            case DeviceStatus(kind=DeviceKind.DOME):
                if good_text(message.readings, "shutter") == "open":
                    self.open_domes.add(message.unit)
            case DeviceStatus(kind=DeviceKind.CAMERA):
                if good_text(message.readings, "activity") == "exposing":
                    self.exposing.add(message.unit)
            case _:
                pass


@pytest.mark.night
def test_both_telescopes_open_and_expose(tmp_path: Path) -> None:
    """Neighbours share the weather's verdict and nothing else; both work through the evening."""
    one = load_settings(CONFIG)
    assert one.simulators is not None
    replace = msgspec.structs.replace
    unit, metal = one.telescope[0], one.simulators.telescopes[0]
    lines = (CONFIG.parent / "requests.toml").read_text().splitlines()
    halves = itertools.cycle(('telescope = "t1"', 'telescope = "t2"'))
    shared = [next(halves) if line == "every_night = true" else None for line in lines]
    requests = tmp_path / "requests.toml"
    requests.write_text(
        "\n".join(
            line if extra is None else f"{line}\n{extra}"
            for line, extra in zip(lines, shared, strict=True)
        )
    )
    settings = replace(
        one,
        requests=str(requests),
        telescope=(unit, replace(unit, id="t2", name="PyROS-T2")),
        simulators=replace(one.simulators, telescopes=(metal, replace(metal, id="t2"))),
    )
    assert settings.faults() == []
    site = settings.site.sky_site()
    night = Night.at(site, noon_unix_s(site, "2026-11-23") + 3600.0)
    assert night.sunset is not None
    notes = Notes()

    async def main() -> list[str]:
        async with simulated_site(
            settings,
            config=CONFIG,
            data_dir=tmp_path,
            seed=7,
            rng=random.Random(7),  # noqa: S311  (a simulation is to be repeatable)
        ) as built:
            await built.control.spawn(ChildSpec(name="notes", factory=lambda: notes))
            await asyncio.sleep(5400.0)
            return built.findings.violations

    violations = run_virtual(main, start_unix_s=night.sunset - 600.0)
    assert violations == []
    assert notes.open_domes == {"t1", "t2"}
    assert notes.exposing == {"t1", "t2"}
