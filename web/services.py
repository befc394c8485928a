"""What the pages' server needs of the rest: given once by assembly, reached by typed keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from actors.alert_source.http_tokens import HttpTokens

if TYPE_CHECKING:
    from pathlib import Path

    from actors.web_gateway.live_model import LiveModel
    from actors.web_gateway.trends import TrendRing
    from pyros.actor import Actor, ActorRef
    from pyros.clock import Clock
    from pyros.store.store import Store
    from web.settings import WebSettings


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
        tokens: Whose packets are taken by HTTP.
        store: History: the journal and the index of frames.
    """

    settings: WebSettings
    model: LiveModel
    trends: TrendRing
    gateway: ActorRef[Actor]
    clock: Clock
    boot_id: str
    version: str
    data_dir: Path
    store: Store
    tokens: HttpTokens = field(default_factory=HttpTokens)


SERVICES: web.AppKey[WebServices] = web.AppKey("services", WebServices)
