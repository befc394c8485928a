"""Fetching sky maps from a server that misbehaves: within place, size and time, or not at all."""

from __future__ import annotations

import gzip

import pytest

from protocols.map_fetch import MapNotThereError, fetch_map
from pyros.domain.alert.map_policy import MapPolicy, MapRefusedError
from tests.protocols.map_server import map_server
from tests.protocols.maps import multi_order_map

pytestmark = pytest.mark.asyncio

POLICY = MapPolicy(plain_hosts=("127.0.0.1",), max_bytes=100_000)
MAP = multi_order_map(10.0, 20.0, 5.0, order=3)
PATIENCE_S = 30.0


async def test_a_map_is_fetched_as_it_is() -> None:
    """Plain or compressed, also behind a redirect on the same host, its bytes are untouched."""
    async with map_server() as server:
        for fits in (MAP, gzip.compress(MAP)):
            server.fits = fits
            assert await fetch_map(server.url(), POLICY, timeout_s=PATIENCE_S) == fits
        moved = await fetch_map(server.url("/moved"), POLICY, timeout_s=PATIENCE_S)
        assert moved == server.fits


@pytest.mark.parametrize("path", ["/announced", "/unannounced"])
async def test_a_file_that_is_too_large_is_not_read(path: str) -> None:
    """Given up by its announced length, or as soon as more than the limit has come."""
    async with map_server() as server:
        with pytest.raises(MapRefusedError, match="max_bytes is 100000"):
            await fetch_map(server.url(path), POLICY, timeout_s=PATIENCE_S)


async def test_a_server_that_trickles_is_left() -> None:
    """An answer that does not end is given up in time; it may be tried again."""
    async with map_server() as server:
        with pytest.raises(MapNotThereError, match="no complete answer within"):
            await fetch_map(server.url("/trickle"), POLICY, timeout_s=0.5)


async def test_a_redirect_is_asked_only_where_its_host_is_listed() -> None:
    """Another host is refused without a question, and circles end."""
    async with map_server() as server:
        with pytest.raises(MapRefusedError, match=r"host 'localhost\.evil\.example' is not among"):
            await fetch_map(server.url("/elsewhere"), POLICY, timeout_s=PATIENCE_S)
        with pytest.raises(MapRefusedError, match="more than 3 redirects"):
            await fetch_map(server.url("/round"), POLICY, timeout_s=PATIENCE_S)
        assert server.asked == ["/elsewhere", *["/round"] * 4]
        with pytest.raises(MapRefusedError, match="no address"):
            await fetch_map(server.url("/nonsense"), POLICY, timeout_s=PATIENCE_S)


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("/map.fits", "answers 404"),
        ("/broken", "answers 502"),
        ("/page", "is not FITS"),
    ],
)
async def test_what_is_not_there_yet_may_be_tried_again(path: str, match: str) -> None:
    """404, a broken gateway, a page that says soon: not now, which is not never."""
    async with map_server() as server:
        with pytest.raises(MapNotThereError, match=match):
            await fetch_map(server.url(path), POLICY, timeout_s=PATIENCE_S)


async def test_what_is_gone_is_not_asked_again() -> None:
    """410 is for good."""
    async with map_server() as server:
        with pytest.raises(MapRefusedError, match="answers 410"):
            await fetch_map(server.url("/gone"), POLICY, timeout_s=PATIENCE_S)


async def test_a_host_that_does_not_answer_is_tried_later() -> None:
    """Nobody listens: not there."""
    async with map_server() as server:
        url = server.url()
    with pytest.raises(MapNotThereError, match="Connect"):
        await fetch_map(url, POLICY, timeout_s=PATIENCE_S)
