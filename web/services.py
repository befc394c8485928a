"""What the pages' server needs of the rest: given once by assembly, reached by typed keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from pathlib import Path

    from actors.web_gateway.live_model import LiveModel
    from actors.web_gateway.trends import TrendRing
    from pyros.actor import Actor, ActorRef
    from pyros.clock import Clock
    from web.settings import WebSettings


class JournalReader(Protocol):
    """History of the journal, from the store."""

    async def lines(
        self, *, since: int | None, before: int | None, limit: int
    ) -> list[dict[str, Any]]:
        """Entries by sequence number, oldest first, each with its `seq`.

        Args:
            since: Only entries after this number: the oldest `limit` of them.
            before: Only entries before this number: the newest `limit` of them.
            limit: Most entries.
        """
        ...


class DatabaseProbe(Protocol):
    """Whether the database answers."""

    async def __call__(self) -> str:
        """Empty when it does, else what is wrong."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """What the handlers work with.

    Attributes:
        settings: The server's settings.
        model: The live model, written by the gateway actor.
        trends: The weather trends, likewise.
        gateway: The gateway actor, for orders and packets.
        clock: The observatory's clock.
        boot_id: Names this start of the process; a page that sees another reloads its model.
        version: PyROS's version.
        data_dir: Where previews lie.
        journal: History of the journal.
        database: Whether the database answers.
    """

    settings: WebSettings
    model: LiveModel
    trends: TrendRing
    gateway: ActorRef[Actor]
    clock: Clock
    boot_id: str
    version: str
    data_dir: Path
    journal: JournalReader
    database: DatabaseProbe


SERVICES: web.AppKey[WebServices] = web.AppKey("services", WebServices)
