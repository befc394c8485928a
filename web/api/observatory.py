"""What the observatory is doing: snapshot, plan, alerts, trends, and the health of the process."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from actors.web_gateway.json_values import instant
from actors.web_gateway.trends import QUANTITIES
from web.endpoint import Call, Endpoint, NoParameters
from web.live import HUB

DATABASE_WITHIN_S = 2.0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the process and what it leans on are well."""

    status: str
    """`ok`, or `degraded` when something below is not."""
    boot: str
    version: str
    time_utc: str
    broker: str
    """`up`, `down` or `unknown`."""
    database: str
    """`ok`, or what is wrong."""
    loop_late_ms: float
    """How late the last beat of the event loop was, wall milliseconds."""
    mode: str | None
    safety: str | None
    pages: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The live model: cells by path, and the newest lines of the log."""

    boot: str
    version: int
    time_utc: str
    cells: dict[str, Any]
    log: list[dict[str, Any]]


class TrendParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the weather trends."""

    hours: Annotated[float, Meta(gt=0, le=24, description="How far back, hours.")] = 6.0
    points: Annotated[int, Meta(ge=2, le=2000, description="Most points per curve.")] = 720


class Trends(msgspec.Struct, frozen=True, kw_only=True):
    """Weather trends as columns; null where there was no good value."""

    time_unix_s: list[float]
    stations: dict[str, dict[str, list[float | None]]]


async def health(call: Call[NoParameters, None]) -> Health:
    """Health of the process; answers whatever is broken."""
    services = call.services
    hub = call.request.app[HUB]
    try:
        async with asyncio.timeout(services.clock.wall_to_loop_s(DATABASE_WITHIN_S)):
            await services.store.journal.last_seq()
        wrong = ""
    except TimeoutError:
        wrong = f"no answer within {DATABASE_WITHIN_S:g} s"
    except Exception as error:  # noqa: BLE001 - health must answer whatever the database does
        wrong = f"{type(error).__name__}: {error}"
    broker = services.model.record("link").get("broker")
    mode, safety = (services.model.record(key).get(key) for key in ("mode", "safety"))
    well = not wrong and broker == "up"
    return Health(
        status="ok" if well else "degraded",
        boot=services.boot_id,
        version=services.version,
        time_utc=instant(services.clock.now()) or "",
        broker=broker if isinstance(broker, str) else "unknown",
        database=wrong or "ok",
        loop_late_ms=round(hub.late_s * 1000.0, 3),
        mode=mode if isinstance(mode, str) else None,
        safety=safety if isinstance(safety, str) else None,
        pages=hub.clients,
    )


async def snapshot(call: Call[NoParameters, None]) -> Snapshot:
    """Everything the page shows now."""
    model = call.services.model
    return Snapshot(
        boot=call.services.boot_id,
        version=model.version,
        time_utc=instant(call.services.clock.now()) or "",
        cells={key: model.get(key) for key in model.paths()},
        log=[item for item in model.stream("log") if isinstance(item, dict)],
    )


async def plan(call: Call[NoParameters, None]) -> dict[str, Any]:
    """The plan in force; empty before the first."""
    return dict(call.services.model.record("plan"))


async def alerts(call: Call[NoParameters, None]) -> list[dict[str, Any]]:
    """The newest alerts, latest first."""
    known = [
        dict(item)
        for item in call.services.model.under("alerts").values()
        if isinstance(item, dict)
    ]
    return sorted(known, key=lambda item: str(item.get("received_utc") or ""), reverse=True)


async def trends(call: Call[TrendParameters, None]) -> Any:
    """Weather trends of all stations."""
    since = call.services.clock.unix_s() - call.parameters.hours * 3600.0
    return call.services.trends.table(
        since_unix_s=since, points=call.parameters.points, quantities=QUANTITIES
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/health",
        operation_id="health",
        summary="Whether the process, its broker and its database are well; always answers.",
        handler=health,
        answer=Health,
        status=HTTPStatus.OK,
    ),
    Endpoint(
        method="GET",
        path="/api/1/snapshot",
        operation_id="snapshot",
        summary="The live model: all that the page shows.",
        handler=snapshot,
        answer=Snapshot,
    ),
    Endpoint(
        method="GET",
        path="/api/1/plan",
        operation_id="plan",
        summary="The plan in force, with what could not be scheduled and why.",
        handler=plan,
        answer=dict[str, Any],
    ),
    Endpoint(
        method="GET",
        path="/api/1/alerts",
        operation_id="alerts",
        summary="The newest alerts with decisions, reasons and latencies.",
        handler=alerts,
        answer=list[dict[str, Any]],
    ),
    Endpoint(
        method="GET",
        path="/api/1/trends",
        operation_id="trends",
        summary="Weather trends, decimated.",
        handler=trends,
        answer=Trends,
        parameters=TrendParameters,
    ),
)
