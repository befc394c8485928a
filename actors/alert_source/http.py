"""Alerts by HTTP: the page's server hands raw packets in here, at this source's pace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.alert_source.inlet import Inlet
from actors.alert_source.messages import PacketReceived
from pyros.actor import Actor, Message

if TYPE_CHECKING:
    from actors.alert_source.settings import PaceSettings
    from pyros.actor import ActorRef


class HttpAlertSource(Actor):
    """Takes packets that were posted.

    Args:
        pace: How fast packets may come.
        handler: Who stores and judges.
        source: Whose packets these are: `http` without a token, else the token's name.
    """

    def __init__(self, *, pace: PaceSettings, handler: ActorRef[Any], source: str = "http") -> None:
        super().__init__()
        self._inlet = Inlet(self, handler, source=source, pace=pace)

    async def on_receive(self, message: Message) -> Any:
        """Hand a packet on; its answer is the handler's."""
        match message:
            case PacketReceived():
                return await self._inlet.take(
                    message.raw, received_monotonic_s=message.received_monotonic_s
                )
            case _:
                return await super().on_receive(message)
