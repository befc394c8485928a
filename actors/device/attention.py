"""What a device actor listens to: its device's topics and those of the process that owns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.mqtt.session import MqttSession, Publish, Subscribe, Unsubscribe

if TYPE_CHECKING:
    from actors.device.wire import DeviceWire
    from protocols.mqtt import MqttMessage
    from pyros.actor import ActorRef


class Attention:
    """Subscriptions of one device actor.

    Args:
        wire: The device's topics.
        mqtt: The site's MQTT session.
        subscriber: The device actor.
    """

    def __init__(
        self, wire: DeviceWire, *, mqtt: ActorRef[MqttSession], subscriber: ActorRef[Any]
    ) -> None:
        self._wire = wire
        self._mqtt = mqtt
        self._subscriber = subscriber
        self._filters = wire.filters()
        self._bridge = ""

    def listen(self) -> None:
        """Subscribe to everything, again if need be: what is retained comes again."""
        for topic_filter in self._filters:
            self._mqtt.tell(Subscribe(filter=topic_filter, subscriber=self._subscriber))

    def stop(self) -> None:
        """Subscribe to nothing any more."""
        for topic_filter in self._filters:
            self._mqtt.tell(Unsubscribe(filter=topic_filter, subscriber=self._subscriber))

    def follow(self, bridge: str) -> bool:
        """Listen to the process that owns the device; whether it is another one than before."""
        if bridge == self._bridge:
            return False
        if self._bridge:
            old = self._wire.bridge_filter(self._bridge)
            self._mqtt.tell(Unsubscribe(filter=old, subscriber=self._subscriber))
        self._bridge = bridge
        new = self._wire.bridge_filter(bridge)
        self._filters = (*self._wire.filters(), new)
        self._mqtt.tell(Subscribe(filter=new, subscriber=self._subscriber))
        return True

    def say(self, message: MqttMessage) -> None:
        """Publish a message."""
        self._mqtt.tell(Publish(message=message))
