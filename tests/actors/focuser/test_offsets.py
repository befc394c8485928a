"""Best focus through a filter at a temperature."""

from __future__ import annotations

import asyncio

import pytest

from actors.device.messages import Command
from actors.focuser.actor import FocuserActor
from actors.focuser.messages import FocusFor
from actors.focuser.offsets import best_position_um
from actors.focuser.settings import FocuserSettings, TemperatureCompensation
from pyros.domain.device import CommandStatus, DeviceKind

SETTINGS = FocuserSettings(
    best_um=5000.0,
    reference_filter="r",
    equivalent_thickness_um={"g": 1200.0, "r": 1000.0},
    temperature=TemperatureCompensation(slope_um_per_deg_C=-20.0, reference_deg_C=10.0),
)


def test_focus_moves_by_the_difference_of_equivalent_thicknesses() -> None:
    """From r (1000 um) to g (1200 um) the focuser goes 200 um out; without glass 1000 um in."""
    assert best_position_um("r", temperature_deg_c=10.0, settings=SETTINGS) == 5000.0
    assert best_position_um("g", temperature_deg_c=10.0, settings=SETTINGS) == 5200.0
    assert best_position_um("clear", temperature_deg_c=10.0, settings=SETTINGS) == 4000.0


def test_focus_follows_temperature_when_it_is_known() -> None:
    """Five degrees colder at -20 um per degree is 100 um; unknown temperature changes nothing."""
    assert best_position_um("r", temperature_deg_c=5.0, settings=SETTINGS) == 5100.0
    assert best_position_um("r", temperature_deg_c=None, settings=SETTINGS) == 5000.0


@pytest.mark.asyncio
async def test_focuser_goes_to_the_filters_focus_and_ignores_trifles(site) -> None:
    """A filter change moves it once; when it is there already nothing goes out."""
    device = await site.device(DeviceKind.FOCUSER, "focuser")
    ref = await site.spawn(
        "focuser",
        lambda: FocuserActor(
            topics=site.topics, unit="tel1", device="focuser", settings=SETTINGS, mqtt=site.mqtt
        ),
    )
    asked = asyncio.create_task(ref.ask(FocusFor(filter_name="g", cause="t"), timeout_s=100.0))
    await asyncio.sleep(0.1)
    assert device.last.args == {"position_um": 5200.0}
    await device.set(position_um=5199.0)
    assert (await asked).done
    assert (await ref.ask(FocusFor(filter_name="g", cause="t"))).done
    assert device.verbs == ["move"]
    far = FocuserSettings(best_um=0.0, equivalent_thickness_um={"g": -500.0})
    assert best_position_um("g", temperature_deg_c=None, settings=far) == 0.0
    outcome = await ref.ask(Command(verb="move", args={"position_um": 20000.0}, cause="t"))
    assert outcome.status is CommandStatus.REJECTED
