"""Experts' orders over real HTTP: each reaches the alert handler whole, or nobody hears of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from actors.alert_handler.messages import (
    ChangeFollowUp,
    NoteByHand,
    StopFollowUp,
    SwitchStrategy,
)
from actors.web_gateway.changes import Drop
from tests.browser import staged_night
from tests.web.test_api import get, post, settled

if TYPE_CHECKING:
    import aiohttp

    from tests.browser.stage import Stage

pytestmark = pytest.mark.asyncio
EVENTS = "/api/1/alerts/events"
GRB = f"{EVENTS}/grb-261123-001"
DEFAULT = "/api/1/alerts/strategies/default"
BY = {"who": " Ann ", "why": " GCN Circular 41234 "}
PLACE = {"ra_deg": 83.633, "dec_deg": -22.014, "error_deg": 0.001}
BURST = BY | PLACE | {"t0_utc": "2026-11-23T20:58:12.5Z"}


async def with_strategies(stage: Stage) -> None:
    """The alert handler has told its strategies."""
    stage.publish([staged_night.strategies()])
    await settled(stage)


async def test_strategies_are_listed_once_they_are_known(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """503 before the handler's first word, then name, rank and summary of each in their order."""
    problem = await get(client, "/api/1/alerts/strategies", 503)
    assert "has not read its strategies yet" in problem["detail"]
    await with_strategies(stage)
    told = await get(client, "/api/1/alerts/strategies")
    assert (told["default"], told["changes"]) == ("other", 0)
    assert [one["name"] for one in told["strategies"]] == ["grb-localised", "grb-wide", "other"]
    assert "GRB" in told["classes"]
    stage.publish([staged_night.strategies("grb-wide")])
    await settled(stage)
    told = await get(client, "/api/1/alerts/strategies")
    assert (told["default"], told["changes"]) == ("grb-wide", 1)


async def test_event_is_entered_by_hand(stage: Stage, client: aiohttp.ClientSession) -> None:
    """All that an expert gives arrives, names and reasons trimmed; the answer has its id."""
    await with_strategies(stage)
    answer = await post(client, EVENTS, 200, json=BURST | {"classification": "X_RAY_TRANSIENT"})
    assert answer["text"].startswith("event entered as hand:261123T210430-1")
    assert stage.taken == [
        NoteByHand(
            alert_id=None,
            t0_utc=datetime(2026, 11, 23, 20, 58, 12, 500_000, tzinfo=UTC),
            ra_deg=83.633,
            dec_deg=-22.014,
            error_deg=0.001,
            classification="X_RAY_TRANSIENT",
            who="Ann",
            why="GCN Circular 41234",
        )
    ]


async def test_event_is_corrected(stage: Stage, client: aiohttp.ClientSession) -> None:
    """What is not given is left to the event: neither time nor class are made up."""
    answer = await post(client, f"{GRB}/position", 200, json=BY | PLACE)
    assert "position of grb-261123-001 corrected" in answer["text"]
    (wish,) = stage.taken
    assert isinstance(wish, NoteByHand)
    assert (wish.alert_id, wish.t0_utc, wish.classification) == ("grb-261123-001", None, None)
    assert (wish.ra_deg, wish.dec_deg, wish.error_deg) == (83.633, -22.014, 0.001)


async def test_follow_up_is_stopped_and_changed(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """Event, strategy, who and why arrive; the handler's own words are the answer."""
    await with_strategies(stage)
    answer = await post(client, f"{GRB}/stop", 200, json=BY)
    assert answer == {"text": "grb-261123-001 is not followed up any more"}
    answer = await post(client, f"{GRB}/strategy", 200, json=BY | {"strategy": "grb-wide"})
    assert answer == {"text": "grb-261123-001 by grb-wide instead"}
    who_why = {"who": "Ann", "why": "GCN Circular 41234"}
    assert stage.taken == [
        StopFollowUp(alert_id="grb-261123-001", **who_why),
        ChangeFollowUp(alert_id="grb-261123-001", strategy="grb-wide", **who_why),
    ]


async def test_default_strategy_is_switched_and_given_back(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """A name makes it the default; null takes the changes off again; leaving it out is no order."""
    await with_strategies(stage)
    await post(client, DEFAULT, 200, json=BY | {"strategy": "grb-wide"})
    await post(client, DEFAULT, 200, json=BY | {"strategy": None})
    names = [one.name for one in stage.taken if isinstance(one, SwitchStrategy)]
    assert names == ["grb-wide", None]
    assert "strategy" in (await post(client, DEFAULT, 400, json=BY))["detail"]


async def test_order_and_refusal_are_journalled(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """Who ordered what and why, and that it was not carried out; 409 tells the refusal alone."""
    problem = await post(client, f"{EVENTS}/grb-gone/stop", 409, json=BY)
    assert problem["detail"] == "there is no event 'grb-gone'"
    await settled(stage)
    lines: list[Any] = (await get(client, "/api/1/snapshot"))["log"]
    what = "the end of the follow-up of grb-gone"
    assert [(line["text"], line["severity"]) for line in lines] == [
        (f"Ann ordered {what}: GCN Circular 41234", "notice"),
        (f"{what} ordered by Ann was not carried out: there is no event 'grb-gone'", "warning"),
    ]
    assert all(line["who"] == "Ann" for line in lines)


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"ra_deg": 360.0}, 400, "ra_deg"),
        ({"ra_deg": -0.1}, 400, "ra_deg"),
        ({"ra_deg": "83.6"}, 400, "ra_deg"),
        ({"dec_deg": 90.1}, 400, "dec_deg"),
        ({"dec_deg": None}, 400, "dec_deg"),
        ({"error_deg": 0.0}, 400, "error_deg"),
        ({"error_deg": -1.0}, 400, "error_deg"),
        ({"error_deg": 91}, 400, "error_deg"),
        ({"t0_utc": "2026-11-23T20:58:12"}, 400, "t0_utc"),
        ({"t0_utc": "yesterday"}, 400, "t0_utc"),
        ({"t0_utc": "2026-11-23T21:58:12+01:00"}, 422, "give it in UTC"),
        ({"t0_utc": "2026-11-23T23:04:30Z"}, 422, "ahead of the observatory's clock"),
        ({"classification": "grb"}, 400, "classification"),
        ({"classification": "KILONOVA"}, 422, "KILONOVA may not act; there are GRB"),
        ({"who": " "}, 400, "who"),
        ({"why": ""}, 400, "why"),
        ({"name": "GRB 261123A"}, 400, "name"),
    ],
)
async def test_impossible_event_is_refused_in_one_line(
    stage: Stage, client: aiohttp.ClientSession, changed: dict[str, Any], status: int, words: str
) -> None:
    """The field is named, nobody hears of it; the same holds for a correction where it applies."""
    await with_strategies(stage)
    problem = await post(client, EVENTS, status, json=BURST | changed)
    assert words in problem["detail"]
    assert "\n" not in problem["detail"]
    problem = await post(client, f"{GRB}/position", status, json=BURST | changed)
    assert words in problem["detail"]
    assert stage.taken == []


async def test_number_beyond_all_numbers_is_refused(client: aiohttp.ClientSession) -> None:
    """1e999 is JSON and no place."""
    raw = b'{"who":"A","why":"x","ra_deg":1e999,"dec_deg":0.0,"error_deg":1.0}'
    sent: dict[str, Any] = {"data": raw, "headers": {"Content-Type": "application/json"}}
    await post(client, f"{GRB}/position", 400, **sent)


@pytest.mark.parametrize("missing", ["who", "why", "t0_utc", "ra_deg", "dec_deg", "error_deg"])
async def test_new_event_needs_each_field(
    stage: Stage, client: aiohttp.ClientSession, missing: str
) -> None:
    """A field that is left out is named."""
    await with_strategies(stage)
    sent = {name: value for name, value in BURST.items() if name != missing}
    assert missing in (await post(client, EVENTS, 400, json=sent))["detail"]
    assert stage.taken == []


async def test_unknown_strategy_is_refused_with_those_there_are(
    stage: Stage, client: aiohttp.ClientSession
) -> None:
    """For one event and as default, after and before any is known."""
    sent = BY | {"strategy": "best"}
    await post(client, DEFAULT, 503, json=sent)
    await with_strategies(stage)
    for path in (f"{GRB}/strategy", DEFAULT):
        problem = await post(client, path, 422, json=sent)
        assert "there is no 'best'; there are grb-localised, grb-wide, other" in problem["detail"]
    assert stage.taken == []


@pytest.mark.parametrize("alert_id", ["x" * 121, "%2e%2e%2fplan", "a%0ab", "-a", "a%20b"])
async def test_what_is_no_id_is_404(
    stage: Stage, client: aiohttp.ClientSession, alert_id: str
) -> None:
    """No event has such an id; the journal never sees it."""
    await post(client, f"{EVENTS}/{alert_id}/stop", 404, json=BY)
    assert stage.taken == []


async def test_other_sites_page_gives_no_order(stage: Stage, client: aiohttp.ClientSession) -> None:
    """The guard stands before these too."""
    headers = {"Sec-Fetch-Site": "cross-site"}
    await post(client, f"{GRB}/stop", 403, json=BY, headers=headers)
    assert stage.taken == []


async def test_handler_that_is_gone_is_told(stage: Stage, client: aiohttp.ClientSession) -> None:
    """A dead handler is a refusal in words, not a page that hangs."""
    await with_strategies(stage)
    await stage.system.ref("/operator").stop()
    problem = await post(client, f"{GRB}/stop", 409, json=BY)
    assert "/operator" in problem["detail"]
    stage.model.apply([Drop(key="strategies")])
    await get(client, "/api/1/alerts/strategies", 503)
