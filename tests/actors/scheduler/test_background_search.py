"""The search of a real night: in a process of its own, one at a time, and over when it is told."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from actors.scheduler.background_search import BackgroundSearch
from pyros.scheduling.compilation import can_compile
from pyros.scheduling.instance_file import read_instance
from pyros.scheduling.night_plan import plan_night
from pyros.scheduling.worker import SearchJob

pytestmark = pytest.mark.timeout(300)
"""The search runs at low priority: on a busy machine it gets what the others leave."""

POOL = Path(__file__).parents[2] / "data" / "planner" / "pool-50-0.json"


def job() -> SearchJob:
    """Fifty sequences."""
    return SearchJob(version=3, instance=read_instance(POOL), now_s=0.0, seed=1, iterations=1)


@pytest.fixture(scope="module", autouse=True)
def _compiled_loop_is_cached() -> None:
    """Machine code is made here, at this process's priority, where numba is installed."""
    plan_night(read_instance(POOL), iterations=1, compiled=can_compile())


@pytest.mark.asyncio
async def test_search_runs_in_another_process_and_betters_the_first_plan() -> None:
    """The answer names the version it started from; the loop goes on; nothing is left behind."""
    search = BackgroundSearch(every_s=900.0)
    question = job()
    assert search.due(0.0)
    running = asyncio.ensure_future(search.run(question))
    await asyncio.sleep(0)
    assert not search.due(1e6)
    answer = await running
    assert answer is not None
    assert answer.version == question.version
    assert answer.plan.value > plan_night(question.instance).value
    assert search.due(1e6)
    await search.stop()
    assert multiprocessing.active_children() == []


@pytest.mark.asyncio
async def test_search_whose_process_dies_gives_no_answer_and_the_next_one_does() -> None:
    """A killed worker costs one search; the next gets a new process."""
    search = BackgroundSearch(every_s=900.0)
    running = asyncio.ensure_future(search.run(job()))
    while not (workers := multiprocessing.active_children()):  # noqa: ASYNC110 - no event for it
        await asyncio.sleep(0.01)
    assert workers[0].pid is not None
    os.kill(workers[0].pid, signal.SIGKILL)
    assert await running is None
    assert await search.run(job()) is not None
    await search.stop()
    assert multiprocessing.active_children() == []
