"""The slow tier: when a search is due, and the process of its own in which it runs."""

from __future__ import annotations

import asyncio
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import TYPE_CHECKING

from pyros.scheduling.search import default_turns
from pyros.scheduling.worker import SearchProcess

if TYPE_CHECKING:
    from pyros.scheduling.worker import SearchAnswer, SearchJob


class BackgroundSearch:
    """Searches of one telescope, one at a time.

    Args:
        every_s: Observatory seconds between two searches at least.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._last_unix_s: float | None = None
        self._process: SearchProcess | None = None
        self._runs = False

    def due(self, now_unix_s: float) -> bool:
        """Whether a search may begin; if so it counts as begun."""
        last = self._last_unix_s
        if self._runs or (last is not None and now_unix_s - last < self._every_s):
            return False
        self._last_unix_s = now_unix_s
        return True

    def new_night(self) -> None:
        """The first plan of a night is searched whatever was searched before."""
        self._last_unix_s = None

    async def run(self, job: SearchJob) -> SearchAnswer | None:
        """Search in the other process, at the length that the instance's size asks for.

        Returns:
            The answer, or None when the process died; the next search gets a new one.
        """
        turns = max(job.iterations, default_turns(job.instance))
        if self._process is None:
            self._process = SearchProcess()
            self._process.start()
        self._runs = True
        try:
            return await asyncio.wrap_future(
                self._process.submit(replace(job, iterations=turns, compiled=None))
            )
        except BrokenProcessPool:
            await self.stop()
            return None
        finally:
            self._runs = False

    async def stop(self) -> None:
        """End the process and what it does."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(process.stop)
