"""What the archive says: a frame is complete on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyros.actor import Message

if TYPE_CHECKING:
    from actors.camera.messages import FrameSpooled


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameArchived(Message):
    """Event: a frame lies complete under the data directory.

    Attributes:
        frame: The frame as it was spooled.
        path: Path relative to the data directory.
        bytes: Size of the file.
        preview_png: Path of the stretched preview relative to the data directory.
        stars: Stars detected, None when not measured.
        fwhm_arcsec: Median width of stars, None when not measured.
        background_adu: Median of the frame.
    """

    frame: FrameSpooled
    path: str
    bytes: int
    preview_png: str
    stars: int | None
    fwhm_arcsec: float | None
    background_adu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceDirectoryClosed(Message):
    """Event: a request's directory lost its `_active` suffix."""

    request_id: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRequest(Message):
    """From the scheduler: every sequence of this request is final; its directory is complete.

    Frames that were spooled before are archived first. Telling it twice is harmless.
    """

    request_id: str
