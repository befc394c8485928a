"""The filter wheel actor knows its filters."""

from __future__ import annotations

import asyncio

import pytest

from actors.device.messages import Command
from actors.filter_wheel.actor import FilterWheelActor
from actors.filter_wheel.settings import FilterWheelSettings
from pyros.domain.device import CommandStatus, DeviceKind


def test_filters_of_one_name_are_refused_in_the_configuration() -> None:
    """Two slots of one name could not be told apart."""
    with pytest.raises(ValueError, match="r stands twice"):
        FilterWheelSettings(filters=("g", "r", "r"))


@pytest.mark.asyncio
async def test_wheel_selects_what_it_holds_and_refuses_the_rest(site) -> None:
    """A filter that is not in the wheel is refused with those that are; nothing goes out."""
    device = await site.device(DeviceKind.FILTER_WHEEL, "wheel-vis")
    ref = await site.spawn(
        "wheel",
        lambda: FilterWheelActor(
            topics=site.topics,
            unit="tel1",
            device="wheel-vis",
            settings=FilterWheelSettings(filters=("g", "r")),
            mqtt=site.mqtt,
        ),
    )
    refused = await ref.ask(Command(verb="select", args={"filter": "H"}, cause="t"))
    assert refused.status is CommandStatus.REJECTED
    assert refused.detail == "filter 'H' is not in wheel-vis; it holds g, r"
    assert device.commands == []
    asked = asyncio.create_task(
        ref.ask(Command(verb="select", args={"filter": "g"}, cause="t"), timeout_s=60.0)
    )
    await asyncio.sleep(0.1)
    await device.set(filter="g", moving=False)
    assert (await asked).done
