"""The live stream: one read-only WebSocket per page, protocol `pyros.v1`.

    hello {boot, role, server_time}  ->  snap {seq, t, s: cells, log}
    ->  d {seq, t, s: changed cells, x: events} ...  (gap -> snap when events were lost)

Each page has its outbox and its own writer; one that does not read is dropped and delays nobody.
All waits count wall seconds, whatever the speed of the observatory's clock.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from actors.web_gateway.json_values import instant
from web.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from web.services import WebServices

PROTOCOL = "pyros.v1"
BEAT_S = 1.0
"""Wall seconds between signs of life: the page calls itself stale after three missed ones."""
PING_S = 10.0
BURST = 3
"""Messages that may follow each other without a pause after a quiet moment."""
CLOSE_WITHIN_S = 0.5


class Pace:
    """How long a message must wait so that they are no more than one per period on average.

    A few may follow each other closely after a quiet moment: what changes seldom is seen at once.

    Args:
        period_s: Loop seconds per message in the long run.
    """

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._free_at_s = 0.0

    def wait_s(self, now_s: float) -> float:
        """Seconds to wait before the next message, which is then counted as sent."""
        earliest_s = max(self._free_at_s, now_s - BURST * self._period_s)
        self._free_at_s = earliest_s + self._period_s
        return max(0.0, earliest_s - now_s)


class LiveHub:
    """All open pages.

    Args:
        services: What the server works with.
        assets: Hash of the static files; a page that runs others reloads itself.
    """

    def __init__(self, services: WebServices, assets: str) -> None:
        self._services = services
        self._assets = assets
        self._clients: dict[web.WebSocketResponse, Outbox] = {}
        self._beat: asyncio.Task[None] | None = None
        self._closing = False
        self.dropped = 0
        self.late_s = 0.0

    @property
    def clients(self) -> int:
        """Pages open now."""
        return len(self._clients)

    async def run(self, _app: web.Application) -> AsyncIterator[None]:
        """Beat while the application runs (a cleanup context of aiohttp)."""
        self._beat = asyncio.create_task(self._beats(), name="web-live-beat")
        end_listening = self._services.model.listen(self)
        yield
        end_listening()
        self._beat.cancel()
        with suppress(asyncio.CancelledError):
            await self._beat

    def cell_changed(self, key: str) -> None:
        """A cell changed: mark it for every page."""
        for outbox in self._clients.values():
            outbox.cell_changed(key)

    def item_appended(self, stream: str, encoded: bytes) -> None:
        """A stream grew: queue the item for every page."""
        for outbox in self._clients.values():
            outbox.item_appended(stream, encoded)

    async def close(self, _app: web.Application) -> None:
        """Tell every page that the server goes away (1001), all at once and quickly."""
        self._closing = True
        goodbyes = [
            ws.close(code=WSCloseCode.GOING_AWAY, message=b"PyROS stops") for ws in self._clients
        ]
        if goodbyes:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wall(CLOSE_WITHIN_S)):
                    await asyncio.gather(*goodbyes, return_exceptions=True)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one page until it goes, does not read, or the server stops."""
        if self._closing or len(self._clients) >= self._services.settings.max_clients:
            raise web.HTTPServiceUnavailable(text="too many pages are open; close one and reload")
        ws = web.WebSocketResponse(
            protocols=(PROTOCOL,),
            compress=False,
            heartbeat=self._wall(PING_S),
            max_msg_size=1024,
            timeout=self._wall(CLOSE_WITHIN_S),
        )
        await ws.prepare(request)
        outbox = Outbox(self._services.model)
        self._clients[ws] = outbox
        writer = asyncio.create_task(self._write(request, ws, outbox), name="web-live-writer")
        try:
            await self._read(ws)
        finally:
            del self._clients[ws]
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        return ws

    async def _read(self, ws: web.WebSocketResponse) -> None:
        async for message in ws:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await ws.close(
                    code=WSCloseCode.POLICY_VIOLATION, message=b"this stream is read-only"
                )

    async def _write(self, request: web.Request, ws: web.WebSocketResponse, outbox: Outbox) -> None:
        settings = self._services.settings
        try:
            await self._send(ws, self._hello())
            await self._send(ws, outbox.snapshot(self._now()))
            pace = Pace(self._wall(settings.flush_period_s))
            loop = asyncio.get_running_loop()
            while not ws.closed:
                await outbox.wait()
                await asyncio.sleep(pace.wait_s(loop.time()))
                if outbox.overflowed:
                    await self._send(ws, outbox.gap(self._now()))
                    await self._send(ws, outbox.snapshot(self._now()))
                else:
                    await self._send(ws, outbox.delta(self._now()))
        except TimeoutError:
            self.dropped += 1
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            return

    async def _send(self, ws: web.WebSocketResponse, message: bytes) -> None:
        async with asyncio.timeout(self._wall(self._services.settings.stuck_after_s)):
            await ws.send_frame(message, WSMsgType.TEXT)

    async def _beats(self) -> None:
        loop = asyncio.get_running_loop()
        period = self._wall(BEAT_S)
        due = loop.time() + period
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.late_s = (loop.time() - due) / period * BEAT_S
            due = max(due + period, loop.time())
            for outbox in self._clients.values():
                outbox.nudge()

    def _hello(self) -> bytes:
        clock = self._services.clock
        hello = {
            "k": "hello",
            "boot": self._services.boot_id,
            "version": self._services.version,
            "assets": self._assets,
            "role": "operator",
            "server_time": instant(clock.now()),
            "t": clock.unix_s(),
            "speed": clock.wall_to_loop_s(1.0),
        }
        return orjson.dumps(hello)

    def _now(self) -> float:
        return self._services.clock.unix_s()

    def _wall(self, seconds: float) -> float:
        return self._services.clock.wall_to_loop_s(seconds)


async def live_stream(request: web.Request) -> web.StreamResponse:
    """`GET /ws`."""
    return await request.app[HUB].handle(request)


HUB: web.AppKey[LiveHub] = web.AppKey("hub", LiveHub)
