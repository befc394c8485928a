"""The pytest plugin: actor systems in virtual time, in anyone's tests.

With pytest-asyncio, in strict mode too:

    @pytest.mark.asyncio
    async def test_dome_opens(system):
        dome = await system.spawn(ChildSpec(name="dome", factory=Dome))
        assert await dome.ask(Open()) == Opened()

The fixture `system` is an empty system that runs in virtual time (hours pass in milliseconds) and
is shut down after the test; `virtual_time` makes a test run on the virtual loop without a system.
Outside pytest, `async with simulated_system(seed=7) as system:` does the same on any asyncio loop.

The fixture `observatory` is a whole site in virtual time: the production actors, simulated devices
and a broker in memory between them (`docs/simulated-night.md`). A marker replaces what it is built
of:

    @pytest.mark.observatory(start="2026-11-24T05:00:00Z", seed=3, scenario=RAIN)
    @pytest.mark.asyncio
    async def test_it_closes(observatory):
        await observatory.wait_for(CloseOrder, within_s=7200.0)
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from pyros.actor.loops import VirtualLoop, virtual_time
from pyros.actor.loops.virtual import DEFAULT_START_UNIX_S
from pyros.actor.system import ActorSystem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from pyros.app.simulated_site import SimulatedSite

_MARKER_FIXTURE = "pyros_virtual_loop"
_OBSERVATORY = "observatory"
_OBSERVATORY_OPTIONS = frozenset({"config", "start", "seed", "scenario", "settings"})
_DARK = "2026-11-24T04:00:00+00:00"
"""Dark at the simulated observatory, with nine hours of night to come."""


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


@pytest_asyncio.fixture(loop_scope="function")
async def observatory(
    pyros_virtual_loop: None,  # noqa: ARG001 - requested for its effect
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> AsyncIterator[SimulatedSite]:
    """A whole simulated site in virtual time, in the dark and about to open.

    The marker `observatory` takes, each by name and none needed:
        config: Path of its settings; the simulated observatory's by default.
        start: First instant, ISO 8601 with its zone.
        seed: Of weather, noise and every random stream; 7.
        scenario: A `simulators.scenario.Scenario`: prescribed weather and faults.
        settings: A function that gets the settings and gives changed ones
            (`msgspec.structs.replace`).
    """
    from pyros.app.locations import default_config  # noqa: PLC0415 - the roof, only when asked for
    from pyros.app.settings import load_settings  # noqa: PLC0415
    from pyros.app.simulated_site import simulated_site  # noqa: PLC0415

    wanted = _observatory_options(request.node)
    config = wanted.get("config") or default_config()
    settings = load_settings(config)
    change = wanted.get("settings")
    seed = wanted.get("seed", 7)
    async with simulated_site(
        settings if change is None else change(settings),
        config=config,
        data_dir=tmp_path / "observatory",
        seed=seed,
        rng=Random(seed),  # noqa: S311 - a simulation is to be repeatable
        scenario=wanted.get("scenario"),
    ) as site:
        yield site


def _observatory_options(item: Any) -> dict[str, Any]:
    """What the marker says of the test; the nearest marker wins for each option.

    Raises:
        pytest.UsageError: For an option that does not exist.
    """
    options: dict[str, Any] = {}
    for marker in item.iter_markers(_OBSERVATORY):
        unknown = sorted(set(marker.kwargs) - _OBSERVATORY_OPTIONS)
        if unknown or marker.args:
            raise pytest.UsageError(
                f"marker observatory takes {', '.join(sorted(_OBSERVATORY_OPTIONS))} by name, not "
                f"{', '.join(unknown) or 'positions'}"
            )
        options = marker.kwargs | options
    return options


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "observatory(config, start, seed, scenario, settings): what `observatory` is"
    )


@pytest.hookimpl(trylast=True)
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]] | None:
    """Give tests that need virtual time a virtual loop, and all others the loop they would have."""
    del config
    names: Any = getattr(item, "fixturenames", ())
    if _OBSERVATORY in names:
        start = datetime.fromisoformat(_observatory_options(item).get("start", _DARK))
        return {"virtual": partial(VirtualLoop, start_unix_s=start.timestamp())}
    if _MARKER_FIXTURE in names:
        return {"virtual": VirtualLoop}
    return {"asyncio": asyncio.new_event_loop}
