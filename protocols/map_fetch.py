"""Fetches one sky map by https, within limits of place, size and time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import aiohttp

from pyros.domain.alert.map_policy import MapRefusedError
from pyros.errors import TransientError

if TYPE_CHECKING:
    from pyros.domain.alert.map_policy import MapPolicy

_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_YET = frozenset({401, 403, 404, 408, 425, 429})
"""GraceDB answers 403 or 404 until a map is public."""
_FITS, _GZIP = b"SIMPLE  =", b"\x1f\x8b"
_CHUNK = 65_536


class MapNotThereError(TransientError):
    """A sky map cannot be had now; it may be there later."""


async def fetch_map(url: str, policy: MapPolicy, *, timeout_s: float) -> bytes:
    """The file at a map's address: FITS, or FITS compressed with gzip.

    Args:
        url: The address as the notice gives it.
        policy: Which hosts, how large.
        timeout_s: Loop seconds for all of it, redirects included.

    Raises:
        MapRefusedError: The address, or where it redirects to, is not asked; or the file is too
            large.
        MapNotThereError: No answer in time, an answer other than 200, or no FITS.
    """
    try:
        async with (
            asyncio.timeout(timeout_s),
            aiohttp.ClientSession(
                auto_decompress=False, headers={"Accept-Encoding": "identity"}
            ) as session,
        ):
            return await _follow(session, url, policy)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        said = str(error) or f"no complete answer within {timeout_s:.0f} s"
        raise MapNotThereError(f"{url}: {type(error).__name__} {said}") from error
    except ValueError as error:  # an address in a redirect that is none
        raise MapRefusedError(f"{url}: leads to what is no address: {error}") from error


async def _follow(session: aiohttp.ClientSession, url: str, policy: MapPolicy) -> bytes:
    for _ in range(_MOST_REDIRECTS + 1):
        address = policy.address(url)
        async with session.get(address, allow_redirects=False) as answer:
            if answer.status in _REDIRECTS:
                url = urljoin(address, answer.headers.get("Location", ""))
                continue
            if answer.status == 200:
                return await _body(answer, address, policy.max_bytes)
            said = f"{address} answers {answer.status}"
            if answer.status in _NOT_YET or answer.status >= 500:
                raise MapNotThereError(said)
            raise MapRefusedError(said)
    raise MapRefusedError(f"{url}: more than {_MOST_REDIRECTS} redirects")


async def _body(answer: aiohttp.ClientResponse, address: str, max_bytes: int) -> bytes:
    """The answer's bytes; it is given up as soon as it is too large or no FITS."""
    announced = answer.content_length or 0
    found = bytearray()
    if announced <= max_bytes:
        async for chunk in answer.content.iter_chunked(_CHUNK):
            found += chunk
            if len(found) > max_bytes:
                break
    if max(announced, len(found)) > max_bytes:
        size = max(announced, len(found))
        raise MapRefusedError(f"{address}: {size} bytes or more, [maps] max_bytes is {max_bytes}")
    if not found.startswith((_FITS, _GZIP)):
        raise MapNotThereError(f"{address}: begins with {bytes(found[:10])!r}, which is not FITS")
    return bytes(found)
