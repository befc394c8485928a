"""The page in a real browser: it lives, it warns, it obeys only whoever says who and why."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from actors.majordome.messages import CloseDome
from actors.web_gateway.changes import Drop
from pyros.store.journal import JournalLine
from tests.browser import staged_night
from web.live import HUB
from web.server import WebServer
from web.settings import WebSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.browser.conftest import Visit
    from tests.browser.stage import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.peer]
ORDERS = ("pause", "resume", "abort", "inject-alert", "close-dome")


async def test_page_shows_the_night_without_a_complaint(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """Every panel has its content, nothing is asked of another site, the console stays silent."""
    opened = await visit()
    page = opened.page
    await expect(page.locator(".fact.verdict .value")).to_have_text("✓ GO")
    await expect(page.locator("#night .block")).to_have_count(13)
    await expect(page.locator("#night .done.interrupted")).to_have_count(1)
    await expect(page.locator("#sky .sky-target").first).to_be_visible()
    await expect(page.locator("#safety tbody tr")).to_have_count(3)
    await expect(page.locator("#telescope-t1 .headline")).to_have_text("Tracking")
    await expect(page.locator("#cameras .progress")).to_have_count(2)
    await expect(page.locator("#weather canvas")).to_have_count(4)
    await expect(page.locator("#schedule tbody tr")).to_have_count(3)
    await expect(page.locator("#schedule")).to_contain_text("culminates at -13.6 deg")
    await expect(page.locator("#alerts .alert")).to_have_count(1)
    await expect(page.locator("#log .log-line")).to_have_count(5)
    await expect(page.locator("#system")).to_contain_text("gateway")
    assert [
        said for said in opened.complaints if "preview.png" not in said and "404" not in said
    ] == []
    assert {address.split("/")[2] for address in opened.asked} == {stage.url.split("/")[2]}


async def test_rain_is_seen_at_once_with_its_reason(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """NO-GO names the source, the dome closes, the mode pauses, all without a reload."""
    page = (await visit()).page
    stage.publish(staged_night.rain(stage.services.clock.now()))
    await expect(page.locator(".fact.verdict.abnormal")).to_contain_text("mast reports rain")
    await expect(page.locator(".bar")).to_contain_text("closing ordered")
    await expect(page.locator("#safety .verdict-line.abnormal")).to_contain_text("NO-GO")
    await expect(page.locator(".log-line.alarm").first).to_contain_text("everything closes")


async def test_burst_takes_the_page(stage: Stage, visit: Callable[..., Awaitable[Visit]]) -> None:
    """An alert in progress has its banner, its stages with milliseconds, and its reasons."""
    page = (await visit()).page
    stage.publish(staged_night.burst(stage.services.clock.now()))
    await expect(page.locator(".banner.burst")).to_contain_text("swift-bat")
    await expect(page.locator(".alert").first).to_contain_text("slew command 6.8 ms")
    await expect(page.locator(".alert").first).to_contain_text("injected test")
    await expect(page.locator(".fact.burst .value")).to_have_text("GRB 261123A")


async def test_order_asks_who_and_why_and_is_answered(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """Nothing is sent without a name and a reason; then the order goes and its answer is shown."""
    page = (await visit()).page
    await page.locator("[data-order=close-dome]").click()
    dialog = page.locator("dialog")
    await expect(dialog).to_contain_text("The dome closes and the telescope parks now")
    await dialog.locator("button[type=submit]").click()
    assert stage.taken == []
    await dialog.locator("input[name=who]").fill("Ann")
    await dialog.locator("input[name=why]").fill("storm front")
    await dialog.locator("button[type=submit]").click()
    await expect(dialog.locator(".outcome")).to_have_text("✓ CloseDome accepted")
    assert stage.taken == [CloseDome(who="Ann", why="storm front")]
    await page.keyboard.press("Escape")
    await expect(page.locator("#log .log-line").first).to_contain_text("Ann ordered close-dome")


async def test_refused_order_says_why(visit: Callable[..., Awaitable[Visit]]) -> None:
    """A refusal is shown in its own words, and the order may be tried again."""
    page = (await visit()).page
    await page.locator("[data-order=resume]").click()
    await page.locator("dialog input[name=who]").fill("Ann")
    await page.locator("dialog input[name=why]").fill("looks clear")
    await page.locator("dialog button[type=submit]").click()
    await expect(page.locator("dialog .outcome.refused")).to_contain_text("rain at mast 40 s ago")
    await expect(page.locator("dialog button[type=submit]")).to_be_enabled()


async def test_silent_page_goes_stale_and_gives_no_orders(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """Hearing nothing, the page says so and disables every order; hearing again, it recovers."""
    page = (await visit()).page
    for action in ORDERS:
        await expect(page.locator(f"[data-order={action}]")).to_be_enabled()
    hub = stage.server.app[HUB]
    assert hub._beat is not None
    hub._beat.cancel()
    await stage.system.ref("/gateway").stop()
    await expect(page.locator(".banner.stale")).to_contain_text("what you see is old")
    for action in ORDERS:
        await expect(page.locator(f"[data-order={action}]")).to_be_disabled()
    shown = await page.locator(".fact .value.figures").first.text_content()
    await asyncio.sleep(1.2)
    assert await page.locator(".fact .value.figures").first.text_content() == shown
    stage.publish(staged_night.verdicts(stage.services.clock.now()))
    hub._beat = asyncio.create_task(hub._beats())
    await expect(page.locator(".banner.stale")).to_have_count(0)
    await expect(page.locator("[data-order=close-dome]")).to_be_enabled()


async def test_page_comes_back_after_a_restart(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """The server stops: lost. It starts again on the same port: live, without a reload."""
    page = (await visit()).page
    await page.evaluate("window.stillTheSame = true")
    port = int(stage.url.rsplit(":", 1)[1])
    await stage.server.stop()
    await expect(page.locator(".banner.stale")).to_contain_text("Connection lost")
    again = WebServer(replace(stage.services, settings=WebSettings(port=port)))
    await again.start()
    try:
        await expect(page.locator(".banner.stale")).to_have_count(0)
        assert await page.evaluate("window.stillTheSame") is True
    finally:
        await again.stop()


async def test_log_is_filtered_and_held(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """The filter finds lines by their words; held, the log does not move and counts what is new."""
    page = (await visit()).page
    await page.keyboard.press("/")
    await page.keyboard.type("disagrees")
    await expect(page.locator("#log .log-line")).to_have_count(1)
    await page.locator("#log-filter").fill("")
    await page.locator("#log button", has_text="Pause").click()
    stage.publish([staged_night.entry(stage.services.clock.now(), "a new line")])
    await expect(page.locator("#log")).to_contain_text("paused, 1 new")
    await expect(page.locator("#log .log-line")).to_have_count(5)
    await page.locator("#log button", has_text="Follow").click()
    await expect(page.locator("#log .log-line").first).to_contain_text("a new line")


async def test_page_opens_with_what_was_before(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """A page opened after a restart has the last frames and the journal's lines from the store."""
    written = JournalLine(
        kind="system", subject="/", text="PyROS started", time_utc=staged_night.NOW, data={}
    )
    await stage.services.store.journal.append([written] * 3)
    stage.model.apply([Drop(key="images/t1/cam-vis"), Drop(key="images/t1/cam-nir")])
    page = (await visit()).page
    await expect(page.locator("#log")).to_contain_text("PyROS started")
    await expect(page.locator("#cameras figure")).to_have_count(2)


async def test_last_image_is_enlarged(visit: Callable[..., Awaitable[Visit]]) -> None:
    """A press on a preview shows it large, with where the frame lies."""
    page = (await visit()).page
    await page.locator("#cameras button.picture").first.click()
    await expect(page.locator("dialog img")).to_be_visible()
    await expect(page.locator("dialog")).to_contain_text("PRODUCED_DATA/")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_be_hidden()


async def test_page_speaks_french(visit: Callable[..., Awaitable[Visit]]) -> None:
    """The browser's language is the page's; the switch changes it without a reload."""
    page = (await visit(locale="fr-FR")).page
    await expect(page.locator("#night h2")).to_have_text("Cette nuit")
    assert await page.evaluate("document.documentElement.lang") == "fr"
    await page.locator("select[aria-label=Langue]").select_option("en")
    await expect(page.locator("#night h2")).to_have_text("Tonight")


async def test_hostile_text_is_only_text(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """What an alert or a log line says is shown, never run."""
    opened = await visit()
    hostile = "<img src=x onerror=window.owned=1><script>window.owned=1</script>"
    stage.publish([staged_night.entry(stage.services.clock.now(), hostile)])
    await expect(opened.page.locator("#log .log-line").first).to_contain_text("<script>")
    assert await opened.page.evaluate("window.owned") is None
