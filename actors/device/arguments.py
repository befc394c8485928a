"""What every device actor is made from; kinds with more to be told add their own to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypedDict, TypeVar

if TYPE_CHECKING:
    from actors.device.settings import DeviceSettings
    from protocols.mqtt.session import MqttSession
    from protocols.topics import SiteTopics
    from pyros.actor import ActorRef

SettingsT = TypeVar("SettingsT", bound="DeviceSettings")


class DeviceArguments(TypedDict, Generic[SettingsT]):
    """Keyword arguments of a device actor.

    Attributes:
        topics: The site's MQTT topics.
        unit: Telescope id, or `site`.
        device: Device id.
        settings: Of its kind: what it can, and how patient to be with it.
        mqtt: The site's MQTT session.
    """

    topics: SiteTopics
    unit: str
    device: str
    settings: SettingsT
    mqtt: ActorRef[MqttSession]
