"""The telescope actor on a scripted wire: limits before commands, making safe, superseding."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from actors.device.messages import AbortCommand, Command, GetStatus
from actors.device.readings import good_flag, good_number
from actors.telescope.actor import TelescopeActor
from actors.telescope.messages import MakeTelescopeSafe
from actors.telescope.settings import TelescopeSettings
from pyros.domain.device import CommandStatus, DeviceKind
from pyros.sky.engine import altaz_now, icrs_from_altaz
from pyros.sky.site import Site as Place

pytestmark = pytest.mark.asyncio
PLACE = Place(latitude_deg=31.04, longitude_deg=-115.45, height_m=2800.0)
NIGHT = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
DAY = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)  # 12:18 there


class Bench:
    def __init__(self, site) -> None:
        self.site = site

    async def start(self, at: datetime = NIGHT, **values) -> Bench:
        clock = self.site.system.clock
        await asyncio.sleep((at - clock.now()).total_seconds())
        self.device = await self.site.device(DeviceKind.TELESCOPE, "telescope")
        await self.device.set(**({"parked": False, "cover": "open"} | values))
        self.ref = await self.site.spawn(
            "telescope",
            lambda: TelescopeActor(
                topics=self.site.topics,
                unit="tel1",
                device="telescope",
                settings=TelescopeSettings(),
                mqtt=self.site.mqtt,
                site=PLACE,
            ),
        )
        return self

    def do(self, verb: str, **args) -> asyncio.Task:
        command = Command(verb=verb, args=args, cause="t")
        return asyncio.create_task(self.ref.ask(command, timeout_s=2000.0))

    def target(self, alt_deg: float, az_deg: float) -> dict[str, float]:
        ra_deg, dec_deg = icrs_from_altaz(PLACE, alt_deg, az_deg, self.site.system.clock.unix_s())
        return {"ra_deg": float(ra_deg), "dec_deg": float(dec_deg)}

    async def arrive(self, target: dict[str, float]) -> None:
        alt_deg, az_deg = altaz_now(PLACE, *target.values(), self.site.system.clock.unix_s())
        await self.device.set(
            **target, alt_deg=alt_deg, az_deg=az_deg, slewing=False, tracking=True
        )


@pytest_asyncio.fixture
async def bench(site):
    """A telescope actor with its scripted telescope."""
    return Bench(site)


async def test_slew_is_done_on_target_and_says_where_it_leads(bench) -> None:
    """The status tells the goal during the slew; DONE comes with the telescope on it, tracking."""
    await bench.start()
    target = bench.target(50.0, 200.0)
    asked = bench.do("slew", **target)
    await asyncio.sleep(0.1)
    await bench.device.set(slewing=True)
    await asyncio.sleep(0.5)
    readings = (await bench.ref.ask(GetStatus())).readings
    assert good_number(readings, "target_az_deg") == pytest.approx(200.0, abs=0.1)
    assert good_flag(readings, "on_target") is False
    await bench.device.reply(bench.device.last, "done")
    await asyncio.sleep(0.1)
    assert not asked.done()
    await bench.arrive(target)
    assert (await asked).done
    readings = (await bench.ref.ask(GetStatus())).readings
    assert good_flag(readings, "on_target") is True
    assert "target_az_deg" not in readings


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"ra_deg": 10.0, "dec_deg": 95.0}, "dec_deg = 95.0 is outside -90..90"),
        ({"ra_deg": -1.0, "dec_deg": 5.0}, "ra_deg = -1.0 is outside 0..360"),
        ({"ra_deg": "north", "dec_deg": 5.0}, "ra_deg = north is outside"),
    ],
)
async def test_slew_off_the_sky_is_refused(bench, args, words) -> None:
    """Coordinates that are none: refused with the field, nothing goes out."""
    await bench.start()
    outcome = await bench.do("slew", **args)
    assert outcome.status is CommandStatus.REJECTED
    assert words in outcome.detail
    assert bench.device.commands == []


async def test_slew_below_the_limit_is_refused(bench) -> None:
    """Altitude is computed for now and for this site."""
    await bench.start()
    outcome = await bench.do("slew", **bench.target(10.0, 90.0))
    assert "altitude 10.0 deg is below the limit" in outcome.detail


async def test_slew_to_the_noon_sun_is_refused_while_open(bench) -> None:
    """Open cover by day: nothing near the Sun, and nothing on a way past it."""
    await bench.start(DAY, alt_deg=35.0, az_deg=100.0, cover="open")
    outcome = await bench.do("slew_altaz", alt_deg=35.0, az_deg=185.0)
    assert "from the Sun" in outcome.detail
    outcome = await bench.do("slew_altaz", alt_deg=35.0, az_deg=260.0)
    assert "the way passes" in outcome.detail
    assert bench.device.commands == []


async def test_new_slew_supersedes_the_running_one(bench) -> None:
    """An alert's slew goes out at once; the old one ends ABORTED and names its successor."""
    await bench.start()
    first = bench.do("slew", **bench.target(50.0, 200.0))
    await asyncio.sleep(0.5)
    second = bench.do("slew", **bench.target(60.0, 100.0))
    outcome = await first
    assert outcome.status is CommandStatus.ABORTED
    assert "superseded by slew" in outcome.detail
    await asyncio.sleep(0.1)
    assert bench.device.verbs == ["slew", "slew"]
    second.cancel()


async def test_abort_and_slew_sent_together_stop_and_then_slew(bench) -> None:
    """The abort overtakes; the slew that came with it starts when the telescope has stopped."""
    await bench.start()
    running = bench.do("slew", **bench.target(50.0, 200.0))
    await asyncio.sleep(0.1)
    await bench.device.set(slewing=True)
    target = bench.target(60.0, 100.0)
    slew = bench.do("slew", **target)
    stop = asyncio.create_task(bench.ref.ask(AbortCommand(cause="alert"), timeout_s=60.0))
    await asyncio.sleep(0.1)
    assert (await running).status is CommandStatus.ABORTED
    await bench.device.set(slewing=False)
    await stop
    await asyncio.sleep(0.1)
    assert bench.device.verbs == ["slew", "stop", "slew"]
    assert bench.device.last.args == target
    slew.cancel()


async def test_making_safe_ends_a_slew_covers_and_parks(bench) -> None:
    """Cover and park go out together, at once, whatever runs; repeated orders add nothing."""
    await bench.start()
    running = bench.do("slew", **bench.target(50.0, 200.0))
    await asyncio.sleep(0.1)
    for _ in range(3):
        bench.ref.tell(MakeTelescopeSafe(cause="rain"))
        await asyncio.sleep(0.1)
    assert (await running).status is CommandStatus.ABORTED
    assert bench.device.verbs == ["slew", "close_cover", "park"]
    await bench.device.set(cover="closed", parked=True, slewing=False, tracking=False)
    await asyncio.sleep(0.1)
    bench.ref.tell(MakeTelescopeSafe(cause="rain"))
    await asyncio.sleep(1.0)
    assert bench.device.verbs == ["slew", "close_cover", "park"]


async def test_parking_a_parked_telescope_is_done(bench) -> None:
    """Idempotent: no error, no motion."""
    await bench.start(parked=True)
    assert (await bench.do("park")).done
    assert bench.device.commands == []


async def test_offset_is_verified_to_arcseconds(bench) -> None:
    """A dither of 6 arcsec is done when telemetry has moved 6 arcsec, not 30 off."""
    await bench.start()
    target = bench.target(50.0, 200.0)
    await bench.arrive(target)
    await asyncio.sleep(1.0)
    asked = bench.do("offset", east_arcsec=0.0, north_arcsec=6.0)
    await asyncio.sleep(0.1)
    await bench.device.reply(bench.device.last, "done")
    await asyncio.sleep(1.0)
    assert not asked.done()
    await bench.device.set(dec_deg=target["dec_deg"] + 6.0 / 3600.0)
    assert (await asked).done
