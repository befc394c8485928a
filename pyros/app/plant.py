"""What the tree of control is built on, and where its actors live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.alert_handler.templates import AlertTemplates
from protocols.mqtt.session import MqttSession
from protocols.topics import SiteTopics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from protocols.mqtt.connection import MqttLink
    from pyros.actor import ActorRef, ActorSystem
    from pyros.app.request_file import Demands
    from pyros.app.settings import ObservatorySettings, UnitSettings
    from pyros.sky.site import Site
    from pyros.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """What the tree is built on.

    Attributes:
        system: The control's actor system.
        settings: The site's settings.
        site: Where, for the sky engine.
        demands: Programmes and requests.
        store: The database, open.
        data_dir: Frames, previews, spool, exchange.
        config_dir: Where the files named in the settings lie.
        make_link: Makes a connection to the broker.
    """

    system: ActorSystem
    settings: ObservatorySettings
    site: Site
    demands: Demands
    store: Store
    data_dir: Path
    config_dir: Path
    make_link: Callable[[], MqttLink]

    @property
    def topics(self) -> SiteTopics:
        """The site's MQTT topics."""
        return SiteTopics(self.settings.site.id)

    @property
    def mqtt(self) -> ActorRef[MqttSession]:
        """The MQTT session."""
        return self.system.ref("/infrastructure/mqtt", MqttSession)

    @property
    def safety(self) -> ActorRef[Any]:
        """The safety actor."""
        return self.system.ref("/safety/safety")

    @property
    def spool_dir(self) -> Path:
        """Where cameras leave frames."""
        return self.data_dir / "spool"

    @property
    def templates(self) -> AlertTemplates:
        """What test alerts are made of."""
        return AlertTemplates(self.config_dir / self.settings.alerts.templates)

    def device(self, unit: str, device: str) -> ActorRef[Any]:
        """A device actor."""
        return self.system.ref(f"/devices/{unit}/{device}")

    def observing(self, unit: str, actor: str) -> ActorRef[Any]:
        """An actor of a telescope's observing subtree."""
        return self.system.ref(f"/observing/{unit}/{actor}")

    @property
    def alert_unit(self) -> UnitSettings:
        """The telescope that follows bursts up."""
        wanted = self.settings.alerts.telescope
        units = self.settings.telescope
        return next((unit for unit in units if unit.id == wanted), units[0])
