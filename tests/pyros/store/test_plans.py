"""Tests of plan versions: what was placed, what was refused and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyros.store import Placement, PlanHead, PlanVersion, Refusal, Store, StoreConflictError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

pytestmark = pytest.mark.asyncio


@pytest.fixture
def plan(at) -> Callable[..., PlanVersion]:
    """Plans with one placement and one refusal."""

    def make(
        version: int, *, night: str = "2026-11-23", why: str = "Moon at 12 deg"
    ) -> PlanVersion:
        start: datetime = at(600.0 * version)
        return PlanVersion(
            head=PlanHead(
                night=night,
                version=version,
                trigger="night start",
                value=1234.5,
                input_hash="abc",
                cpu_s=0.2,
                time_utc=at(version),
            ),
            placements=(
                Placement(
                    sequence_id="s1",
                    name="NGC 7469",
                    programme_id="agn",
                    start_utc=start,
                    end_utc=at(600.0 * version + 500.0),
                    priority=82,
                    filters=("g", "r"),
                    ra_deg=345.8,
                    dec_deg=8.9,
                    bonus=version > 1,
                ),
            ),
            refusals=(
                Refusal(sequence_id="s2", name="M 33", programme_id="sn", code="MOON", text=why),
            ),
        )

    return make


async def test_plan_comes_back_whole(store: Store, plan, line):
    """A version keeps its inputs' hash, placements in order, refusals with reasons."""
    assert await store.plans.last_version("2026-11-23") == 0
    assert await store.plans.get("2026-11-23") is None
    assert await store.plans.add(plan(1), lines=[line("planned")]) == (1,)
    await store.plans.add(plan(2))
    assert await store.plans.get("2026-11-23") == plan(2)
    assert await store.plans.get("2026-11-23", 1) == plan(1)
    assert await store.plans.last_version("2026-11-23") == 2
    assert await store.plans.versions("2026-11-23") == [plan(1).head, plan(2).head]


async def test_plan_without_contents_is_a_plan(store: Store, plan):
    """A night on which nothing can be observed has a plan too."""
    empty = PlanVersion(head=plan(1).head, placements=(), refusals=())
    await store.plans.add(empty)
    assert await store.plans.get("2026-11-23") == empty


async def test_same_version_twice_is_a_conflict(store: Store, plan, line):
    """A version is written once, with its line or not at all."""
    await store.plans.add(plan(1))
    with pytest.raises(StoreConflictError):
        await store.plans.add(plan(1), lines=[line("again")])
    assert await store.journal.last_seq() == 0


async def test_why_not_is_answered_newest_first(store: Store, plan):
    """The reasons for which a sequence was left out, over versions and nights."""
    await store.plans.add(plan(1))
    await store.plans.add(plan(2, why="quota: 0 s left"))
    await store.plans.add(plan(1, night="2026-11-24", why="rain"))
    found = await store.plans.refusals_of("s2")
    assert [(head.night, head.version, why.text) for head, why in found] == [
        ("2026-11-24", 1, "rain"),
        ("2026-11-23", 2, "quota: 0 s left"),
        ("2026-11-23", 1, "Moon at 12 deg"),
    ]
    assert await store.plans.refusals_of("s1") == []
