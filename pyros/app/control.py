"""The control process's life: builds the tree and the page on the running loop, waits, puts away.

Shutdown runs in phases (`docs/start-up.md`): no new work, dome verified closed, everything flushed,
tree stopped. Progress is told to whoever started it, line by line.
"""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from actors.alert_source.http_tokens import load_tokens
from actors.device.messages import DeviceStatus
from actors.device.readings import good_flag, good_number, good_text
from actors.journal.messages import Flush, JournalEntry
from actors.majordome.messages import PrepareStop
from actors.web_gateway.about import about_observatory
from actors.web_gateway.actor import WebGateway
from actors.web_gateway.live_model import LiveModel
from actors.web_gateway.orders import OrderParties
from actors.web_gateway.trends import TrendRing
from protocols.mqtt.link import AiomqttLink
from pyros.actor import Actor, ActorSystem, ChildSpec, Message, SupervisorSpec
from pyros.app.assembly import VERSION, build_control
from pyros.app.broker_keeper import BrokerKeeper
from pyros.app.plant import Plant
from pyros.app.request_file import load_requests
from pyros.app.seeding import seed_store
from pyros.app.settings import beside
from pyros.domain.device import DeviceKind
from pyros.store import Store
from simulators.process import BrokerAddress
from web.server import WebServer
from web.services import WebServices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors.alert_source.http_tokens import HttpTokens
    from pyros.app.settings import ObservatorySettings

_PUT_AWAY_S = 180.0
"""Wall seconds given to close, cover and park before the process gives up and says so."""
_FLUSH_S = 15.0
_SESSION_S = 60
_QUIESCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlOptions:
    """How a control process is run.

    Attributes:
        settings: The site's settings.
        config: The file they come from.
        data_dir: Database, frames, spool.
        mqtt_url: The broker.
        boot_id: Names this start.
        say: Tells whoever started the process, one line at a time.
        revive_broker: Starts the embedded broker again when it died; None with another broker.
    """

    settings: ObservatorySettings
    config: Path
    data_dir: Path
    mqtt_url: str
    boot_id: str
    say: Callable[[str], None]
    revive_broker: Callable[[], bool] | None = None


class StopProgress(Actor):
    """Tells how far closing has come, while the process stops."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say
        self._told: dict[str, str] = {}

    async def on_start(self) -> None:
        """Listen to domes and telescopes."""
        self.subscribe(DeviceStatus)

    async def on_receive(self, message: Message) -> Any:
        """Say what changed."""
        match message:
            case DeviceStatus(kind=DeviceKind.DOME):
                shutter = good_text(message.readings, "shutter") or "unknown"
                open_share = good_number(message.readings, "opening_fraction")
                share = f" ({open_share:.0%} open)" if shutter == "closing" and open_share else ""
                self._tell(f"{message.unit} dome", f"{shutter}{share}")
            case DeviceStatus(kind=DeviceKind.TELESCOPE):
                cover = good_text(message.readings, "cover") or "unknown"
                parked = "parked" if good_flag(message.readings, "parked") else "not parked yet"
                self._tell(f"{message.unit} telescope", f"{parked}, cover {cover}")
            case DeviceStatus():
                pass
            case _:
                return await super().on_receive(message)
        return None

    def _tell(self, what: str, state: str) -> None:
        if self._told.get(what) != state:
            self._told[what] = state
            self._say(f"  {what}: {state}")


async def run_control(options: ControlOptions) -> int:
    """Run the site's control until a signal; exit status 1 when something was not put away."""
    settings = options.settings
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tokens = load_tokens(settings.alerts.sources.http, options.config.parent, os.environ)
    demands = load_requests(
        beside(options.config, settings.requests),
        filters_by_channel=settings.filters_by_channel(),
    )
    async with Store(options.data_dir, settings.store) as store:
        system = ActorSystem(name="control", seed=settings.seed)
        await system.start()
        plant = Plant(
            system=system,
            settings=settings,
            site=settings.site.sky_site(),
            demands=demands,
            store=store,
            data_dir=options.data_dir,
            config_dir=options.config.parent,
            make_link=_link_factory(options),
        )
        server: WebServer | None = None
        try:
            now_utc = system.clock.now()
            for refused in await seed_store(store, demands, settings.channel_times(), now_utc):
                options.say(refused)
            services = await _spawn_gateway(plant, options, tokens)
            if options.revive_broker is not None:
                keeper = partial(BrokerKeeper, revive=options.revive_broker)
                await system.spawn(ChildSpec(name="broker-keeper", factory=keeper))
            await build_control(plant)
            server = WebServer(services)
            await server.start()
            _phases(plant, options, server)
            options.say(f"PyROS runs {settings.site.name or settings.site.id}: {server.url}")
            await _until_stopped(system, stop)
        finally:
            options.say("stopping: no new work; closing and parking")
            system.shutdown_on_signals()  # from here on a signal hurries what has begun
            outcomes = await system.shutdown("signal")
        late = [outcome for outcome in outcomes if outcome.outcome not in ("done", "skipped")]
        for outcome in late:
            options.say(f"  {outcome.name}: {outcome.outcome} {outcome.error or ''}".rstrip())
    options.say("stopped")
    return 1 if late else 0


def _link_factory(options: ControlOptions) -> Callable[[], AiomqttLink]:
    address = BrokerAddress.of(options.mqtt_url)
    return lambda: AiomqttLink(
        address.host,
        address.port,
        client_id=f"pyros-control-{options.settings.site.id}",
        clean_start=False,  # events of QoS 1 survive a short loss of the link
        session_expiry_s=_SESSION_S,
        username=address.username,
        password=address.password,
    )


async def _until_stopped(system: ActorSystem, stop: asyncio.Event) -> None:
    waiting = asyncio.ensure_future(stop.wait())
    ends: set[asyncio.Future[Any]] = {waiting, system.failed}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _spawn_gateway(plant: Plant, options: ControlOptions, tokens: HttpTokens) -> WebServices:
    """Spawn the gateway, before all others: it must not miss what they say when they start."""
    settings, system = plant.settings, plant.system
    model = LiveModel({"log": settings.gateway.log_lines})
    points = int(settings.gateway.trend_hours * 3600.0 / settings.gateway.trend_step_s)
    trends = TrendRing(points)
    handler = system.ref("/alerts/handler")
    parties = OrderParties(
        majordome=plant.observing(settings.telescope[0].id, "majordome"),
        alert_handler=handler,
        alert_inlet=system.ref("/alerts/source-http"),
        token_inlets={name: system.ref(f"/alerts/source-http-{name}") for name in tokens.sources},
        domes=tuple(plant.device(unit.id, unit.dome_id) for unit in settings.telescope),
    )
    about = about_observatory(
        site_id=settings.site.id,
        units=[unit.id for unit in settings.telescope],
        min_altitude_deg=min(unit.mount.min_altitude_deg for unit in settings.telescope),
        weather_limits={
            rule.quantity: rule.bad_above
            for rule in settings.weather.rules
            if rule.bad_above is not None
        },
        alert_kinds=plant.templates.kinds(),
        simulated=settings.simulators is not None,
    )
    gateway = ChildSpec(
        name="gateway",
        factory=lambda: WebGateway(
            model=model,
            trends=trends,
            site=plant.site,
            about=about,
            parties=parties,
            settings=settings.gateway,
        ),
    )
    await system.spawn(SupervisorSpec(name="web", children=(gateway,)))
    return WebServices(
        settings=settings.web,
        model=model,
        trends=trends,
        gateway=system.ref("/web/gateway"),
        clock=system.clock,
        boot_id=options.boot_id,
        version=VERSION,
        data_dir=plant.data_dir,
        store=plant.store,
        tokens=tokens,
    )


def _phases(plant: Plant, options: ControlOptions, server: WebServer) -> None:
    """What each phase of the shutdown does here."""
    system = plant.system

    async def quiesce() -> None:
        system.events.publish(
            JournalEntry(
                kind="system",
                subject="/",
                text="PyROS is stopping",
                time_utc=system.clock.now(),
                data={},
                severity="notice",
                who="control",
            )
        )

    async def make_safe() -> None:
        await system.spawn(
            ChildSpec(name="stop-progress", factory=lambda: StopProgress(say=options.say))
        )
        await asyncio.gather(
            *(
                plant.observing(unit.id, "majordome").ask(
                    PrepareStop(reason="signal"), timeout_s=_PUT_AWAY_S
                )
                for unit in plant.settings.telescope
            )
        )
        options.say("  dome closed, cover closed, telescope parked")

    async def flush() -> None:
        await server.stop()
        await system.ref("/infrastructure/journal").ask(Flush(), timeout_s=_FLUSH_S)

    system.shutdown_phase("quiesce", quiesce, deadline_s=_QUIESCE_S)
    system.shutdown_phase("make_safe", make_safe, after=("quiesce",), deadline_s=_PUT_AWAY_S)
    system.shutdown_phase("flush", flush, after=("make_safe",), deadline_s=_FLUSH_S)
