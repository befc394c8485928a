"""The newest frames and their previews."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from actors.web_gateway.image_section import MAX_FRAMES
from web.endpoint import Call, Endpoint, NoParameters, ProblemError

if TYPE_CHECKING:
    from pathlib import Path


class FrameParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which frames."""

    camera: Annotated[str, Meta(max_length=64, description="Only this camera's.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_FRAMES, description="Most frames.")] = 50


async def frames(call: Call[FrameParameters, None]) -> list[dict[str, Any]]:
    """The newest frames, latest first."""
    asked = call.parameters
    found = [
        dict(item)
        for item in reversed(call.services.model.stream("frame"))
        if isinstance(item, dict) and asked.camera in (None, item.get("camera"))
    ]
    return found[: asked.limit]


async def preview(call: Call[NoParameters, None]) -> web.StreamResponse:
    """The stretched preview of a frame."""
    frame_id = call.request.match_info["frame_id"]
    for item in reversed(call.services.model.stream("frame")):
        if isinstance(item, dict) and item.get("frame_id") == frame_id:
            path = inside(call.services.data_dir, str(item.get("preview_png") or ""))
            if path is not None and path.is_file():
                headers = {"Cache-Control": "no-cache", "Content-Type": "image/png"}
                return web.FileResponse(path, headers=headers)
    raise ProblemError(
        HTTPStatus.NOT_FOUND, f"no preview of frame {frame_id}; only the newest are kept at hand"
    )


def inside(root: Path, relative: str) -> Path | None:
    """The file `relative` to `root`, None when that would lead out of it."""
    if not relative:
        return None
    path = (root / relative).resolve()
    return path if path.is_relative_to(root.resolve()) else None


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/1/frames",
        operation_id="frames",
        summary="The newest frames on disk, latest first.",
        handler=frames,
        answer=list[dict[str, Any]],
        parameters=FrameParameters,
    ),
    Endpoint(
        method="GET",
        path="/api/1/frames/{frame_id}/preview.png",
        operation_id="preview",
        summary="The stretched preview of a frame.",
        handler=preview,
        answer_media="image/png",
        path_parameters={"frame_id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,120}$"}},
        errors=(HTTPStatus.NOT_FOUND,),
    ),
)
