"""Figures of the live page: size, first value, telemetry to pixel, processor time with many pages.

Prints one JSON line for each figure. The page is the real one in Chromium; the gateway, its server
and staged telemetry (ten changes a second) run in this process, the other pages are sockets in a
process of their own. `python bench/live_page.py --pages N URL` is that process.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from playwright.async_api import async_playwright

from actors.device.messages import DeviceStatus
from tests.browser import staged_night
from tests.browser.conftest import ARGUMENTS
from tests.browser.stage import Stage, staged
from web.assets import load_assets

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

PAGES = 200
RATE_HZ = 10.0
CHANGES = 150
OPENINGS = 7

WATCH_PIXELS = """() => {
  window.painted = {};
  const channel = new MessageChannel();
  let shown = "";
  channel.port1.onmessage = ({ data }) => {
    window.painted[data] ??= performance.timeOrigin + performance.now();
  };
  const look = () => {
    const facts = document.querySelectorAll("#telescope-t1 .pairs.two dd");
    const text = facts.length > 2 ? facts[2].textContent.split(" ")[0] : "";
    if (text !== shown) channel.port2.postMessage((shown = text));
    requestAnimationFrame(look);
  };
  look();
}"""


def report(figure: str, value: float, unit: str, target: float | None = None) -> None:
    """Print one figure."""
    line: dict[str, Any] = {"figure": figure, "value": round(value, 2), "unit": unit}
    if target is not None:
        line["target"] = target
    print(json.dumps(line), flush=True)


def quantile(values: list[float], share: float) -> float:
    """The value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def feed(stage: Stage, sent: dict[str, float], count: int) -> None:
    """Ten times a second, all devices change; remember when each altitude was published."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for n in range(count):
        now = stage.services.clock.now()
        altitude = 30.0 + n / 100.0
        sent[f"{altitude:.2f}"] = time.time() * 1e3  # noqa: TID251 - shared with the browser
        for event in staged_night.devices(now):
            if isinstance(event, DeviceStatus) and event.device == "telescope":
                moved = dict(event.readings)
                moved["alt_deg"] = replace(moved["alt_deg"], value=altitude)
                stage.publish([replace(event, readings=moved)])
            else:
                stage.publish([event])
        stage.publish(staged_night.weather(now, wind_m_s=3.0 + n / 50.0))
        due += 1.0 / RATE_HZ
        await asyncio.sleep(max(0.0, due - loop.time()))


async def telemetry_to_pixel(stage: Stage, page: Page, label: str) -> None:
    """Milliseconds from publishing an altitude to the frame that shows it."""
    await page.evaluate(WATCH_PIXELS)
    sent: dict[str, float] = {}
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    await feed(stage, sent, CHANGES)
    share = (time.process_time() - cpu_s) / (time.perf_counter() - wall_s)
    await asyncio.sleep(0.5)
    painted = await page.evaluate("window.painted")
    delays = [painted[text] - at for text, at in sent.items() if text in painted]
    report(f"telemetry to pixel, {label}, p50", quantile(delays, 0.5), "ms")
    report(f"telemetry to pixel, {label}, p95", quantile(delays, 0.95), "ms", 100.0)
    report(f"changes painted, {label}", 100.0 * len(delays) / len(sent), "%")
    report(f"processor of gateway, server and feed, {label}", 100.0 * share, "%")


async def first_value(browser: Browser, url: str) -> None:
    """Milliseconds from asking for the page to its first live value, nothing cached."""
    delays = []
    for _ in range(OPENINGS):
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        page = await context.new_page()
        started = time.perf_counter()
        await page.goto(url, wait_until="commit")
        await page.wait_for_selector("#telescope-t1 .headline")
        delays.append((time.perf_counter() - started) * 1e3)
        await context.close()
    report("first live value, cold, p50", quantile(delays, 0.5), "ms", 1000.0)


async def other_pages(url: str, count: int) -> None:
    """Open sockets and read them until killed."""

    async def one(session: aiohttp.ClientSession) -> None:
        async with session.ws_connect("/ws", max_msg_size=0) as ws:
            async for _ in ws:
                pass

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        await asyncio.gather(*(one(session) for _ in range(count)))


async def main() -> None:
    """All figures."""
    report("first visit, compressed", load_assets().gzipped_bytes / 1000.0, "kB", 120.0)
    chromium = shutil.which("chromium")
    if chromium is None:
        print(json.dumps({"figure": "telemetry to pixel", "skipped": "chromium is not installed"}))
        return
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        async with staged(loop, Path(folder)) as stage, async_playwright() as playwright:
            stage.publish(staged_night.clear_night(stage.services.clock.now()))
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=list(ARGUMENTS)
            )
            await first_value(browser, stage.url)
            page = await browser.new_page(viewport={"width": 1440, "height": 900})
            await page.goto(stage.url)
            await page.wait_for_selector("#telescope-t1 .headline")
            await telemetry_to_pixel(stage, page, "alone")
            others = await asyncio.create_subprocess_exec(
                sys.executable, __file__, "--pages", str(PAGES), stage.url
            )
            await asyncio.sleep(4.0)
            await telemetry_to_pixel(stage, page, f"with {PAGES} other pages")
            others.kill()
            await others.wait()
            await browser.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pages"]:
        asyncio.run(other_pages(sys.argv[3], int(sys.argv[2])))
    else:
        asyncio.run(main())
