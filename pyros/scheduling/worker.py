"""The background search: a job that any process can run, and a process of its own to run it in.

The search must not share an interpreter with the observatory (it would hold the lock for seconds).
`run_job` is a plain function of picklable data: a simulated night calls it directly, in virtual
time; a real one gives it to a `SearchProcess`. `worth_publishing` decides whether its answer
replaces a plan that has meanwhile been repaired.
"""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from pyros.scheduling.night_plan import plan_night

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyros.scheduling.instance import Committed, Instance
    from pyros.scheduling.plan import Plan

LEAST_GAIN = 0.002
"""Share of its value by which a searched plan must be better to replace a live one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchJob:
    """What to search.

    Args:
        version: Of the plan that it starts from; the answer carries it.
        instance: The problem, with committed work and published starts.
        now_s: Nothing new starts before (present plus freeze horizon).
        seed: Of the search.
        iterations: Turns.
        compiled: Force the compiled or the plain loop (the plan is the same).
    """

    version: int
    instance: Instance
    now_s: float
    seed: int
    iterations: int
    compiled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAnswer:
    """A job's plan, for the version that it started from."""

    version: int
    plan: Plan


def run_job(job: SearchJob) -> SearchAnswer:
    """Search; the same job gives the same answer in any process."""
    plan = plan_night(
        job.instance,
        seed=job.seed,
        iterations=job.iterations,
        now_s=job.now_s,
        compiled=job.compiled,
    )
    return SearchAnswer(version=job.version, plan=plan)


def worth_publishing(
    answer: SearchAnswer,
    live: Plan,
    *,
    live_version: int,
    frozen: Iterable[Committed],
    now_s: float = 0.0,
    least_gain: float = LEAST_GAIN,
) -> bool:
    """Whether a searched plan should replace the live one.

    Args:
        answer: What the search found.
        live: The plan in force.
        live_version: Its version; an answer for another one is out of date.
        frozen: Placements that must be the same (current and next).
        now_s: Present; nothing but what is frozen may start before it.
        least_gain: Share of the live value by which it must be better.
    """
    if answer.version != live_version:
        return False
    starts = {p.id: float(p.start_s) for p in answer.plan.placements}
    stands = {item.id: float(round(item.start_s)) for item in frozen}
    if any(starts.get(name) != start for name, start in stands.items()):
        return False
    if any(start < now_s for name, start in starts.items() if name not in stands):
        return False
    return answer.plan.value > live.value * (1.0 + least_gain)


def _settle_in() -> None:
    """The search takes what the observatory leaves, and lives no longer than its parent.

    Ctrl-C reaches the whole group: the parent ends the search in its own order. A parent that was
    killed cannot, so a thread waits for its end; a pool's worker would wait for work for ever.
    """
    os.nice(10)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


class SearchProcess:
    """One process for searches; a new job waits until the one before it is done."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> None:
        """Start the process (a fresh interpreter: nothing of the parent's threads is inherited)."""
        self._pool = ProcessPoolExecutor(
            max_workers=1, mp_context=get_context("spawn"), initializer=_settle_in
        )

    def submit(self, job: SearchJob) -> Future[SearchAnswer]:
        """Hand a job over.

        Raises:
            RuntimeError: When the process was not started.
        """
        if self._pool is None:
            raise RuntimeError("search process is not running; call start() first")
        return self._pool.submit(run_job, job)

    def stop(self) -> None:
        """End the process; a job that runs is abandoned with it."""
        if self._pool is None:
            return
        for process in list(getattr(self._pool, "_processes", {}).values()):
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None
