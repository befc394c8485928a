"""The live stream: hello, snapshot, deltas; slow pages; shutdown."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from actors.web_gateway.changes import Append, Drop, Put
from actors.web_gateway.live_model import LiveModel
from tests.browser import staged_night
from tests.browser.stage import staged
from web.live import HUB, Pace
from web.outbox import Outbox
from web.settings import WebSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.stage import Stage

pytestmark = pytest.mark.asyncio


async def read(ws: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """The next message."""
    message = await ws.receive(timeout=5.0)
    assert message.type is aiohttp.WSMsgType.TEXT, message
    return dict(json.loads(message.data))


async def opened(ws: aiohttp.ClientWebSocketResponse) -> tuple[dict[str, Any], dict[str, Any]]:
    """Hello and snapshot."""
    return await read(ws), await read(ws)


async def test_stream_says_hello_then_all_then_changes(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """The first change after the snapshot comes alone, with its events, and numbers run on."""
    stage.publish(staged_night.clear_night(stage.services.clock.now()))
    await asyncio.sleep(0.1)
    async with client.ws_connect("/ws", protocols=["pyros.v1"]) as ws:
        assert ws.protocol == "pyros.v1"
        hello, snap = await opened(ws)
        assert (hello["k"], hello["boot"], hello["speed"]) == ("hello", "boot-1", 1.0)
        assert snap["k"] == "snap"
        assert set(snap["s"]) == set(stage.model.paths())
        assert len(snap["log"]) == 5
        stage.publish(staged_night.rain(stage.services.clock.now()))
        delta = await read(ws)
        while "safety" not in delta.get("s", {}):
            delta = await read(ws)
        assert delta["s"]["safety"]["reasons"][0]["code"] == "RAIN"
        assert "plan" not in delta["s"]
        assert [stream for stream, _ in delta["x"]] == ["log"]


async def test_stream_is_not_compressed(client: aiohttp.ClientSession) -> None:
    """Compression costs four times the processor time; it is refused though the browser offers."""
    async with client.ws_connect("/ws", compress=15) as ws:
        assert ws.compress == 0


async def test_quiet_stream_still_beats(client: aiohttp.ClientSession) -> None:
    """With nothing to tell there is a sign of life within two seconds, with the time."""
    async with client.ws_connect("/ws") as ws:
        _, snap = await opened(ws)
        async with asyncio.timeout(20.0):
            beat = await read(ws)
        assert beat["k"] == "d"
        assert beat["seq"] == snap["seq"] + 1
        assert beat["t"] >= snap["t"]


async def test_values_conflate_to_ten_messages_a_second(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """A value that changes 200 times in a second arrives some ten times, the last for certain."""
    async with client.ws_connect("/ws") as ws:
        await opened(ws)
        begun_s = asyncio.get_running_loop().time()
        for n in range(200):
            stage.model.apply([Put(key="fast", value=n)])
            await asyncio.sleep(0.005)
        seen = []
        while not seen or seen[-1] != 199:
            delta = await read(ws)
            if "fast" in delta.get("s", {}):
                seen.append(delta["s"]["fast"])
        lasted_s = asyncio.get_running_loop().time() - begun_s
        assert len(seen) <= 5 + 10 * lasted_s
        assert seen == sorted(seen)


async def test_pace_is_ten_a_second_with_short_bursts() -> None:
    """After a quiet moment four messages go at once; in the long run one per period."""
    pace = Pace(0.1)
    at = [100.0 + pace.wait_s(100.0) for _ in range(14)]
    assert at[:4] == [100.0] * 4
    assert at[-1] == pytest.approx(101.0)
    assert pace.wait_s(200.0) == 0.0


async def test_talking_page_is_sent_away(client: aiohttp.ClientSession) -> None:
    """The stream is read-only: a page that sends is closed with 1008."""
    async with client.ws_connect("/ws") as ws:
        await opened(ws)
        await ws.send_str('{"open":"dome"}')
        while (message := await ws.receive(timeout=5.0)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert (message.type, ws.close_code) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_other_sites_page_gets_no_stream(client: aiohttp.ClientSession) -> None:
    """The stream checks the Origin itself, since browsers do not."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect("/ws", origin="http://evil.example")
    assert refused.value.status == 403


async def test_shutdown_says_going_away_quickly(tmp_path: Path) -> None:
    """Open pages are told 1001 and do not hold the stop."""
    loop = asyncio.get_running_loop()
    async with staged(loop, tmp_path) as stage, aiohttp.ClientSession(stage.url) as client:
        pages = [await client.ws_connect("/ws") for _ in range(5)]
        for ws in pages:
            await opened(ws)
        async with asyncio.timeout(20.0):
            await stage.server.stop()
        for ws in pages:
            while (message := await ws.receive(timeout=5.0)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert message.data == 1001


async def test_page_that_does_not_read_delays_nobody_and_is_dropped(tmp_path: Path) -> None:
    """While one page reads nothing another hears every beat; the stuck one is cut off."""
    loop = asyncio.get_running_loop()
    settings = WebSettings(port=0, stuck_after_s=0.6, flush_period_s=0.02)
    async with (
        staged(loop, tmp_path, settings=settings) as stage,
        aiohttp.ClientSession(stage.url) as client,
    ):
        host, port = stage.url.removeprefix("http://").split(":")
        stuck = socket.create_connection((host, int(port)))
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        async with client.ws_connect("/ws", max_msg_size=0) as ws:
            await opened(ws)
            hub = stage.server.app[HUB]
            seen: list[int] = []
            for n in range(400):
                stage.model.apply([Put(key="bulk", value=[n, "x" * 60_000])])
                await asyncio.sleep(0.005)
                if hub.dropped:
                    break
            assert hub.dropped == 1
            while not seen or seen[-1] != n:
                bulk = (await read(ws)).get("s", {}).get("bulk")
                if bulk:
                    seen.append(bulk[0])
            assert len(seen) > 5
        stuck.close()


async def test_outbox_overflow_is_a_gap_then_a_snapshot() -> None:
    """Too many events while a page is slow: it is told so, and starts again from everything."""
    model = LiveModel({"log": 3})
    outbox = Outbox(model, max_events=5)
    model.listen(outbox)
    model.apply(Append(stream="log", item=n) for n in range(6))
    assert outbox.overflowed
    assert json.loads(outbox.gap(1.0))["k"] == "gap"
    snap = json.loads(outbox.snapshot(1.0))
    assert snap["log"] == [3, 4, 5]
    model.apply([Append(stream="log", item=6)])
    assert json.loads(outbox.delta(2.0))["x"] == [["log", 6]]


async def test_outbox_tells_dropped_cells_as_null_and_nothing_twice() -> None:
    """A dropped cell is null in the next message, and what was sent waits no more."""
    model = LiveModel()
    outbox = Outbox(model)
    model.listen(outbox)
    model.apply([Put(key="a", value=1), Put(key="b", value=2), Drop(key="a")])
    assert json.loads(outbox.delta(1.0))["s"] == {"a": None, "b": 2}
    assert outbox.waiting == 0
    assert "s" not in json.loads(outbox.delta(2.0))


async def test_unhurried_cells_travel_with_the_next_message_or_beat() -> None:
    """The tree of actors wakes no page by itself; the next message or beat takes it along."""
    model = LiveModel()
    outbox = Outbox(model)
    model.listen(outbox)
    outbox.delta(0.0)
    model.apply([Put(key="system", value=1)])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await outbox.wait()
    outbox.nudge()
    async with asyncio.timeout(1.0):
        await outbox.wait()
    model.apply([Put(key="mode", value=2)])
    assert json.loads(outbox.delta(1.0))["s"] == {"system": 1, "mode": 2}


async def test_outbox_never_holds_more_than_its_bound() -> None:
    """Whatever is said to a page that never reads, its memory stays bounded."""
    model = LiveModel()
    outbox = Outbox(model, max_events=50)
    model.listen(outbox)
    for n in range(5000):
        model.apply([Put(key=f"k/{n % 7}", value=n), Append(stream="log", item=n)])
        assert outbox.waiting <= 57
