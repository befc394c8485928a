"""The newest frames on disk and their previews, from the store's index."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from actors.web_gateway.json_values import instant
from pyros.errors import PyrosError
from web.endpoint import Call, Endpoint, NoParameters, ProblemError

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path
    from typing import TypeVar

    from pyros.store.frames import FrameRecord

    T = TypeVar("T")

LOOKED_THROUGH = 500
"""Newest frames of the index that a question for one camera looks through."""


class FrameParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which frames."""

    camera: Annotated[str, Meta(max_length=64, description="Only this camera's.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=200, description="Most frames.")] = 50


async def frames(call: Call[FrameParameters, None]) -> list[dict[str, Any]]:
    """The newest frames, latest first."""
    asked = call.parameters
    looked = asked.limit if asked.camera is None else LOOKED_THROUGH
    found = await _from_store(call.services.store.frames.recent(limit=looked))
    chosen = [frame for frame in found if asked.camera in (None, frame.camera)]
    return [_record(frame) for frame in chosen[: asked.limit]]


async def preview(call: Call[NoParameters, None]) -> web.StreamResponse:
    """The stretched preview of a frame."""
    frame_id = call.request.match_info["frame_id"]
    frame = await _from_store(call.services.store.frames.get(frame_id))
    path = None if frame is None else inside(call.services.data_dir, frame.preview_png)
    if path is None or not path.is_file():
        raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no preview of frame {frame_id}")
    headers = {"Cache-Control": "no-cache", "Content-Type": "image/png"}
    return web.FileResponse(path, headers=headers)


def inside(root: Path, relative: str) -> Path | None:
    """The file `relative` to `root`, None when that would lead out of it."""
    if not relative or "\0" in relative:
        return None
    path = (root / relative).resolve()
    return path if path.is_relative_to(root.resolve()) else None


async def _from_store(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except PyrosError as error:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, f"the index of frames cannot be read: {error}"
        ) from error


def _record(frame: FrameRecord) -> dict[str, Any]:
    record = asdict(frame)
    record["frame_id"] = frame.exposure_id
    record["start_utc"] = instant(frame.start_utc)
    record["archived_utc"] = instant(frame.archived_utc)
    return record


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/1/frames",
        operation_id="frames",
        summary="The newest frames on disk, latest first.",
        handler=frames,
        answer=list[dict[str, Any]],
        parameters=FrameParameters,
        errors=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Endpoint(
        method="GET",
        path="/api/1/frames/{frame_id}/preview.png",
        operation_id="preview",
        summary="The stretched preview of a frame.",
        handler=preview,
        answer_media="image/png",
        path_parameters={"frame_id": {"type": "string", "minLength": 1, "maxLength": 120}},
        errors=(HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    ),
)
