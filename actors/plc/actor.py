"""The PLC actor: a device that tells people when mains, rain contact or door change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from actors.device.actor import DeviceActor
from actors.journal.messages import JournalEntry
from actors.plc.alarms import news
from actors.plc.settings import PlcSettings
from pyros.domain.device import DeviceKind

if TYPE_CHECKING:
    from actors.device.arguments import DeviceArguments


class PlcActor(DeviceActor[PlcSettings]):
    """The site's PLC."""

    kind = DeviceKind.PLC

    def __init__(self, **device: Unpack[DeviceArguments[PlcSettings]]) -> None:
        super().__init__(**device)
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
