"""The search process ends with its parent, however that ends."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

POOL = Path(__file__).parents[2] / "data" / "planner" / "pool-1000-0.json"
PARENT = """
import multiprocessing, sys, time
from pathlib import Path
from pyros.scheduling.instance_file import read_instance
from pyros.scheduling.worker import SearchJob, SearchProcess
search = SearchProcess()
search.start()
instance = read_instance(Path(sys.argv[1]))
done = search.submit(
    SearchJob(version=1, instance=instance, now_s=0.0, seed=1, iterations=10**9, compiled=False)
)
while not done.running():
    time.sleep(0.01)
print(multiprocessing.active_children()[0].pid, flush=True)
time.sleep(600)
"""


def _ended(pid: int) -> bool:
    """Whether a process is gone, or waits as a zombie for somebody to ask after it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.asyncio
async def test_search_ends_with_a_killed_parent() -> None:
    """`kill -9` of the observatory leaves no search behind that burns a core."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(POOL), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    worker = int(await parent.stdout.readline())
    assert not _ended(worker)
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(30.0):
        while not _ended(worker):  # noqa: ASYNC110 - nobody tells of a grandchild's end
            await asyncio.sleep(0.05)
