"""How the page looks: readable in every theme, red when red, whole at any width, usable by keys."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from axe_playwright_python.async_playwright import Axe
from PIL import Image
from playwright.async_api import expect

from tests.browser import staged_night

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Page

    from tests.browser.conftest import Visit
    from tests.browser.stage import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.peer]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}

CONTRAST = Path(__file__).with_name("contrast.js").read_text("utf-8").rstrip().rstrip(";")


async def everything(stage: Stage, page: Page) -> None:
    """Bring the page into its most colourful state: rain during a burst."""
    now = stage.services.clock.now()
    stage.publish([*staged_night.burst(now), *staged_night.rain(now)])
    await expect(page.locator(".fact.verdict.abnormal")).to_be_visible()
    await expect(page.locator(".banner.burst")).to_be_visible()


@pytest.mark.parametrize("theme", ["day", "night", "red"])
async def test_theme_has_no_accessibility_violation(
    stage: Stage, visit: Callable[..., Awaitable[Visit]], theme: str
) -> None:
    """No finding of axe, quiet, loud or in a dialog; SVG labels stand out from their ground."""
    page = (await visit(theme=theme)).page
    await expect(page.locator("[data-order=pause]")).to_be_enabled()
    found: list[Any] = []
    if theme == "day":
        found += (await Axe().run(page, options=WCAG)).response["violations"]
    await everything(stage, page)
    found += (await Axe().run(page, options=WCAG)).response["violations"]
    await page.locator("[data-order=inject-alert]").click()
    await expect(page.locator("dialog h2")).to_be_visible()
    found += (await Axe().run(page, options=WCAG)).response["violations"]
    told = [(v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in found]
    assert told == []
    labels = await page.evaluate(CONTRAST)
    assert len(labels) > 20
    assert [(name, round(ratio, 2)) for name, ratio in labels if ratio < 4.5] == []


async def test_red_theme_is_red_to_the_last_pixel(
    stage: Stage, visit: Callable[..., Awaitable[Visit]], tmp_path: Any
) -> None:
    """No pixel has green or blue beyond its red by more than 8, nor beyond 150: eyes stay dark."""
    page = (await visit(theme="red")).page
    await everything(stage, page)
    await page.locator("#log-filter").focus()
    for shot in (
        await page.screenshot(full_page=True),
        await opened_dialog(page),
    ):
        pixels = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
        cold = pixels[..., 1:].max(axis=-1)
        leaks = (cold > 150) | (cold > pixels[..., 0] + 8)
        assert int(leaks.sum()) == 0


async def opened_dialog(page: Page) -> bytes:
    """A screenshot with the dialog of an order open."""
    await page.locator("[data-order=inject-alert]").click()
    await expect(page.locator("dialog h2")).to_be_visible()
    return await page.screenshot()


@pytest.mark.parametrize("width", [390, 768, 1024, 1440])
async def test_page_never_overflows_sideways(
    stage: Stage, visit: Callable[..., Awaitable[Visit]], width: int
) -> None:
    """At every width all is within the window, and what one presses is large enough."""
    page = (await visit(width=width, locale="fr-FR")).page
    await everything(stage, page)
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    small = await page.evaluate(
        "[...document.querySelectorAll('button, select, input')].filter((b) => b.offsetParent"
        " && b.getBoundingClientRect().height < 28).map((b) => b.outerHTML.slice(0, 80))"
    )
    assert small == []


async def test_page_is_used_by_keys_alone(visit: Callable[..., Awaitable[Visit]]) -> None:
    """Tab reaches every order with a visible focus; Enter asks, Escape takes back; ? lists keys."""
    page = (await visit()).page
    await expect(page.locator("[data-order=pause]")).to_be_enabled()
    reached = []
    for _ in range(7):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("document.activeElement.dataset.order ?? ''"))
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
    assert reached[:5] == ["pause", "resume", "abort", "inject-alert", "close-dome"]
    await page.locator("[data-order=pause]").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog")).to_be_visible()
    await expect(page.locator("dialog h2")).to_have_text("Pause observing?")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_be_hidden()
    assert await page.evaluate("document.activeElement.dataset.order") == "pause"
    await page.keyboard.press("?")
    await expect(page.locator("dialog h2")).to_have_text("Keys")


async def test_theme_follows_the_system_until_chosen(
    visit: Callable[..., Awaitable[Visit]],
) -> None:
    """System default by preference; a choice holds against it."""
    page = (await visit(theme="auto")).page
    ground = "getComputedStyle(document.body).backgroundColor"
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(ground)
    await page.emulate_media(color_scheme="light")
    light = await page.evaluate(ground)
    assert dark != light
    await page.keyboard.press("t")
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate(ground) == light
