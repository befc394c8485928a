"""What a crash leaves: notes of exposures under way, frames nobody announced, half-written files.

When a shutter opens, what the exposure is for is written to `run/exposures/`; when its frame is
archived, the note goes. So a frame in the spool whose word was lost still gets its request, its
place and its header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from actors.archive import layout
from actors.camera.messages import ExposureContext, ExposureStarted, FrameKind, FrameSpooled
from protocols.fits import FrameError, decode_frame, sha256_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

NOTES_KEPT = timedelta(days=2)
"""Notes of exposures whose frames never came are dropped when older."""

_FRAME_SUFFIXES = (".fits", ".fit")
_KINDS: dict[str, FrameKind] = {
    "light": "light",
    "dark": "dark",
    "bias": "bias",
    "flat": "flat",
}


class ExposureNote(msgspec.Struct, frozen=True, kw_only=True):
    """An exposure under way, as it is written down."""

    unit: str
    camera: str
    exposure_id: str
    exposure_s: float
    start_utc: datetime
    context: ExposureContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """What a search of the spool found.

    Attributes:
        frames: Frames whose exposure is known, in the order taken.
        unknown: Paths of frames that belong to no exposure we know of.
    """

    frames: tuple[FrameSpooled, ...]
    unknown: tuple[str, ...]


def note_exposure(data_dir: Path, started: ExposureStarted) -> None:
    """Write down what an exposure is for.

    Raises:
        OSError: When it cannot be written.
    """
    note = ExposureNote(
        unit=started.unit,
        camera=started.camera,
        exposure_id=started.exposure_id,
        exposure_s=started.exposure_s,
        start_utc=started.start_utc,
        context=started.context,
    )
    directory = data_dir / layout.EXPOSURES
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{layout.path_word(started.exposure_id)}.json"
    partial = path.with_name(path.name + ".tmp")
    partial.write_bytes(msgspec.json.encode(note))
    partial.replace(path)


def make_skeleton(data_dir: Path) -> None:
    """Make the directories of the layout, and remove files that were never finished.

    Raises:
        OSError: When a directory cannot be made.
    """
    for directory in layout.SKELETON:
        (data_dir / directory).mkdir(parents=True, exist_ok=True)
    for root in (layout.PRODUCED, layout.PREVIEWS, layout.EXPOSURES, layout.TO_SCIENCE_CENTRE):
        for partial in sorted((data_dir / root).rglob("*.tmp")):
            partial.unlink(missing_ok=True)


def active_requests(data_dir: Path) -> list[str]:
    """Ids of requests whose directory bears `_active`, sorted."""
    names = (path.name for path in (data_dir / layout.PRODUCED).iterdir() if path.is_dir())
    return sorted(found for found in map(layout.request_id_of, names) if found is not None)


def search_spool(data_dir: Path, spool_dir: Path, *, known: Collection[str]) -> Leftovers:
    """Frames in the spool beside those that are being handled.

    Args:
        data_dir: Where the notes are.
        spool_dir: Where cameras write.
        known: Paths that are being handled.

    Raises:
        OSError: When a directory cannot be read.
    """
    if not spool_dir.is_dir():
        return Leftovers(frames=(), unknown=())
    notes = _notes(data_dir)
    frames: list[FrameSpooled] = []
    unknown: list[str] = []
    for path in sorted(spool_dir.rglob("*")):
        if path.suffix not in _FRAME_SUFFIXES or str(path) in known:
            continue
        frame = _recovered(path, notes)
        if frame is None:
            unknown.append(str(path))
        else:
            frames.append(frame)
    frames.sort(key=lambda frame: (frame.start_utc, frame.exposure_id))
    return Leftovers(frames=tuple(frames), unknown=tuple(unknown))


def forget_old_notes(data_dir: Path, *, now_utc: datetime) -> int:
    """Drop notes whose frames never came; how many there were."""
    old = [note for note in _notes(data_dir) if now_utc - note.start_utc > NOTES_KEPT]
    for note in old:
        path = data_dir / layout.EXPOSURES / f"{layout.path_word(note.exposure_id)}.json"
        path.unlink(missing_ok=True)
    return len(old)


def _notes(data_dir: Path) -> list[ExposureNote]:
    notes: list[ExposureNote] = []
    for path in sorted((data_dir / layout.EXPOSURES).glob("*.json")):
        try:
            notes.append(msgspec.json.decode(path.read_bytes(), type=ExposureNote))
        except msgspec.MsgspecError:
            path.unlink(missing_ok=True)  # cut by a crash: nothing can be learnt from it
    return notes


def _recovered(path: Path, notes: list[ExposureNote]) -> FrameSpooled | None:
    """The frame as its camera would have announced it, None when its exposure is not known."""
    try:
        header = decode_frame(path.read_bytes(), str(path)).header
    except FrameError:
        return None
    note = next((one for one in notes if _belongs(one.exposure_id, path, header)), None)
    if note is None:
        return None
    exposure_s = float(header.get("EXPTIME", note.exposure_s))
    return FrameSpooled(
        unit=note.unit,
        camera=note.camera,
        exposure_id=note.exposure_id,
        path=str(path),
        sha256=sha256_of(path),
        kind=_KINDS.get(str(header.get("IMAGETYP", "light")).lower(), "light"),
        start_utc=note.start_utc,
        end_utc=note.start_utc + timedelta(seconds=exposure_s),
        exposure_s=exposure_s,
        aborted=exposure_s < 0.99 * note.exposure_s,
        context=note.context,
    )


def _belongs(exposure_id: str, path: Path, header: Mapping[str, Any]) -> bool:
    """By the id in the header; a camera that writes none has it, as a whole word, in the name."""
    if "EXPID" in header:
        return str(header["EXPID"]) == exposure_id
    word = rf"(?<![A-Za-z0-9]){re.escape(exposure_id)}(?![A-Za-z0-9])"
    return re.search(word, path.stem) is not None
