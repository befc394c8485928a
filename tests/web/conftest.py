"""The gateway and its server, running, with a client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest_asyncio

from tests.browser.stage import Stage, staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A gateway and its server on a free port."""
    async with staged(asyncio.get_running_loop(), tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def client(stage: Stage) -> AsyncIterator[aiohttp.ClientSession]:
    """A local program."""
    async with aiohttp.ClientSession(stage.url) as session:
        yield session
