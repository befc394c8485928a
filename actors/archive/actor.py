"""The archive: every spooled frame becomes a complete FITS file in its place, whatever happens.

A queue and one worker: the mailbox is always free, all that blocks runs in the actor's own thread,
and frames are archived in the order taken. A full disk leaves frames in the spool, raises one
alarm, and everything is tried again; a frame that cannot be understood is set aside, with an alarm
that says why.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from actors.archive import recovery
from actors.archive.circumstances import Surroundings
from actors.archive.close_request import close_directories
from actors.archive.frame_job import (
    Archive,
    FrameDone,
    FrameJob,
    archive_frame,
    release,
    set_aside,
)
from actors.archive.messages import CloseRequest, FrameArchived, SequenceDirectoryClosed
from actors.archive.records import entry_of, record_of
from actors.camera.messages import ExposureStarted, FrameSpooled
from actors.device.messages import DeviceStatus
from actors.journal.messages import JournalEntry, Severity
from actors.weather_source.messages import WeatherReport
from actors.weather_verdict.messages import WeatherVerdict
from protocols.fits import FrameError
from pyros.actor import Actor, BlockingTimeoutError, Message
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from actors.archive.circumstances import Circumstances
    from pyros.store import FrameRecord, Store

_REMEMBERED = 64
"""Exposures whose circumstances are kept while their frames have not come."""

_UNREADABLE = (FrameError, ValueError, TypeError, LookupError, ArithmeticError)
"""What says that a frame is at fault, not the disk: one bad frame must not stop the others."""

Job = FrameJob | ExposureStarted | CloseRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work(Message):
    """To itself: a pause is over, go on with the queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan(Message):
    """To itself: look for frames that nobody announced."""


class ArchiveActor(Actor):
    """Archives frames.

    Args:
        archive: Data directory, site, instruments.
        spool_dir: Where cameras write.
        store: For the index of frames; the archive works without it and catches up.
    """

    def __init__(self, *, archive: Archive, spool_dir: Path, store: Store) -> None:
        super().__init__()
        self._archive = archive
        self._spool_dir = spool_dir
        self._store = store
        self._surroundings = Surroundings()
        self._opened: dict[str, Circumstances] = {}
        self._queue: deque[Job] = deque()
        self._handled: dict[str, None] = {}
        self._unknown: frozenset[str] = frozenset()
        self._unindexed: list[tuple[FrameRecord, FrameSpooled]] = []
        self._working = False
        self._paused = False
        self._failures = 0

    async def on_start(self) -> None:
        """Make the layout, take up what a crash left, then listen."""
        await self._blocking(recovery.make_skeleton, self._archive.data_dir)
        self.subscribe(ExposureStarted, FrameSpooled, DeviceStatus, WeatherReport, WeatherVerdict)
        self.every(self._archive.settings.scan_s, _Scan(), initial_delay_s=0.0)
        self.start_task(self._close_finished(), name="close-finished")

    async def on_stop(self) -> None:
        """Archive what is queued; what cannot be is in the spool, for the next start."""
        self._working = False
        await self._work_off()
        if self._queue:
            self.log.error("stopped with %d jobs undone; frames are in the spool", len(self._queue))

    async def on_receive(self, message: Message) -> Any:
        """Queue what blocks, remember the rest."""
        match message:
            case DeviceStatus():
                self._surroundings.take_status(message)
            case WeatherReport():
                self._surroundings.take_report(message)
            case WeatherVerdict():
                self._surroundings.take_verdict(message)
            case ExposureStarted():
                self._begun(message)
            case FrameSpooled():
                self._enqueue_frame(message)
            case CloseRequest():
                self._enqueue(message)
            case _Work():
                self._paused = False
                self._work()
            case _Scan():
                self.start_task(self._scan(), name="scan")
            case _:
                return await super().on_receive(message)
        return None

    # --- the queue -----------------------------------------------------------------------------

    def _begun(self, started: ExposureStarted) -> None:
        self._opened[started.exposure_id] = self._surroundings.now(started.unit, started.camera)
        while len(self._opened) > _REMEMBERED:
            del self._opened[next(iter(self._opened))]
        self._enqueue(started)

    def _enqueue_frame(self, frame: FrameSpooled) -> None:
        if frame.path in self._handled:
            return
        self._handled[frame.path] = None
        circumstances = self._opened.pop(frame.exposure_id, None)
        if circumstances is None:
            circumstances = self._surroundings.now(frame.unit, frame.camera)
        self._enqueue(
            FrameJob(frame=frame, circumstances=circumstances, written_utc=self.clock.now())
        )

    def _enqueue(self, job: Job) -> None:
        self._queue.append(job)
        self._work()

    def _work(self) -> None:
        if not self._working and not self._paused and self._queue:
            self._working = True
            self.start_task(self._work_off(), name="work")

    async def _work_off(self) -> None:
        try:
            while self._queue:
                await self._do(self._queue[0])
                self._queue.popleft()
                self._recovered()
        except (OSError, BlockingTimeoutError) as error:
            self._stalled(error)
        finally:
            self._working = False

    async def _do(self, job: Job) -> None:
        match job:
            case FrameJob():
                await self._do_frame(job)
            case ExposureStarted():
                await self._blocking(recovery.note_exposure, self._archive.data_dir, job)
            case CloseRequest(request_id=request_id):
                await self._do_close(request_id)
            case _:
                assert_never(job)

    async def _do_frame(self, job: FrameJob) -> None:
        frame = job.frame
        try:
            done: FrameDone = await self._blocking(archive_frame, self._archive, job)
        except _UNREADABLE as error:
            await self._refuse(frame, error)
            return
        self.publish(
            FrameArchived(
                frame=frame,
                path=done.path,
                bytes=done.bytes,
                preview_png=done.preview_png,
                stars=done.stars if frame.kind == "light" else None,
                fwhm_arcsec=done.fwhm_arcsec if frame.kind == "light" else None,
                background_adu=done.background_adu,
            )
        )
        self.publish(entry_of(frame, done, who=self.path, time_utc=self.clock.now()))
        record = record_of(frame, done, archived_utc=self.clock.now())
        self._unindexed.append((record, frame))
        await self._index()
        while len(self._handled) > _REMEMBERED + len(self._queue):
            del self._handled[next(iter(self._handled))]

    async def _refuse(self, frame: FrameSpooled, error: Exception) -> None:
        """Set a frame aside that cannot be archived, unless it was archived already."""
        spool = Path(frame.path)
        place = await self._blocking(set_aside, self._archive.data_dir, spool)
        if place is None and await self._indexed(frame.exposure_id):
            return  # told twice: the file went when it was archived
        where = f"; it is now {place}" if place else ""
        self._tell_journal("alarm", f"frame of {frame.camera} not archived: {error}{where}")

    async def _indexed(self, exposure_id: str) -> bool:
        try:
            return await self._store.frames.get(exposure_id) is not None
        except PyrosError:
            return False

    async def _do_close(self, request_id: str) -> None:
        renamed = await self._blocking(close_directories, self._archive.data_dir, request_id)
        for old, new in renamed:
            try:
                await self._store.frames.move_directory(old, new)
            except PyrosError as error:
                self.log.error("index of %s not updated: %s", new, error)  # noqa: TRY400 - one line
            self.publish(SequenceDirectoryClosed(request_id=request_id, path=new))

    async def _index(self) -> None:
        """Write index rows, then empty the spool; the rest is tried again with the next frame."""
        while self._unindexed:
            record, frame = self._unindexed[0]
            try:
                await self._store.frames.put(record)
            except PyrosError as error:
                self.log.error("%d frames not indexed: %s", len(self._unindexed), error)  # noqa: TRY400 - one line
                return
            del self._unindexed[0]
            await self._blocking(release, self._archive.data_dir, frame)

    async def _blocking(self, fn: Any, *args: Any) -> Any:
        return await self.blocking(fn, *args, deadline_s=self._archive.settings.deadline_s)

    # --- trouble -------------------------------------------------------------------------------

    def _stalled(self, error: OSError | BlockingTimeoutError) -> None:
        pauses = self._archive.settings.retry_s
        pause_s = pauses[min(self._failures, len(pauses) - 1)]
        if self._failures == 0:
            self._tell_journal(
                "alarm",
                f"archive cannot write: {error}; {len(self._queue)} jobs wait, frames stay in the "
                f"spool, it is tried again: free space or permissions in the data directory",
            )
        self._failures += 1
        self._paused = True
        self.tell_later(self.clock.wall_to_loop_s(pause_s), _Work())

    def _recovered(self) -> None:
        if self._failures:
            self._failures = 0
            self._tell_journal("notice", f"archive writes again; {len(self._queue)} jobs wait")

    def _tell_journal(self, severity: Severity, text: str) -> None:
        self.publish(
            JournalEntry(
                kind="alarm" if severity == "alarm" else "system",
                severity=severity,
                subject=self.path,
                text=self._without_place(text),
                time_utc=self.clock.now(),
                who=self.path,
                data={"waiting": len(self._queue)},
            )
        )

    def _without_place(self, text: str) -> str:
        """The journal of a night reads the same wherever its directories lie."""
        for path, name in ((self._spool_dir, "spool"), (self._archive.data_dir, "data directory")):
            text = text.replace(str(path), name)
        return text

    # --- what was left -------------------------------------------------------------------------

    async def _scan(self) -> None:
        """Take up announced-by-nobody frames; those without a known exposure the second time."""
        now_utc = self.clock.now()
        try:
            found: recovery.Leftovers = await self._blocking(self._search, frozenset(self._handled))
            await self._blocking(
                lambda: recovery.forget_old_notes(self._archive.data_dir, now_utc=now_utc)
            )
        except (OSError, BlockingTimeoutError) as error:
            self.log.warning("spool %s not searched: %s", self._spool_dir, error)
            return
        for frame in found.frames:
            if frame.exposure_id not in self._opened:
                self.log.warning("frame %s was never announced; archived now", frame.exposure_id)
                self._enqueue_frame(frame)
        for path in sorted(self._unknown.intersection(found.unknown)):
            await self._blocking(set_aside, self._archive.data_dir, Path(path))
            self._tell_journal("warning", f"{Path(path).name} is nobody's frame; set aside")
        self._unknown = frozenset(found.unknown)

    def _search(self, known: frozenset[str]) -> recovery.Leftovers:
        return recovery.search_spool(self._archive.data_dir, self._spool_dir, known=known)

    async def _close_finished(self) -> None:
        """Close directories of requests that were finished while nobody was there to do it."""
        try:
            there = await self._blocking(recovery.active_requests, self._archive.data_dir)
            closed = await self._store.requests.closed(there)
        except (OSError, PyrosError) as error:
            self.log.warning("finished requests not looked for: %s", error)
            return
        for request_id in closed:
            self._enqueue(CloseRequest(request_id=request_id))
