"""Changes of strategies that a science centre drops as JSON files into its exchange folder.

Each file is taken once: then it lies in `taken`, or in `refused` with the reason beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.alert_handler.messages import ChangeStrategies
from actors.alert_source.folder import new_files, put_away
from pyros.actor import Actor, Message, Rejected
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from pathlib import Path

    from pyros.actor import ActorRef

_PERIOD_S = 5.0
_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look(Message):
    """See which files are there."""


class StrategyInbox(Actor):
    """Watches `EXTERNAL_ENTITIES/FSC/FROM` of the data directory.

    Args:
        path: The folder.
        handler: The alert handler, who owns the strategies.
    """

    def __init__(self, *, path: Path, handler: ActorRef[Any]) -> None:
        super().__init__()
        self._path = path
        self._handler = handler

    async def on_start(self) -> None:
        """Look now and every few seconds."""
        self.every(self.clock.wall_to_loop_s(_PERIOD_S), _Look(), initial_delay_s=0.0)

    async def on_receive(self, message: Message) -> Any:
        """Hand new files on."""
        match message:
            case _Look():
                await self._look()
            case _:
                return await super().on_receive(message)
        return None

    async def _look(self) -> None:
        for file, raw in await self.blocking(new_files, self._path, deadline_s=_DEADLINE_S):
            if file.suffix != ".json":
                continue
            where, reason = "taken", ""
            try:
                await self._handler.ask(ChangeStrategies(raw=raw, origin=f"FSC file {file.name}"))
            except Rejected as refusal:
                where, reason = "refused", str(refusal)
            except PyrosError as error:
                self.log.warning("%s waits: %s", file.name, error)
                return
            await self.blocking(_settle, file, where, reason, deadline_s=_DEADLINE_S)


def _settle(file: Path, where: str, reason: str) -> None:
    put_away(file, where)
    if reason:
        (file.parent / where / f"{file.name}.reason.txt").write_text(reason + "\n")
