"""What a camera actor says and obeys beside what every device does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyros.actor import Message, Request

if TYPE_CHECKING:
    from datetime import datetime

FrameKind = Literal["light", "dark", "bias", "flat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSpooled(Message):
    """Event: a frame lies in the spool, checked against its sum; the archive completes it.

    Attributes:
        unit: Telescope id.
        camera: Camera id, which is the channel.
        exposure_id: Id the frame was asked under.
        path: Absolute path of the spool file.
        sha256: Sum of the spool file.
        kind: Kind of frame.
        start_utc: Shutter open.
        end_utc: Shutter closed.
        exposure_s: Seconds open (shorter than asked when aborted).
        aborted: Whether it was cut short.
        context: What the exposure was for, as given with `Expose`.
    """

    unit: str
    camera: str
    exposure_id: str
    path: str
    sha256: str
    kind: FrameKind
    start_utc: datetime
    end_utc: datetime
    exposure_s: float
    aborted: bool
    context: ExposureContext


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureStarted(Message):
    """Event: the shutter opened (the first photon of a sequence, for an alert's trace)."""

    unit: str
    camera: str
    exposure_id: str
    exposure_s: float
    start_utc: datetime
    context: ExposureContext


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureContext:
    """What an exposure is for: goes into the header and the name of its file.

    Attributes:
        night: Night label, e.g. `2026-11-23`.
        request_id: Request, None for calibrations.
        sequence_id: Sequence, None for calibrations.
        programme_id: Programme charged, None for calibrations.
        observer: Who asked.
        object_name: Target, or e.g. `dark`.
        ra_deg: ICRS, None for calibrations.
        dec_deg: ICRS, None for calibrations.
        filter_name: Filter in the beam.
        image_index: 1-based number within the sequence and channel.
        image_count: How many the sequence asks of this channel.
        alert_id: Alert event, None for routine work.
        plan_index: 1-based number of the plan within the album.
    """

    night: str
    request_id: str | None
    sequence_id: str | None
    programme_id: str | None
    observer: str
    object_name: str
    ra_deg: float | None
    dec_deg: float | None
    filter_name: str
    image_index: int
    image_count: int
    alert_id: str | None = None
    plan_index: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureResult:
    """How an exposure ended: the frame, or why there is none."""

    exposure_id: str
    frame: FrameSpooled | None
    aborted: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expose(Request[ExposureResult]):
    """Take one frame; answered when it lies in the spool or failed. Abort by `AbortCommand`."""

    exposure_s: float
    kind: FrameKind
    context: ExposureContext
    binning: int = 1
    cause: str = ""
