"""Wheel, focuser, PLC and weather stations behave as their metal does."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from simulators.plc import PlcSettings
from simulators.scenario import FaultEvent, Scenario, WeatherEvent
from simulators.settings import SimulatorsSettings

pytestmark = pytest.mark.asyncio

RAIN = Scenario(weather=(WeatherEvent(at_s=60.0, for_s=600.0, rain_mm_h=2.0),))


async def test_wheel_turns_the_short_way_and_locks(rig):
    """From g to z is one slot backwards; the filter is named when it is locked."""
    start_s = rig.unix_s
    assert (await rig.command("t1/wheel-vis", "select", filter="z")).s == "done"
    assert rig.unix_s - start_s == pytest.approx(1.3, abs=0.5)
    assert rig.reading("t1/wheel-vis", "filter") == "z"
    assert rig.reading("t1/wheel-vis", "position") == 3
    assert rig.reading("t1/wheel-vis", "moving") is False
    start_s = rig.unix_s
    await rig.command("t1/wheel-vis", "select", filter="r")
    assert rig.unix_s - start_s == pytest.approx(2.1, abs=0.5)
    assert (await rig.command("t1/wheel-vis", "select", filter="r")).detail == "already there"
    refused = await rig.command("t1/wheel-vis", "select", filter="U")
    assert refused.detail == "no filter 'U'; in the wheel: g, r, i, z"


async def test_wheel_selects_are_superseded(rig):
    """A second select while it turns wins."""
    first = await rig.say("t1/wheel-vis", "select", {"filter": "i"})
    assert (await rig.command("t1/wheel-vis", "select", filter="r")).s == "done"
    assert rig.replies(first)[-1].s == "failed"
    assert rig.reading("t1/wheel-vis", "filter") == "r"


async def test_focuser_moves_within_its_travel(rig):
    """400 micrometres a second; the ends are refused."""
    start_s = rig.unix_s
    assert (await rig.command("t1/focuser", "move", position_um=1600.0)).s == "done"
    assert rig.unix_s - start_s == pytest.approx(4.5, abs=0.5)
    assert rig.reading("t1/focuser", "position_um") == 1600.0
    refused = await rig.command("t1/focuser", "move", position_um=6000.0)
    assert refused.detail == "position_um = 6000 is outside -5000..5000"


async def test_slow_fault_stretches_motions(make_rig):
    """A slow focuser takes three times as long."""
    slow = FaultEvent(at_s=0.0, device="t1/focuser", kind="slow", factor=3.0)
    rig = await make_rig(scenario=Scenario(faults=(slow,)))
    await asyncio.sleep(1.0)
    start_s = rig.unix_s
    await rig.command("t1/focuser", "move", position_um=1600.0)
    assert rig.unix_s - start_s == pytest.approx(13.5, abs=0.5)


async def test_plc_switches_lamps(rig):
    """Lamps follow their commands and nothing else."""
    assert (await rig.command("site/plc", "flat_lamp", on=True)).s == "done"
    assert rig.reading("site/plc", "flat_lamp_on") is True
    assert rig.reading("site/plc", "lights_on") is False
    assert (await rig.command("site/plc", "lights", on="yes")).s == "failed"


async def test_plc_and_stations_feel_the_rain(make_rig):
    """Every rain sensor is wet within 10 s, and dries some minutes after."""
    rig = await make_rig(scenario=RAIN)
    sensors = ("site/plc", "site/wx-1", "site/wx-2", "site/wx-3")
    await asyncio.sleep(50.0)
    assert [rig.reading(device, "rain") for device in sensors] == [False] * 4
    await asyncio.sleep(20.0)
    assert [rig.reading(device, "rain") for device in sensors] == [True] * 4
    await asyncio.sleep(600.0)
    assert rig.reading("site/plc", "rain") is True
    await asyncio.sleep(120.0)
    assert [rig.reading(device, "rain") for device in sensors] == [False] * 4


async def test_plc_ups_drains_without_mains(make_rig):
    """Half the runtime takes half the charge, and mains bring it back."""
    settings = SimulatorsSettings(plc=PlcSettings(ups_runtime_s=600.0, ups_recharge_s=600.0))
    outage = FaultEvent(
        at_s=10.0, for_s=300.0, device="site/plc", kind="wrong", readings={"mains": False}
    )
    rig = await make_rig(settings, Scenario(faults=(outage,)))
    await asyncio.sleep(305.0)
    assert rig.reading("site/plc", "mains") is False
    assert rig.reading("site/plc", "ups_charge_pct") == pytest.approx(51.0, abs=2.0)
    await asyncio.sleep(400.0)
    assert rig.reading("site/plc", "mains") is True
    assert rig.reading("site/plc", "ups_charge_pct") == 100.0


async def test_stations_agree_with_the_truth_and_differ_from_each_other(rig):
    """Each reads the same weather through its own bias and noise."""
    await asyncio.sleep(60.0)
    weather = rig.metal.weather.at(rig.unix_s)
    first = rig.reading("site/wx-1", "temperature_deg_C")
    second = rig.reading("site/wx-2", "temperature_deg_C")
    assert first != second
    assert first == pytest.approx(weather.temperature_deg_C, abs=1.6)
    assert second == pytest.approx(weather.temperature_deg_C, abs=1.6)
    assert rig.reading("site/wx-1", "wind_m_s") == pytest.approx(weather.wind_m_s, abs=3.5)
    assert "site/wx-3/p/wind_m_s" not in rig.retained
    assert "site/wx-1/p/cloud_fraction" not in rig.retained
    cloud = rig.reading("site/wx-3", "cloud_fraction")
    assert cloud == pytest.approx(weather.cloud_fraction, abs=0.1)


async def test_devices_repeat_themselves_before_they_are_stale(rig):
    """In an idle hour every property comes again before its time to live is over, but rarely."""
    await asyncio.sleep(100.0)
    rig.heard.clear()
    times: dict[str, list[float]] = {}
    for _ in range(720):
        await asyncio.sleep(5.0)
        for message in rig.heard:
            times.setdefault(message.topic, []).append(rig.unix_s)
        rig.heard.clear()
    for topic, heard in times.items():
        if "/p/" not in topic:
            continue
        ttl_s = 20.0 if "/wx-" in topic or topic.endswith("plc/p/rain") else 35.0
        gaps = [b - a for a, b in itertools.pairwise(heard)]
        assert max(gaps) <= ttl_s, topic
        assert len(heard) < 300, topic
