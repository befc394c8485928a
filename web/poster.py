"""Who posts an alert packet: a configured token, or, where there are none, this machine."""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import TYPE_CHECKING

from actors.web_gateway.orders import LOCAL_SOURCE
from web.endpoint import ProblemError

if TYPE_CHECKING:
    from aiohttp import web

    from actors.alert_source.http_tokens import HttpTokens

FORWARDED = ("Forwarded", "X-Forwarded-For", "Via")
"""Headers by which a proxy says that the request is not its own."""


def source_of_poster(request: web.Request, tokens: HttpTokens) -> str:
    """The source that the packet in a request comes from.

    Args:
        request: The request.
        tokens: The tokens that are taken.

    Raises:
        ProblemError: 401 without a token that is taken; without any configured, when the request
            comes from another machine.
    """
    given = request.headers.getall("Authorization", [])
    if not tokens and not given:
        if _is_local(request):
            return LOCAL_SOURCE
        raise _unknown("packets from other machines need a token; see alerts.sources.http")
    if not tokens:
        raise _unknown("no token is configured here; add it to alerts.sources.http")
    if len(given) != 1:
        raise _unknown("send one header `Authorization: Bearer TOKEN` with the packet")
    scheme, _, token = given[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unknown("send the token as `Authorization: Bearer TOKEN`")
    source = tokens.source_of(token.strip())
    if source is None:
        raise _unknown("this token is not known here")
    return source


def _is_local(request: web.Request) -> bool:
    """Whether a program on this machine asks, and for itself."""
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _unknown(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})
