"""The pytest plugin: actor systems in virtual time, in anyone's tests.

With pytest-asyncio, in strict mode too:

    @pytest.mark.asyncio
    async def test_dome_opens(system):
        dome = await system.spawn(ChildSpec(name="dome", factory=Dome))
        assert await dome.ask(Open()) == Opened()

The fixture `system` is an empty system that runs in virtual time (hours pass in milliseconds) and
is shut down after the test; `virtual_time` makes a test run on the virtual loop without a system.
Outside pytest, `async with simulated_system(seed=7) as system:` does the same on any asyncio loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from pyros.actor.loops import VirtualLoop, virtual_time
from pyros.actor.loops.virtual import DEFAULT_START_UNIX_S
from pyros.actor.system import ActorSystem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_MARKER_FIXTURE = "pyros_virtual_loop"


@contextlib.asynccontextmanager
async def simulated_system(
    *, seed: int = 0, name: str = "pyros", start_unix_s: float = DEFAULT_START_UNIX_S
) -> AsyncIterator[ActorSystem]:
    """An actor system in virtual time, shut down at the end of the block.

    Args:
        seed: Of every random stream in it; the same seed gives the same order of messages.
        name: The system's name.
        start_unix_s: The observatory's UTC at the start.

    Raises:
        RuntimeError: When the running loop cannot be made virtual (uvloop).
    """
    with virtual_time(start_unix_s=start_unix_s):
        async with ActorSystem(name=name, seed=seed) as system:
            yield system


@pytest.fixture
def pyros_virtual_loop() -> None:
    """Marks a test whose event loop must be virtual; what other fixtures here depend on."""


@pytest_asyncio.fixture(loop_scope="function", name="virtual_time")
async def _virtual_time(
    pyros_virtual_loop: None,  # noqa: ARG001 - requested for its effect
) -> VirtualLoop:
    """Run this test in virtual time; the value is its loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)  # noqa: S101 - the hook below provides it
    return loop


@pytest_asyncio.fixture(loop_scope="function")
async def system(
    pyros_virtual_loop: None,  # noqa: ARG001 - requested for its effect
) -> AsyncIterator[ActorSystem]:
    """An empty actor system in virtual time with seed 0."""
    async with ActorSystem(seed=0) as empty:
        yield empty


@pytest.hookimpl(trylast=True)
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]] | None:
    """Give tests that need virtual time a virtual loop, and all others the loop they would have."""
    del config
    names: Any = getattr(item, "fixturenames", ())
    if _MARKER_FIXTURE in names:
        return {"virtual": VirtualLoop}
    return {"asyncio": asyncio.new_event_loop}
