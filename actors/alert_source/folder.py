"""Alerts from a folder: each new file is a packet, in order of name, and is moved when stored.

Replays a recorded day (copy its files in) and serves programs that write alerts as files. A file
whose name begins with a dot or ends in `.tmp` is not complete yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.alert_source.inlet import Inlet
from protocols.notice_parser import MAX_JSON_BYTES
from pyros.actor import Actor, Message

if TYPE_CHECKING:
    from pathlib import Path

    from actors.alert_source.settings import FolderSourceSettings, PaceSettings
    from pyros.actor import ActorRef

_AT_ONCE = 100
_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look(Message):
    """See which files are there."""


class FolderAlertSource(Actor):
    """Watches one folder.

    Args:
        path: The folder.
        settings: How often it is looked at.
        pace: How fast packets may come.
        handler: Who stores and judges.
    """

    SOURCE = "file"

    def __init__(
        self,
        *,
        path: Path,
        settings: FolderSourceSettings,
        pace: PaceSettings,
        handler: ActorRef[Any],
    ) -> None:
        super().__init__()
        self._path = path
        self._settings = settings
        self._inlet = Inlet(self, handler, source=self.SOURCE, pace=pace)

    async def on_start(self) -> None:
        """Look now and every few seconds."""
        self.every(self.clock.wall_to_loop_s(self._settings.period_s), _Look(), initial_delay_s=0.0)

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
            stored = await self._inlet.take(raw)
            if not stored.stored:
                return
            where = "taken" if stored.accepted else "refused"
            await self.blocking(put_away, file, where, deadline_s=_DEADLINE_S)


def new_files(folder: Path) -> list[tuple[Path, bytes]]:
    """Complete files of a folder with their bytes, in order of name, at most a hundred at once."""
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".tmp"
    )
    found = []
    for path in names[:_AT_ONCE]:
        with path.open("rb") as stream:
            found.append((path, stream.read(MAX_JSON_BYTES + 1)))
    return found


def put_away(file: Path, where: str) -> None:
    """Move a file that was handed on into a folder beside it."""
    there = file.parent / where
    there.mkdir(exist_ok=True)
    file.replace(there / file.name)
