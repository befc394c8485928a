"""Keeps the embedded broker alive: a broker that died is started again on its port.

Safety does not wait for it: without a broker leases run out and domes close by themselves. This
only brings observing back without a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.journal.messages import JournalEntry
from pyros.actor import Actor, Message
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_S = 2.0
_START_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look(Message):
    """See whether the broker lives."""


class BrokerKeeper(Actor):
    """Watches the embedded broker.

    Args:
        revive: Starts the broker again when it is dead; whether it was. Blocks.
    """

    def __init__(self, *, revive: Callable[[], bool]) -> None:
        super().__init__()
        self._revive = revive

    async def on_start(self) -> None:
        """Look every two wall seconds."""
        self.every(self.clock.wall_to_loop_s(_LOOK_S), _Look())

    async def on_receive(self, message: Message) -> Any:
        """Start the broker again when it is dead."""
        match message:
            case _Look():
                try:
                    revived = await self.blocking(self._revive, deadline_s=_START_S)
                except PyrosError as error:
                    self.log.warning("the broker does not start: %s", error)
                    return None
                if revived:
                    self.publish(
                        JournalEntry(
                            kind="system",
                            subject=self.path,
                            text="the embedded broker had died and was started again",
                            time_utc=self.clock.now(),
                            data={},
                            severity="alarm",
                            who="broker keeper",
                        )
                    )
            case _:
                return await super().on_receive(message)
        return None
