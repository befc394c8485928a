"""Alerts over the VOEvent Transport Protocol: a receiver for authors, a subscriber to brokers.

A packet is acknowledged when the alert handler says that its bytes are committed, never before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.alert_source.inlet import Inlet
from actors.journal.messages import JournalEntry
from protocols.vtp.broadcaster import VtpBroadcaster
from protocols.vtp.receiver import Reception, VtpReceiver
from protocols.vtp.subscriber import SubscriberState, VtpSubscriber
from pyros.actor import Actor, Message, Request

if TYPE_CHECKING:
    from actors.alert_source.settings import (
        PaceSettings,
        VtpBrokerSettings,
        VtpReceiverSettings,
    )
    from pyros.actor import ActorRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where authors send and subscribers listen; None where nobody is served."""

    authors: int
    subscribers: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPorts(Request[Ports]):
    """Ask where it listens (a port of 0 in the settings means any free one)."""


class VtpReceiverSource(Actor):
    """Listens for authors, and hands what it took on to its own subscribers.

    Args:
        settings: Where to listen.
        pace: How fast packets may come.
        handler: Who stores and judges.
    """

    SOURCE = "vtp"

    def __init__(
        self, *, settings: VtpReceiverSettings, pace: PaceSettings, handler: ActorRef[Any]
    ) -> None:
        super().__init__()
        self._settings = settings
        self._inlet = Inlet(self, handler, source=self.SOURCE, pace=pace)
        self._receiver: VtpReceiver | None = None
        self._broadcaster: VtpBroadcaster | None = None

    async def on_start(self) -> None:
        """Listen for authors, and for subscribers when there is a port for them."""
        if self._settings.broadcast_port is not None:
            self._broadcaster = VtpBroadcaster(
                host=self._settings.host,
                port=self._settings.broadcast_port,
                local_ivo=self._settings.local_ivo,
                clock=self.clock,
            )
            await self._broadcaster.start()
        self._receiver = VtpReceiver(
            host=self._settings.host,
            port=self._settings.port,
            local_ivo=self._settings.local_ivo,
            on_event=self._take,
            clock=self.clock,
        )
        await self._receiver.start()

    async def on_stop(self) -> None:
        """Stop listening."""
        if self._receiver is not None:
            await self._receiver.stop()
        if self._broadcaster is not None:
            await self._broadcaster.stop()

    async def on_receive(self, message: Message) -> Any:
        """Say where it listens."""
        match message:
            case GetPorts():
                relay = self._broadcaster.port if self._broadcaster is not None else None
                return Ports(authors=self.port, subscribers=relay)
            case _:
                return await super().on_receive(message)

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._receiver.port if self._receiver is not None else self._settings.port

    async def _take(self, raw: bytes, peer: str) -> Reception:
        stored = await self._inlet.take(raw)
        self.log.info("%d bytes from %s: %s", len(raw), peer, stored.reason or "stored")
        if stored.accepted and self._broadcaster is not None:
            self._broadcaster.publish(raw)
        return Reception(accepted=stored.accepted, reason=stored.reason)


class VtpSubscriberSource(Actor):
    """Subscribes to one broker.

    Args:
        settings: The broker.
        pace: How fast packets may come.
        handler: Who stores and judges.
    """

    SOURCE = "vtp-broker"

    def __init__(
        self, *, settings: VtpBrokerSettings, pace: PaceSettings, handler: ActorRef[Any]
    ) -> None:
        super().__init__()
        self._settings = settings
        self._inlet = Inlet(self, handler, source=self.SOURCE, pace=pace)
        self._connected: bool | None = None

    async def on_start(self) -> None:
        """Connect, and again whenever the link is lost."""
        subscriber = VtpSubscriber(
            host=self._settings.host,
            port=self._settings.port,
            local_ivo=self._settings.local_ivo,
            on_event=self._take,
            clock=self.clock,
            rng=self.rng,
            on_state=self._note,
        )
        self.start_task(subscriber.run(), name=f"vtp {self._settings.host}:{self._settings.port}")

    async def _take(self, raw: bytes, peer: str) -> None:
        stored = await self._inlet.take(raw)
        self.log.info("%d bytes from %s: %s", len(raw), peer, stored.reason or "stored")

    async def _note(self, state: SubscriberState) -> None:
        """Journal transitions of the link, not repetitions."""
        if state.connected == self._connected:
            return
        self._connected = state.connected
        self.publish(
            JournalEntry(
                kind="system",
                subject=self.path,
                text=f"VOEvent broker {'connected' if state.connected else 'lost'}: {state.text}",
                time_utc=self.clock.now(),
                data={"connected": state.connected},
                severity="info" if state.connected else "warning",
                who="alert source",
            )
        )
