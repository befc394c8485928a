"""Alerts over MQTT: every message on the site's `alerts/in` topic is a packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.alert_source.inlet import Inlet
from protocols.mqtt.session import MqttReceived, Subscribe
from pyros.actor import Actor, Message

if TYPE_CHECKING:
    from actors.alert_source.settings import PaceSettings
    from protocols.topics import SiteTopics
    from pyros.actor import ActorRef


class MqttAlertSource(Actor):
    """Subscribes to the alert topic.

    Args:
        topics: Topics of the site.
        mqtt: The session.
        pace: How fast packets may come.
        handler: Who stores and judges.
    """

    SOURCE = "mqtt"

    def __init__(
        self,
        *,
        topics: SiteTopics,
        mqtt: ActorRef[Any],
        pace: PaceSettings,
        handler: ActorRef[Any],
    ) -> None:
        super().__init__()
        self._topics = topics
        self._mqtt = mqtt
        self._inlet = Inlet(self, handler, source=self.SOURCE, pace=pace)

    async def on_start(self) -> None:
        """Subscribe; the session subscribes again after each reconnection."""
        self._mqtt.tell(Subscribe(filter=self._topics.alert_in(), subscriber=self.ref, qos=1))

    async def on_receive(self, message: Message) -> Any:
        """Hand a packet on."""
        match message:
            case MqttReceived():
                await self._inlet.take(
                    message.message.payload,
                    topic=message.message.topic,
                    received_monotonic_s=message.received_monotonic_s,
                )
            case _:
                return await super().on_receive(message)
        return None
