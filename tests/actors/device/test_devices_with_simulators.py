"""All device actors and safety against the simulated observatory, in virtual time.

Two systems on one loop meet on one broker: PyROS's device and safety actors, and the metal.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from actors.camera.actor import CameraActor
from actors.camera.messages import Expose, ExposureContext, ExposureStarted, FrameSpooled
from actors.camera.settings import CameraSettings
from actors.device.messages import AbortCommand, Command, DeviceStateChanged, GetStatus
from actors.device.readings import good_flag, good_number, good_text
from actors.dome.actor import DomeActor
from actors.dome.messages import SLIT_ALIGNED
from actors.dome.settings import DomeSettings
from actors.filter_wheel.actor import FilterWheelActor
from actors.filter_wheel.settings import FilterWheelSettings
from actors.focuser.actor import FocuserActor
from actors.focuser.messages import FocusFor
from actors.focuser.settings import FocuserSettings
from actors.plc.actor import PlcActor
from actors.plc.settings import PlcSettings
from actors.safety.actor import SafetyActor
from actors.safety.messages import SafetyVerdict
from actors.safety.settings import SafetySettings
from actors.telescope.actor import TelescopeActor
from actors.telescope.settings import TelescopeSettings
from actors.weather_source.actor import WeatherSourceActor
from actors.weather_source.settings import WeatherSourceSettings
from actors.weather_verdict.actor import WeatherVerdictActor
from actors.weather_verdict.settings import WeatherSettings
from protocols.mqtt.faults import FaultKind, FaultRule
from protocols.mqtt.memory import MemoryLink
from pyros.actor import ActorSystem
from pyros.domain.device import CommandStatus, DeviceState
from pyros.domain.verdict import Safety
from pyros.sky.engine import altaz_now, icrs_from_altaz
from pyros.sky.site import Site as Place
from simulators.observatory import simulated_observatory_spec, site_metal
from simulators.scenario import FaultEvent, Scenario, WeatherEvent
from simulators.settings import SimulatorsSettings

pytestmark = pytest.mark.asyncio
PLACE = Place(latitude_deg=31.044, longitude_deg=-115.464, height_m=2800.0)
NIGHT = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
CALM = WeatherEvent(
    at_s=0.0, for_s=90_000.0, humidity_pct=40.0, wind_m_s=3.0, rain_mm_h=0.0, cloud_fraction=0.0
)
M31 = {"ra_deg": 10.6847, "dec_deg": 41.2687}
M33 = {"ra_deg": 23.4621, "dec_deg": 30.6599}


def context(index: int = 1) -> ExposureContext:
    return ExposureContext(
        night="2026-11-23",
        request_id="r1",
        sequence_id="s1",
        programme_id="p1",
        observer="ana",
        object_name="M 31",
        ra_deg=M31["ra_deg"],
        dec_deg=M31["dec_deg"],
        filter_name="r",
        image_index=index,
        image_count=3,
    )


class Together:
    """PyROS's devices and safety of telescope `t1`, and its metal."""

    def __init__(self, site, tmp_path: Path) -> None:
        self.site = site
        self.spool = tmp_path / "spool"
        self.simulated = SimulatorsSettings()
        self.metal = site_metal(self.simulated, PLACE)
        self.system = ActorSystem(name="metal", seed=1)
        self.refs: dict = {}

    async def start(self, *events: WeatherEvent | FaultEvent) -> Together:
        site = self.site
        await asyncio.sleep((NIGHT - site.system.clock.now()).total_seconds())
        await self.system.start()
        scenario = Scenario(
            weather=(CALM, *(one for one in events if isinstance(one, WeatherEvent))),
            faults=tuple(one for one in events if isinstance(one, FaultEvent)),
        )
        await self.system.spawn(
            simulated_observatory_spec(
                self.system,
                self.simulated,
                site=PLACE,
                topics=site.topics,
                make_link=lambda will: MemoryLink(site.router, client_id="sim", will=will),
                spool=self.spool,
                start_unix_s=self.system.clock.unix_s(),
                scenario=scenario,
                metal=self.metal,
            )
        )
        self.journal = await site.journal()
        self.verdicts = await site.listen(SafetyVerdict)
        await self._start_actors()
        return self

    async def _start_actors(self) -> None:
        site = self.site
        common = {"topics": site.topics, "mqtt": site.mqtt}
        unit = common | {"unit": "t1"}
        safety = site.system.ref("/safety", SafetyActor)
        stations = tuple(station.id for station in self.simulated.stations)
        actors = {
            "safety": lambda: SafetyActor(
                **common,
                site=PLACE,
                settings=SafetySettings(hold_off_s=120.0, start_hold_off_s=30.0),
                domes={"t1": site.system.ref("/dome")},
                telescopes={"t1": site.system.ref("/telescope")},
            ),
            "verdict": lambda: WeatherVerdictActor(stations=stations, settings=WeatherSettings()),
            "plc": lambda: PlcActor(**common, unit="site", device="plc", settings=PlcSettings()),
            "dome": lambda: DomeActor(
                **unit, device="dome", settings=DomeSettings(), safety=safety
            ),
            "telescope": lambda: TelescopeActor(
                **unit, device="telescope", settings=TelescopeSettings(), site=PLACE
            ),
            "focuser": lambda: FocuserActor(**unit, device="focuser", settings=FocuserSettings()),
            "wheel": lambda: FilterWheelActor(
                **unit, device="wheel-vis", settings=FilterWheelSettings()
            ),
            "camera": lambda: CameraActor(
                **unit, device="cam-vis", settings=CameraSettings(spool=str(self.spool))
            ),
        }
        actors |= {
            name: lambda name=name: WeatherSourceActor(
                **common, unit="site", device=name, settings=WeatherSourceSettings()
            )
            for name in stations
        }
        for name, factory in actors.items():
            self.refs[name] = await site.spawn(name, factory)

    async def do(self, actor: str, verb: str, **args):
        """Command a device actor; its outcome."""
        command = Command(verb=verb, args=args, cause="test")
        return await self.refs[actor].ask(command, timeout_s=2000.0)

    async def must(self, actor: str, verb: str, **args) -> None:
        """A command that must be done."""
        outcome = await self.do(actor, verb, **args)
        assert outcome.done, outcome

    async def status(self, actor: str):
        return await self.refs[actor].ask(GetStatus())

    async def open_up(self) -> None:
        """Safe, open, uncovered, on M 31, slit aligned."""
        await asyncio.sleep(60.0)
        assert self.verdicts[-1].verdict.safety is Safety.SAFE, self.verdicts[-1]
        await self.must("dome", "open")
        await self.must("telescope", "unpark")
        await self.must("telescope", "open_cover")
        await self.must("telescope", "slew", **M31)
        await self.aligned()

    async def aligned(self) -> None:
        for _ in range(600):
            if good_flag((await self.status("dome")).readings, SLIT_ALIGNED):
                return
            await asyncio.sleep(1.0)
        raise AssertionError("the slit never followed")

    async def expose(self, exposure_s: float = 10.0, **more):
        asked = Expose(exposure_s=exposure_s, kind="light", context=context(), cause="test", **more)
        return await self.refs["camera"].ask(asked, timeout_s=2000.0)


@pytest_asyncio.fixture
async def together(site, tmp_path):
    """The simulated observatory and its device actors."""
    running = Together(site, tmp_path)
    yield running
    await running.system.shutdown("end of test")


async def test_all_devices_come_up(together) -> None:
    """Every actor finds its simulated device READY, all values good."""
    await together.start()
    await asyncio.sleep(15.0)
    for name, ref in together.refs.items():
        if name in {"safety", "verdict"}:
            continue
        status = await ref.ask(GetStatus())
        assert status.state is DeviceState.READY, (name, status.reason)
        assert {str(reading.quality) for reading in status.readings.values()} == {"good"}, name


async def test_a_frame_from_closed_dome_to_spool(together) -> None:
    """Open with consent, slew, slit, filter, focus, expose: a frame whose sum is right."""
    await together.start()
    started = await together.site.listen(ExposureStarted)
    frames = await together.site.listen(FrameSpooled)
    await together.open_up()
    telescope = (await together.status("telescope")).readings
    wanted_alt_deg, _ = altaz_now(PLACE, *M31.values(), together.site.system.clock.unix_s())
    assert good_number(telescope, "alt_deg") == pytest.approx(wanted_alt_deg, abs=0.5)
    assert good_flag(telescope, "on_target") is True
    await together.must("wheel", "select", filter="g")
    focus = await together.refs["focuser"].ask(FocusFor(filter_name="g", cause="t"), timeout_s=99)
    assert focus.done
    result = await together.expose(10.0)
    assert result.frame is not None, result
    assert frames == [result.frame]
    assert [event.exposure_id for event in started] == [result.exposure_id]
    raw = Path(result.frame.path).read_bytes()  # noqa: ASYNC240 - a test may wait
    assert hashlib.sha256(raw).hexdigest() == result.frame.sha256
    assert raw.startswith(b"SIMPLE  =")
    assert result.frame.exposure_s == pytest.approx(10.0)
    await together.must("telescope", "offset", east_arcsec=8.0, north_arcsec=-5.0)
    await together.must("telescope", "park")
    await together.must("dome", "close")


async def test_slit_follows_slews_and_the_sky(together) -> None:
    """After a slew and over forty minutes of tracking the telescope keeps looking out."""
    await together.start()
    await together.open_up()
    await together.must("telescope", "slew", **M33)
    await together.aligned()
    seen = 0
    for _ in range(40):
        await asyncio.sleep(60.0)
        seen += good_flag((await together.status("dome")).readings, SLIT_ALIGNED) is True
    assert seen >= 39


async def test_rain_closes_and_parks_and_is_verified(together) -> None:
    """Rain begins: within the closing time the metal is closed, covered and parked."""
    rain = WeatherEvent(at_s=400.0, for_s=300.0, rain_mm_h=2.0, humidity_pct=95.0)
    await together.start(rain)
    await together.open_up()
    now_s = together.site.system.clock.unix_s()
    await asyncio.sleep(NIGHT.timestamp() + 400.0 + 100.0 - now_s)
    assert together.verdicts[-1].verdict.safety is Safety.UNSAFE
    assert good_text((await together.status("dome")).readings, "shutter") == "closed"
    telescope = (await together.status("telescope")).readings
    assert good_text(telescope, "cover") == "closed"
    assert good_flag(telescope, "parked") is True
    refused = await together.do("dome", "open")
    assert refused.status is CommandStatus.REJECTED
    await asyncio.sleep(1200.0)
    assert together.verdicts[-1].verdict.safety is Safety.SAFE


async def test_aborted_exposure_leaves_its_frame(together) -> None:
    """An abort with save: what was exposed lies in the spool, shorter and marked."""
    await together.start()
    await together.open_up()
    asked = asyncio.create_task(together.expose(300.0))
    await asyncio.sleep(20.0)
    outcome = await together.refs["camera"].ask(AbortCommand(cause="test"), timeout_s=100.0)
    assert outcome.done
    result = await asked
    assert result.aborted
    assert result.frame is not None
    assert result.frame.aborted
    assert result.frame.exposure_s == pytest.approx(20.0, abs=1.0)
    assert (await together.expose(1.0)).frame is not None


async def test_frame_whose_word_is_lost_is_found_in_the_spool(together) -> None:
    """The event of the finished frame never arrives: the file is found by the exposure's id."""
    await together.start()
    await together.open_up()
    together.site.router.faults.add(FaultRule(kind=FaultKind.DROP, topic_filter="+/+/+/+/+/evt"))
    result = await together.expose(5.0)
    assert result.frame is not None, result
    assert Path(result.frame.path).exists()  # noqa: ASYNC240 - a test may wait
    assert result.frame.exposure_s == 5.0


async def test_duplicated_messages_change_nothing(together) -> None:
    """Every message twice: one frame, one command on the metal, no complaint."""
    await together.start()
    frames = await together.site.listen(FrameSpooled)
    together.site.router.faults.add(FaultRule(kind=FaultKind.DUPLICATE))
    await together.open_up()
    assert (await together.expose(5.0)).frame is not None
    await asyncio.sleep(30.0)
    assert len(frames) == 1


async def test_lossy_wire_ends_every_command(together) -> None:
    """One message in ten is lost: commands end one way or the other, none hangs."""
    await together.start()
    await asyncio.sleep(60.0)
    together.site.router.faults.add(FaultRule(kind=FaultKind.DROP, probability=0.1))
    filters = ["g", "r", "i", "z"] * 5
    statuses = {(await together.do("wheel", "select", filter=name)).status for name in filters}
    assert statuses <= {CommandStatus.DONE, CommandStatus.FAILED, CommandStatus.TIMEOUT}
    assert CommandStatus.DONE in statuses


async def test_stuck_shutter_is_told_and_its_closing_repeated(together) -> None:
    """The shutter stalls in rain: alarm, orders go on, and it closes when it can."""
    await together.start(
        FaultEvent(at_s=290.0, device="t1/dome", kind="stuck", for_s=400.0),
        WeatherEvent(at_s=300.0, for_s=3000.0, rain_mm_h=1.0),
    )
    await together.open_up()
    await asyncio.sleep(500.0)
    alarms = [entry.text for entry in together.journal if entry.kind == "alarm"]
    assert any("not seen closed" in text for text in alarms), alarms
    await asyncio.sleep(400.0)
    assert good_text((await together.status("dome")).readings, "shutter") == "closed"


async def test_dome_closes_by_itself_when_pyros_is_gone(together) -> None:
    """PyROS loses its link for good: 20 s later the metal closes, whoever lives."""
    await together.start()
    await together.open_up()
    together.site.router.faults.add(FaultRule(kind=FaultKind.DROP, topic_filter="+/+/+/t1/lease"))
    await asyncio.sleep(100.0)
    readings = (await together.status("dome")).readings
    assert good_text(readings, "shutter") == "closed"
    assert good_flag(readings, "closed_by_lease") is True


async def test_silent_camera_is_lost_and_taken_back(together) -> None:
    """A camera that hangs is DISABLED, its exposure fails, and it comes back by itself."""
    await together.start(FaultEvent(at_s=100.0, device="t1/cam-vis", kind="silent", for_s=200.0))
    changes = await together.site.listen(DeviceStateChanged)
    await together.open_up()
    await asyncio.sleep(400.0)
    states = [change.new for change in changes if change.device == "cam-vis"]
    assert DeviceState.DISABLED in states
    assert states[-1] is DeviceState.READY


async def test_telescope_parks_when_its_target_sets(together) -> None:
    """Followed below the altitude limit the telescope is told to park, with an alarm."""
    await together.start()
    await together.open_up()
    unix_s = together.site.system.clock.unix_s()
    ra_deg, dec_deg = icrs_from_altaz(PLACE, 15.6, 280.0, unix_s)
    await together.must("telescope", "slew", ra_deg=ra_deg, dec_deg=dec_deg)
    await asyncio.sleep(400.0)
    assert good_flag((await together.status("telescope")).readings, "parked") is True
    assert any("crossed a limit" in entry.text for entry in together.journal)
    refused = await together.do("telescope", "slew", **M31)
    assert "parked" in refused.detail


async def test_trace_of_a_command_goes_on_in_the_devices_process(together) -> None:
    """Who asked, the journal's line and the device's own handling have one trace id."""
    await together.start()
    await asyncio.sleep(15.0)
    await together.must("wheel", "select", filter="i")
    await asyncio.sleep(1.0)  # the journal hears of it
    traces = together.site.system.trace.records(target="/wheel")
    (asked,) = [record for record in traces if record.kind == "Command"]
    (line,) = [entry for entry in together.journal if "wheel-vis select" in entry.text]
    assert line.trace_id == asked.trace_id
    there = together.system.trace.records(trace_id=asked.trace_id)
    assert [one.target for one in there if one.kind == "MqttReceived"] == ["/metal/t1/wheel-vis"]
    assert {one.target for one in there if one.kind == "Publish"} == {"/metal/mqtt"}  # its answer
