"""Tells an address something by HTTP POST of JSON."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp

from pyros.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = 200


class WebhookError(TransientError):
    """The address cannot be reached, or does not take it."""


async def post_json(
    url: str, body: Mapping[str, Any], *, timeout_s: float, token: str | None = None
) -> None:
    """POST a JSON object.

    Args:
        url: http or https; redirects are not followed.
        body: JSON values.
        timeout_s: Wall seconds for all of it.
        token: Bearer token.

    Raises:
        WebhookError: When it is not answered by a status of 2xx in time.
    """
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    limits = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=limits) as session,
            session.post(url, json=dict(body), headers=headers, allow_redirects=False) as answer,
        ):
            if not 200 <= answer.status < 300:
                said = (await answer.content.read(_SHOWN)).decode(errors="replace")
                raise WebhookError(f"{url} answers {answer.status}: {said}")
    except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:  # noqa: UP041
        raise WebhookError(f"{url}: {type(error).__name__} {error}") from error
