"""Alerts over the VOEvent Transport Protocol: a receiver for authors, a subscriber to brokers.

A packet is acknowledged when the alert handler says that its bytes are committed, never before.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from actors.alert_source.messages import PacketReceived, PacketStored
from actors.journal.messages import JournalEntry
from protocols.vtp.receiver import Reception, VtpReceiver
from protocols.vtp.subscriber import SubscriberState, VtpSubscriber
from pyros.actor import Actor

if TYPE_CHECKING:
    from actors.alert_source.settings import VtpBrokerSettings, VtpReceiverSettings
    from pyros.actor import ActorRef

STORE_TIMEOUT_S = 10.0


class VtpReceiverSource(Actor):
    """Listens for authors.

    Args:
        settings: Where to listen.
        handler: Who stores and judges.
    """

    SOURCE = "vtp"

    def __init__(self, *, settings: VtpReceiverSettings, handler: ActorRef[Any]) -> None:
        super().__init__()
        self._settings = settings
        self._handler = handler
        self._receiver: VtpReceiver | None = None

    async def on_start(self) -> None:
        """Listen."""
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

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._receiver.port if self._receiver is not None else self._settings.port

    async def _take(self, raw: bytes, peer: str) -> Reception:
        stored = await hand_on(self, self._handler, raw, source=self.SOURCE)
        self.log.info("%d bytes from %s: %s", len(raw), peer, stored.reason or "stored")
        return Reception(accepted=stored.accepted, reason=stored.reason)


class VtpSubscriberSource(Actor):
    """Subscribes to one broker.

    Args:
        settings: The broker.
        handler: Who stores and judges.
    """

    SOURCE = "vtp-broker"

    def __init__(self, *, settings: VtpBrokerSettings, handler: ActorRef[Any]) -> None:
        super().__init__()
        self._settings = settings
        self._handler = handler
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
        stored = await hand_on(self, self._handler, raw, source=self.SOURCE)
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


async def hand_on(
    actor: Actor,
    handler: ActorRef[Any],
    raw: bytes,
    *,
    source: str,
    topic: str | None = None,
    received_monotonic_s: float | None = None,
) -> PacketStored:
    """Give a packet to the alert handler; the answer says whether its bytes are committed.

    A handler that does not answer in time is no acceptance: the peer will send again.
    """
    monotonic_s = actor.clock.monotonic_s()
    packet = PacketReceived(
        raw=raw,
        source=source,
        topic=topic,
        received_utc=actor.clock.now(),
        received_monotonic_s=monotonic_s if received_monotonic_s is None else received_monotonic_s,
    )
    try:
        return await handler.ask(packet, timeout_s=STORE_TIMEOUT_S)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001  (any failure means: not stored, send again)
        return PacketStored(accepted=False, reason=f"not stored: {error}", ivorn=None)
