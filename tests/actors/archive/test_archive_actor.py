"""Tests of the archive: places, headers, order, trouble and crashes, on real files."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
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
from pyros.domain.request import Request, RequestKind
from pyros.domain.sequence import Sequence, SequenceState
from pyros.domain.target import Target
from pyros.domain.verdict import Safety, Verdict
from pyros.store import StateMove

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


async def test_changed_frame_is_set_aside_with_an_alarm(system, archive, camera, data_dir, heard):
    """A file that is not what was announced is kept, out of the way, and said; others go on."""
    await archive()
    bad, good = camera.expose(), camera.expose()
    system.events.publish(replace(bad, sha256="0" * 64))
    system.events.publish(good)
    await asyncio.sleep(1.0)
    assert [e.frame.exposure_id for e in _of(heard, FrameArchived)] == [good.exposure_id]
    (alarm,) = [e for e in _of(heard, JournalEntry) if e.kind == "alarm"]
    assert alarm.severity == "alarm"
    assert "SHA-256" in alarm.text
    assert str(camera.spool) not in alarm.text, "absolute paths make two nights differ"
    assert _files(data_dir / "PRODUCED_DATA/set_aside") == [Path(bad.path).name]


async def test_vanished_frame_is_an_alarm_and_told_twice_is_not(system, archive, camera, heard):
    """A lost file is said; the same frame announced again after it was archived is nothing."""
    await archive()
    frame = camera.expose()
    system.events.publish(frame)
    await asyncio.sleep(1.0)
    system.events.publish(replace(frame, path=frame.path + ".again.fits"))
    lost = camera.expose()
    Path(lost.path).unlink()  # noqa: ASYNC240 - a test
    system.events.publish(lost)
    await asyncio.sleep(1.0)
    (alarm,) = [e for e in _of(heard, JournalEntry) if e.kind == "alarm"]
    assert "the frame is lost" in alarm.text
    assert len(_of(heard, FrameArchived)) == 1


async def test_full_disk_keeps_frames_in_the_spool_and_recovers(
    system, archive, camera, data_dir, heard, monkeypatch
):
    """No space: one alarm, nothing lost, everything written when there is space again."""
    await archive(retry_s=(5.0, 15.0))
    real, full = Path.replace, True

    def replace_if_space(self: Path, target: Path) -> Path:
        if full and self.suffix == ".tmp" and ".fits" in self.suffixes:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace_if_space)
    frames = [camera.expose() for _ in range(3)]
    for frame in frames:
        system.events.publish(frame)
    await asyncio.sleep(60.0)
    assert _of(heard, FrameArchived) == []
    assert len(_files(camera.spool)) == 3
    alarms = [e for e in _of(heard, JournalEntry) if e.kind == "alarm"]
    assert len(alarms) == 1
    assert "No space left" in alarms[0].text
    full = False
    await asyncio.sleep(20.0)
    assert [e.frame.exposure_id for e in _of(heard, FrameArchived)] == [
        frame.exposure_id for frame in frames
    ]
    assert any("writes again" in e.text for e in _of(heard, JournalEntry))
    assert _files(camera.spool) == []
    assert not list(data_dir.rglob("*.tmp"))


async def test_archive_works_without_the_database_and_catches_up(
    system, archive, camera, heard, store
):
    """With the index gone frames are archived; their rows follow when it is back."""
    await archive()
    await store.database.close()
    for _ in range(2):
        system.events.publish(camera.expose())
    await asyncio.sleep(1.0)
    assert len(_of(heard, FrameArchived)) == 2
    assert len(_files(camera.spool)) == 2, "a crash now must not leave frames without a row"
    await store.database.open()
    system.events.publish(camera.expose())
    await asyncio.sleep(1.0)
    assert await store.frames.count() == 3
    assert _files(camera.spool) == []


async def test_frame_nobody_announced_is_recovered_after_a_crash(
    system, archive, camera, data_dir, heard
):
    """The word of a frame was lost with the process: its note gives it its request and place."""
    first = await archive("first")
    frame = camera.expose()
    Path(frame.path).rename(hidden := camera.spool.parent / "in-the-camera.fits")  # noqa: ASYNC240 - a test
    system.events.publish(camera.started(frame))
    await asyncio.sleep(1.0)
    await first.stop()
    shutil.move(hidden, frame.path)
    (data_dir / ACTIVE).mkdir(parents=True)
    (data_dir / ACTIVE / "half.fits.tmp").write_bytes(b"SIMPLE")
    await archive("second")
    await asyncio.sleep(1.0)
    (archived,) = _of(heard, FrameArchived)
    assert archived.frame.exposure_id == frame.exposure_id
    assert archived.frame.context == frame.context
    assert archived.path.startswith(ACTIVE)
    assert not list(data_dir.rglob("*.tmp"))
    assert _files(camera.spool) == []


async def test_frame_of_an_exposure_under_way_is_left_to_its_camera(system, archive, camera, heard):
    """A search of the spool does not take a frame whose announcement is on its way."""
    await archive(scan_s=10.0)
    frame = camera.expose()
    system.events.publish(camera.started(frame))
    await asyncio.sleep(35.0)
    assert _of(heard, FrameArchived) == []
    system.events.publish(frame)
    await asyncio.sleep(1.0)
    assert len(_of(heard, FrameArchived)) == 1


async def test_frame_of_nobody_is_set_aside_the_second_time_it_is_seen(
    system, archive, camera, data_dir, heard
):
    """A file without a known exposure is given time, then moved out of the spool and said."""
    await archive(scan_s=600.0)
    camera.expose(name="stray.fits")
    await asyncio.sleep(590.0)
    assert _files(camera.spool) == ["stray.fits"]
    await asyncio.sleep(700.0)
    assert _files(camera.spool) == []
    assert _files(data_dir / "PRODUCED_DATA/set_aside") == ["stray.fits"]
    assert any("stray.fits is nobody's frame" in e.text for e in _of(heard, JournalEntry))


async def test_notes_are_told_apart_by_the_whole_id(system, archive, camera, data_dir, heard):
    """`...-1` is not `...-11`: a frame never gets another exposure's request."""
    first = await archive("first")
    frames = [camera.expose(image_index=n) for n in range(1, 12)]
    system.events.publish(camera.started(frames[0]))
    await asyncio.sleep(1.0)
    await first.stop()
    for frame in frames[:10]:
        Path(frame.path).unlink()  # noqa: ASYNC240 - a test
    await archive("second")
    await asyncio.sleep(1.0)
    assert _of(heard, FrameArchived) == []
    assert _files(camera.spool) == [Path(frames[10].path).name]


async def test_directories_of_requests_closed_meanwhile_are_closed_at_start(
    archive, data_dir, heard, store
):
    """A request that was finished when the process died loses its `_active` at the next start."""
    now_utc = NOW_UTC
    request = Request(
        request_id="agn-1",
        programme_id="agn",
        kind=RequestKind.ROUTINE,
        name="x",
        sequences=(
            Sequence(
                sequence_id="agn-1-s1",
                request_id="agn-1",
                programme_id="agn",
                name="x",
                target=Target(name="x", ra_deg=1.0, dec_deg=2.0),
                albums=(),
            ),
        ),
    )
    await store.requests.add(request, submitted_by="x", submitted_utc=now_utc)
    await store.requests.move(
        [
            StateMove(
                sequence_id="agn-1-s1",
                old=SequenceState.SUBMITTED,
                new=SequenceState.CANCELLED,
                reason="",
                time_utc=now_utc,
            )
        ]
    )
    await store.requests.close("agn-1", time_utc=now_utc)
    for name in ("routine_agn-1_active", "routine_sn-1_active"):
        (data_dir / "PRODUCED_DATA" / name).mkdir(parents=True)
    await archive()
    await asyncio.sleep(1.0)
    assert [e.path for e in _of(heard, SequenceDirectoryClosed)] == ["PRODUCED_DATA/routine_agn-1"]
    assert (data_dir / "PRODUCED_DATA/routine_sn-1_active").is_dir()


async def test_stop_archives_what_is_queued(system, archive, camera, heard, store):
    """An orderly end leaves no frame in the spool, not even the one under way."""
    ref = await archive()
    for _ in range(4):
        system.events.publish(camera.expose())
    await asyncio.sleep(0.0)
    await ref.stop()
    assert await store.frames.count() == 4
    assert _files(camera.spool) == []
    assert {e.path for e in _of(heard, FrameArchived)} == {
        record.path for record in await store.frames.of_night("2026-11-23")
    }


async def test_frame_archived_and_not_indexed_is_done_again_after_a_crash(
    system, archive, camera, data_dir, heard, store
):
    """Killed between the rename and the index: the next start finds the spool file and finishes."""
    first = await archive("first")
    frame = camera.expose()
    system.events.publish(camera.started(frame))
    await store.database.close()
    system.events.publish(frame)
    await asyncio.sleep(1.0)
    (before,) = _of(heard, FrameArchived)
    await first.stop()
    await store.database.open()
    await archive("second")
    await asyncio.sleep(1.0)
    record = await store.frames.get(frame.exposure_id)
    assert record is not None
    assert record.path == before.path
    assert _files(camera.spool) == []
    assert len(list(data_dir.rglob("*.fits"))) == 1
