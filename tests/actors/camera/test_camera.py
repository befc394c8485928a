"""The camera actor on a scripted wire: no frame is lost quietly, none is believed unchecked."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import pytest
import pytest_asyncio

from actors.camera.actor import CameraActor
from actors.camera.messages import (
    Expose,
    ExposureContext,
    ExposureStarted,
    FrameSpooled,
)
from actors.camera.settings import CameraSettings
from actors.device.messages import AbortCommand
from protocols.payloads import FirstPhotonEvent, FrameEvent
from pyros.domain.device import DeviceKind

pytestmark = pytest.mark.asyncio
CONTEXT = ExposureContext(
    night="2026-11-23",
    request_id=None,
    sequence_id=None,
    programme_id=None,
    observer="pyros",
    object_name="dark",
    ra_deg=None,
    dec_deg=None,
    filter_name="r",
    image_index=1,
    image_count=1,
)
PIXELS = b"SIMPLE  =                    T" + b"\0" * 5000


class Bench:
    """A camera actor, its scripted camera and a spool."""

    def __init__(self, site, spool) -> None:
        self.site = site
        self.spool = spool

    async def start(self, **settings) -> Bench:
        self.device = await self.site.device(DeviceKind.CAMERA, "cam-vis")
        self.frames = await self.site.listen(FrameSpooled)
        self.started = await self.site.listen(ExposureStarted)
        self.journal = await self.site.journal()
        self.ref = await self.site.spawn(
            "camera",
            lambda: CameraActor(
                topics=self.site.topics,
                unit="tel1",
                device="cam-vis",
                settings=CameraSettings(**settings),
                mqtt=self.site.mqtt,
            ),
        )
        return self

    def expose(self, exposure_s: float = 10.0, **more) -> asyncio.Task:
        asked = Expose(exposure_s=exposure_s, kind="dark", context=CONTEXT, cause="t", **more)
        return asyncio.create_task(self.ref.ask(asked, timeout_s=5000.0))

    async def begin(self) -> str:
        """The camera begins what it was told last; the exposure's id."""
        await asyncio.sleep(0.1)
        exposure_id = self.device.last.args["exposure_id"]
        await self.device.set(activity="exposing", exposure_id=exposure_id)
        await self.device.event(
            FirstPhotonEvent(exposure_id=exposure_id, start_utc=self.site.system.clock.now())
        )
        await asyncio.sleep(0.1)
        return exposure_id

    def write(self, exposure_id: str, raw: bytes = PIXELS) -> str:
        path = self.spool / f"{exposure_id}.fits"
        path.write_bytes(raw)
        return str(path)

    def event(self, exposure_id: str, path: str, raw: bytes = PIXELS, **more) -> FrameEvent:
        now = self.site.system.clock.now()
        fields = {
            "exposure_id": exposure_id,
            "path": path,
            "sha256": hashlib.sha256(raw).hexdigest(),
            "bytes": len(raw),
            "start_utc": now - timedelta(seconds=10),
            "end_utc": now,
            "exposure_s": 10.0,
            "kind": "dark",
        }
        return FrameEvent(**(fields | more))


@pytest_asyncio.fixture
async def bench(site, tmp_path):
    """A camera whose frames go to a temporary spool."""
    return Bench(site, tmp_path)


async def test_frame_is_answered_when_it_lies_checked_in_the_spool(bench) -> None:
    """Started with the shutter, answered with the frame, the context carried along."""
    await bench.start()
    asked = bench.expose()
    exposure_id = await bench.begin()
    assert [event.exposure_id for event in bench.started] == [exposure_id]
    path = bench.write(exposure_id)
    await bench.device.event(bench.event(exposure_id, path))
    result = await asked
    assert result.frame is not None
    assert (result.frame.path, result.frame.context) == (path, CONTEXT)
    assert bench.frames == [result.frame]


async def test_frame_with_a_wrong_sum_is_refused(bench) -> None:
    """A file that is not what its word says is no frame, and the reason says so."""
    await bench.start()
    asked = bench.expose()
    exposure_id = await bench.begin()
    path = bench.write(exposure_id, PIXELS[:-1] + b"x")
    await bench.device.event(bench.event(exposure_id, path))
    result = await asked
    assert result.frame is None
    assert "has the sum" in result.detail
    assert bench.frames == []


async def test_missing_file_is_told(bench) -> None:
    """Word of a frame that is not there ends the exposure with the path in the reason."""
    await bench.start()
    asked = bench.expose()
    exposure_id = await bench.begin()
    await bench.device.event(bench.event(exposure_id, "/nowhere/frame.fits"))
    assert "/nowhere/frame.fits cannot be read" in (await asked).detail


async def test_frame_without_word_is_found_by_its_id(bench) -> None:
    """The camera is idle again, no word came: the spool is searched, `.tmp` files left alone."""
    await bench.start(spool=str(bench.spool))
    asked = bench.expose()
    exposure_id = await bench.begin()
    (bench.spool / f"{exposure_id}.fits.tmp").write_bytes(b"half")
    path = bench.write(exposure_id)
    await bench.device.set(activity="idle")
    result = await asked
    assert result.frame is not None
    assert result.frame.path == path
    assert result.frame.sha256 == hashlib.sha256(PIXELS).hexdigest()


async def test_frame_that_never_comes_is_given_up_and_told(bench) -> None:
    """No word, no file: the exposure ends with a reason instead of hanging."""
    await bench.start(spool=str(bench.spool))
    asked = bench.expose()
    await bench.begin()
    await bench.device.set(activity="idle")
    result = await asked
    assert result.frame is None
    assert "neither word of the frame nor its file came" in result.detail
    assert any(entry.kind == "frame" and "gave no frame" in entry.text for entry in bench.journal)


async def test_late_frame_of_an_exposure_given_up_is_taken(bench) -> None:
    """Photons are not thrown away because their word was slow."""
    await bench.start()
    asked = bench.expose()
    exposure_id = await bench.begin()
    await bench.device.set(activity="idle")
    assert (await asked).frame is None
    path = bench.write(exposure_id)
    await bench.device.event(bench.event(exposure_id, path))
    await asyncio.sleep(0.1)
    assert [frame.exposure_id for frame in bench.frames] == [exposure_id]


async def test_refused_exposure_ends_with_the_cameras_words(bench) -> None:
    """The device's reason reaches whoever asked."""
    await bench.start()
    asked = bench.expose()
    await asyncio.sleep(0.1)
    await bench.device.reply(bench.device.last, "failed", "shutter jammed")
    result = await asked
    assert (result.frame, "shutter jammed" in result.detail) == (None, True)


@pytest.mark.parametrize(
    ("exposure_s", "binning"), [(-1.0, 1), (1e6, 1), (float("nan"), 1), (1.0, 0)]
)
async def test_exposure_that_makes_no_sense_is_refused(bench, exposure_s, binning) -> None:
    """Nothing goes out, and the field is named."""
    await bench.start()
    result = await bench.expose(exposure_s, binning=binning)
    assert result.frame is None
    assert "exposure_s" in result.detail or "binning" in result.detail
    assert bench.device.commands == []


async def test_abort_saves_the_frame_and_frees_the_camera(bench) -> None:
    """Abort: the camera is told to save, the short frame is taken, the next exposure starts."""
    await bench.start()
    asked = bench.expose(300.0)
    exposure_id = await bench.begin()
    stopped = asyncio.create_task(bench.ref.ask(AbortCommand(cause="t"), timeout_s=60.0))
    following = bench.expose(1.0)
    await asyncio.sleep(0.1)
    assert bench.device.verbs == ["expose", "abort"]
    assert bench.device.last.args == {"save": True}
    path = bench.write(exposure_id)
    await bench.device.event(bench.event(exposure_id, path, exposure_s=4.0, aborted=True))
    await bench.device.set(activity="idle")
    assert (await stopped).done
    result = await asked
    assert (result.aborted, result.frame.exposure_s) == (True, 4.0)
    await asyncio.sleep(0.1)
    assert bench.device.verbs == ["expose", "abort", "expose"]
    following.cancel()


async def test_abort_of_an_idle_camera_is_done_at_once(bench) -> None:
    """Nothing to stop: nothing goes out."""
    await bench.start()
    assert (await bench.ref.ask(AbortCommand(cause="t"))).done
    assert bench.device.commands == []


async def test_camera_is_cooled_when_it_comes_up_and_exposes_meanwhile(bench) -> None:
    """Cooling takes minutes and stands in nobody's way."""
    await bench.start(setpoint_deg_C=-120.0)
    assert bench.device.verbs == ["cool"]
    assert bench.device.last.args == {"setpoint_deg_C": -120.0}
    asked = bench.expose(1.0)
    await asyncio.sleep(0.1)
    assert bench.device.verbs == ["cool", "expose"]
    asked.cancel()


async def test_unknown_frame_is_told_and_left_in_the_spool(bench) -> None:
    """A frame asked for by an earlier run of PyROS raises an alarm; its file stays."""
    await bench.start()
    path = bench.write("old-1")
    await bench.device.event(bench.event("old-1", path))
    await asyncio.sleep(0.1)
    assert any("did not ask for" in entry.text for entry in bench.journal)
    assert (bench.spool / "old-1.fits").exists()


async def test_dead_camera_ends_its_exposure(bench) -> None:
    """The camera's process dies during an exposure: its end is told within seconds of readout."""
    await bench.start(readout_s=5.0)
    asked = bench.expose(100.0)
    await bench.begin()
    await bench.device.kill()
    async with asyncio.timeout(30.0):
        result = await asked
    assert result.frame is None
    assert "lost" in result.detail


async def test_camera_that_comes_back_exposing_is_freed(bench) -> None:
    """After a loss, or a restart of PyROS: what it exposes for nobody is ended and saved."""
    await bench.start()
    asked = bench.expose(600.0)
    exposure_id = await bench.begin()
    bench.device.silent = True
    await asyncio.sleep(60.0)
    bench.device.silent = False
    await bench.device.set()
    await asyncio.sleep(0.1)
    assert bench.device.verbs == ["expose", "abort"]
    path = bench.write(exposure_id)
    await bench.device.event(bench.event(exposure_id, path, aborted=True))
    await bench.device.set(activity="idle")
    result = await asked
    assert result.frame is not None
    assert result.frame.aborted
