"""Who may talk to the server: its own pages and local programs, never another site's page.

There are no accounts yet, so a browser is the way in for strangers: a page elsewhere that posts
here, opens our stream, or has its name resolve to this address. Each is refused by what the browser
itself says of where a request comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from web.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aiohttp.typedefs import Handler

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def refusal(
    *, method: str, path: str, headers: Mapping[str, str], allowed_hosts: Collection[str]
) -> str | None:
    """Why a request must be refused, or None.

    Args:
        method: HTTP method.
        path: What is asked; `/ws` is as delicate as a change.
        headers: Case-insensitive request headers.
        allowed_hosts: Names by which the server may be called beside localhost.
    """
    host = headers.get("Host", "")
    name = urlsplit(f"//{host}").hostname or ""
    if name not in LOCAL_HOSTS and name not in allowed_hosts:
        return f"this server is not called {name!r}; add it to web.allowed_hosts if it should be"
    if method in SAFE_METHODS and path != "/ws":
        return None
    site = headers.get("Sec-Fetch-Site")
    if site not in (None, "same-origin", "none"):
        return f"requests from another site ({site}) are refused"
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return f"requests from {origin} are refused: this is {host}"
    return None


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what `refusal` refuses with 403."""
    try:
        reason = refusal(
            method=request.method,
            path=request.path,
            headers=request.headers,
            allowed_hosts=request.app[SERVICES].settings.allowed_hosts,
        )
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"unreadable Host or Origin header: {error}") from error
    if reason is not None:
        raise web.HTTPForbidden(text=reason)
    return await handler(request)


async def add_security_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on every answer (a signal of aiohttp)."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
