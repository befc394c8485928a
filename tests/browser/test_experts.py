"""Experts on the live page: each dialog asks, shows what it will send, sends that, and tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from actors.alert_handler.messages import (
    ChangeFollowUp,
    NoteByHand,
    StopFollowUp,
    SwitchStrategy,
)
from tests.browser import staged_night
from tests.browser.test_sight import WCAG

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import Locator, Page

    from tests.browser.conftest import Visit
    from tests.browser.stage import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.peer]
ANGLES: tuple[tuple[str, str, float | None], ...] = (
    ("readRightAscension", "83.633", 83.633),
    ("readRightAscension", "5h34m31.9s", 83.6329167),
    ("readRightAscension", "5:34:31.9", 83.6329167),
    ("readRightAscension", "05 34", 83.5),
    ("readRightAscension", "0", 0),
    ("readRightAscension", "359.99999999", None),
    ("readRightAscension", "24 00 00", None),
    ("readRightAscension", "360", None),
    ("readRightAscension", "-1", None),
    ("readRightAscension", "5 60 00", None),
    ("readRightAscension", "5d34m31s", None),
    ("readRightAscension", "", None),
    ("readRightAscension", "1e2", None),
    ("readDeclination", "+22 00 52", 22.0144444),
    ("readDeclination", "-00 30 00", -0.5),
    ("readDeclination", "\u22125\u00b023\u203228\u2033", -5.3911111),
    ("readDeclination", "-90", -90),
    ("readDeclination", "89 60 00", None),
    ("readDeclination", "90.1", None),
    ("readDeclination", "5h30m", None),
)
READ = """async ([reader, text]) => {
  const script = document.querySelector('script[src]').src;
  const degrees = (await import(new URL('angles.js', script).href))[reader](text);
  return Number.isNaN(degrees) ? null : degrees;
}"""
FORMS = ("event", "default", "stop", "follow", "position")


async def with_burst(stage: Stage, page: Page) -> None:
    """A burst is observed; orders are allowed."""
    stage.publish(staged_night.burst(stage.services.clock.now()))
    await expect(page.locator("[data-expert=stop]")).to_be_enabled()


async def opened(page: Page, form: str) -> Locator:
    """The dialog of a wish."""
    await page.locator(f"[data-expert={form}]").click()
    dialog = page.locator("dialog")
    await expect(dialog.locator("h2")).to_be_visible()
    return dialog


async def signed(dialog: Locator, why: str = "GCN Circular 41234") -> None:
    """Say who and why, and send."""
    await dialog.locator("input[name=who]").fill("Ann")
    await dialog.locator("input[name=why]").fill(why)
    await dialog.locator("button[type=submit]").click()


async def test_event_by_hand_is_sent_as_shown(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """Hours, degrees and arcseconds are shown in the degrees that are then sent."""
    page = (await visit()).page
    dialog = await opened(page, "event")
    for name, text, shown in (
        ("t0", "2026-11-23 20:58:12.5", "2026-11-23T20:58:12.5Z"),
        ("ra", "05 34 31.9", "83.6329167° (05h 34m 31.9s)"),
        ("dec", "-5d23m28s", "−5.3911111° (−05° 23′ 28″)"),  # noqa: RUF001 - as it is shown
        ("error", "3.6", "0.0010000°"),
    ):
        await dialog.locator(f"input[name={name}]").fill(text)
        await expect(dialog.locator(f"#expert-{name}-sent")).to_have_text(f"is sent as {shown}")
    await dialog.locator("select[name=class]").select_option("X_RAY_TRANSIENT")
    await signed(dialog)
    await expect(dialog.locator(".outcome")).to_contain_text("event entered as hand:")
    assert stage.taken == [
        NoteByHand(
            alert_id=None,
            t0_utc=datetime(2026, 11, 23, 20, 58, 12, 500_000, tzinfo=UTC),
            ra_deg=83.6329167,
            dec_deg=-5.3911111,
            error_deg=0.001,
            classification="X_RAY_TRANSIENT",
            who="Ann",
            why="GCN Circular 41234",
        )
    ]


async def test_what_is_no_place_is_not_sent(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """Each field says what it does not understand; nothing goes until it does."""
    page = (await visit()).page
    await with_burst(stage, page)
    dialog = await opened(page, "position")
    await expect(dialog.locator("input[name=ra]")).to_have_value("57.12")
    for name, text in (("ra", "83 38 00"), ("dec", "91"), ("error", "0")):
        good = await dialog.locator(f"input[name={name}]").input_value()
        await dialog.locator(f"input[name={name}]").fill(text)
        await expect(dialog.locator(f"#expert-{name}-sent")).to_contain_text("not understood")
        await signed(dialog)
        valid = await dialog.locator(f"input[name={name}]").evaluate("(box) => box.validity.valid")
        assert not valid
        await dialog.locator(f"input[name={name}]").fill(good or "2")
    assert stage.taken == []
    await dialog.locator("select[name=unit]").select_option("arcmin")
    await expect(dialog.locator("#expert-error-sent")).to_contain_text("0.0333333°")
    await signed(dialog)
    await expect(dialog.locator(".outcome")).to_contain_text("position of a-0001 corrected")
    (wish,) = stage.taken
    assert isinstance(wish, NoteByHand)
    assert (wish.alert_id, wish.t0_utc, wish.classification) == ("a-0001", None, None)
    assert (wish.ra_deg, wish.dec_deg, wish.error_deg) == (57.12, 24.9, 0.0333333)


async def test_follow_up_is_stopped_and_changed(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """The dialogs name the event; the handler's answer is shown."""
    page = (await visit()).page
    await with_burst(stage, page)
    dialog = await opened(page, "follow")
    await expect(dialog.locator("h2")).to_have_text("Follow a-0001 otherwise?")
    await expect(dialog.locator("select[name=strategy]")).to_have_value("grb-localised")
    await dialog.locator("select[name=strategy]").select_option("grb-wide")
    await signed(dialog)
    await expect(dialog.locator(".outcome")).to_have_text("✓ a-0001 by grb-wide instead")
    await page.keyboard.press("Escape")
    dialog = await opened(page, "stop")
    await signed(dialog, "a flare star")
    await expect(dialog.locator(".outcome")).to_contain_text("a-0001 is not followed up any more")
    assert stage.taken == [
        ChangeFollowUp(alert_id="a-0001", strategy="grb-wide", who="Ann", why="GCN Circular 41234"),
        StopFollowUp(alert_id="a-0001", who="Ann", why="a flare star"),
    ]


async def test_default_strategy_is_switched_and_seen(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """The present one is chosen first; another is sent by name, the files' as null."""
    page = (await visit()).page
    await expect(page.locator("#alerts .state")).to_contain_text("default strategy: other")
    dialog = await opened(page, "default")
    await expect(dialog.locator("select[name=strategy]")).to_have_value("other")
    await dialog.locator("select[name=strategy]").select_option("grb-localised")
    await signed(dialog)
    await expect(dialog.locator(".outcome")).to_contain_text("default strategy is grb-localised")
    await page.keyboard.press("Escape")
    stage.publish([staged_night.strategies("grb-localised")])
    await expect(page.locator("#alerts .state")).to_contain_text("default strategy: grb-localised")
    dialog = await opened(page, "default")
    await dialog.locator("select[name=strategy]").select_option("")
    await signed(dialog)
    await expect(dialog.locator(".outcome")).to_contain_text("default strategy is other")
    names = [one.name for one in stage.taken if isinstance(one, SwitchStrategy)]
    assert names == ["grb-localised", None]


async def test_alert_tells_state_strategy_and_radius_in_words(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """Codes are words in both languages; a radius of arcseconds is not shown as zero arcminutes."""
    page = (await visit(locale="fr-FR")).page
    first = page.locator("#alerts .alert").first
    burst = staged_night.alert(stage.services.clock.now())
    stage.publish([replace(burst, error_deg=0.0005556)])
    await expect(first).to_contain_text("en observation par grb-localised")
    await expect(first).to_contain_text("± 2.0\u2033")
    stage.publish([replace(burst, decision="deferred", state="DEFERRED", strategy=None)])
    await expect(first).to_contain_text("différée")
    await expect(first).to_contain_text("en attente")
    await expect(first).to_contain_text("± 3.1\u2032")


async def test_refusal_is_shown_in_its_own_words(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """What the server refuses stays on the form, which may be sent again."""
    page = (await visit()).page
    dialog = await opened(page, "event")
    for name, text in (("t0", "2026-11-24 23:00"), ("ra", "1"), ("dec", "2"), ("error", "3")):
        await dialog.locator(f"input[name={name}]").fill(text)
    await signed(dialog)
    await expect(dialog.locator(".outcome.refused")).to_contain_text(
        "ahead of the observatory's clock; give the time when it burst"
    )
    await expect(dialog.locator("button[type=submit]")).to_be_enabled()
    await expect(dialog.locator("input[name=ra]")).to_have_value("1")
    assert stage.taken == []


async def test_only_what_can_be_done_is_offered(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """By an event's state; a notice that belongs to no event can only be read."""
    page = (await visit()).page
    await expect(page.locator("#alerts .alert")).to_have_count(1)
    await expect(page.locator("#alerts .alert .tools")).to_have_count(0)
    await with_burst(stage, page)
    buttons = page.locator("#alerts .alert .tools button")
    await expect(buttons).to_have_count(3)
    name = await page.locator("[data-expert=stop]").get_attribute("aria-label")
    assert name == "Stop follow-up: a-0001"
    burst = staged_night.alert(stage.services.clock.now())
    for state, offered in (("IGNORED", 1), ("DEFERRED", 3), ("RETRACTED", 1), ("CLOSED", 0)):
        stage.publish([replace(burst, state=state)])
        await expect(buttons).to_have_count(offered)
    stage.publish([replace(burst, alert_id=burst.ivorn, state="IGNORED")])
    await expect(page.locator("#alerts .alert")).to_have_count(3)
    await expect(buttons).to_have_count(0)


@pytest.mark.parametrize("theme", ["day", "night", "red"])
async def test_dialogs_have_no_accessibility_violation(
    stage: Stage, visit: Callable[..., Awaitable[Visit]], theme: str
) -> None:
    """No finding of axe in any of the five, with a field that is wrong, in every theme."""
    opened_page = await visit(theme=theme)
    page = opened_page.page
    await with_burst(stage, page)
    found: list[Any] = []
    for form in FORMS:
        dialog = await opened(page, form)
        if form == "event":
            await dialog.locator("input[name=ra]").fill("nowhere")
            await expect(dialog.locator("#expert-ra-sent")).to_contain_text("not understood")
        found += (await Axe().run(page, options=WCAG)).response["violations"]
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
    told = [(v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in found]
    assert told == []


async def test_expert_works_by_keys_alone_on_a_phone_in_french(
    stage: Stage, visit: Callable[..., Awaitable[Visit]]
) -> None:
    """Enter opens, Tab goes through the fields in order, Escape returns to the button."""
    page = (await visit(width=390, locale="fr-FR")).page
    await with_burst(stage, page)
    await page.locator("[data-expert=position]").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog h2")).to_have_text("Une autre position de a-0001 ?")
    reached = []
    for _ in range(7):
        reached.append(await page.evaluate("document.activeElement.name"))
        await page.keyboard.press("Tab")
    assert reached[:6] == ["ra", "dec", "error", "unit", "who", "why"]
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert await page.locator("dialog").evaluate("(box) => box.scrollWidth <= box.clientWidth")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_be_hidden()
    assert await page.evaluate("document.activeElement.dataset.expert") == "position"


async def test_angles_are_read_as_written_or_not_at_all(
    visit: Callable[..., Awaitable[Visit]],
) -> None:
    """Degrees and sexagesimal, signs of minus zero too; what is not clear is no angle."""
    page = (await visit()).page
    for reader, text, degrees in ANGLES:
        read = await page.evaluate(READ, [reader, text])
        assert read == degrees, (reader, text)
