"""Operators' orders and alert packets: what may be posted."""

from __future__ import annotations

import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from actors.web_gateway.messages import OperatorOrder, OrderAction, SubmitPacket
from pyros.actor import Rejected
from pyros.errors import PyrosError
from web.endpoint import Call, Endpoint, NoParameters, ProblemError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from actors.web_gateway.messages import ExpertOrder
    from web.services import WebServices

_PRINTABLE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
Who = Annotated[str, Meta(min_length=1, max_length=80, pattern=_PRINTABLE, description="Operator.")]
Why = Annotated[str, Meta(min_length=1, max_length=400, pattern=_PRINTABLE, description="Reason.")]
AlertKind = Annotated[
    str,
    Meta(
        min_length=1, max_length=40, pattern="^[a-z0-9-]+$", description="Template, e.g. swift-bat."
    ),
]


class OrderBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who orders and why."""

    who: Who
    why: Why


class InjectBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who injects which test alert and why."""

    who: Who
    why: Why
    kind: AlertKind


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from an order, in one sentence."""

    text: str


class PacketAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A packet is stored and will be judged."""

    accepted: bool
    ivorn: str | None
    reason: str


PACKET_MEDIA = ("application/xml", "text/xml", "application/json", "application/octet-stream")
ORDER_ERRORS = (
    HTTPStatus.FORBIDDEN,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


async def handed_on(order: OperatorOrder | ExpertOrder, services: WebServices) -> OrderAnswer:
    """Hand an order to the gateway.

    Raises:
        ProblemError: 409 when it is refused, 503 when nobody answers.
    """
    try:
        taken = await services.gateway.ask(order)
    except Rejected as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error)) from error
    except PyrosError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
    return OrderAnswer(text=taken.text)


async def order(
    action: OrderAction, call: Call[NoParameters, OrderBody | InjectBody]
) -> OrderAnswer:
    """An operator's order, by its name."""
    body = call.body
    message = OperatorOrder(
        action=action,
        who=body.who.strip(),
        why=body.why.strip(),
        alert_kind=body.kind if isinstance(body, InjectBody) else "",
    )
    return await handed_on(message, call.services)


async def packet(call: Call[NoParameters, bytes]) -> PacketAnswer:
    """Hand a raw packet to the alert source.

    Raises:
        ProblemError: 422 when it is no alert, 503 when it could not be stored.
    """
    try:
        stored = await call.services.gateway.ask(SubmitPacket(raw=call.body, source=call.poster))
    except PyrosError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
    if not stored.accepted:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"not an alert: {stored.reason}")
    return PacketAnswer(accepted=True, ivorn=stored.ivorn, reason=stored.reason)


def _order_endpoint(action: OrderAction, summary: str) -> Endpoint:
    handler: Callable[[Call[Any, Any]], Awaitable[object]] = functools.partial(order, action)
    return Endpoint(
        method="POST",
        path=f"/api/1/commands/{action}",
        operation_id=f"command-{action}",
        summary=summary,
        handler=handler,
        answer=OrderAnswer,
        body=InjectBody if action is OrderAction.INJECT_ALERT else OrderBody,
        errors=ORDER_ERRORS,
    )


ENDPOINTS = (
    _order_endpoint(OrderAction.PAUSE, "Abort what runs and start nothing new."),
    _order_endpoint(OrderAction.RESUME, "Go on automatically."),
    _order_endpoint(OrderAction.ABORT, "End the running sequence and go on with the plan."),
    _order_endpoint(OrderAction.CLOSE_DOME, "Close and park now, and stay paused."),
    _order_endpoint(OrderAction.INJECT_ALERT, "Inject a test alert, which acts as a real one."),
    Endpoint(
        method="POST",
        path="/api/1/alerts",
        operation_id="submit-packet",
        summary="Hand in a raw alert packet, VOEvent XML or JSON; answered when it is stored.",
        handler=packet,
        answer=PacketAnswer,
        status=HTTPStatus.ACCEPTED,
        raw_body=PACKET_MEDIA,
        errors=(*ORDER_ERRORS, HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY),
        by_token=True,
    ),
)
