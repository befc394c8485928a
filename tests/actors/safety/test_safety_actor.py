"""The safety actor among real actors: closes by itself, verifies, and needs nobody."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime

import pytest

from actors.device.messages import Command, GetStatus
from actors.dome.actor import DomeActor
from actors.dome.settings import DomeSettings
from actors.plc.actor import PlcActor
from actors.plc.settings import PlcSettings
from actors.safety.actor import SafetyActor
from actors.safety.messages import (
    CloseOrder,
    GetVerdict,
    LockClosed,
    MayOpen,
    SafetyVerdict,
)
from actors.safety.settings import SafetySettings
from actors.telescope.actor import TelescopeActor
from actors.telescope.settings import TelescopeSettings
from actors.weather_source.actor import WeatherSourceActor
from actors.weather_source.settings import WeatherSourceSettings
from actors.weather_verdict.actor import WeatherVerdictActor
from actors.weather_verdict.settings import WeatherSettings
from protocols.mqtt.memory import MemoryLink
from protocols.payloads import LeasePayload, decode
from pyros.domain.device import CommandStatus, DeviceKind
from pyros.domain.verdict import Safety
from pyros.sky.site import Site as Place

pytestmark = pytest.mark.asyncio
PLACE = Place(latitude_deg=31.04, longitude_deg=-115.45, height_m=2800.0)
NIGHT = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)  # 22:00 there
STATIONS = ("weather-a", "weather-b", "weather-c")


class Observatory:
    """Safety, dome, telescope, PLC and three stations over a scripted wire, by night."""

    def __init__(self, site) -> None:
        self.site = site

    async def start(self, **settings) -> Observatory:
        site = self.site
        await asyncio.sleep((NIGHT - site.system.clock.now()).total_seconds())
        self.plc = await site.device(DeviceKind.PLC, "plc", unit="site")
        self.dome = await site.device(DeviceKind.DOME, "dome")
        self.telescope = await site.device(DeviceKind.TELESCOPE, "telescope")
        self.stations = [
            await site.device(DeviceKind.WEATHER_STATION, name, unit="site") for name in STATIONS
        ]
        self.verdicts = await site.listen(SafetyVerdict)
        self.orders = await site.listen(CloseOrder)
        self.journal = await site.journal()
        common = {"topics": site.topics, "mqtt": site.mqtt}
        self.dome_ref = site.system.ref("/dome", DomeActor)
        self.telescope_ref = site.system.ref("/telescope", TelescopeActor)
        self.safety = await site.spawn(
            "safety",
            lambda: SafetyActor(
                **common,
                site=PLACE,
                settings=SafetySettings(**settings),
                domes={"tel1": self.dome_ref},
                telescopes={"tel1": self.telescope_ref},
            ),
        )
        await site.spawn(
            "verdict", lambda: WeatherVerdictActor(stations=STATIONS, settings=WeatherSettings())
        )
        for name in STATIONS:
            await site.spawn(
                name,
                lambda name=name: WeatherSourceActor(
                    **common, unit="site", device=name, settings=WeatherSourceSettings()
                ),
            )
        await site.spawn(
            "plc",
            lambda: PlcActor(**common, unit="site", device="plc", settings=PlcSettings()),
        )
        await site.spawn(
            "dome",
            lambda: DomeActor(
                **common,
                unit="tel1",
                device="dome",
                settings=DomeSettings(),
                safety=self.safety,
            ),
        )
        await site.spawn(
            "telescope",
            lambda: TelescopeActor(
                **common,
                unit="tel1",
                device="telescope",
                settings=TelescopeSettings(),
                site=PLACE,
            ),
        )
        return self

    async def safe(self) -> None:
        """Wait for the hold-off."""
        await asyncio.sleep(640.0)
        assert self.verdicts[-1].verdict.safety is Safety.SAFE, self.verdicts[-1]

    async def open(self) -> None:
        """Open the dome and let the telescope track."""
        await self.safe()
        self.dome.commands.clear()
        asked = asyncio.create_task(
            self.dome_ref.ask(Command(verb="open", args={}, cause="test"), timeout_s=300.0)
        )
        await asyncio.sleep(0.5)
        assert self.dome.verbs == ["open"]
        await self.dome.set(shutter="open", opening_fraction=1.0)
        assert (await asked).done
        await self.telescope.set(parked=False, tracking=True, cover="open")
        await asyncio.sleep(1.0)
        self.dome.commands.clear()
        self.telescope.commands.clear()


async def test_everything_good_for_the_hold_off_is_safe(site):
    """UNKNOWN at the start, SAFE ten minutes later, consent granted then and not before."""
    observatory = await Observatory(site).start()
    assert observatory.verdicts[0].verdict.safety is Safety.UNKNOWN
    assert not (await observatory.safety.ask(MayOpen(unit="tel1"))).granted
    await observatory.safe()
    assert (await observatory.safety.ask(MayOpen(unit="tel1"))).granted
    assert not (await observatory.safety.ask(MayOpen(unit="tel9"))).granted


async def test_rain_at_one_station_closes_dome_and_parks_within_a_second(site):
    """One wet sensor of three: close order, dome closing, cover and park, in under a second."""
    observatory = await Observatory(site).start()
    await observatory.open()
    await observatory.stations[1].set(rain=True)
    await asyncio.sleep(0.9)
    assert [order.reasons[0].code for order in observatory.orders][-1:] == ["RAIN"]
    assert observatory.dome.verbs == ["close"]
    assert observatory.telescope.verbs == ["close_cover", "park"]
    assert not (await observatory.safety.ask(MayOpen(unit="tel1"))).granted


async def test_rain_contact_of_the_plc_closes_too(site):
    """The PLC's contact alone is reason enough."""
    observatory = await Observatory(site).start()
    await observatory.open()
    await observatory.plc.set(rain=True)
    await asyncio.sleep(0.9)
    assert observatory.dome.verbs == ["close"]


async def test_silent_stations_close_the_dome(site):
    """Two of three stations hang: unknown is unsafe."""
    observatory = await Observatory(site).start()
    await observatory.open()
    observatory.stations[0].silent = observatory.stations[2].silent = True
    await asyncio.sleep(45.0)
    assert observatory.verdicts[-1].verdict.safety is Safety.UNKNOWN
    assert "close" in observatory.dome.verbs


async def test_dome_that_does_not_close_is_ordered_on_alarmed_and_loses_its_lease(site):
    """A stuck shutter: orders go on, one alarm, and the lease is withheld until it is closed."""
    observatory = await Observatory(site).start()
    leases: list[float] = []
    listener = MemoryLink(site.router, client_id="listener")
    await listener.connect()
    await listener.subscribe(site.topics.lease("tel1"))

    async def hear() -> None:
        seq = 0
        async for message in listener.messages():
            lease = decode(message.topic, message.payload, LeasePayload)
            assert not message.retain
            assert lease.seq > seq
            seq = lease.seq
            leases.append(site.system.clock.monotonic_s())

    hearing = asyncio.create_task(hear())
    await observatory.open()
    await observatory.plc.set(rain=True)
    await asyncio.sleep(300.0)
    hearing.cancel()
    now_s = site.system.clock.monotonic_s()
    alarms = [entry for entry in observatory.journal if entry.kind == "alarm"]
    assert any("not seen closed" in entry.text for entry in alarms)
    assert len([entry for entry in alarms if "not seen closed" in entry.text]) == 1
    assert observatory.dome.verbs.count("close") >= 3
    assert now_s - max(leases) > 150.0
    gaps = [later - earlier for earlier, later in itertools.pairwise(leases)]
    assert max(gaps) == pytest.approx(5.0, abs=0.1)


async def test_dome_opened_by_hand_in_bad_weather_is_closed_again(site):
    """Safety watches the dome, not only its own orders."""
    observatory = await Observatory(site).start()
    await observatory.plc.set(rain=True)
    await asyncio.sleep(60.0)
    observatory.dome.commands.clear()
    await observatory.dome.set(shutter="open")
    await asyncio.sleep(1.0)
    assert observatory.dome.verbs == ["close"]


async def test_operator_keeps_it_closed_and_nothing_forces_it_open(site):
    """The lock closes at once and names who; lifting it only lifts the lock."""
    observatory = await Observatory(site).start()
    await observatory.open()
    answer = await observatory.safety.ask(LockClosed(locked=True, who="ana", why="visitors"))
    assert answer.verdict.safety is Safety.UNSAFE
    assert answer.verdict.reasons[0].text == "kept closed by ana: visitors"
    await asyncio.sleep(1.0)
    assert observatory.dome.verbs == ["close"]
    await observatory.plc.set(rain=True)
    await asyncio.sleep(1.0)
    answer = await observatory.safety.ask(LockClosed(locked=False, who="ana", why="gone"))
    assert answer.verdict.safety is Safety.UNSAFE
    entries = [entry for entry in observatory.journal if entry.kind == "operator"]
    assert [entry.who for entry in entries] == ["ana", "ana"]


async def test_safety_works_without_broker_journal_and_everyone(site):
    """With the broker gone the verdict is formed all the same, and turns UNKNOWN by itself."""
    observatory = await Observatory(site).start()
    await observatory.safe()
    site.router.reachable = False
    site.link.sever()
    await site.mqtt.stop()
    await asyncio.sleep(60.0)
    assert (await observatory.safety.ask(GetVerdict())).verdict.safety is Safety.UNKNOWN
    assert not (await observatory.safety.ask(MayOpen(unit="tel1"))).granted


async def test_dead_weather_verdict_is_noticed(site):
    """The actor that fuses the weather is gone for good: no verdict is no good weather."""
    observatory = await Observatory(site).start()
    await observatory.safe()
    await site.system.ref("/verdict").stop()
    await asyncio.sleep(45.0)
    verdict = (await observatory.safety.ask(GetVerdict())).verdict
    assert verdict.safety is Safety.UNKNOWN
    assert "no weather verdict for" in verdict.reasons[0].text


async def test_verdict_is_published_on_change_and_every_ten_seconds(site):
    """Late subscribers know within ten seconds; the journal gets changes only."""
    observatory = await Observatory(site).start()
    await observatory.safe()
    observatory.verdicts.clear()
    observatory.journal.clear()
    await asyncio.sleep(600.0)
    assert 55 <= len(observatory.verdicts) <= 65
    assert [entry for entry in observatory.journal if entry.subject == "/safety"] == []


async def test_dome_refuses_to_open_without_consent(site):
    """In bad weather, and with safety dead: the command never goes out."""
    observatory = await Observatory(site).start()
    await observatory.safe()
    await observatory.plc.set(rain=True)
    await asyncio.sleep(1.0)
    observatory.dome.commands.clear()
    command = Command(verb="open", args={}, cause="test")
    outcome = await observatory.dome_ref.ask(command)
    assert outcome.status is CommandStatus.REJECTED
    assert outcome.detail == "safety does not consent: the PLC's rain contact is wet"
    await observatory.safety.stop()
    outcome = await observatory.dome_ref.ask(command)
    assert outcome.status is CommandStatus.REJECTED
    assert "safety does not answer" in outcome.detail
    assert observatory.dome.commands == []


async def test_close_order_beats_an_opening_on_its_way(site):
    """The order to close supersedes the opening; the dome is told to close at once."""
    observatory = await Observatory(site).start()
    await observatory.safe()
    observatory.dome.commands.clear()
    asked = asyncio.create_task(
        observatory.dome_ref.ask(Command(verb="open", args={}, cause="test"), timeout_s=300.0)
    )
    await asyncio.sleep(0.5)
    await observatory.dome.set(shutter="opening")
    await observatory.stations[0].set(wind_m_s=30.0)
    outcome = await asked
    assert outcome.status is CommandStatus.ABORTED
    await asyncio.sleep(0.1)
    assert observatory.dome.verbs == ["open", "close"]
    status = await observatory.dome_ref.ask(GetStatus())
    assert status.running_command == "close"


async def test_crashed_safety_actor_comes_back_unknown_and_closes(site):
    """After a crash nothing is assumed: the order goes out and the hold-off begins anew."""
    observatory = await Observatory(site).start()
    await observatory.open()
    observatory.orders.clear()
    observatory.safety.tell(MayOpen(unit=["not", "hashable"]))
    await asyncio.sleep(5.0)
    assert len(observatory.orders) == 1
    assert observatory.dome.verbs == ["close"]
    assert observatory.telescope.verbs == ["close_cover", "park"]
    assert not (await observatory.safety.ask(MayOpen(unit="tel1"))).granted
    await observatory.dome.set(shutter="closed")
    await observatory.safe()
