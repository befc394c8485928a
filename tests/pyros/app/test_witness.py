"""The witness: each rule is broken on the metal itself, and each time it must speak."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from actors.camera.messages import ExposureContext, ExposureStarted
from actors.safety.messages import SafetyVerdict
from pyros.actor import ActorSystem, ChildSpec
from pyros.app.locations import default_config
from pyros.app.settings import load_settings
from pyros.app.witness import Findings, Rules, Witness
from pyros.domain.verdict import Safety, Verdict
from pyros.sky import icrs_from_altaz, sun_altaz
from pyros.testing import simulated_system
from simulators.faults import Fault, FaultKind
from simulators.kinematics import Rates, Travel
from simulators.mount_motion import Following, Standing
from simulators.observatory import site_metal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from simulators.metal import SiteMetal

pytestmark = pytest.mark.asyncio

NIGHT = datetime(2026, 11, 24, 8, tzinfo=UTC)
NOON = datetime(2026, 11, 23, 20, tzinfo=UTC)
SETTINGS = load_settings(default_config())
SITE = SETTINGS.site.sky_site()
UNIT = SETTINGS.telescope[0]
RATES = Rates(max_per_s=1.0)


class Scene:
    """A witness before metal that a test moves by hand."""

    def __init__(self, system: ActorSystem) -> None:
        assert SETTINGS.simulators is not None
        self.system = system
        self.metal: SiteMetal = site_metal(SETTINGS.simulators, SITE)
        self.findings = Findings()
        self.telescope = self.metal.telescopes["t1"]

    async def begin(self) -> None:
        rules = Rules(closing_s=120.0, dome_key="t1/dome", dome=UNIT.dome, telescope=UNIT.mount)
        await self.system.spawn(
            ChildSpec(
                name="witness",
                factory=lambda: Witness(
                    metal=self.metal, site=SITE, rules={"t1": rules}, findings=self.findings
                ),
            )
        )

    def say(self, safety: Safety) -> None:
        verdict = Verdict(safety=safety, reasons=(), time_utc=self.system.clock.now())
        self.system.events.publish(SafetyVerdict(verdict=verdict))

    def open(self) -> None:
        assert self.telescope.dome is not None
        self.telescope.dome.shutter = Travel.resting(1.0, RATES)
        self.telescope.mount.cover = Travel.resting(1.0, RATES)

    def turn(self, azimuth_deg: float) -> None:
        assert self.telescope.dome is not None
        self.telescope.dome.slit = Travel.resting(azimuth_deg, RATES)

    def follow(self, alt_deg: float, az_deg: float) -> None:
        now_s = self.system.clock.unix_s()
        ra_deg, dec_deg = icrs_from_altaz(SITE, alt_deg, az_deg, now_s)
        self.telescope.mount.motion = Following(ra_deg=ra_deg, dec_deg=dec_deg)

    def expose(self, exposure_s: float) -> None:
        context = ExposureContext(
            night="2026-11-23",
            request_id="r",
            sequence_id="s",
            programme_id="p",
            observer="nobody",
            object_name="field",
            ra_deg=None,
            dec_deg=None,
            filter_name="r",
            image_index=1,
            image_count=1,
        )
        self.system.events.publish(
            ExposureStarted(
                unit="t1",
                camera="cam-vis",
                exposure_id="e1",
                exposure_s=exposure_s,
                start_utc=self.system.clock.now(),
                context=context,
            )
        )

    def rules(self) -> set[str]:
        """Names of the broken rules."""
        return {violation.split(":")[0] for violation in self.findings.violations}


@contextlib.asynccontextmanager
async def scene_at(start: datetime = NIGHT) -> AsyncIterator[Scene]:
    """Everything closed and parked, nothing said yet."""
    async with simulated_system(start_unix_s=start.timestamp()) as system:
        scene = Scene(system)
        await scene.begin()
        yield scene


async def test_witness_has_nothing_to_say_of_a_quiet_night():
    """Open while safe, following a star through the slit: no rule is broken."""
    async with scene_at() as scene:
        scene.say(Safety.SAFE)
        scene.open()
        scene.follow(60.0, 120.0)
        scene.turn(120.0)
        scene.expose(240.0)
        await asyncio.sleep(300.0)
        assert scene.findings.violations == []
        assert scene.findings.open_s == pytest.approx(300.0, abs=10.0)


async def test_witness_sees_a_dome_that_stays_open():
    """Longer than the closing time after the verdict turned, not before."""
    async with scene_at() as scene:
        scene.say(Safety.SAFE)
        scene.open()
        await asyncio.sleep(3600.0)
        scene.say(Safety.UNSAFE)
        await asyncio.sleep(115.0)
        assert scene.findings.violations == []
        await asyncio.sleep(15.0)
        assert scene.rules() == {"dome open while not safe"}


async def test_witness_trusts_no_dome_before_the_first_verdict():
    """What is not known to be safe is not."""
    async with scene_at() as scene:
        scene.open()
        await asyncio.sleep(130.0)
        assert scene.rules() == {"dome open while not safe"}


async def test_witness_excuses_a_dome_whose_motors_are_stuck():
    """As long as they are, and for the closing time after they move again."""
    async with scene_at() as scene:
        stuck = Fault(device="t1/dome", kind=FaultKind.STUCK)
        scene.open()
        scene.metal.faults.pin(stuck)
        await asyncio.sleep(600.0)
        assert scene.findings.violations == []
        assert scene.findings.excused
        scene.metal.faults.remove(stuck)
        await asyncio.sleep(190.0)
        assert scene.rules() == {"dome open while not safe"}


async def test_witness_sees_the_sun_in_an_open_telescope():
    """Within the avoidance angle, dome and cover open; not with the cover closed."""
    async with scene_at(NOON) as scene:
        scene.say(Safety.SAFE)
        alt_deg, az_deg = sun_altaz(SITE, NOON.timestamp())
        assert alt_deg > 10.0
        scene.telescope.mount.motion = Standing(alt_deg=alt_deg, az_deg=az_deg + 10.0)
        await asyncio.sleep(60.0)
        assert scene.findings.violations == []
        scene.open()
        await asyncio.sleep(10.0)
        assert scene.rules() == {"Sun within the avoidance angle"}


async def test_witness_sees_a_telescope_below_its_limit():
    """While it follows a star."""
    async with scene_at() as scene:
        scene.follow(UNIT.mount.min_altitude_deg - 2.0, 90.0)
        await asyncio.sleep(10.0)
        assert scene.rules() == {"telescope below its limit"}


async def test_witness_sees_a_parked_telescope_move():
    """Parked is parked."""
    async with scene_at() as scene:
        await asyncio.sleep(10.0)
        scene.telescope.mount.motion = Standing(alt_deg=20.0, az_deg=77.0, parked=True)
        await asyncio.sleep(10.0)
        assert scene.rules() == {"telescope moved while parked"}


async def test_witness_sees_light_frames_that_see_nothing():
    """A closed dome, and a slit that is elsewhere."""
    async with scene_at() as scene:
        scene.say(Safety.SAFE)
        scene.follow(40.0, 120.0)
        scene.expose(30.0)
        await asyncio.sleep(1.0)
        assert scene.rules() == {"light frame with a closed dome"}
        await asyncio.sleep(60.0)
        scene.open()
        scene.turn(250.0)
        scene.expose(30.0)
        await asyncio.sleep(1.0)
        assert "light frame with a slit not aligned" in scene.rules()


async def test_witness_follows_an_exposure_to_its_end_and_no_further():
    """A slit that leaves during the exposure is seen; after it the telescope may go anywhere."""
    async with scene_at() as scene:
        scene.say(Safety.SAFE)
        scene.open()
        scene.follow(40.0, 120.0)
        scene.turn(120.0)
        scene.expose(60.0)
        await asyncio.sleep(70.0)
        scene.turn(250.0)
        await asyncio.sleep(60.0)
        assert scene.findings.violations == []
        scene.turn(120.0)
        scene.expose(60.0)
        await asyncio.sleep(20.0)
        scene.turn(250.0)
        await asyncio.sleep(10.0)
        assert scene.rules() == {"light frame with a slit not aligned"}
