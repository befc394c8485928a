"""The REST interface over real HTTP, with the real gateway and the real store behind it."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from actors.alert_handler.messages import InjectTestAlert
from actors.majordome.messages import Pause
from protocols.mqtt.session import LinkUp
from pyros.store.frames import FrameRecord
from pyros.store.journal import JournalLine
from tests.browser import staged_night, staged_trends
from web.guard import SECURITY_HEADERS

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp

    from tests.browser.stage import Stage

pytestmark = pytest.mark.asyncio
ORDER = {"who": "Ann", "why": "testing"}


async def get(client: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    """The JSON answer of a GET."""
    async with client.get(path) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None)


async def post(client: aiohttp.ClientSession, path: str, status: int, **sent: Any) -> Any:
    """The JSON answer of a POST."""
    async with client.post(path, **sent) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None)


async def settled(stage: Stage) -> None:
    """After the gateway has taken what was published."""
    before = -1
    while before != stage.model.version:
        before = stage.model.version
        await asyncio.sleep(0.02)


async def test_health_answers_before_anything_is_known(client: aiohttp.ClientSession) -> None:
    """No broker heard of yet: degraded, but an answer, with the boot id and the loop's state."""
    health = await get(client, "/health")
    assert (health["status"], health["broker"], health["database"]) == ("degraded", "unknown", "ok")
    assert health["boot"] == "boot-1"
    assert health["loop_late_ms"] >= 0.0


async def test_health_follows_broker_and_database(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """Well with both; with the database closed it still answers and says so."""
    stage.publish([LinkUp()])
    await settled(stage)
    assert (await get(client, "/health"))["status"] == "ok"
    await stage.services.store.close()
    health = await get(client, "/health")
    assert health["status"] == "degraded"
    assert health["database"] != "ok"


async def test_snapshot_has_the_whole_model(stage: Stage, client: aiohttp.ClientSession) -> None:
    """What the page shows is what the snapshot tells."""
    stage.publish(staged_night.clear_night(stage.services.clock.now()))
    await settled(stage)
    snapshot = await get(client, "/api/1/snapshot")
    assert set(snapshot["cells"]) == set(stage.model.paths())
    assert snapshot["cells"]["mode"]["mode"] == "OBSERVING"
    assert len(snapshot["log"]) == 5
    assert (await get(client, "/api/1/plan"))["version"] == 3
    assert [a["decision"] for a in await get(client, "/api/1/alerts")] == ["ignored"]


async def test_every_answer_carries_the_security_headers(client: aiohttp.ClientSession) -> None:
    """Page, file, JSON, error: all of them."""
    for path in ("/", "/api/1/snapshot", "/nowhere", "/api/1/journal?limit=0"):
        async with client.get(path) as answer:
            for name, value in SECURITY_HEADERS.items():
                assert answer.headers[name] == value, path
    assert "unsafe" not in SECURITY_HEADERS["Content-Security-Policy"]


async def test_order_is_taken_and_answered(stage: Stage, client: aiohttp.ClientSession) -> None:
    """An order reaches the majordome with who and why, trimmed."""
    sent = {"who": " Ann ", "why": " wind rises "}
    answer = await post(client, "/api/1/commands/pause", 200, json=sent)
    assert answer == {"text": "Pause accepted"}
    assert stage.taken == [Pause(who="Ann", why="wind rises")]
    kind = ORDER | {"kind": "swift-bat"}
    answer = await post(client, "/api/1/commands/inject-alert", 200, json=kind)
    assert answer == {"text": "test alert ivo://pyros/test#swift-bat injected"}
    injected = stage.taken[1]
    assert isinstance(injected, InjectTestAlert)
    assert (injected.ra_deg, injected.who) == (None, "Ann")


async def test_refused_order_is_409_with_the_reason(client: aiohttp.ClientSession) -> None:
    """A refusal is told in the words of whoever refused."""
    problem = await post(client, "/api/1/commands/resume", 409, json=ORDER)
    assert "rain at mast 40 s ago" in problem["detail"]
    assert (problem["status"], problem["title"]) == (409, "Conflict")


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"json": {"who": "Ann"}}, 400, "why"),
        ({"json": {"who": "  ", "why": "x"}}, 400, "who"),
        ({"json": {"who": "A\nB", "why": "x"}}, 400, "who"),
        ({"json": ORDER | {"force": True}}, 400, "force"),
        ({"json": ["Ann"]}, 400, "object"),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "body"),
        ({"data": b"\xff\xfe", "headers": {"Content-Type": "application/json"}}, 400, "body"),
        ({"data": {"who": "Ann", "why": "form"}}, 415, "application/json"),
        (
            {"data": b'{"who":"A","why":"x"}', "headers": {"Content-Type": "text/plain"}},
            415,
            "json",
        ),
        ({"json": ORDER, "headers": {"Sec-Fetch-Site": "cross-site"}}, 403, "another site"),
        ({"json": ORDER, "headers": {"Origin": "http://evil.example"}}, 403, "evil.example"),
    ],
)
async def test_bad_order_moves_nothing(
    stage: Stage, client: aiohttp.ClientSession, sent: dict[str, Any], status: int, words: str
) -> None:
    """What does not fit is refused in words, and nobody hears of it."""
    problem = await post(client, "/api/1/commands/close-dome", status, **sent)
    assert words in problem["detail"]
    assert stage.taken == []


async def test_packet_is_accepted_or_refused_in_words(client: aiohttp.ClientSession) -> None:
    """A packet that is stored answers 202 with its ivorn; what is none answers 422 with why."""
    xml = {"Content-Type": "application/xml"}
    answer = await post(client, "/api/1/alerts", 202, data=b"<voe/>", headers=xml)
    assert answer == {"accepted": True, "ivorn": "ivo://test/packet#1", "reason": ""}
    problem = await post(client, "/api/1/alerts", 422, data=b"hello", headers=xml)
    assert "neither XML nor JSON" in problem["detail"]
    await post(client, "/api/1/alerts", 422, data=b" \n", headers=xml)
    await post(client, "/api/1/alerts", 415, data=b"<voe/>", headers={"Content-Type": "text/css"})


async def test_too_large_packet_is_413(client: aiohttp.ClientSession) -> None:
    """Beyond the limit nothing is kept."""
    large = b"<" + b"x" * 2_000_001
    problem = await post(
        client,
        "/api/1/alerts",
        413,
        data=io.BytesIO(large),
        headers={"Content-Type": "application/xml"},
    )
    assert "2000000 bytes" in problem["detail"]


async def test_journal_pages_both_ways(stage: Stage, client: aiohttp.ClientSession) -> None:
    """Forwards from a number, backwards from a number or the end, always oldest first."""
    line = JournalLine(kind="decision", subject="/x", text="t", time_utc=staged_night.NOW, data={})
    await stage.services.store.journal.append([line] * 30)

    async def seqs(query: str) -> list[int]:
        return [entry["seq"] for entry in await get(client, f"/api/1/journal?{query}")]

    assert await seqs("since=10&limit=3") == [11, 12, 13]
    assert await seqs("before=11&limit=3") == [8, 9, 10]
    assert await seqs("limit=2") == [29, 30]
    assert await seqs("since=28&before=30") == [29]
    assert await seqs("since=30&before=5") == []
    assert await seqs("severity=alarm") == []
    assert len(await seqs("words=T")) == 30


async def test_journal_without_database_is_503(stage: Stage, client: aiohttp.ClientSession) -> None:
    """History is gone with the database; the answer says so and the page lives on."""
    await stage.services.store.close()
    problem = await get(client, "/api/1/journal", 503)
    assert "cannot be read" in problem["detail"]
    assert (await get(client, "/api/1/snapshot"))["cells"]["site"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "since=-1", "nonsense=1", "limit=1&limit=2"]
)
async def test_bad_query_is_400(client: aiohttp.ClientSession, query: str) -> None:
    """Unknown, doubled and impossible parameters are named."""
    problem = await get(client, f"/api/1/journal?{query}", 400)
    assert query.split("=", maxsplit=1)[0] in problem["detail"]


async def test_trends_are_decimated(stage: Stage, client: aiohttp.ClientSession) -> None:
    """As many points as asked, no more, back as far as asked."""
    for unix_s, values in staged_trends.past_weather(staged_night.NOW):
        stage.services.trends.add(unix_s, values)
    told = await get(client, "/api/1/trends?hours=1&points=50")
    assert len(told["time_unix_s"]) <= 50
    assert told["time_unix_s"][-1] - told["time_unix_s"][0] <= 3600.0
    assert set(told["stations"]) == {"mast", "roof", "cloud-watcher"}


def frame_record(number: int, preview_png: str, camera: str = "cam-vis") -> FrameRecord:
    """A frame in the index."""
    start = staged_night.NOW + timedelta(seconds=number)
    return FrameRecord(
        exposure_id=f"x-{number}", night=staged_night.NIGHT, unit="t1", camera=camera, kind="light",
        request_id="r", sequence_id="s", programme_id="p", alert_id=None, object_name="M 1",
        filter_name="r", ra_deg=1.0, dec_deg=2.0, start_utc=start, exposure_s=60.0, aborted=False,
        path=f"{number}.fits", bytes=1, sha256="", preview_png=preview_png, stars=1,
        fwhm_arcsec=2.0, background_adu=3.0, archived_utc=start,
    )  # fmt: skip


async def test_preview_is_served_from_the_data_directory_only(
    stage: Stage, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The preview of a frame is its file; a path that leads out of there is nothing."""
    (tmp_path / "p.png").write_bytes(b"\x89PNG")
    store = stage.services.store
    for number, path in enumerate(("p.png", "../../etc/passwd", "/etc/passwd", "gone.png")):
        await store.frames.put(frame_record(number, path))
    async with client.get("/api/1/frames/x-0/preview.png") as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
        assert await answer.read() == b"\x89PNG"
    for number in (1, 2, 3, 99):
        await get(client, f"/api/1/frames/x-{number}/preview.png", 404)


async def test_frames_come_newest_first(stage: Stage, client: aiohttp.ClientSession) -> None:
    """All cameras, or one, as many as asked."""
    for number in range(6):
        camera = "cam-nir" if number % 2 else "cam-vis"
        await stage.services.store.frames.put(frame_record(number, "p.png", camera))

    async def ids(query: str) -> list[str]:
        return [frame["frame_id"] for frame in await get(client, f"/api/1/frames?{query}")]

    assert await ids("limit=2") == ["x-5", "x-4"]
    assert await ids("camera=cam-vis&limit=2") == ["x-4", "x-2"]


async def test_unknown_path_and_method_are_problems(client: aiohttp.ClientSession) -> None:
    """404 and 405 are problem details too; 405 says what is allowed."""
    assert (await get(client, "/api/1/nothing", 404))["status"] == 404
    async with client.delete("/api/1/plan") as answer:
        assert (answer.status, answer.content_type) == (405, "application/problem+json")
        assert "GET" in answer.headers["Allow"]


async def test_page_and_files_are_compressed_and_kept(client: aiohttp.ClientSession) -> None:
    """The page is asked for each time, its files never again; a file of another version is gone."""
    async with client.get("/") as answer:
        text = await answer.text()
        assert answer.headers["Cache-Control"] == "no-cache"
    script = text.split('src="')[1].split('"')[0]
    async with client.get(script, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "immutable" in answer.headers["Cache-Control"]
        assert "text/javascript" in answer.headers["Content-Type"]
    await get(client, script.replace("/a/", "/a/0"), 404)
