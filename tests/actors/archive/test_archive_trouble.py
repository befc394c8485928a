"""Tests of the archive in trouble: bad frames, full disks, lost databases, crashes."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from actors.archive.messages import FrameArchived, SequenceDirectoryClosed
from actors.journal.messages import JournalEntry
from pyros.domain.request import Request, RequestKind
from pyros.domain.sequence import Sequence, SequenceState
from pyros.domain.target import Target
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
