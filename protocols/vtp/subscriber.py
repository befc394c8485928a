"""The subscriber's side of VTP: keeps one connection to a broker and hands over every event.

It always acknowledges, even what is invalid or a duplicate, because brokers drop a subscriber that
does not; but only after the callback has returned, so that an acknowledged event is a stored one.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from protocols.vtp.framing import VtpError, VtpTiming, close_quietly, read_frame, write_frame
from protocols.vtp.transport import EventFrame, Role, Transport, decode
from pyros.domain.alert.notice import NoticeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from random import Random

    from pyros.clock import Clock

_LOG = logging.getLogger("pyros.vtp")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberState:
    """The link to a broker: up, or down with the reason and the wait until the next try."""

    connected: bool
    text: str
    retry_in_s: float | None = None


class OnEvent(Protocol):
    """Stores an event: acknowledged when this returns; raising closes the connection."""

    async def __call__(self, raw: bytes, peer: str) -> None:
        """Take the bytes of one event from a peer."""
        ...


class VtpSubscriber:
    """Subscribes to one broker for ever.

    Args:
        host: The broker's host.
        port: Its port for subscribers (8099 by custom).
        local_ivo: Who we say we are, "ivo://org.example/pyros".
        on_event: Stores each event.
        clock: Dates the answers.
        rng: Spreads the reconnections of many subscribers.
        filters: XPath filters that the broker is asked to apply.
        timing: The protocol's waits.
        on_state: Told when the link comes up or goes down.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        local_ivo: str,
        on_event: OnEvent,
        clock: Clock,
        rng: Random,
        filters: Sequence[str] = (),
        timing: VtpTiming | None = None,
        on_state: Callable[[SubscriberState], Awaitable[None]] | None = None,
    ) -> None:
        self._host, self._port, self._local_ivo = host, port, local_ivo
        self._on_event, self._on_state = on_event, on_state
        self._clock, self._rng = clock, rng
        self._filters = tuple(filters)
        self._timing = timing or VtpTiming()

    async def run(self) -> None:
        """Connect, serve, wait, and again, until cancelled."""
        timing, wait_s = self._timing, self._timing.backoff_base_s
        while True:
            started_s = self._clock.monotonic_s()
            try:
                await self._serve_once()
                why = "the broker closed the connection"
            except (VtpError, OSError, TimeoutError) as error:
                why = str(error) or type(error).__name__
            if self._clock.monotonic_s() - started_s >= timing.backoff_reset_s:
                wait_s = timing.backoff_base_s
            pause_s = wait_s * self._rng.uniform(0.8, 1.2)
            await self._tell(SubscriberState(connected=False, text=why, retry_in_s=pause_s))
            await asyncio.sleep(pause_s)
            wait_s = min(wait_s * timing.backoff_factor, timing.backoff_cap_s)

    async def _serve_once(self) -> None:
        """One connection from its opening to its end."""
        async with asyncio.timeout(self._timing.connect_s):
            reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            await self._tell(SubscriberState(connected=True, text=f"{self._host}:{self._port}"))
            while True:
                frame = await read_frame(
                    reader, idle_s=self._timing.silence_s, frame_s=self._timing.frame_s
                )
                if frame is None:
                    return
                await self._answer(frame, writer)
        finally:
            await close_quietly(writer)

    async def _answer(self, frame: bytes, writer: asyncio.StreamWriter) -> None:
        """Answer one frame; what cannot be read is stored as an event too, by whoever is told."""
        try:
            message = decode(frame)
        except NoticeError as error:
            _LOG.warning("%s:%d sent what is no event: %s", self._host, self._port, error)
            await self._on_event(frame, self._host)
            await self._send(writer, Role.ACK, "unknown")
            return
        if isinstance(message, EventFrame):
            await self._on_event(message.raw, self._host)
            await self._send(writer, Role.ACK, message.ivorn or "unknown")
        elif message.role is Role.IAMALIVE:
            await self._send(writer, Role.IAMALIVE, message.origin)
        elif message.role is Role.AUTHENTICATE:
            await self._send(writer, Role.AUTHENTICATE, message.origin, self._filters)
        elif message.role is Role.NAK:
            raise VtpError(f"the broker refused us: {message.result or 'no reason given'}")

    async def _send(
        self, writer: asyncio.StreamWriter, role: Role, origin: str, filters: tuple[str, ...] = ()
    ) -> None:
        """Send one transport message."""
        message = Transport(role=role, origin=origin, response=self._local_ivo, filters=filters)
        encoded = message.encode(self._clock.now())
        await write_frame(writer, encoded, write_s=self._timing.write_s)

    async def _tell(self, state: SubscriberState) -> None:
        """Tell whoever watches the link."""
        if self._on_state is not None:
            await self._on_state(state)
