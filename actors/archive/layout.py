"""Where everything lies below the data directory. Pure names; nothing here touches the disk.

PRODUCED_DATA/{routine|alert}_{request}_active/{sequence}/      while the request lasts
PRODUCED_DATA/{routine|alert}_{request}/{sequence}/             when it is finished
PRODUCED_DATA/calibrations_{night}/
PRODUCED_DATA/set_aside/                                        what could not be understood
EXTERNAL_ENTITIES/{GIC,FSC}/{TO,FROM}/
previews/{night}/
run/exposures/                                                  exposures under way
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.camera.messages import ExposureContext, FrameSpooled

PRODUCED = PurePosixPath("PRODUCED_DATA")
EXTERNAL = PurePosixPath("EXTERNAL_ENTITIES")
SET_ASIDE = PRODUCED / "set_aside"
PREVIEWS = PurePosixPath("previews")
EXPOSURES = PurePosixPath("run/exposures")
TO_SCIENCE_CENTRE = EXTERNAL / "FSC/TO"
SKELETON = (
    PRODUCED,
    SET_ASIDE,
    PREVIEWS,
    EXPOSURES,
    *(EXTERNAL / entity / way for entity in ("GIC", "FSC") for way in ("TO", "FROM")),
)
"""Directories made when the archive starts."""

ACTIVE = "_active"
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


def path_word(text: str) -> str:
    """`text` as part of a file name: anything but letters, digits and `._+-` becomes a hyphen."""
    return _UNSAFE.sub("-", text).strip(".-") or "none"


def request_directory(request_id: str, *, alert: bool) -> PurePosixPath:
    """The directory of a finished request."""
    return PRODUCED / f"{'alert' if alert else 'routine'}_{path_word(request_id)}"


def active(directory: PurePosixPath) -> PurePosixPath:
    """The same directory while its request lasts."""
    return directory.with_name(directory.name + ACTIVE)


def request_id_of(name: str) -> str | None:
    """The request whose active directory bears this name, None when it is no such directory."""
    match = re.fullmatch(rf"(?:routine|alert)_(.+){ACTIVE}", name)
    return match[1] if match else None


def frame_directory(context: ExposureContext, *, finished: bool) -> PurePosixPath:
    """The directory of a frame.

    Args:
        context: What it was taken for.
        finished: Whether its request's directory has lost `_active` already.
    """
    if context.request_id is None:
        return PRODUCED / f"calibrations_{path_word(context.night)}"
    directory = request_directory(context.request_id, alert=context.alert_id is not None)
    if not finished:
        directory = active(directory)
    return directory / path_word(context.sequence_id or "unknown")


def frame_name(frame: FrameSpooled) -> str:
    """A name that is unique and sorts by time: what, camera, filter, number, start."""
    context = frame.context
    what = frame.kind if context.request_id is None else path_word(context.object_name)
    middle = f"{frame.exposure_s:g}s" if frame.kind in ("dark", "bias") else context.filter_name
    start = frame.start_utc
    stamp = f"{start:%Y%m%dT%H%M%S}{start.microsecond // 1000:03d}"
    words = (stamp, frame.unit, frame.camera, what, middle, f"{context.image_index:04d}")
    return "_".join(path_word(word) for word in words) + ".fits"
