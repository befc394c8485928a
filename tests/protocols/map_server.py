"""A server of sky maps on loopback that behaves in every way that one must survive."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(slots=True)
class MapServer:
    """What it serves, and what it was asked.

    Attributes:
        port: Where it listens.
        fits: The file at `/map.fits`; None answers 404.
        asked: Paths asked for, in order.
        arrived: Set at each question.
    """

    port: int = 0
    fits: bytes | None = None
    asked: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/map.fits") -> str:
        """An address of it."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Behave as the path says."""
        self.asked.append(request.path)
        self.arrived.set()
        match request.path:
            case "/map.fits" if self.fits is not None:
                return web.Response(body=self.fits)
            case "/announced":
                return web.Response(body=b"SIMPLE  =" + bytes(200_000))
            case "/unannounced" | "/trickle":
                return await self._stream(request)
            case "/elsewhere":
                raise web.HTTPFound("http://localhost.evil.example/map.fits")
            case "/moved":
                raise web.HTTPFound("/map.fits")
            case "/nonsense":
                return web.Response(status=302, headers={"Location": "http://[bad/map.fits"})
            case "/round":
                raise web.HTTPFound("/round")
            case "/gone":
                raise web.HTTPGone
            case "/page":
                return web.Response(text="<html>soon</html>")
            case "/broken":
                raise web.HTTPBadGateway
            case _:
                raise web.HTTPNotFound

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Bytes without an end: as fast as they are taken, or one and then none."""
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"SIMPLE  =")
        with contextlib.suppress(ConnectionError):
            while request.path == "/unannounced":
                await response.write(bytes(65_536))
            await self.over.wait()
        return response


@contextlib.asynccontextmanager
async def map_server() -> AsyncIterator[MapServer]:
    """Serve on any free port of this machine."""
    server = MapServer()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        server.over.set()
        await runner.cleanup()
