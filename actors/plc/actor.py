"""The PLC actor: a device that tells people when mains, rain contact or door change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.device.actor import DeviceActor
from actors.journal.messages import JournalEntry
from actors.plc.alarms import news
from pyros.domain.device import DeviceKind

if TYPE_CHECKING:
    from actors.plc.settings import PlcSettings
    from protocols.mqtt.session import MqttSession
    from protocols.topics import SiteTopics
    from pyros.actor import ActorRef


class PlcActor(DeviceActor):
    """The site's PLC.

    Args:
        topics: The site's MQTT topics.
        unit: `site`.
        device: Device id, e.g. `plc`.
        settings: Patience.
        mqtt: The site's MQTT session.
    """

    def __init__(
        self,
        *,
        topics: SiteTopics,
        unit: str,
        device: str,
        settings: PlcSettings,
        mqtt: ActorRef[MqttSession],
    ) -> None:
        super().__init__(
            topics=topics,
            unit=unit,
            device=device,
            kind=DeviceKind.PLC,
            settings=settings,
            mqtt=mqtt,
        )
        self._contacts: dict[str, bool] = {}

    def on_telemetry(self, *, changed: bool) -> None:
        """Tell what changed, and publish at once: safety hangs on it."""
        if not changed:
            return
        readings = self.model.now(self.clock.now())
        self._contacts, told = news(self._contacts, readings)
        for text, severity in told:
            self.publish(
                JournalEntry(
                    kind="alarm" if severity == "alarm" else "system",
                    subject=self.path,
                    text=f"{self.device}: {text}",
                    time_utc=self.clock.now(),
                    data=dict(sorted(self._contacts.items())),
                    severity=severity,
                    who=self.path,
                )
            )
        if told:
            self.publish_status()
