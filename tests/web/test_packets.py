"""Every packet can be looked up: what came in, byte for byte, and why it was taken or not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pyros.store import Judgement
from tests.browser import staged_night
from tests.web.test_api import get

if TYPE_CHECKING:
    import aiohttp

    from tests.browser.stage import Stage

pytestmark = pytest.mark.asyncio
PACKETS = "/api/1/alerts/packets"


async def stored(stage: Stage, count: int) -> list[int]:
    """Packets in the store, the first of them unreadable and judged as such."""
    alerts = stage.services.store.alerts
    numbers = []
    for number in range(count):
        kept = await alerts.store_packet(
            b"<script>%d</script>" % number,
            source="institute",
            topic=None,
            received_utc=staged_night.NOW + timedelta(seconds=number),
        )
        numbers.append(kept.packet_id)
    await alerts.judge(
        Judgement(
            packet_id=numbers[0],
            ivorn=None,
            notice=None,
            decision="unreadable",
            reasons=("no VOEvent",),
            alert_id=None,
            judged_utc=staged_night.NOW,
        )
    )
    return numbers


async def test_packets_are_listed_with_their_reasons(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """Newest first, judged or not, refused ones too."""
    numbers = await stored(stage, 3)
    told: list[dict[str, Any]] = await get(client, PACKETS)
    assert [one["packet_id"] for one in told] == numbers[::-1]
    refused = told[-1]
    assert (refused["source"], refused["decision"]) == ("institute", "unreadable")
    assert (refused["reasons"], refused["notice"]) == (["no VOEvent"], None)
    assert refused["bytes"] == len(b"<script>0</script>")
    assert refused["judged_utc"] == "2026-11-23T21:04:30.000Z"
    assert (told[0]["decision"], told[0]["judged_utc"]) == (None, None)


async def test_packets_come_in_pages(stage: Stage, client: aiohttp.ClientSession) -> None:
    """As many as asked, then those before the last one, to the first one, then none."""
    numbers = await stored(stage, 5)
    seen: list[int] = []
    query = f"{PACKETS}?limit=2"
    while page := [one["packet_id"] for one in await get(client, query)]:
        seen += page
        query = f"{PACKETS}?limit=2&before={page[-1]}"
    assert seen == numbers[::-1]


async def test_empty_store_has_no_packets(client: aiohttp.ClientSession) -> None:
    """An empty list, no error."""
    assert await get(client, PACKETS) == []


async def test_raw_bytes_are_given_as_they_came(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """Byte for byte, as a file: hostile bytes are never shown as a page of ours."""
    (number,) = await stored(stage, 1)
    async with client.get(f"{PACKETS}/{number}/raw") as answer:
        assert await answer.read() == b"<script>0</script>"
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "1.0", "9" * 30, "%D9%A1"])
async def test_packet_that_is_not_there_is_404(
    stage: Stage, client: aiohttp.ClientSession, number: str
) -> None:
    """Whatever stands for its number."""
    await stored(stage, 1)
    problem = await get(client, f"{PACKETS}/{number}/raw", 404)
    assert "there is no packet" in problem["detail"]


async def test_packets_without_database_are_503(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """Told in words."""
    await stage.services.store.close()
    for path in (PACKETS, f"{PACKETS}/1/raw"):
        assert "packets cannot be read" in (await get(client, path, 503))["detail"]
