"""The journal, page by page, by sequence number."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from pyros.errors import PyrosError
from web.endpoint import Call, Endpoint, ProblemError

_SEQ = Meta(ge=0, le=2**53 - 1, description="A sequence number of the journal.")


class JournalParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries."""

    since: Annotated[int, _SEQ] | None = None
    before: Annotated[int, _SEQ] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000, description="Most entries.")] = 200


async def journal(call: Call[JournalParameters, None]) -> list[dict[str, Any]]:
    """Entries after `since` (the oldest ones), or before `before` or the end (the newest ones)."""
    asked = call.parameters
    try:
        return await call.services.journal.lines(
            since=asked.since, before=asked.before, limit=asked.limit
        )
    except PyrosError as error:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, f"the journal cannot be read: {error}"
        ) from error


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/1/journal",
        operation_id="journal",
        summary="Journal entries, oldest first, after `since` or before `before`.",
        handler=journal,
        answer=list[dict[str, Any]],
        parameters=JournalParameters,
        errors=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
)
