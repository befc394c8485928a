"""The pytest plugin in a project of its own: strict mode, several systems, others' loops."""

import subprocess
import sys
from pathlib import Path

import pytest

STRICT = """
[pytest]
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

TESTS = """
import asyncio
from dataclasses import dataclass

import pykka
import pytest

from pyros.actor import Actor, ActorSystem, ChildSpec, Message, Request
from pyros.actor.loops import VirtualLoop
from pyros.testing import simulated_system


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Request[int]):
    number: int


class Counter(Actor):
    async def on_start(self) -> None:
        self.total = 0

    async def on_receive(self, message: Message) -> int:
        self.total += message.number
        return self.total


@pytest.mark.asyncio
async def test_fixture_runs_in_virtual_time(system):
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)
    ref = await system.spawn(ChildSpec(name="c", factory=Counter))
    await asyncio.sleep(3_600)
    assert await ref.ask(Add(number=2)) == 2
    assert system.clock.monotonic_s() == 3_600


@pytest.mark.asyncio
async def test_two_systems_in_one_process(system):
    async with ActorSystem(name="other") as other:
        one = await system.spawn(ChildSpec(name="c", factory=Counter))
        two = await other.spawn(ChildSpec(name="c", factory=Counter))
        assert await one.ask(Add(number=1)) == 1
        assert await two.ask(Add(number=5)) == 5
    assert await one.ask(Add(number=1)) == 2
    assert pykka.ActorRegistry.get_all() == []


@pytest.mark.asyncio
async def test_virtual_time_alone(virtual_time):
    await asyncio.sleep(1e6)
    assert virtual_time.time() == 1e6


@pytest.mark.asyncio
async def test_others_keep_their_loop():
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)
    async with simulated_system(seed=7) as system:
        await asyncio.sleep(3_600)
        assert system.seed == 7


def test_synchronous_tests_are_left_alone():
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


class TestInAClass:
    @pytest.mark.asyncio
    async def test_method(self, system):
        await asyncio.sleep(60)


@pytest.mark.asyncio
@pytest.mark.parametrize("seconds", [1, 2])
async def test_parametrized(system, seconds):
    await asyncio.sleep(seconds)
    assert system.clock.monotonic_s() == seconds
"""


def _run(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's project, which only installed PyROS."""
    (tmp_path / "pytest.ini").write_text(STRICT)
    (tmp_path / "test_theirs.py").write_text(TESTS)
    return tmp_path


def test_plugin_works_in_strict_mode(project: Path):
    """The fixtures work under pytest-asyncio's strict mode, with warnings as errors."""
    done = _run(project)
    assert "8 passed" in done.stdout, done.stdout + done.stderr


def test_plugin_leaves_their_loop_factories_alone(project: Path):
    """A project's own choice of loops wins for its own tests."""
    (project / "conftest.py").write_text(
        "import asyncio\n"
        "class TheirLoop(asyncio.SelectorEventLoop):\n"
        "    pass\n"
        "def pytest_asyncio_loop_factories(config, item):\n"
        "    return None if 'system' in item.fixturenames else {'theirs': TheirLoop}\n"
    )
    (project / "test_theirs.py").write_text(
        "import asyncio, pytest\n"
        "@pytest.mark.asyncio\n"
        "async def test_theirs():\n"
        "    assert type(asyncio.get_running_loop()).__name__ == 'TheirLoop'\n"
        "@pytest.mark.asyncio\n"
        "async def test_ours(system):\n"
        "    assert type(asyncio.get_running_loop()).__name__ == 'VirtualLoop'\n"
    )
    done = _run(project)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_plugin_reports_what_an_actor_forgot(project: Path):
    """A test that waits for what never comes fails with the names of who waits, at once."""
    (project / "test_theirs.py").write_text(
        "import asyncio, pytest\n"
        "@pytest.mark.asyncio\n"
        "async def test_forgotten(system):\n"
        "    await asyncio.get_running_loop().create_future()\n"
    )
    done = _run(project)
    assert "virtual time cannot go on" in done.stdout
    assert "1 failed" in done.stdout
