"""What is told of an archived frame: its line in the journal and its row in the index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.journal.messages import JournalEntry
from pyros.store import FrameRecord

if TYPE_CHECKING:
    from datetime import datetime

    from actors.archive.frame_job import FrameDone
    from actors.camera.messages import FrameSpooled


def entry_of(frame: FrameSpooled, done: FrameDone, *, who: str, time_utc: datetime) -> JournalEntry:
    """The journal's line of a frame."""
    context = frame.context
    number = f"{context.image_index}/{context.image_count}"
    return JournalEntry(
        kind="frame",
        subject=context.sequence_id or f"calibrations_{context.night}",
        text=(
            f"{frame.camera} {frame.kind} {number} of {context.object_name}, "
            f"{frame.exposure_s:g} s in {context.filter_name}"
            f"{', cut short' if frame.aborted else ''}"
        ),
        time_utc=time_utc,
        who=who,
        cause=frame.exposure_id,
        data={
            "exposure_id": frame.exposure_id,
            "file": done.path,
            "bytes": done.bytes,
            "start_utc": frame.start_utc.isoformat(),
            "exposure_s": frame.exposure_s,
            "aborted": frame.aborted,
            "stars": done.stars,
        },
    )


def record_of(frame: FrameSpooled, done: FrameDone, *, archived_utc: datetime) -> FrameRecord:
    """The index's row of a frame."""
    context = frame.context
    light = frame.kind == "light"
    return FrameRecord(
        exposure_id=frame.exposure_id,
        night=context.night,
        unit=frame.unit,
        camera=frame.camera,
        kind=frame.kind,
        request_id=context.request_id,
        sequence_id=context.sequence_id,
        programme_id=context.programme_id,
        alert_id=context.alert_id,
        object_name=context.object_name,
        filter_name=context.filter_name,
        ra_deg=context.ra_deg,
        dec_deg=context.dec_deg,
        start_utc=frame.start_utc,
        exposure_s=frame.exposure_s,
        aborted=frame.aborted,
        path=done.path,
        bytes=done.bytes,
        sha256=done.sha256,
        preview_png=done.preview_png,
        stars=done.stars if light else None,
        fwhm_arcsec=done.fwhm_arcsec if light else None,
        background_adu=done.background_adu,
        archived_utc=archived_utc,
    )
