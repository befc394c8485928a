"""What the sequencer tells the telescope."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from actors.device.messages import Command
from actors.sequencer.hardware import Hardware
from pyros.actor import Actor, ActorSystem, ChildSpec, Message
from pyros.domain.device import CommandOutcome, CommandStatus
from pyros.domain.target import Target

NOW_UTC = datetime(2026, 11, 23, tzinfo=UTC)


class Mount(Actor):
    """Does what it is told at once, and remembers it."""

    async def on_start(self) -> None:
        self.told: list[Command] = []

    async def on_receive(self, message: Message) -> Any:
        assert isinstance(message, Command)
        self.told.append(message)
        return CommandOutcome(
            command_id="1",
            verb=message.verb,
            status=CommandStatus.DONE,
            detail="",
            started_utc=NOW_UTC,
            finished_utc=NOW_UTC,
        )


@pytest.mark.asyncio
async def test_slew_goes_where_the_star_stands_today(system: ActorSystem) -> None:
    """Barnard's star has moved by 4.65 arcminutes since its catalogue's epoch."""
    mount = Mount()
    ref = await system.spawn(ChildSpec(name="mount", factory=lambda: mount))
    hardware = Hardware(telescope=ref, cameras={}, wheels={}, focuser=None)
    star = Target(
        name="Barnard", ra_deg=269.452, dec_deg=4.693, pm_ra_mas_yr=-802.0, pm_dec_mas_yr=10362.0
    )
    await hardware.slew(star, time_utc=NOW_UTC, cause="test")
    (slew,) = mount.told
    assert slew.verb == "slew"
    assert slew.args["dec_deg"] == pytest.approx(4.693 + 26.893 * 10.362 / 3600.0, abs=1e-5)
    assert slew.args["ra_deg"] == pytest.approx(269.452 - 26.893 * 0.802 / 3600.0, abs=1e-4)
