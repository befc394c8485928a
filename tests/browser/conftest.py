"""A browser, a running gateway with its server, and pages that remember what went wrong on them."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from tests.browser import staged_frames, staged_night, staged_trends
from tests.browser.stage import Stage, staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from playwright.async_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Visit:
    """A page with what it complained of and what it asked for.

    Attributes:
        page: Playwright's page.
        complaints: Errors and warnings of its console, uncaught exceptions, failed requests.
        asked: Addresses it requested.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, one for the module."""
    if not CHROMIUM:
        pytest.fail("chromium is missing: apt-get install chromium (make test does)")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A clear night in progress."""
    async with staged(asyncio.get_running_loop(), tmp_path) as running:
        for unix_s, values in staged_trends.past_weather(staged_night.NOW, minutes=60):
            running.services.trends.add(unix_s, values)
        await staged_frames.archive(running, tmp_path)
        running.publish(staged_night.clear_night(running.services.clock.now()))
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, stage: Stage) -> AsyncIterator[Callable[..., Awaitable[Visit]]]:
    """A function that opens the page in a fresh context, in some theme, width and language."""
    contexts = []

    async def open_page(
        *, theme: str = "day", width: int = 1440, height: int = 900, locale: str = "en-GB"
    ) -> Visit:
        context = await browser.new_context(
            viewport={"width": width, "height": height}, locale=locale
        )
        contexts.append(context)
        await context.add_init_script(f"localStorage.setItem('pyros.theme', '{theme}')")
        made = Visit(await context.new_page())
        made.page.set_default_timeout(15_000)
        made.page.on(
            "console",
            lambda said: (
                made.complaints.append(said.text) if said.type in {"error", "warning"} else None
            ),
        )
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on("request", lambda request: made.asked.append(request.url))
        await made.page.goto(stage.url)
        await made.page.locator(".fact.link .value", has_text="").first.wait_for()
        await expect(made.page.locator(".stale-page")).to_have_count(0, timeout=15_000)
        return made

    yield open_page
    for context in contexts:
        await context.close()
