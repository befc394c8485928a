"""The filter wheel actor: a device that knows which filters it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.device.actor import DeviceActor
from pyros.domain.device import DeviceKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.filter_wheel.settings import FilterWheelSettings
    from protocols.mqtt.session import MqttSession
    from protocols.payloads import Value
    from protocols.topics import SiteTopics
    from pyros.actor import ActorRef


class FilterWheelActor(DeviceActor):
    """One filter wheel.

    Args:
        topics: The site's MQTT topics.
        unit: Telescope id.
        device: Device id, e.g. `wheel-vis`.
        settings: Its filters, patience.
        mqtt: The site's MQTT session.
    """

    def __init__(
        self,
        *,
        topics: SiteTopics,
        unit: str,
        device: str,
        settings: FilterWheelSettings,
        mqtt: ActorRef[MqttSession],
    ) -> None:
        super().__init__(
            topics=topics,
            unit=unit,
            device=device,
            kind=DeviceKind.FILTER_WHEEL,
            settings=settings,
            mqtt=mqtt,
        )
        self._settings = settings

    def refusal(self, verb: str, args: Mapping[str, Value]) -> str:
        """Refuse filters that are not in the wheel."""
        wanted, held = args.get("filter"), self._settings.filters
        if verb == "select" and held and wanted not in held:
            return f"filter {wanted!r} is not in {self.device}; it holds {', '.join(held)}"
        return ""
