"""A whole site in one process and one loop: production actors, simulated devices, memory between.

Two actor systems, as there are two processes in `make run`: control and the metal. They meet on an
MQTT router in memory and share nothing else. Used by `pyros simulate`, by tests and by benches.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from protocols.mqtt.faults import Faults
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.router import Router
from protocols.topics import SiteTopics
from pyros.actor import Actor, ActorSystem, ChildSpec, Message, Restart
from pyros.app.assembly import build_control
from pyros.app.plant import Plant
from pyros.app.request_file import load_requests
from pyros.app.seeding import seed_store
from pyros.app.settings import beside
from pyros.app.witness import Findings, Rules, Witness
from pyros.errors import ConfigurationError
from pyros.store import Store
from pyros.store.settings import StoreSettings
from simulators.observatory import simulated_observatory_spec, site_metal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from random import Random

    from protocols.mqtt.message import Will
    from pyros.app.settings import ObservatorySettings
    from simulators.metal import SiteMetal
    from simulators.scenario import Scenario

_BATCH_S = 600.0
M = TypeVar("M", bound=Message)

_SIMULATED_STORE = StoreSettings(synchronous="OFF", readers=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSite:
    """A running simulated site.

    Attributes:
        plant: Control: settings, system, store, paths.
        metal_system: The system of the simulated devices.
        metal: Their physical state.
        router: The broker between the two.
        faults: What is injected into the broker.
        findings: What the witness has seen.
        waits: Numbers those who wait for events.
    """

    plant: Plant
    metal_system: ActorSystem
    metal: SiteMetal
    router: Router
    faults: Faults
    findings: Findings

    waits: count[int] = field(default_factory=lambda: count(1))

    @property
    def control(self) -> ActorSystem:
        """Control's actor system."""
        return self.plant.system

    async def wait_for(
        self, kind: type[M], *, within_s: float, only: Callable[[M], bool] | None = None
    ) -> M:
        """The next event of a kind that control publishes, for tests.

        Args:
            kind: Class of the event.
            within_s: Observatory seconds to wait at most.
            only: Which of them.

        Raises:
            TimeoutError: None came in time.
        """
        heard: asyncio.Future[M] = asyncio.get_running_loop().create_future()
        listener = ChildSpec(
            name=f"listener-{next(self.waits)}",
            factory=partial(_Listener, kind, only, heard),
            restart=Restart.TEMPORARY,
        )
        ref = await self.control.spawn(listener)
        try:
            async with asyncio.timeout(within_s):
                return await heard
        finally:
            await ref.stop()


class _Listener(Actor):
    """Hands one event to who waits for it."""

    def __init__(
        self, kind: type[M], only: Callable[[M], bool] | None, heard: asyncio.Future[M]
    ) -> None:
        super().__init__()
        self._kind, self._only = kind, only
        self._heard: asyncio.Future[Any] = heard

    async def on_start(self) -> None:
        """Listen."""
        self.subscribe(self._kind, only=self._only)

    async def on_receive(self, message: Message) -> Any:
        """The first one counts."""
        if not self._heard.done():
            self._heard.set_result(message)


@contextlib.asynccontextmanager
async def simulated_site(
    settings: ObservatorySettings,
    *,
    config: Path,
    data_dir: Path,
    seed: int,
    rng: Random,
    scenario: Scenario | None = None,
    keep_database: bool = False,
) -> AsyncIterator[SimulatedSite]:
    """Build a site on the running loop, and take it down at the end of the block.

    Args:
        settings: The site's settings, with `[simulators]`.
        config: The file they come from; others are named relative to it.
        data_dir: Frames, previews and spool.
        seed: Of weather, noise and every random stream.
        rng: For injected MQTT faults.
        scenario: What happens to the devices; the settings' own when None.
        keep_database: Whether the database is a file in `data_dir`; in memory otherwise.

    Raises:
        ConfigurationError: When the settings have no simulators.
    """
    if settings.simulators is None:
        raise ConfigurationError(f"{config}: no [simulators]; this site cannot be simulated")
    settings = in_virtual_time(settings)
    assert settings.simulators is not None  # noqa: S101  (looked at above)
    simulators = msgspec.structs.replace(settings.simulators, seed=seed)
    site, topics = settings.site.sky_site(), SiteTopics(settings.site.id)
    demands = load_requests(
        beside(config, settings.requests), filters_by_channel=settings.filters_by_channel()
    )
    faults = Faults(rng)
    router = Router(asyncio.get_running_loop(), faults=faults)
    metal = site_metal(simulators, site)
    findings = Findings()

    def metal_link(will: Will) -> MemoryLink:
        return MemoryLink(router, client_id=f"pyros-{simulators.bridge}", will=will)

    store = Store(data_dir if keep_database else None, _SIMULATED_STORE)
    async with (
        store,
        ActorSystem(name="metal", seed=seed) as metal_system,
        ActorSystem(name="control", seed=seed) as control,
    ):
        plant = Plant(
            system=control,
            settings=settings,
            site=site,
            demands=demands,
            store=store,
            data_dir=data_dir,
            config_dir=config.parent,
            make_link=lambda: MemoryLink(router, client_id="pyros-control"),
        )
        await seed_store(store, demands, settings.channel_times(), control.clock.now())
        await metal_system.spawn(
            simulated_observatory_spec(
                metal_system,
                simulators,
                site=site,
                topics=topics,
                make_link=metal_link,
                spool=plant.spool_dir,
                start_unix_s=control.clock.unix_s(),
                scenario=scenario or settings.scenario,
                metal=metal,
            )
        )
        await control.spawn(
            ChildSpec(
                name="witness",
                factory=lambda: Witness(
                    metal=metal, site=site, rules=_rules(settings), findings=findings
                ),
            )
        )
        await build_control(plant)
        yield SimulatedSite(
            plant=plant,
            metal_system=metal_system,
            metal=metal,
            router=router,
            faults=faults,
            findings=findings,
        )


def in_virtual_time(settings: ObservatorySettings) -> ObservatorySettings:
    """The settings less what belongs to a machine: sockets, and waits for the disk.

    Batches are sized in wall seconds, and in virtual time a wall second is an observatory second:
    larger ones write as often as a live night does in wall time.
    """
    replace = msgspec.structs.replace
    sources = replace(settings.alerts.sources, vtp_receiver=None, vtp_broker=())
    handler = replace(settings.alerts.handler, fetch_maps=False)
    return replace(
        settings,
        alerts=replace(settings.alerts, sources=sources, handler=handler),
        archive=replace(settings.archive, durable=False),
        recorder=replace(settings.recorder, batch_s=_BATCH_S),
    )


def _rules(settings: ObservatorySettings) -> dict[str, Rules]:
    closing_s = settings.safety.closing_s + settings.safety.closing_margin_s
    return {
        unit.id: Rules(
            closing_s=closing_s,
            dome_key=f"{unit.id}/{unit.dome_id}",
            dome=unit.dome,
            telescope=unit.mount,
        )
        for unit in settings.telescope
    }
