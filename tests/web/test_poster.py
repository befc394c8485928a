"""Who may post alert packets: a token's owner as that source, without tokens this machine alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from actors.alert_source.http_tokens import load_tokens
from actors.alert_source.messages import PacketReceived
from actors.alert_source.settings import HttpTokenSettings
from tests.browser.stage import Stage, staged
from tests.web.test_api import post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.asyncio
TOKENS = {"FIRST": "f" * 32, "SECOND": "s" * 32}
SENT: dict[str, Any] = {"data": b"<voe/>", "headers": {"Content-Type": "application/xml"}}


def with_header(*values: str, name: str = "Authorization") -> dict[str, Any]:
    """A packet with headers of one name."""
    headers = [("Content-Type", "application/xml"), *((name, value) for value in values)]
    return {"data": b"<voe/>", "headers": headers}


@pytest_asyncio.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[tuple[Stage, aiohttp.ClientSession]]:
    """A server that takes two tokens, and a client."""
    rows = [
        HttpTokenSettings(name="institute", token_variable="FIRST"),  # noqa: S106 - a name
        HttpTokenSettings(name="amateurs", token_variable="SECOND"),  # noqa: S106 - a name
    ]
    tokens = load_tokens(rows, tmp_path, TOKENS)
    async with (
        staged(asyncio.get_running_loop(), tmp_path, tokens=tokens) as running,
        aiohttp.ClientSession(running.url) as session,
    ):
        yield running, session


async def test_packet_comes_from_the_source_of_its_token(
    guarded: tuple[Stage, aiohttp.ClientSession],
) -> None:
    """Each token is a source of its own; the scheme's case does not matter."""
    stage, client = guarded
    await post(client, "/api/1/alerts", 202, **with_header(f"Bearer {TOKENS['FIRST']}"))
    await post(client, "/api/1/alerts", 202, **with_header(f"bearer {TOKENS['SECOND']}"))
    sources = [one.source for one in stage.taken if isinstance(one, PacketReceived)]
    assert sources == ["institute", "amateurs"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((), "send one header"),
        (("",), "send the token as"),
        (("Bearer",), "send the token as"),
        (("Bearer  ",), "send the token as"),
        ((f"Basic {'f' * 32}",), "send the token as"),
        (("f" * 32,), "send the token as"),
        ((f"Bearer {'f' * 31}",), "not known here"),
        ((f"Bearer {'f' * 33}",), "not known here"),
        (("Bearer operator",), "not known here"),
        (("Bearer é",), "not known here"),
        ((f"Bearer {'f' * 32}", f"Bearer {'s' * 32}"), "send one header"),
    ],
)
async def test_without_a_known_token_nothing_is_taken(
    guarded: tuple[Stage, aiohttp.ClientSession], values: tuple[str, ...], words: str
) -> None:
    """401 with one line that never repeats the token, and how to say who one is."""
    stage, client = guarded
    async with client.post("/api/1/alerts", **with_header(*values)) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        detail = (await answer.json(content_type=None))["detail"]
    assert words in detail
    assert "\n" not in detail
    assert "ffff" not in detail
    assert stage.taken == []


async def test_token_does_not_open_anything_else(
    guarded: tuple[Stage, aiohttp.ClientSession],
) -> None:
    """A token brings packets; a foreign page with one is refused all the same."""
    stage, client = guarded
    sent = with_header(f"Bearer {TOKENS['FIRST']}")
    sent["headers"].append(("Sec-Fetch-Site", "cross-site"))
    await post(client, "/api/1/alerts", 403, **sent)
    assert stage.taken == []


async def test_without_tokens_this_machine_posts_as_before(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """Source `http`, no header needed."""
    await post(client, "/api/1/alerts", 202, **SENT)
    (packet,) = stage.taken
    assert isinstance(packet, PacketReceived)
    assert packet.source == "http"


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9"), ("Via", "1.1 proxy")],
)
async def test_without_tokens_nobody_elsewhere_posts(
    stage: Stage, client: aiohttp.ClientSession, name: str, value: str
) -> None:
    """A proxy on this machine does not make its clients local."""
    problem = await post(client, "/api/1/alerts", 401, **with_header(value, name=name))
    assert "need a token" in problem["detail"]
    assert stage.taken == []


async def test_token_where_none_is_configured_is_refused(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """Whoever sends a token means another server; nothing is taken on his word."""
    sent = with_header(f"Bearer {TOKENS['FIRST']}")
    problem = await post(client, "/api/1/alerts", 401, **sent)
    assert "no token is configured" in problem["detail"]
    assert stage.taken == []
