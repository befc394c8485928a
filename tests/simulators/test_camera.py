"""The simulated camera exposes, reads out, and leaves complete frames in the spool."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from protocols.payloads import FirstPhotonEvent, FrameEvent
from simulators.faults import Fault, FaultKind, FaultsChanged

pytestmark = pytest.mark.asyncio

FIELD = {"ra_deg": 115.0, "dec_deg": 35.0}
"""45 degrees high and 52 degrees from a full Moon."""


def exposure(exposure_id: str, *, exposure_s: float = 30.0, kind: str = "light", binning: int = 1):
    return {
        "exposure_id": exposure_id,
        "exposure_s": exposure_s,
        "kind": kind,
        "binning": binning,
    }


async def test_camera_exposes_reads_out_and_spools(rig):
    """Shutter event at the start, frame after exposure and readout, complete and summed."""
    await rig.open_up(**FIELD)
    start_s = rig.unix_s
    command = await rig.say("t1/cam-vis", "expose", exposure("e1"))
    assert rig.reading("t1/cam-vis", "activity") == "exposing"
    await asyncio.sleep(33.0)
    assert rig.reading("t1/cam-vis", "activity") == "reading"
    assert (await rig.end(command)).s == "done"
    assert rig.unix_s - start_s == pytest.approx(36.0, abs=0.5)
    assert rig.reading("t1/cam-vis", "activity") == "idle"
    assert rig.reading("t1/cam-vis", "exposure_id") == "e1"
    shutter, frame = rig.events("t1/cam-vis")
    assert isinstance(shutter, FirstPhotonEvent)
    assert isinstance(frame, FrameEvent)
    assert shutter.start_utc == frame.start_utc
    assert (frame.end_utc - frame.start_utc).total_seconds() == pytest.approx(30.0)
    raw = await asyncio.to_thread(Path(frame.path).read_bytes)
    assert (len(raw), hashlib.sha256(raw).hexdigest()) == (frame.bytes, frame.sha256)
    assert {name.suffix for name in rig.spool.rglob("*.*")} == {".fits"}
    header = fits.getheader(frame.path)
    assert header["EXPTIME"] == 30.0
    assert header["FILTER"] == "g"
    assert header["IMAGETYP"] == "light"
    assert header["CRVAL1"] == pytest.approx(FIELD["ra_deg"])
    assert header["EXPID"] == "e1"


async def test_camera_sees_stars_only_through_an_open_telescope(rig):
    """Closed dome, closed cover or a slit elsewhere: no star and no sky; open: both."""
    await rig.open_up(**FIELD)
    medians, peaks = {}, {}

    async def take(name: str) -> None:
        ended = await rig.command("t1/cam-vis", "expose", **exposure(name))
        assert ended.s == "done"
        data = fits.getdata(rig.events("t1/cam-vis")[-1].path).astype(float)
        medians[name], peaks[name] = np.median(data), np.percentile(data, 99.9)

    await take("open")
    await rig.command(
        "t1/dome", "turn", azimuth_deg=(rig.reading("t1/telescope", "az_deg") + 90.0) % 360.0
    )
    await take("slit-away")
    await rig.command("t1/telescope", "close_cover")
    await take("covered")
    assert medians["open"] > medians["covered"] + 100.0
    assert peaks["open"] > medians["open"] + 300.0
    assert medians["slit-away"] == pytest.approx(medians["covered"], abs=2.0)
    assert peaks["covered"] < medians["covered"] + 60.0


async def test_camera_abort_saves_what_it_has(rig):
    """An aborted exposure is read out, marked, and as long as it was open."""
    command = await rig.say("t1/cam-vis", "expose", exposure("e1", exposure_s=300.0))
    await asyncio.sleep(20.0)
    assert (await rig.command("t1/cam-vis", "abort", save=True)).s == "done"
    assert (await rig.end(command)).s == "done"
    frame = rig.events("t1/cam-vis")[-1]
    assert frame.aborted is True
    assert frame.exposure_s == pytest.approx(20.0, abs=0.2)
    assert fits.getheader(frame.path)["EXPTIME"] == pytest.approx(20.0, abs=0.2)


async def test_camera_abort_without_saving_leaves_nothing(rig):
    """No frame, the order failed, the camera idle at once."""
    command = await rig.say("t1/cam-vis", "expose", exposure("e1", exposure_s=300.0))
    await asyncio.sleep(20.0)
    await rig.command("t1/cam-vis", "abort", save=False)
    assert rig.replies(command)[-1].detail == "aborted without saving"
    assert rig.reading("t1/cam-vis", "activity") == "idle"
    assert (await rig.command("t1/cam-vis", "abort", save=True)).detail == "nothing to abort"
    assert [type(event) for event in rig.events("t1/cam-vis")] == [FirstPhotonEvent]


async def test_camera_refuses_nonsense(rig):
    """Busy, unknown kind, negative time, odd binning, a long bias: refused with a reason."""
    await rig.say("t1/cam-vis", "expose", exposure("e1"))
    busy = await rig.command("t1/cam-vis", "expose", **exposure("e2"))
    assert (busy.s, busy.detail) == ("failed", "exposing e1")
    for bad in (
        exposure("e3", kind="selfie"),
        exposure("e3", exposure_s=-1.0),
        exposure("e3", binning=3),
        exposure("e3", kind="bias"),
        exposure(""),
    ):
        assert (await rig.command("t1/cam-nir", "expose", **bad)).s == "failed"


async def test_camera_takes_darks_biases_flats(rig):
    """Dark and bias see no lamp, a flat does; no shutter event for what opens none."""
    await rig.command("t1/telescope", "open_cover")
    await rig.command("site/plc", "flat_lamp", on=True)
    levels = {}
    for kind, seconds in (("bias", 0.0), ("dark", 10.0), ("flat", 10.0)):
        ended = await rig.command(
            "t1/cam-vis", "expose", **exposure(kind, exposure_s=seconds, kind=kind)
        )
        assert ended.s == "done"
        levels[kind] = np.median(fits.getdata(rig.events("t1/cam-vis")[-1].path))
    assert levels["bias"] == pytest.approx(1001.5, abs=2.0)
    assert levels["dark"] == pytest.approx(levels["bias"], abs=2.0)
    assert 4000.0 < levels["flat"] < 10_000.0
    shutters = [e for e in rig.events("t1/cam-vis") if isinstance(e, FirstPhotonEvent)]
    assert [event.exposure_id for event in shutters] == ["flat"]


async def test_camera_bins_on_the_chip(rig):
    """Binning 2 halves the sides."""
    await rig.command("t1/cam-vis", "expose", **exposure("e1", kind="dark", binning=2))
    header = fits.getheader(rig.events("t1/cam-vis")[-1].path)
    assert (header["NAXIS1"], header["NAXIS2"], header["XBINNING"]) == (256, 256, 2)


async def test_camera_cools_at_its_pace(rig):
    """Ten kelvins take forty seconds and a bit; what it cannot reach is refused."""
    start_s = rig.unix_s
    assert (await rig.command("t1/cam-vis", "cool", setpoint_deg_C=-90.0)).s == "done"
    assert 40.0 < rig.unix_s - start_s < 65.0
    assert rig.reading("t1/cam-vis", "temperature_deg_C") == pytest.approx(-90.0)
    assert (await rig.command("t1/cam-vis", "cool", setpoint_deg_C=-200.0)).s == "failed"


async def test_camera_exposes_while_it_cools(rig):
    """The cooler is not the shutter: both orders end done."""
    cooling = await rig.say("t1/cam-vis", "cool", {"setpoint_deg_C": -90.0})
    assert (await rig.command("t1/cam-vis", "expose", **exposure("e1"))).s == "done"
    assert (await rig.end(cooling)).s == "done"


async def test_camera_that_breaks_loses_the_exposure(rig):
    """A broken camera fails the order, reports a fault, refuses, and recovers when repaired."""
    command = await rig.say("t1/cam-vis", "expose", exposure("e1", exposure_s=100.0))
    await asyncio.sleep(10.0)
    fault = Fault(device="t1/cam-vis", kind=FaultKind.BROKEN, reason="no answer from the sensor")
    rig.metal.faults.pin(fault)
    rig.system.events.publish(FaultsChanged(device="t1/cam-vis"))
    assert (await rig.end(command)).detail == "no answer from the sensor"
    assert rig.state("t1/cam-vis").s == "fault"
    assert rig.state("t1/cam-vis").reason == "no answer from the sensor"
    assert (await rig.command("t1/cam-vis", "expose", **exposure("e2"))).s == "failed"
    rig.metal.faults.remove(fault)
    rig.system.events.publish(FaultsChanged(device="t1/cam-vis"))
    assert (await rig.command("t1/cam-vis", "expose", **exposure("e3"))).s == "done"
    assert rig.state("t1/cam-vis").s == "ready"


async def test_camera_frames_are_the_same_for_the_same_seed(make_rig, tmp_path):
    """The same exposure of the same seed is the same file, sum included."""
    sums = []
    for _ in range(2):
        rig = await make_rig()
        await rig.command("t1/cam-nir", "expose", **exposure("e1", kind="dark"))
        sums.append(rig.events("t1/cam-nir")[-1].sha256)
        await rig.system.shutdown("next")
    assert sums[0] == sums[1]
