"""A gateway, its server and its page on one loop: what the browser tests and the bench stand on."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from actors.alert_handler.messages import (
    ChangeFollowUp,
    InjectTestAlert,
    NoteByHand,
    StopFollowUp,
    SwitchStrategy,
)
from actors.alert_source.http_tokens import HttpTokens
from actors.alert_source.messages import PacketReceived, PacketStored
from actors.majordome.messages import AbortSequence, CloseDome, OperatorDone, Pause, Resume
from actors.web_gateway.actor import WebGateway
from actors.web_gateway.live_model import LiveModel
from actors.web_gateway.orders import OrderParties
from actors.web_gateway.settings import WebGatewaySettings
from actors.web_gateway.trends import TrendRing
from pyros.actor import Actor, ActorSystem, ChildSpec, Rejected
from pyros.clock import LoopClock
from pyros.store.store import Store
from tests.browser import staged_night
from web.server import WebServer
from web.services import WebServices
from web.settings import WebSettings

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from pyros.actor import ActorRef, Message


class Operator(Actor):
    """Takes what the gateway hands on, as majordome and alert handler do, and remembers it."""

    def __init__(self, taken: list[Message]) -> None:
        super().__init__()
        self._taken = taken

    async def on_receive(self, message: Message) -> Any:
        """Answer as the contract says; refuse to resume."""
        self._taken.append(message)
        match message:
            case Resume():
                raise Rejected("safety vetoes: rain at mast 40 s ago")
            case Pause() | AbortSequence() | CloseDome():
                return OperatorDone(text=f"{type(message).__name__} accepted")
            case InjectTestAlert():
                return f"ivo://pyros/test#{message.kind}"
            case NoteByHand():
                return "hand:261123T210430-1"
            case StopFollowUp(alert_id="grb-gone"):
                raise Rejected("there is no event 'grb-gone'")
            case StopFollowUp():
                return f"{message.alert_id} is not followed up any more"
            case ChangeFollowUp():
                return f"{message.alert_id} by {message.strategy} instead"
            case SwitchStrategy():
                return f"default strategy is {message.name or 'other'}"
            case PacketReceived(raw=raw):
                well = raw.lstrip().startswith((b"<", b"{"))
                reason = "" if well else "neither XML nor JSON"
                ivorn = "ivo://test/packet#1" if well else None
                return PacketStored(accepted=well, reason=reason, ivorn=ivorn)
            case _:
                return None


class Stage:
    """A running gateway with its server.

    Args:
        system: The actor system.
        services: What the server works with.
        server: The server.
        taken: What the gateway handed on.
    """

    def __init__(
        self,
        system: ActorSystem,
        services: WebServices,
        server: WebServer,
        taken: list[Message],
    ) -> None:
        self.system = system
        self.services = services
        self.server = server
        self.taken = taken

    @property
    def url(self) -> str:
        """Where the page is."""
        return self.server.url

    @property
    def model(self) -> LiveModel:
        """The live model."""
        return self.services.model

    def publish(self, events: Iterable[Message]) -> None:
        """Publish events as actors do."""
        for event in events:
            self.system.events.publish(event)


@contextlib.asynccontextmanager
async def staged(
    loop: asyncio.AbstractEventLoop,
    data_dir: Path,
    *,
    settings: WebSettings | None = None,
    boot_id: str = "boot-1",
    tokens: HttpTokens | None = None,
) -> AsyncIterator[Stage]:
    """A gateway and its server at 21:04:30 UTC of a November night.

    Args:
        loop: The running loop.
        data_dir: Where previews lie.
        settings: The server's settings; a free port by default.
        boot_id: Names the start.
        tokens: Whose packets are taken by HTTP; none by default.
    """
    clock = LoopClock(loop, epoch_unix_s=staged_night.NOW.timestamp())
    gateway_settings = WebGatewaySettings(tree_period_s=0.5)
    model = LiveModel({"log": gateway_settings.log_lines})
    trends = TrendRing(5760)
    taken: list[Message] = []
    store = Store(None)
    async with store, ActorSystem(name="stage", seed=1, clock=clock) as system:
        operator = await system.spawn(ChildSpec(name="operator", factory=lambda: Operator(taken)))
        gateway: ActorRef[WebGateway] = await system.spawn(
            ChildSpec(
                name="gateway",
                factory=lambda: WebGateway(
                    model=model,
                    trends=trends,
                    site=staged_night.SITE,
                    about=staged_night.ABOUT,
                    parties=OrderParties(
                        majordome=operator,
                        alert_handler=operator,
                        alert_inlet=operator,
                        token_inlets=dict.fromkeys((tokens or HttpTokens()).sources, operator),
                    ),
                    settings=gateway_settings,
                ),
            )
        )

        services = WebServices(
            settings=settings or WebSettings(port=0),
            model=model,
            trends=trends,
            gateway=gateway,
            clock=clock,
            boot_id=boot_id,
            version="0.1.0",
            data_dir=data_dir,
            store=store,
            tokens=tokens or HttpTokens(),
        )
        server = WebServer(services)
        await server.start()
        try:
            yield Stage(system, services, server, taken)
        finally:
            await server.stop()
