"""The journal, page by page, by sequence number."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from actors.web_gateway.json_values import instant
from pyros.errors import PyrosError
from pyros.store.journal import JournalFilter
from web.endpoint import Call, Endpoint, ProblemError

if TYPE_CHECKING:
    from pyros.store.journal import WrittenLine

Severity = Literal["info", "notice", "warning", "alarm"]
_SEVERITIES: tuple[str, ...] = get_args(Severity)
_SEQ = Meta(ge=0, le=2**53 - 1, description="A sequence number of the journal.")
_WORDS = Meta(min_length=1, max_length=80, description="Only lines whose text contains this.")


class JournalParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries."""

    since: Annotated[int, _SEQ] | None = None
    before: Annotated[int, _SEQ] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000, description="Most entries.")] = 200
    severity: Severity = "info"
    words: Annotated[str, _WORDS] | None = None


class JournalRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One entry."""

    seq: int
    time_utc: str
    kind: str
    severity: str
    subject: str
    text: str
    who: str
    cause: str
    trace_id: str
    data: Any


async def journal(call: Call[JournalParameters, None]) -> list[JournalRecord]:
    """Entries after `since` (the oldest ones), or before `before` or the end (the newest ones)."""
    asked = call.parameters
    if asked.since is not None and asked.before is not None and asked.since >= asked.before:
        return []
    chosen = JournalFilter(
        severities=_SEVERITIES[_SEVERITIES.index(asked.severity) :], words=asked.words
    )
    try:
        lines = await call.services.store.journal.read(
            since=asked.since or 0,
            until=None if asked.before is None else asked.before - 1,
            limit=asked.limit,
            chosen=chosen,
            newest_first=asked.since is None,
        )
    except PyrosError as error:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, f"the journal cannot be read: {error}"
        ) from error
    records = [_record(line) for line in lines]
    return records if asked.since is not None else records[::-1]


def _record(written: WrittenLine) -> JournalRecord:
    line = written.line
    return JournalRecord(
        seq=written.seq,
        time_utc=instant(line.time_utc) or "",
        kind=line.kind,
        severity=line.severity,
        subject=line.subject,
        text=line.text,
        who=line.who,
        cause=line.cause,
        trace_id=line.trace_id,
        data=line.data,
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/1/journal",
        operation_id="journal",
        summary="Journal entries, oldest first, after `since` or before `before`.",
        handler=journal,
        answer=list[JournalRecord],
        parameters=JournalParameters,
        errors=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
)
