"""One frame from the spool to its place: everything that blocks, done in a worker thread.

The order makes it safe to die anywhere: a name without `.tmp` is complete, the spool file goes last
(when the index has the frame), and doing it all again gives the same file under the same name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from actors.archive import layout
from actors.archive.frame_facts import facts_of
from actors.archive.measure import measure
from actors.archive.preview import write_preview
from protocols.fits import FrameError, complete_frame, decode_frame, read_checked
from protocols.fits_header import header_cards

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import PurePosixPath

    from actors.archive.circumstances import Circumstances
    from actors.archive.settings import ArchiveSettings
    from actors.camera.messages import FrameSpooled
    from pyros.sky import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What is the same for every frame.

    Attributes:
        data_dir: The data directory.
        site: Where the telescopes stand.
        settings: Instruments and habits.
        software: Name and version, for headers.
    """

    data_dir: Path
    site: Site
    settings: ArchiveSettings
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameJob:
    """One frame to be archived.

    Attributes:
        frame: As spooled.
        circumstances: What was known when its shutter opened.
        written_utc: The observatory's time now, for the header.
    """

    frame: FrameSpooled
    circumstances: Circumstances
    written_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameDone:
    """A frame that lies in its place; paths are relative to the data directory."""

    path: str
    bytes: int
    sha256: str
    preview_png: str
    stars: int
    fwhm_arcsec: float | None
    background_adu: float


def archive_frame(archive: Archive, job: FrameJob) -> FrameDone:
    """Complete a frame and put it into its place.

    Raises:
        FrameError: It cannot be archived as it is: gone, changed since it was spooled, no FITS.
        OSError: The disk does not let us now; try again.
    """
    frame, settings = job.frame, archive.settings
    spooled = decode_frame(_read(job), frame.path)
    facts = facts_of(
        frame,
        job.circumstances,
        header=spooled.header,
        shape=spooled.shape,
        site=archive.site,
        settings=settings,
        written_utc=job.written_utc,
        software=archive.software,
    )
    target = _target(archive.data_dir, frame)
    partial = target.with_name(target.name + ".tmp")
    done = complete_frame(spooled, header_cards(facts), partial, durable=settings.durable)
    partial.replace(target)
    if settings.durable:
        _sync_directory(target.parent)
    pixels = spooled.pixels
    quality = measure(pixels, saturation_adu=facts.instrument.saturation_adu)
    preview = layout.PREVIEWS / layout.path_word(frame.context.night) / f"{target.stem}.png"
    _make(archive.data_dir, preview.parent)
    write_preview(pixels, archive.data_dir / preview, longest_px=settings.preview_px)
    if frame.context.alert_id is not None and frame.kind == "light":
        _offer(target, archive.data_dir / layout.TO_SCIENCE_CENTRE / target.name)
    scale = facts.instrument.pixel_scale_arcsec
    return FrameDone(
        path=target.relative_to(archive.data_dir).as_posix(),
        bytes=done.bytes,
        sha256=done.sha256,
        preview_png=str(preview),
        stars=quality.stars,
        fwhm_arcsec=quality.fwhm_px * scale if quality.fwhm_px and scale else None,
        background_adu=quality.background_adu,
    )


def set_aside(data_dir: Path, spool: Path) -> str | None:
    """Move a frame out of the spool that cannot be archived; its new path, None when it is gone."""
    if not spool.exists():
        return None
    place = layout.SET_ASIDE / layout.path_word(spool.name)
    _make(data_dir, place.parent)
    shutil.move(spool, data_dir / place)
    return str(place)


def release(data_dir: Path, frame: FrameSpooled) -> None:
    """Drop the spool file and the note of a frame that is archived and indexed: the last step.

    Raises:
        OSError: When they cannot be removed.
    """
    Path(frame.path).unlink(missing_ok=True)
    note = data_dir / layout.EXPOSURES / f"{layout.path_word(frame.exposure_id)}.json"
    note.unlink(missing_ok=True)


def _spool(job: FrameJob) -> Path:
    return Path(job.frame.path)


def _read(job: FrameJob) -> bytes:
    try:
        return read_checked(_spool(job), sha256=job.frame.sha256)
    except FileNotFoundError as error:
        raise FrameError(f"{job.frame.path}: the spool file is gone; the frame is lost") from error


def _target(data_dir: Path, frame: FrameSpooled) -> Path:
    """The frame's place; a request that was closed meanwhile keeps its finished directory."""
    finished = layout.frame_directory(frame.context, finished=True)
    under_way = layout.frame_directory(frame.context, finished=False)
    closed = finished != under_way and (data_dir / finished).parent.exists()
    directory = finished if closed else under_way
    _make(data_dir, directory)
    return data_dir / directory / layout.frame_name(frame)


def _make(data_dir: Path, directory: PurePosixPath) -> None:
    (data_dir / directory).mkdir(parents=True, exist_ok=True)


def _offer(frame: Path, link: Path) -> None:
    """A hard link, which survives renames of directories; a copy where links do not reach."""
    if link.exists():
        link.unlink()
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(frame, link)
    except OSError:
        partial = link.with_name(link.name + ".tmp")
        shutil.copy2(frame, partial)
        partial.replace(link)


def _sync_directory(directory: Path) -> None:
    """Make a rename durable (a file system that cannot sync directories does it by itself)."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
