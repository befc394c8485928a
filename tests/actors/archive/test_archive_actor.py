"""Tests of the archive: places, headers, order and directories, on real files."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from actors.archive.messages import CloseRequest, FrameArchived, SequenceDirectoryClosed
from actors.journal.messages import JournalEntry
from actors.weather_verdict.messages import WeatherVerdict
from pyros.domain.device import DeviceKind
from pyros.domain.verdict import Safety, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence as Many

pytestmark = pytest.mark.asyncio

T = TypeVar("T")
NOW_UTC = datetime(2026, 11, 23, 20, tzinfo=UTC)
ACTIVE = "PRODUCED_DATA/routine_agn-1_active/agn-1-s1"


def _of(heard: Many[object], kind: type[T]) -> list[T]:
    return [message for message in heard if isinstance(message, kind)]


def _files(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


async def test_frame_lands_complete_in_its_place(system, archive, camera, data_dir, heard, store):
    """From spool to `PRODUCED_DATA`: header, preview, index, event, journal; the spool is empty."""
    await archive()
    for one in (
        camera.status(DeviceKind.TELESCOPE, "telescope", ra_deg=345.82, dec_deg=8.87),
        camera.status(DeviceKind.CAMERA, "cam-vis", temperature_deg_C=-99.9, setpoint_deg_C=-100.0),
        camera.status(DeviceKind.FOCUSER, "focuser", position_um=4200.0, temperature_deg_C=7.0),
        camera.status(DeviceKind.DOME, "dome", unit="site", azimuth_deg=180.0),
        WeatherVerdict(
            verdict=Verdict(safety=Safety.SAFE, reasons=(), time_utc=NOW_UTC),
            votes=(),
            fused={"temperature_deg_C": 6.5, "humidity_pct": 55.0, "wind_m_s": 3.0},
        ),
    ):
        system.events.publish(one)
    await asyncio.sleep(0.1)
    frame = camera.expose()
    system.events.publish(camera.started(frame))
    system.events.publish(frame)
    await asyncio.sleep(1.0)

    (archived,) = _of(heard, FrameArchived)
    assert archived.path == (f"{ACTIVE}/20261123T200100000_tel1_cam-vis_NGC-7469_g_0001.fits")
    assert _files(camera.spool) == []
    path = data_dir / archived.path
    assert path.stat().st_size == archived.bytes
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        header = hdus[0].header
        assert hdus[0].data.shape == (96, 128)
    expected = {
        "IMAGETYP": "LIGHT",
        "TELESCOP": "Demo 1.3 m",
        "OBSERVER": "Ana",
        "PROGRAM": "agn",
        "REQUEST": "agn-1",
        "SEQUENCE": "agn-1-s1",
        "RA": 345.82,
        "OBJRA": 345.8151,
        "GAIN": 1.5,  # the camera's own, not the settings'
        "CCD-TEMP": -99.9,
        "FOCUS": 4200.0,
        "DOMEAZ": 180.0,
        "AMBTEMP": 6.5,
        "HUMIDITY": 55.0,
        "SITELAT": 43.93,
        "SOFTWARE": "PyROS test",
    }
    assert {key: header[key] for key in expected} == expected
    assert header["AIRMASS"] == pytest.approx(
        1.0 / np.sin(np.radians(header["ALTITUDE"])), rel=0.01
    )
    assert WCS(header).pixel_to_world(63.5, 47.5).ra.deg == pytest.approx(345.82, abs=1e-6)
    assert archived.stars == 5
    assert archived.fwhm_arcsec == pytest.approx(3.0 * 0.76, rel=0.05)
    assert archived.background_adu == pytest.approx(500.0, abs=3.0)
    with Image.open(data_dir / archived.preview_png) as picture:
        assert picture.size == (128, 96)
        assert picture.mode == "L"
    record = await store.frames.get(frame.exposure_id)
    assert record is not None
    assert (record.path, record.stars, record.sequence_id) == (archived.path, 5, "agn-1-s1")
    (entry,) = [e for e in _of(heard, JournalEntry) if e.kind == "frame"]
    assert entry.subject == "agn-1-s1"
    assert entry.data["file"] == archived.path
    assert _files(data_dir / "run") == []


async def test_header_tells_where_the_telescope_was_when_the_shutter_opened(
    system, archive, camera, data_dir, heard
):
    """A slew to a burst during the readout does not get into the interrupted frame's header."""
    await archive()
    system.events.publish(
        camera.status(DeviceKind.TELESCOPE, "telescope", ra_deg=345.8, dec_deg=8.9)
    )
    await asyncio.sleep(0.1)
    frame = camera.expose()
    system.events.publish(camera.started(frame))
    await asyncio.sleep(0.1)
    system.events.publish(
        camera.status(DeviceKind.TELESCOPE, "telescope", ra_deg=10.0, dec_deg=-20.0)
    )
    await asyncio.sleep(0.1)
    system.events.publish(frame)
    await asyncio.sleep(1.0)
    header = fits.getheader(data_dir / _of(heard, FrameArchived)[0].path)
    assert (header["RA"], header["DEC"]) == (345.8, 8.9)


async def test_pointing_unknown_falls_back_on_what_was_asked(
    system, archive, camera, data_dir, heard
):
    """A telescope that says nothing leaves the asked position, and no weather is invented."""
    await archive()
    system.events.publish(camera.expose())
    await asyncio.sleep(1.0)
    header = fits.getheader(data_dir / _of(heard, FrameArchived)[0].path)
    assert (header["RA"], header["DEC"]) == (345.8151, 8.874)
    assert "AMBTEMP" not in header
    assert "FOCUS" not in header


async def test_calibrations_have_their_own_place_and_no_direction(
    system, archive, camera, data_dir, heard
):
    """A dark lies under its night; its header looks nowhere and its stars are not counted."""
    await archive()
    system.events.publish(
        camera.expose(
            kind="dark",
            request_id=None,
            sequence_id=None,
            programme_id=None,
            object_name="dark",
            ra_deg=None,
            dec_deg=None,
        )
    )
    await asyncio.sleep(1.0)
    (archived,) = _of(heard, FrameArchived)
    assert archived.path == (
        "PRODUCED_DATA/calibrations_2026-11-23/20261123T200100000_tel1_cam-vis_dark_30s_0001.fits"
    )
    assert archived.stars is None
    header = fits.getheader(data_dir / archived.path)
    assert header["IMAGETYP"] == "DARK"
    assert not {"RA", "CRVAL1", "AIRMASS", "BJD-TDB"} & set(header)
    assert "SUNALT" in header


async def test_alert_frames_are_offered_to_the_science_centre(
    system, archive, camera, data_dir, heard
):
    """A hard link in `FSC/TO`: one file, which outlives the renaming of its directory."""
    await archive()
    system.events.publish(camera.expose(alert_id="grb261123a", request_id="grb261123a"))
    await asyncio.sleep(1.0)
    (archived,) = _of(heard, FrameArchived)
    assert archived.path.startswith("PRODUCED_DATA/alert_grb261123a_active/agn-1-s1/")
    link = data_dir / "EXTERNAL_ENTITIES/FSC/TO" / Path(archived.path).name
    assert link.samefile(data_dir / archived.path)


async def test_where_links_do_not_reach_there_is_a_copy(
    system, archive, camera, data_dir, heard, monkeypatch
):
    """Another file system gets the bytes."""

    def no_link(*_args: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", no_link)
    await archive()
    system.events.publish(camera.expose(alert_id="grb"))
    await asyncio.sleep(1.0)
    (archived,) = _of(heard, FrameArchived)
    copy = data_dir / "EXTERNAL_ENTITIES/FSC/TO" / Path(archived.path).name
    assert copy.read_bytes() == (data_dir / archived.path).read_bytes()


async def test_layout_has_the_external_entities(archive, data_dir):
    """`EXTERNAL_ENTITIES/{GIC,FSC}/{TO,FROM}` are there from the start."""
    await archive()
    for entity in ("GIC", "FSC"):
        for way in ("TO", "FROM"):
            assert (data_dir / "EXTERNAL_ENTITIES" / entity / way).is_dir()


async def test_request_directory_closes_after_its_frames(
    system, archive, camera, data_dir, heard, store
):
    """`CloseRequest` waits its turn: spooled frames are in, paths in the index follow, once."""
    ref = await archive()
    frames = [camera.expose() for _ in range(3)]
    for frame in frames:
        system.events.publish(frame)
    ref.tell(CloseRequest(request_id="agn-1"))
    ref.tell(CloseRequest(request_id="agn-1"))
    await asyncio.sleep(1.0)
    closed = _of(heard, SequenceDirectoryClosed)
    assert [event.path for event in closed] == ["PRODUCED_DATA/routine_agn-1"]
    assert len(_files(data_dir / "PRODUCED_DATA/routine_agn-1")) == 3
    for record in await store.frames.of_request("agn-1"):
        assert (data_dir / record.path).exists()


async def test_late_frame_of_a_closed_request_joins_the_others(
    system, archive, camera, data_dir, heard
):
    """A frame that comes after closing does not open the directory again."""
    ref = await archive()
    system.events.publish(camera.expose())
    ref.tell(CloseRequest(request_id="agn-1"))
    await asyncio.sleep(1.0)
    system.events.publish(camera.expose())
    await asyncio.sleep(1.0)
    assert _of(heard, FrameArchived)[1].path.startswith("PRODUCED_DATA/routine_agn-1/agn-1-s1/")
    assert not (data_dir / "PRODUCED_DATA/routine_agn-1_active").exists()


async def test_frames_are_archived_in_order_and_never_block_the_mailbox(
    system, archive, camera, heard
):
    """A burst of frames is worked off one by one while messages are still answered."""
    ref = await archive()
    frames = [camera.expose() for _ in range(8)]
    for frame in frames:
        system.events.publish(frame)
    ref.tell(CloseRequest(request_id="nobody"))
    await asyncio.sleep(2.0)
    done = [event.frame.exposure_id for event in _of(heard, FrameArchived)]
    assert done == [frame.exposure_id for frame in frames]
