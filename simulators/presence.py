"""The presence of the simulated devices' process: `bridge/{id}/state`, last will `lost`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from protocols.mqtt.message import MqttMessage, Will
from protocols.mqtt.session import LinkUp, Publish
from protocols.payloads import BridgeState, encode
from pyros.actor import Actor

if TYPE_CHECKING:
    from datetime import datetime

    from protocols.topics import SiteTopics
    from pyros.actor import Message
    from simulators.simulated_device import Wiring

Presence = Literal["init", "ready", "disconnected", "lost"]


def presence_will(topics: SiteTopics, *, bridge: str, boot: str, time_utc: datetime) -> Will:
    """The last will of the process's connection."""
    payload = BridgeState(s="lost", boot=boot, t=time_utc)
    return Will(topic=topics.bridge_state(bridge), payload=encode(payload))


class BridgePresence(Actor):
    """Says that the process is there, and when it leaves in order.

    Args:
        wiring: The site and the process.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    async def on_start(self) -> None:
        """Say it now and whenever the link comes up."""
        self.subscribe(LinkUp)
        self._say("ready")

    async def on_stop(self) -> None:
        """Say that the devices leave."""
        self._say("disconnected")

    async def on_receive(self, message: Message) -> Any:
        """The link came up: the will has been published, take it back."""
        if isinstance(message, LinkUp):
            self._say("ready")
            return None
        return await super().on_receive(message)

    def _say(self, state: Presence) -> None:
        wiring = self._wiring
        payload = BridgeState(s=state, boot=wiring.boot, t=self.clock.now())
        self._wiring.mqtt.tell(
            Publish(
                message=MqttMessage(
                    topic=wiring.topics.bridge_state(wiring.bridge),
                    payload=encode(payload),
                    qos=1,
                    retain=True,
                )
            )
        )
