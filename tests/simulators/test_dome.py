"""The simulated dome takes its minute, and closes by itself when nobody is in charge."""

from __future__ import annotations

import asyncio

import pytest

from protocols.mqtt import MqttMessage
from protocols.payloads import LeasePayload, encode
from simulators.faults import Fault, FaultKind, FaultsChanged

pytestmark = pytest.mark.asyncio


async def test_dome_opens_in_a_minute_and_says_so(rig):
    """Opening takes 60 s, with coarse fractions on the way, and closing the same."""
    rig.lease()
    await asyncio.sleep(1.0)
    start_s = rig.unix_s
    command = await rig.say("t1/dome", "open", {})
    await asyncio.sleep(30.0)
    assert rig.reading("t1/dome", "shutter") == "opening"
    assert rig.reading("t1/dome", "opening_fraction") == pytest.approx(0.5, abs=0.06)
    assert rig.state("t1/dome").s == "busy"
    assert (await rig.end(command)).s == "done"
    assert rig.unix_s - start_s == pytest.approx(60.0, abs=0.5)
    assert rig.reading("t1/dome", "shutter") == "open"
    assert rig.state("t1/dome").s == "ready"
    assert (await rig.command("t1/dome", "open")).detail == "already there"
    assert (await rig.command("t1/dome", "close")).s == "done"
    assert rig.reading("t1/dome", "opening_fraction") == 0.0


async def test_dome_close_supersedes_open_from_where_it_is(rig):
    """Half open, closing takes half a minute and the opening order fails."""
    rig.lease()
    await asyncio.sleep(1.0)
    opening = await rig.say("t1/dome", "open", {})
    await asyncio.sleep(30.0)
    start_s = rig.unix_s
    assert (await rig.command("t1/dome", "close")).s == "done"
    assert rig.unix_s - start_s == pytest.approx(30.0, abs=0.5)
    assert rig.replies(opening)[-1].s == "failed"


async def test_dome_does_not_open_without_a_lease(rig):
    """No lease, or a stale one: refused with a reason."""
    assert (await rig.command("t1/dome", "open")).detail == "no live lease; it would close at once"
    rig.lease()
    await asyncio.sleep(1.0)
    await rig.end_lease()
    await asyncio.sleep(21.0)
    assert (await rig.command("t1/dome", "open")).s == "failed"


async def test_dome_closes_when_its_lease_runs_out(rig):
    """20 s after the last lease it closes by itself, says why, and opens again when asked."""
    rig.lease()
    await asyncio.sleep(1.0)
    await rig.command("t1/dome", "open")
    await rig.end_lease()
    await asyncio.sleep(14.0)
    assert rig.reading("t1/dome", "shutter") == "open"
    await asyncio.sleep(8.0)
    assert rig.reading("t1/dome", "shutter") == "closing"
    assert rig.reading("t1/dome", "closed_by_lease") is True
    await asyncio.sleep(61.0)
    assert rig.reading("t1/dome", "shutter") == "closed"
    rig.lease()
    await asyncio.sleep(1.0)
    assert (await rig.command("t1/dome", "open")).s == "done"
    assert rig.reading("t1/dome", "closed_by_lease") is False


async def test_dome_counts_its_lease_at_the_wall(make_rig):
    """On a clock sixty times as fast a lease still lasts 20 wall seconds."""
    rig = await make_rig(speed=60.0)
    rig.lease()
    await asyncio.sleep(1.0)
    await rig.command("t1/dome", "open")
    await asyncio.sleep(3000.0)
    assert rig.reading("t1/dome", "shutter") == "open"
    await rig.end_lease()
    await asyncio.sleep(15.0 * 60.0)
    assert rig.reading("t1/dome", "shutter") == "open"
    await asyncio.sleep(11.0 * 60.0)
    assert rig.reading("t1/dome", "shutter") == "closed"
    assert rig.reading("t1/dome", "closed_by_lease") is True


async def test_dome_does_not_believe_a_retained_lease(rig):
    """A lease that the broker kept says nothing about now."""
    await rig.client.publish(
        MqttMessage(
            topic=rig.topics.lease("t1"),
            payload=encode(LeasePayload(boot="b", seq=1, ttl_s=20.0)),
            retain=True,
        )
    )
    rig.system.ref("/metal/t1/dome").kill()
    await asyncio.sleep(5.0)
    rig.metal.telescopes["t1"].dome.lease_heard_s = float("-inf")
    rig.system.ref("/metal/t1/dome").kill()
    await asyncio.sleep(10.0)
    assert (await rig.command("t1/dome", "open")).s == "failed"


async def test_dome_closes_by_lease_without_the_broker(rig):
    """With the broker gone the lease runs out and the metal closes all the same."""
    rig.lease()
    await asyncio.sleep(1.0)
    await rig.command("t1/dome", "open")
    await rig.end_lease()
    rig.router.reachable = False
    for session in rig.router.sessions:
        if session.client_id == "pyros-sim" and session.port is not None:
            session.port.sever()
    await asyncio.sleep(100.0)
    assert rig.metal.telescopes["t1"].dome.shutter.position(rig.unix_s) == 0.0


async def test_dome_survives_the_crash_of_its_actor_open(rig):
    """A restarted dome that is open still honours the lease, and closes when it ends."""
    rig.lease()
    await asyncio.sleep(1.0)
    await rig.command("t1/dome", "open")
    rig.system.ref("/metal/t1/dome").kill()
    await asyncio.sleep(30.0)
    assert rig.reading("t1/dome", "shutter") == "open"
    await rig.end_lease()
    await asyncio.sleep(90.0)
    assert rig.reading("t1/dome", "shutter") == "closed"


async def test_dome_slit_turns_the_short_way(rig):
    """From 180 to 350 degrees it takes 170, not 190; angles stay within a turn."""
    start_s = rig.unix_s
    assert (await rig.command("t1/dome", "turn", azimuth_deg=350.0)).s == "done"
    assert rig.unix_s - start_s == pytest.approx(170.0 / 4.0 + 2.0, abs=0.6)
    assert rig.reading("t1/dome", "azimuth_deg") == pytest.approx(350.0)
    start_s = rig.unix_s
    await rig.command("t1/dome", "turn", azimuth_deg=10.0)
    assert rig.unix_s - start_s == pytest.approx(7.0, abs=0.6)
    assert rig.reading("t1/dome", "azimuth_deg") == pytest.approx(10.0)


async def test_dome_stuck_half_way_reports_and_fails_the_order(rig):
    """A stuck shutter stops where it is, says so, and moves again when repaired."""
    rig.lease()
    await asyncio.sleep(1.0)
    opening = await rig.say("t1/dome", "open", {})
    await asyncio.sleep(24.0)
    stuck = Fault(device="t1/dome", kind=FaultKind.STUCK)
    rig.metal.faults.pin(stuck)
    rig.system.events.publish(FaultsChanged(device="t1/dome"))
    ended = await rig.end(opening)
    assert (ended.s, ended.detail) == ("failed", "motor stalls")
    assert rig.reading("t1/dome", "shutter") == "stuck"
    assert (await rig.command("t1/dome", "close")).detail == "shutter motor stalls at 40% open"
    rig.metal.faults.remove(stuck)
    rig.system.events.publish(FaultsChanged(device="t1/dome"))
    assert (await rig.command("t1/dome", "close")).s == "done"
