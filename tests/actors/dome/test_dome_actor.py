"""The dome actor on a scripted wire: consent, closing, the slit, the lease's alarm."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from actors.device.messages import Command, DeviceStatus, GetStatus
from actors.device.readings import good_flag
from actors.dome.actor import DomeActor
from actors.dome.messages import SLIT_ALIGNED, CloseNow
from actors.dome.settings import DomeSettings
from actors.safety.messages import Consent, MayOpen
from pyros.actor import Actor
from pyros.domain.device import CommandStatus, DeviceKind, DeviceState, Reading

pytestmark = pytest.mark.asyncio
T0 = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


class SlowSafety(Actor):
    """Grants everything, after a second."""

    async def on_receive(self, message):
        assert isinstance(message, MayOpen)
        await asyncio.sleep(1.0)
        return Consent(granted=True, reasons=())


class Bench:
    def __init__(self, site) -> None:
        self.site = site

    async def start(self, **values) -> Bench:
        self.device = await self.site.device(DeviceKind.DOME, "dome")
        await self.device.set(**values)
        self.safety = await self.site.spawn("safety", SlowSafety)
        self.journal = await self.site.journal()
        self.ref = await self.site.spawn(
            "dome",
            lambda: DomeActor(
                topics=self.site.topics,
                unit="tel1",
                device="dome",
                settings=DomeSettings(),
                mqtt=self.site.mqtt,
                safety=self.safety,
            ),
        )
        return self

    def open(self) -> asyncio.Task:
        command = Command(verb="open", args={}, cause="t")
        return asyncio.create_task(self.ref.ask(command, timeout_s=300.0))

    async def point(self, az_deg: float, alt_deg: float = 40.0, **more) -> None:
        """The telescope's actor says where it points."""
        now = self.site.system.clock.now()
        values = {"alt_deg": alt_deg, "az_deg": az_deg, "parked": False} | more
        self.site.system.events.publish(
            DeviceStatus(
                unit="tel1",
                device="telescope",
                kind=DeviceKind.TELESCOPE,
                state=DeviceState.READY,
                reason="",
                since_utc=now,
                readings={
                    name: Reading(value=value, unit="", time_utc=now)
                    for name, value in values.items()
                },
                blocking=True,
                simulated=True,
                running_command=None,
                time_utc=now,
            )
        )
        await asyncio.sleep(0.1)


@pytest_asyncio.fixture
async def bench(site):
    """A dome actor with its scripted dome."""
    return Bench(site)


async def test_consent_is_void_when_a_close_order_comes_between(bench) -> None:
    """Granted a second ago, ordered to close since: the dome does not open."""
    await bench.start()
    asked = bench.open()
    await asyncio.sleep(0.5)
    bench.ref.tell(CloseNow(cause="rain"))
    outcome = await asked
    assert outcome.status is CommandStatus.REJECTED
    assert outcome.detail == "it was ordered to close since safety was asked"
    assert "open" not in bench.device.verbs


async def test_consent_is_asked_anew_each_time(bench) -> None:
    """A consent is for one opening; nothing else opens the dome."""
    await bench.start()
    asked = bench.open()
    await asyncio.sleep(1.5)
    assert bench.device.verbs == ["open"]
    await bench.device.set(shutter="open")
    assert (await asked).done
    await bench.safety.stop()
    await bench.device.set(shutter="closed")
    assert (await bench.open()).status is CommandStatus.REJECTED
    assert bench.device.verbs == ["open"]


async def test_close_is_sent_to_a_dome_that_is_lost(bench) -> None:
    """Its telemetry is gone, it may hear all the same: the order goes out."""
    await bench.start(shutter="open")
    bench.device.silent = True
    await asyncio.sleep(60.0)
    bench.ref.tell(CloseNow(cause="rain"))
    await asyncio.sleep(0.1)
    assert bench.device.verbs[-1] == "close"


async def test_repeated_orders_leave_a_running_close_alone(bench) -> None:
    """One close on the wire, however often it is ordered while it runs."""
    await bench.start(shutter="open")
    for _ in range(6):
        bench.ref.tell(CloseNow(cause="rain"))
        await asyncio.sleep(5.0)
        await bench.device.set(shutter="closing")
    assert bench.device.verbs == ["close"]


async def test_slit_follows_an_open_dome_and_waits_for_a_running_turn(bench) -> None:
    """Turns follow the telescope; a turn that leads there already is not sent again."""
    await bench.start(shutter="open", azimuth_deg=180.0)
    await bench.point(190.0)
    assert bench.device.last.args == {"azimuth_deg": 190.0}
    await bench.device.set(turning=True)
    await bench.point(190.5)
    assert bench.device.verbs == ["turn"]
    await bench.device.set(turning=False, azimuth_deg=190.0)
    await asyncio.sleep(1.0)
    assert good_flag((await bench.ref.ask(GetStatus())).readings, SLIT_ALIGNED) is True
    await bench.point(190.0, target_az_deg=300.0, target_alt_deg=50.0)
    assert bench.device.last.args == {"azimuth_deg": 300.0}


async def test_dome_that_fails_to_turn_is_left_alone_for_a_while(bench) -> None:
    """No storm of retries: one attempt a minute."""
    await bench.start(shutter="open", azimuth_deg=180.0)
    for _ in range(30):
        await bench.point(250.0)
        if bench.device.verbs:
            await bench.device.reply(bench.device.last, "failed", "motor stalls")
        await asyncio.sleep(9.9)
    assert 4 <= len(bench.device.verbs) <= 6


async def test_closing_ends_a_turn(bench) -> None:
    """Whatever the slit does: closing goes first."""
    await bench.start(shutter="open", azimuth_deg=180.0)
    await bench.point(250.0)
    await bench.device.set(turning=True)
    bench.ref.tell(CloseNow(cause="rain"))
    await asyncio.sleep(0.1)
    assert bench.device.verbs == ["turn", "close"]
    await bench.point(100.0)
    assert bench.device.verbs == ["turn", "close"]


async def test_dome_that_closed_by_its_lease_raises_one_alarm(bench) -> None:
    """Somebody must look why PyROS was away."""
    await bench.start(shutter="open", closed_by_lease=False)
    await bench.device.set(closed_by_lease=True, shutter="closing")
    await bench.device.set(shutter="closed")
    await asyncio.sleep(60.0)
    alarms = [entry.text for entry in bench.journal if entry.kind == "alarm"]
    assert alarms == ["dome closes by itself: its lease ran out"]
