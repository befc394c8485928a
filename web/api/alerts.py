"""Experts and alerts: events by hand, better positions, follow-ups stopped or changed, strategies.

Each order goes to the alert handler, which judges it and refuses in its own words.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from actors.alert_handler.messages import (
    ChangeFollowUp,
    NoteByHand,
    StopFollowUp,
    SwitchStrategy,
)
from actors.web_gateway.messages import ExpertOrder
from web.api.orders import ORDER_ERRORS, OrderAnswer, OrderBody, Who, Why, handed_on
from web.endpoint import Call, Endpoint, NoParameters, ProblemError

if TYPE_CHECKING:
    from aiohttp import web

    from actors.web_gateway.messages import ExpertWish
    from web.services import WebServices

AHEAD_S = 60.0
"""How far a burst's time may be ahead of our clock: clocks differ, bursts are past."""
RightAscension = Annotated[float, Meta(ge=0.0, lt=360.0, description="ICRS, degrees.")]
Declination = Annotated[float, Meta(ge=-90.0, le=90.0, description="ICRS, degrees.")]
ErrorRadius = Annotated[
    float, Meta(gt=0.0, le=90.0, description="Radius that holds 90 %, degrees.")
]
BurstTime = Annotated[
    datetime, Meta(tz=True, description="When it burst: RFC 3339, UTC, e.g. 2026-11-23T21:04:30Z.")
]
BurstClass = Annotated[
    str, Meta(min_length=1, max_length=40, pattern="^[A-Z][A-Z0-9_]*$", description="GRB, GW, ...")
]
StrategyName = Annotated[
    str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$", description="Its name.")
]


_ALERT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


class EventBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A burst that nobody else told of."""

    who: Who
    why: Why
    t0_utc: BurstTime
    ra_deg: RightAscension
    dec_deg: Declination
    error_deg: ErrorRadius
    classification: BurstClass = "GRB"


class PositionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A better position of a known burst; what is left out stays as the event has it."""

    who: Who
    why: Why
    ra_deg: RightAscension
    dec_deg: Declination
    error_deg: ErrorRadius
    t0_utc: BurstTime | None = None
    classification: BurstClass | None = None


class FollowUpBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By which strategy an event is followed up from now on."""

    who: Who
    why: Why
    strategy: StrategyName


class DefaultBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new default; null takes every change made at run time off again."""

    who: Who
    why: Why
    strategy: StrategyName | None


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy; rank 1 is the best."""

    name: str
    rank: int
    summary: str


class Strategies(msgspec.Struct, frozen=True, kw_only=True):
    """The strategies in force, in the order they are tried."""

    default: str
    changes: int
    """Changes made at run time that lie over the files."""
    classes: list[str]
    """Classes of bursts that may act."""
    strategies: list[Strategy]


async def strategies(call: Call[NoParameters, None]) -> Strategies:
    """What there is to choose from.

    Raises:
        ProblemError: 503 before the alert handler has read its rules.
    """
    return _in_force(call.services)


async def enter(call: Call[NoParameters, EventBody]) -> OrderAnswer:
    """A new event by hand."""
    return await _note(None, call)


async def correct(call: Call[NoParameters, PositionBody]) -> OrderAnswer:
    """A better position of a known event."""
    return await _note(_alert_id(call.request), call)


async def stop(call: Call[NoParameters, OrderBody]) -> OrderAnswer:
    """End an event's follow-up for good."""
    wish = StopFollowUp(
        alert_id=_alert_id(call.request),
        who=call.body.who.strip(),
        why=call.body.why.strip(),
    )
    return await _order(wish, call.services)


async def follow_otherwise(call: Call[NoParameters, FollowUpBody]) -> OrderAnswer:
    """Follow an event up by another strategy."""
    wish = ChangeFollowUp(
        alert_id=_alert_id(call.request),
        strategy=_known(call.body.strategy, call.services),
        who=call.body.who.strip(),
        why=call.body.why.strip(),
    )
    return await _order(wish, call.services)


async def switch(call: Call[NoParameters, DefaultBody]) -> OrderAnswer:
    """Another default strategy, or those of the files again."""
    name = call.body.strategy
    wish = SwitchStrategy(
        name=None if name is None else _known(name, call.services),
        who=call.body.who.strip(),
        why=call.body.why.strip(),
    )
    return await _order(wish, call.services)


def _alert_id(request: web.Request) -> str:
    alert_id = request.match_info["alert_id"]
    if not _ALERT_ID.fullmatch(alert_id):
        raise ProblemError(
            HTTPStatus.NOT_FOUND, f"there is no event {alert_id[:80]!r}; ids are in /api/1/alerts"
        )
    return alert_id


async def _note(
    alert_id: str | None, call: Call[NoParameters, EventBody] | Call[NoParameters, PositionBody]
) -> OrderAnswer:
    body, services = call.body, call.services
    if body.classification is not None:
        _check_class(body.classification, services)
    wish = NoteByHand(
        alert_id=alert_id,
        t0_utc=None if body.t0_utc is None else _burst_time(body.t0_utc, services),
        ra_deg=body.ra_deg,
        dec_deg=body.dec_deg,
        error_deg=body.error_deg,
        classification=body.classification,
        who=body.who.strip(),
        why=body.why.strip(),
    )
    return await _order(wish, services)


async def _order(wish: ExpertWish, services: WebServices) -> OrderAnswer:
    return await handed_on(ExpertOrder(wish=wish), services)


def _in_force(services: WebServices) -> Strategies:
    cell = services.model.get("strategies")
    if cell is None:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the alert handler has not read its strategies yet; ask again in some seconds",
        )
    return msgspec.convert(cell, type=Strategies)


def _known(name: str, services: WebServices) -> str:
    names = [one.name for one in _in_force(services).strategies]
    if name not in names:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"strategy: there is no {name!r}; there are {', '.join(names)}",
        )
    return name


def _check_class(name: str, services: WebServices) -> None:
    classes = _in_force(services).classes
    if name not in classes:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"classification: {name} may not act; there are {', '.join(classes)}",
        )


def _burst_time(t0_utc: datetime, services: WebServices) -> datetime:
    if t0_utc.utcoffset() != timedelta(0):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"t0_utc: {t0_utc.isoformat()} is no UTC; give it in UTC, with Z at its end",
        )
    ahead_s = (t0_utc - services.clock.now()).total_seconds()
    if ahead_s > AHEAD_S:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"t0_utc: {t0_utc.isoformat()} is {ahead_s:.0f} s ahead of the observatory's clock; "
            "give the time when it burst",
        )
    return t0_utc.astimezone(UTC)


ALERT_ERRORS = (*ORDER_ERRORS, HTTPStatus.UNPROCESSABLE_ENTITY)
EVENT_ERRORS = (*ALERT_ERRORS, HTTPStatus.NOT_FOUND)
ALERT_ID: dict[str, dict[str, Any]] = {
    "alert_id": {"type": "string", "pattern": f"^{_ALERT_ID.pattern}$"}
}
ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/1/alerts/strategies",
        operation_id="strategies",
        summary="The strategies loaded, which is the default, and the classes that may act.",
        handler=strategies,
        answer=Strategies,
        errors=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Endpoint(
        method="POST",
        path="/api/1/alerts/strategies/default",
        operation_id="switch-strategy",
        summary="Make another strategy the default; null goes back to the files.",
        handler=switch,
        answer=OrderAnswer,
        body=DefaultBody,
        errors=ALERT_ERRORS,
    ),
    Endpoint(
        method="POST",
        path="/api/1/alerts/events",
        operation_id="enter-event",
        summary="Enter a burst by hand; it is judged like any other.",
        handler=enter,
        answer=OrderAnswer,
        body=EventBody,
        errors=ALERT_ERRORS,
    ),
    Endpoint(
        method="POST",
        path="/api/1/alerts/events/{alert_id}/position",
        operation_id="correct-event",
        summary="Give an event a better position, taken before all others of it.",
        handler=correct,
        answer=OrderAnswer,
        body=PositionBody,
        path_parameters=ALERT_ID,
        errors=EVENT_ERRORS,
    ),
    Endpoint(
        method="POST",
        path="/api/1/alerts/events/{alert_id}/stop",
        operation_id="stop-follow-up",
        summary="End an event's follow-up for good.",
        handler=stop,
        answer=OrderAnswer,
        body=OrderBody,
        path_parameters=ALERT_ID,
        errors=EVENT_ERRORS,
    ),
    Endpoint(
        method="POST",
        path="/api/1/alerts/events/{alert_id}/strategy",
        operation_id="change-follow-up",
        summary="Follow an event up by another strategy, from now on and at once.",
        handler=follow_otherwise,
        answer=OrderAnswer,
        body=FollowUpBody,
        path_parameters=ALERT_ID,
        errors=EVENT_ERRORS,
    ),
)
