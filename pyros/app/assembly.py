"""Builds the tree of one site's control: with `unit_assembly`, all that knows every class.

Order and reasons are in `docs/start-up.md`: infrastructure, safety, devices, observing, alerts,
page. Paths are fixed in `plant` and nowhere else; actors get references, never names.
"""

from __future__ import annotations

import importlib.metadata
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from actors.advocates.actor import AdvocateNotifier
from actors.alert_handler.actor import AlertHandler
from actors.alert_handler.rules import RuleFile
from actors.alert_handler.strategy_inbox import StrategyInbox
from actors.alert_source.folder import FolderAlertSource
from actors.alert_source.http import HttpAlertSource
from actors.alert_source.kafka import KafkaAlertSource
from actors.alert_source.mqtt import MqttAlertSource
from actors.alert_source.vtp import VtpReceiverSource, VtpSubscriberSource
from actors.archive.actor import ArchiveActor
from actors.archive.frame_job import Archive
from actors.journal.actor import Journal
from actors.journal.buffer import JournalBuffer
from actors.journal.recorder import Recorder
from actors.plc.actor import PlcActor
from actors.safety.actor import SafetyActor
from actors.watcher.actor import Watcher
from actors.weather_source.actor import WeatherSourceActor
from actors.weather_verdict.actor import WeatherVerdictActor
from protocols.mqtt.session import MqttSession
from protocols.topics import SITE_UNIT
from pyros.actor import Backoff, ChildSpec, Lane, LaneSpec, Overflow, SupervisorSpec
from pyros.app.unit_assembly import MANY_RESTARTS, PATIENT, unit_devices, unit_observing
from pyros.errors import ConfigurationError

if TYPE_CHECKING:
    from actors.archive.settings import ArchiveSettings
    from pyros.actor import ActorRef
    from pyros.app.plant import Plant

VERSION = importlib.metadata.version("pyros-observatory")
CONTROL_CLIENT = "control"
_FLOOD = LaneSpec(capacity=500, overflow=Overflow.DROP_NEWEST)
"""Packets that wait at a source which cannot slow its peer down; more is a flood."""


async def build_control(plant: Plant) -> None:
    """Spawn the whole tree, each part when the one before it runs."""
    for spec in (
        _watcher(),
        _infrastructure(plant),
        _safety(plant),
        _devices(plant),
        _observing(plant),
        _alerts(plant),
    ):
        await plant.system.spawn(spec)


def _watcher() -> ChildSpec[Watcher]:
    return ChildSpec(name="watcher", factory=Watcher)


def _infrastructure(plant: Plant) -> SupervisorSpec:
    settings, store = plant.settings, plant.store
    buffer = JournalBuffer(settings.journal.kept_entries)
    archive = Archive(
        data_dir=plant.data_dir,
        site=plant.site,
        settings=_archive_settings(plant),
        software=f"PyROS {VERSION}",
    )
    return SupervisorSpec(
        name="infrastructure",
        max_restarts=MANY_RESTARTS,
        backoff=PATIENT,
        children=(
            ChildSpec(
                name="journal",
                factory=partial(Journal, store=store, buffer=buffer, settings=settings.journal),
                stop_timeout_s=10.0,
            ),
            ChildSpec(
                name="recorder",
                factory=partial(Recorder, store=store, settings=settings.recorder),
                stop_timeout_s=10.0,
            ),
            ChildSpec(
                name="archive",
                factory=partial(
                    ArchiveActor, archive=archive, spool_dir=plant.spool_dir, store=store
                ),
                stop_timeout_s=30.0,
            ),
            ChildSpec(
                name="mqtt",
                factory=partial(
                    MqttSession,
                    link=plant.make_link,
                    response_topic=plant.topics.response(CONTROL_CLIENT),
                ),
            ),
        ),
    )


def _archive_settings(plant: Plant) -> ArchiveSettings:
    optics = {unit.id: unit.optics() for unit in plant.settings.telescope}
    return msgspec.structs.replace(plant.settings.archive, telescopes=optics)


def _safety(plant: Plant) -> SupervisorSpec:
    settings = plant.settings
    sources = tuple(
        ChildSpec(
            name=station,
            factory=partial(
                WeatherSourceActor,
                topics=plant.topics,
                unit=SITE_UNIT,
                device=station,
                settings=source,
                mqtt=plant.mqtt,
            ),
        )
        for station, source in settings.station.items()
    )
    verdict = ChildSpec(
        name="verdict",
        factory=partial(
            WeatherVerdictActor, stations=tuple(settings.station), settings=settings.weather
        ),
    )
    safety = ChildSpec(
        name="safety",
        factory=partial(
            SafetyActor,
            topics=plant.topics,
            site=plant.site,
            settings=settings.safety,
            mqtt=plant.mqtt,
            domes={unit.id: plant.device(unit.id, unit.dome_id) for unit in settings.telescope},
            telescopes={
                unit.id: plant.device(unit.id, unit.mount_id) for unit in settings.telescope
            },
        ),
    )
    return SupervisorSpec(
        name="safety",
        max_restarts=MANY_RESTARTS,
        backoff=Backoff(base_s=0.2, cap_s=5.0, jitter=0.1),
        children=(*sources, verdict, safety),
    )


def _devices(plant: Plant) -> SupervisorSpec:
    settings = plant.settings
    site: tuple[ChildSpec[Any], ...] = ()
    if settings.plc_id is not None:
        plc = ChildSpec(
            name=settings.plc_id,
            factory=partial(
                PlcActor,
                topics=plant.topics,
                unit=SITE_UNIT,
                device=settings.plc_id,
                settings=settings.plc,
                mqtt=plant.mqtt,
            ),
        )
        site = (SupervisorSpec(name=SITE_UNIT, children=(plc,), max_restarts=MANY_RESTARTS),)
    return SupervisorSpec(
        name="devices",
        children=(*site, *(unit_devices(plant, unit) for unit in settings.telescope)),
    )


def _observing(plant: Plant) -> SupervisorSpec:
    return SupervisorSpec(
        name="observing",
        children=tuple(unit_observing(plant, unit) for unit in plant.settings.telescope),
    )


def _alerts(plant: Plant) -> SupervisorSpec:
    """The handler first: it judges what a crash left unjudged before new packets come in."""
    settings = plant.settings.alerts
    handler = plant.system.ref("/alerts/handler")
    unit = plant.alert_unit
    children: list[ChildSpec[Any]] = [
        ChildSpec(
            name="handler",
            factory=partial(
                AlertHandler,
                site=plant.site,
                store=plant.store,
                rules=RuleFile(
                    plant.config_dir / settings.handler.rules,
                    kept=plant.data_dir / "alerts" / "strategy_changes.json",
                ),
                templates=plant.templates,
                settings=settings.handler,
                majordome=plant.observing(unit.id, "majordome"),
                scheduler=plant.observing(unit.id, "scheduler"),
                channel_times=unit.channel_times(),
            ),
        ),
        ChildSpec(
            name="source-mqtt",
            factory=partial(
                MqttAlertSource,
                topics=plant.topics,
                mqtt=plant.mqtt,
                pace=settings.sources.pace,
                handler=handler,
            ),
            lanes={Lane.TELEMETRY: _FLOOD},
        ),
        ChildSpec(
            name="source-http",
            factory=partial(HttpAlertSource, pace=settings.sources.pace, handler=handler),
        ),
        ChildSpec(
            name="strategy-inbox",
            factory=partial(
                StrategyInbox,
                path=plant.data_dir / "EXTERNAL_ENTITIES" / "FSC" / "FROM",
                handler=handler,
            ),
        ),
        *(
            ChildSpec(
                name=f"source-http-{token.name}",
                factory=partial(
                    HttpAlertSource,
                    pace=settings.sources.pace,
                    handler=handler,
                    source=token.name,
                ),
            )
            for token in settings.sources.http
        ),
        *_more_sources(plant, handler),
        *_advocates(plant),
    ]
    if settings.sources.vtp_receiver is not None:
        children.append(
            ChildSpec(
                name="source-vtp",
                factory=partial(
                    VtpReceiverSource,
                    settings=settings.sources.vtp_receiver,
                    pace=settings.sources.pace,
                    handler=handler,
                ),
            )
        )
    children += [
        ChildSpec(
            name=f"source-vtp-broker-{number}",
            factory=partial(
                VtpSubscriberSource,
                settings=broker,
                pace=settings.sources.pace,
                handler=handler,
            ),
        )
        for number, broker in enumerate(settings.sources.vtp_broker, start=1)
    ]
    return SupervisorSpec(
        name="alerts", children=tuple(children), max_restarts=MANY_RESTARTS, backoff=PATIENT
    )


def _more_sources(plant: Plant, handler: ActorRef[Any]) -> list[ChildSpec[Any]]:
    """Kafka clusters and a watched folder, where they are asked for."""
    settings = plant.settings.alerts.sources
    children: list[ChildSpec[Any]] = [
        ChildSpec(
            name=f"source-kafka-{number}",
            factory=partial(
                KafkaAlertSource,
                settings=cluster,
                client_secret=_secret(plant, cluster.client_secret_file),
                pace=settings.pace,
                handler=handler,
            ),
        )
        for number, cluster in enumerate(settings.kafka, start=1)
    ]
    if settings.folder is not None:
        children.append(
            ChildSpec(
                name="source-file",
                factory=partial(
                    FolderAlertSource,
                    path=plant.data_dir / settings.folder.path,
                    settings=settings.folder,
                    pace=settings.pace,
                    handler=handler,
                ),
            )
        )
    return children


def _advocates(plant: Plant) -> list[ChildSpec[Any]]:
    """Who tells burst advocates, where there are any."""
    notify = plant.settings.alerts.notify
    names = [
        *(mail.password_file for mail in notify.mail),
        *(hook.token_file for hook in notify.webhook),
    ]
    if not names:
        return []
    secrets = {name: _secret(plant, name) or "" for name in names if name is not None}
    factory = partial(AdvocateNotifier, settings=notify, secrets=secrets)
    return [ChildSpec(name="advocates", factory=factory)]


def _secret(plant: Plant, name: str | None) -> str | None:
    """A secret in a file of its own, so that the configuration can be shown to anybody.

    Raises:
        ConfigurationError: When the file cannot be read.
    """
    if name is None:
        return None
    path = plant.config_dir / name
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the secret cannot be read: {error.strerror}; create the file, mode 600"
        ) from error
