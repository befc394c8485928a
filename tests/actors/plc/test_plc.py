"""The PLC: people are told of mains, rain contact and door, once per change."""

from __future__ import annotations

import asyncio

import pytest

from actors.device.messages import Command
from actors.plc.actor import PlcActor
from actors.plc.settings import PlcSettings
from pyros.domain.device import DeviceKind

pytestmark = pytest.mark.asyncio


async def test_plc_tells_bad_and_good_news_once_each(site) -> None:
    """A lost mains is one alarm, its return one notice; refreshes say nothing."""
    device = await site.device(DeviceKind.PLC, "plc", unit="site")
    await site.spawn(
        "plc",
        lambda: PlcActor(
            topics=site.topics, unit="site", device="plc", settings=PlcSettings(), mqtt=site.mqtt
        ),
    )
    journal = await site.journal()
    await device.set(mains=False)
    await asyncio.sleep(60.0)
    await device.set(mains=True)
    await asyncio.sleep(60.0)
    told = [(entry.severity, entry.text) for entry in journal]
    assert told == [
        ("alarm", "plc: mains are lost, running on the UPS"),
        ("notice", "plc: mains are back"),
    ]


async def test_plc_switches_are_verified(site) -> None:
    """The flat lamp is on when the PLC says it burns."""
    device = await site.device(DeviceKind.PLC, "plc", unit="site")
    ref = await site.spawn(
        "plc",
        lambda: PlcActor(
            topics=site.topics, unit="site", device="plc", settings=PlcSettings(), mqtt=site.mqtt
        ),
    )
    command = Command(verb="flat_lamp", args={"on": True}, cause="t")
    asked = asyncio.create_task(ref.ask(command, timeout_s=60.0))
    await asyncio.sleep(1.0)
    assert not asked.done()
    await device.set(flat_lamp_on=True)
    assert (await asked).done
