"""Every alert packet that ever came in: raw, as it was understood, and what was decided and why."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from actors.web_gateway.json_values import instant
from pyros.errors import PyrosError
from web.endpoint import Call, Endpoint, NoParameters, ProblemError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pyros.store import PacketRecord

T = TypeVar("T")
_ID = re.compile(r"[0-9]{1,16}")
_LAST = 2**53 - 1
_NUMBER = Meta(ge=1, le=_LAST, description="Only packets with a smaller number.")


class PacketParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which packets."""

    before: Annotated[int, _NUMBER] | None = None
    limit: Annotated[int, Meta(ge=1, le=200, description="Most packets.")] = 50


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """One packet; `notice` is null when it could not be read, `decision` until it is judged."""

    packet_id: int
    received_utc: str
    source: str
    topic: str | None
    injected: bool
    bytes: int
    sha256: str
    duplicate_of: int | None
    ivorn: str | None
    decision: str | None
    reasons: list[str]
    alert_id: str | None
    judged_utc: str | None
    notice: dict[str, Any] | None


async def packets(call: Call[PacketParameters, None]) -> list[Packet]:
    """The newest packets, newest first; one is read after the other, for they may be large.

    Raises:
        ProblemError: 503 when the database cannot be read.
    """
    store, asked = call.services.store, call.parameters
    newest = await _from_store(store.alerts.recent_packets(limit=1))
    last = newest[0].packet_id if newest else 0
    first = min(last, (asked.before or _LAST) - 1)
    found: list[Packet] = []
    for number in range(first, max(0, first - asked.limit), -1):
        record = await _from_store(store.alerts.packet(number))
        if record is not None:
            found.append(_packet(record))
    return found


async def raw(call: Call[NoParameters, None]) -> web.Response:
    """The bytes of a packet as they came in, never for a browser to interpret.

    Raises:
        ProblemError: 404 when there is none of that number, 503 without the database.
    """
    text = call.request.match_info["packet_id"]
    number = int(text) if _ID.fullmatch(text) else 0
    record = None
    if 0 < number <= _LAST:
        record = await _from_store(call.services.store.alerts.packet(number))
    if record is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND, f"there is no packet {text[:40]!r}; see /api/1/alerts/packets"
        )
    return web.Response(
        body=record.raw,
        content_type="application/octet-stream",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="packet-{record.packet_id}"',
        },
    )


async def _from_store(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except PyrosError as error:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, f"packets cannot be read: {error}"
        ) from error


def _packet(record: PacketRecord) -> Packet:
    return Packet(
        packet_id=record.packet_id,
        received_utc=instant(record.received_utc) or "",
        source=record.source,
        topic=record.topic,
        injected=record.injected,
        bytes=len(record.raw),
        sha256=record.sha256,
        duplicate_of=record.duplicate_of,
        ivorn=record.ivorn,
        decision=record.decision,
        reasons=list(record.reasons),
        alert_id=record.alert_id,
        judged_utc=instant(record.judged_utc),
        notice=record.notice,
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/1/alerts/packets",
        operation_id="packets",
        summary="Every alert packet, accepted or not, with its reasons; newest first.",
        handler=packets,
        answer=list[Packet],
        parameters=PacketParameters,
        errors=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Endpoint(
        method="GET",
        path="/api/1/alerts/packets/{packet_id}/raw",
        operation_id="packet-raw",
        summary="The bytes of a packet as they came in.",
        handler=raw,
        answer_media="application/octet-stream",
        path_parameters={"packet_id": {"type": "integer", "minimum": 1, "maximum": _LAST}},
        errors=(HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    ),
)
