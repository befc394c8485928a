"""The simulated observatory as PyROS meets it: presence, faults, scenario, restarts."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from protocols.device_table import DEVICE_TABLE
from protocols.payloads import DescriptionPayload, decode
from pyros.domain.device import DeviceKind
from simulators.scenario import FaultEvent, Scenario, TransientEvent
from simulators.settings import SimulatorsSettings, TelescopeSettings

pytestmark = pytest.mark.asyncio

DEVICES = {
    "site/wx-1": "weather-station",
    "site/wx-2": "weather-station",
    "site/wx-3": "weather-station",
    "site/plc": "plc",
    "t1/telescope": "telescope",
    "t1/dome": "dome",
    "t1/focuser": "focuser",
    "t1/wheel-vis": "filter-wheel",
    "t1/wheel-nir": "filter-wheel",
    "t1/cam-vis": "camera",
    "t1/cam-nir": "camera",
}


async def test_observatory_describes_every_device(rig):
    """Each device says what it is, whose it is, and publishes what it describes."""
    assert rig.bridge().s == "ready"
    for device, kind in DEVICES.items():
        description = decode(device, rig.retained[f"{device}/desc"], DescriptionPayload)
        assert description.kind == kind
        assert description.simulated is True
        assert description.boot == rig.bridge().boot == rig.state(device).boot
        assert description.bridge == "sim"
        assert set(description.commands) == set(DEVICE_TABLE[DeviceKind(kind)].commands)
        published = {
            topic.rsplit("/", 1)[1] for topic in rig.retained if topic.startswith(f"{device}/p/")
        }
        never_heard = {"lease_age_s"}  # of a lease that never came there is no age
        assert published == set(description.properties) - never_heard
        assert rig.state(device).s == "ready"


async def test_observatory_says_everything_again_after_a_lost_link(rig):
    """Lost link: the last will is published. Back: everything retained comes again, and ready."""
    before = set(rig.retained)
    session = rig.router.session("pyros-sim")
    link = session.port
    rig.router.detach(session, link, lost=True)
    link.sever()
    await asyncio.sleep(0.1)
    assert rig.bridge().s == "lost"
    rig.retained.clear()
    await asyncio.sleep(10.0)
    assert rig.bridge().s == "ready"
    assert before <= set(rig.retained)


async def test_observatory_leaves_in_order(rig):
    """A clean shutdown says disconnected, not lost."""
    await rig.system.shutdown("test")
    await asyncio.sleep(0.1)
    assert rig.bridge().s == "disconnected"


async def test_observatory_of_two_telescopes(make_rig):
    """Units have their own devices and their own leases."""
    settings = SimulatorsSettings(
        telescopes=(TelescopeSettings(id="east"), TelescopeSettings(id="west"))
    )
    rig = await make_rig(settings)
    rig.lease("west")
    await asyncio.sleep(1.0)
    assert (await rig.command("west/dome", "open")).s == "done"
    assert (await rig.command("east/dome", "open")).s == "failed"
    assert rig.reading("east/dome", "shutter") == "closed"


async def test_fault_silent_device_says_and_obeys_nothing(make_rig):
    """A dead sensor is silent until it is repaired, then says everything again."""
    dead = FaultEvent(at_s=10.0, for_s=100.0, device="site/wx-2", kind="silent")
    rig = await make_rig(scenario=Scenario(faults=(dead,)))
    await asyncio.sleep(11.0)
    rig.heard.clear()
    await asyncio.sleep(90.0)
    assert not [message for message in rig.heard if "/site/wx-2/" in message.topic]
    assert [message for message in rig.heard if "/site/wx-1/" in message.topic]
    await asyncio.sleep(10.0)
    topics = {message.topic.rsplit("/", 1)[1] for message in rig.heard if "wx-2" in message.topic}
    assert {"desc", "state", "wind_m_s"} <= topics


async def test_fault_frozen_sensor_repeats_itself(make_rig):
    """A frozen station publishes on time what was true long ago."""
    frozen = FaultEvent(at_s=10.0, device="site/wx-1", kind="frozen")
    rig = await make_rig(scenario=Scenario(faults=(frozen,)))
    await asyncio.sleep(20.0)
    held = rig.reading("site/wx-1", "pressure_hPa"), rig.reading("site/wx-1", "wind_from_deg")
    await asyncio.sleep(2400.0)
    now = rig.reading("site/wx-1", "pressure_hPa"), rig.reading("site/wx-1", "wind_from_deg")
    assert now == held


async def test_fault_wrong_sensor_lies(make_rig):
    """A lone station that reports a storm, while the others see none."""
    wrong = FaultEvent(at_s=10.0, device="site/wx-1", kind="wrong", readings={"wind_m_s": 31.0})
    rig = await make_rig(scenario=Scenario(faults=(wrong,)))
    await asyncio.sleep(20.0)
    assert rig.reading("site/wx-1", "wind_m_s") == 31.0
    assert rig.reading("site/wx-2", "wind_m_s") < 20.0


async def test_fault_link_cuts_everything_at_once(make_rig):
    """While the cable is cut the bridge is lost; repaired, it comes back by itself."""
    cut = FaultEvent(at_s=10.0, for_s=60.0, device="link", kind="link")
    rig = await make_rig(scenario=Scenario(faults=(cut,)))
    await asyncio.sleep(15.0)
    assert rig.bridge().s == "lost"
    await asyncio.sleep(50.0)
    assert rig.bridge().s == "lost"
    await asyncio.sleep(60.0)
    assert rig.bridge().s == "ready"


async def test_director_obeys_by_mqtt(rig):
    """Rain, faults and transients can be asked for; nonsense is refused with a reason."""
    assert (await rig.command("bridge/sim", "weather", for_s=120.0, rain_mm_h=3.0)).s == "done"
    await asyncio.sleep(10.0)
    assert rig.reading("site/wx-3", "rain") is True
    broken = {"device": "t1/focuser", "kind": "broken", "reason": "encoder", "for_s": 30.0}
    assert (await rig.command("bridge/sim", "fault", **broken)).s == "done"
    await asyncio.sleep(1.0)
    assert rig.state("t1/focuser").reason == "encoder"
    await asyncio.sleep(30.0)
    assert rig.state("t1/focuser").s == "ready"
    await rig.command("bridge/sim", "transient", ra_deg=10.0, dec_deg=20.0)
    assert [source.ra_deg for source in rig.metal.transients] == [10.0]
    assert rig.metal.transients[0].t0_unix_s == pytest.approx(rig.unix_s, abs=2.0)
    refused = await rig.command("bridge/sim", "fault", device="t1/dome", kind="haunted")
    assert refused.s == "failed"
    assert "haunted" in refused.detail
    nowhere = await rig.command("bridge/sim", "fault", device="t1/dom", kind="stuck")
    assert nowhere.detail == "fault: no device 't1/dom'; did you mean 't1/dome'?"
    assert (await rig.command("bridge/sim", "earthquake")).s == "failed"


async def test_director_restart_does_not_repeat_the_past(make_rig):
    """After a crash it neither doubles transients nor revives repaired faults."""
    scenario = Scenario(
        faults=(FaultEvent(at_s=5.0, for_s=20.0, device="t1/dome", kind="stuck"),),
        transients=(TransientEvent(at_s=0.0, ra_deg=1.0, dec_deg=2.0),),
    )
    rig = await make_rig(scenario=scenario)
    await asyncio.sleep(10.0)
    assert rig.metal.faults.condition("t1/dome").stuck is True
    rig.system.ref("/metal/director").kill()
    await asyncio.sleep(5.0)
    assert rig.metal.faults.condition("t1/dome").stuck is True
    await asyncio.sleep(30.0)
    rig.system.ref("/metal/director").kill()
    await asyncio.sleep(10.0)
    assert rig.metal.faults.condition("t1/dome").stuck is False
    assert len(rig.metal.transients) == 1


async def test_scenario_counts_from_sunset(site, night_unix_s):
    """With that origin a time means seconds after the night's sunset."""
    scenario = msgspec.convert({"origin": "sunset"}, Scenario)
    sunset_s = scenario.origin_unix_s(site, night_unix_s)
    assert 5.0 * 3600.0 < night_unix_s - sunset_s < 8.0 * 3600.0
    assert Scenario().origin_unix_s(site, night_unix_s) == night_unix_s


async def test_settings_explain_what_is_wrong():
    """Names used twice, missing wheels and unknown filters are found before anything runs."""
    raw = {
        "telescopes": [
            {
                "id": "t1",
                "wheels": [{"id": "wheel-vis", "filters": ["g", "Q"]}],
                "cameras": [{"id": "cam"}, {"id": "cam", "wheel": "wheel-uv"}],
            },
            {"id": "T2"},
        ]
    }
    faults = "\n".join(msgspec.convert(raw, SimulatorsSettings).faults())
    assert "id 'cam' is used twice" in faults
    assert "filter 'Q' has no passband; known: H, J, g, i, r, z" in faults
    assert "wheel = 'wheel-uv' is none of its wheels: wheel-vis" in faults
    assert "'T2' may hold only lower-case" in faults
    assert SimulatorsSettings().faults() == []
    assert set(SimulatorsSettings().device_keys()) == set(DEVICES)
    lost = Scenario(faults=(FaultEvent(at_s=0.0, device="t9/dome", kind="stuck"),))
    assert len(lost.complaints(SimulatorsSettings().device_keys())) == 1
    with pytest.raises(msgspec.ValidationError, match="unknown field `sead`"):
        msgspec.convert({"sead": 3}, SimulatorsSettings)
