"""Exposures in progress and frames on disk, camera by camera, as the pages show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.archive.messages import FrameArchived
from actors.camera.messages import ExposureContext, ExposureStarted, FrameSpooled
from actors.web_gateway.changes import Change, Json, Put
from actors.web_gateway.json_values import instant, number

if TYPE_CHECKING:
    from actors.web_gateway.live_model import LiveModel


def frame(event: ExposureStarted | FrameSpooled | FrameArchived, model: LiveModel) -> list[Change]:
    """A shutter opened, a frame reached the spool, or a frame lies complete on disk."""
    match event:
        case ExposureStarted():
            return [_started(event)]
        case FrameSpooled():
            return _spooled(event, model)
        case FrameArchived():
            return _archived(event)


def _context(context: ExposureContext) -> dict[str, Json]:
    return {
        "object_name": context.object_name,
        "filter_name": context.filter_name,
        "image_index": context.image_index,
        "image_count": context.image_count,
        "request_id": context.request_id,
        "sequence_id": context.sequence_id,
        "programme_id": context.programme_id,
        "observer": context.observer,
        "alert_id": context.alert_id,
        "night": context.night,
        "ra_deg": number(context.ra_deg),
        "dec_deg": number(context.dec_deg),
    }


def _started(event: ExposureStarted) -> Change:
    return Put(
        key=f"exposures/{event.unit}/{event.camera}",
        value={
            "unit": event.unit,
            "camera": event.camera,
            "exposure_id": event.exposure_id,
            "exposure_s": number(event.exposure_s, 3),
            "start_utc": instant(event.start_utc),
            "running": True,
            **_context(event.context),
        },
    )


def _spooled(event: FrameSpooled, model: LiveModel) -> list[Change]:
    key = f"exposures/{event.unit}/{event.camera}"
    known = model.record(key)
    if known.get("exposure_id") != event.exposure_id:
        return []
    ended: Json = {**known, "running": False, "aborted": event.aborted}
    return [Put(key=key, value=ended)]


def _archived(event: FrameArchived) -> list[Change]:
    spooled = event.frame
    record: dict[str, Json] = {
        "frame_id": spooled.exposure_id,
        "unit": spooled.unit,
        "camera": spooled.camera,
        "kind": spooled.kind,
        "start_utc": instant(spooled.start_utc),
        "end_utc": instant(spooled.end_utc),
        "exposure_s": number(spooled.exposure_s, 3),
        "aborted": spooled.aborted,
        "path": event.path,
        "preview_png": event.preview_png,
        "bytes": event.bytes,
        "sha256": spooled.sha256,
        "stars": event.stars,
        "fwhm_arcsec": number(event.fwhm_arcsec, 3),
        "background_adu": number(event.background_adu, 2),
        **_context(spooled.context),
    }
    return [Put(key=f"images/{spooled.unit}/{spooled.camera}", value=record)]
