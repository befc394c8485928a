"""The aiohttp application: pages, REST, live stream, and the manners common to them all."""

from __future__ import annotations

import functools
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from web.api import alerts, frames, journal, observatory, orders, packets
from web.assets import ASSETS, load_assets, page, static_file
from web.endpoint import (
    Call,
    Endpoint,
    ProblemError,
    json_body_of,
    json_response,
    problem_response,
    query_of,
    raw_body_of,
)
from web.guard import add_security_headers, guard
from web.live import HUB, LiveHub, live_stream
from web.openapi import describe
from web.poster import source_of_poster
from web.services import SERVICES, WebServices

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

_log = logging.getLogger("pyros.web")
ENDPOINTS: tuple[Endpoint, ...] = (
    *observatory.ENDPOINTS,
    *journal.ENDPOINTS,
    *frames.ENDPOINTS,
    *orders.ENDPOINTS,
    *alerts.ENDPOINTS,
    *packets.ENDPOINTS,
)


def create_app(services: WebServices) -> web.Application:
    """The application, ready for a runner.

    Args:
        services: What the handlers work with.
    """
    app = web.Application(
        middlewares=[problems, guard], client_max_size=services.settings.max_packet_bytes
    )
    assets = load_assets()
    hub = LiveHub(services, assets.tree_hash)
    app[SERVICES] = services
    app[ASSETS] = assets
    app[HUB] = hub
    for endpoint in ENDPOINTS:
        app.router.add_route(
            endpoint.method, endpoint.path, functools.partial(_serve, endpoint, services)
        )
    document = describe(ENDPOINTS, version=services.version)

    async def openapi(_request: web.Request) -> web.Response:
        return json_response(document)

    app.router.add_get("/api/1/openapi.json", openapi)
    app.router.add_get("/ws", live_stream)
    app.router.add_get("/", page)
    app.router.add_get("/a/{hash}/{path:.+}", static_file)
    app.on_response_prepare.append(add_security_headers)
    app.cleanup_ctx.append(hub.run)
    app.on_shutdown.append(hub.close)
    return app


async def _serve(
    endpoint: Endpoint, services: WebServices, request: web.Request
) -> web.StreamResponse:
    """Validate a request by its row, call the handler, write the answer down."""
    parameters = query_of(request, endpoint.parameters)
    poster = source_of_poster(request, services.tokens) if endpoint.by_token else ""
    body: object = None
    if endpoint.body is not None:
        body = await json_body_of(request, endpoint.body)
    elif endpoint.raw_body:
        body = await raw_body_of(request, endpoint.raw_body)
    answer = await endpoint.handler(
        Call(request=request, services=services, parameters=parameters, body=body, poster=poster)
    )
    if isinstance(answer, web.StreamResponse):
        return answer
    return json_response(answer, status=endpoint.status)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal and every mistake of ours is answered as problem details."""
    try:
        return await handler(request)
    except ProblemError as error:
        return problem_response(error.status, error.detail, error.headers)
    except web.HTTPRequestEntityTooLarge:
        limit = request.app[SERVICES].settings.max_packet_bytes
        return problem_response(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {limit} bytes"
        )
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        allow = error.headers.get("Allow")
        return problem_response(
            error.status, error.text or error.reason, {"Allow": allow} if allow else None
        )
    except Exception:  # noqa: BLE001 - a page must be told, whatever broke; the log has the rest
        _log.exception("%s %s failed", request.method, request.path)
        return problem_response(
            HTTPStatus.INTERNAL_SERVER_ERROR, "PyROS made a mistake; its log has the details"
        )
