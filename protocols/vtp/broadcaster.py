"""The broker's side of VTP: serves events to subscribers, and drops those that do not keep up.

A subscriber that is slow, silent or says nak costs itself its connection, never the others their
events: each has its own bounded queue and its own writer task.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocols.vtp.admission import Admission, AdmissionPolicy
from protocols.vtp.filters import EventFilter, parse_filter, passes
from protocols.vtp.framing import (
    VtpError,
    VtpTiming,
    close_quietly,
    peer_name,
    read_frame,
    write_frame,
)
from protocols.vtp.transport import EventFrame, Role, Transport, decode
from pyros.domain.alert.notice import NoticeError

if TYPE_CHECKING:
    from pyros.clock import Clock

_LOG = logging.getLogger("pyros.vtp")
_QUEUE_FRAMES = 64
_MAX_UNACKED = 10


@dataclass(slots=True, kw_only=True)
class _Subscriber:
    """One connected subscriber."""

    name: str
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_QUEUE_FRAMES))
    filters: tuple[EventFilter, ...] = ()
    unacked: int = 0
    unanswered: int = 0
    task: asyncio.Task[None] | None = None


class VtpBroadcaster:
    """A server for subscribers.

    Args:
        host: Address to listen on.
        port: Port (8099 by custom), 0 for any free one.
        local_ivo: Who we say we are.
        clock: Dates the messages.
        admission: Who may connect.
        timing: The protocol's waits.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 8099,
        local_ivo: str,
        clock: Clock,
        admission: AdmissionPolicy | None = None,
        timing: VtpTiming | None = None,
    ) -> None:
        self._host, self._wanted_port, self._local_ivo = host, port, local_ivo
        self._clock = clock
        self._admission = Admission(admission or AdmissionPolicy())
        self._timing = timing or VtpTiming()
        self._server: asyncio.Server | None = None
        self._subscribers: dict[asyncio.Task[None], _Subscriber] = {}

    @property
    def port(self) -> int:
        """The port listened on, once started."""
        if self._server is None:
            return self._wanted_port
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def subscribers(self) -> int:
        """How many subscribers are connected."""
        return len(self._subscribers)

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: When the port is taken.
        """
        self._server = await asyncio.start_server(self._attend, self._host, self._wanted_port)

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is None:
            return
        self._server.close()
        tasks = list(self._subscribers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def publish(self, raw: bytes) -> int:
        """Queue an event for every subscriber that wants it; never waits.

        Args:
            raw: The event's bytes, already checked.

        Returns:
            For how many subscribers it is queued.
        """
        queued = 0
        for task, subscriber in list(self._subscribers.items()):
            try:
                wanted = passes(raw, subscriber.filters)
            except NoticeError:
                return 0
            if not wanted:
                continue
            if subscriber.unacked >= _MAX_UNACKED:
                self._drop(task, subscriber, f"{subscriber.unacked} events not acknowledged")
                continue
            try:
                subscriber.queue.put_nowait(raw)
            except asyncio.QueueFull:
                self._drop(task, subscriber, f"{_QUEUE_FRAMES} events waiting")
                continue
            subscriber.unacked += 1
            queued += 1
        return queued

    def _drop(self, task: asyncio.Task[None], subscriber: _Subscriber, why: str) -> None:
        """End a subscriber's connection."""
        _LOG.warning("VTP subscriber %s dropped: %s", subscriber.name, why)
        task.cancel()

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One subscriber's connection from its opening to its end."""
        task = asyncio.current_task()
        address, port = peer_name(writer)
        refusal = self._admission.refusal(address)
        if refusal is not None or task is None:
            _LOG.warning("VTP broadcaster refused a connection: %s", refusal)
            writer.transport.abort()
            return
        subscriber = _Subscriber(name=f"{address}:{port}", task=task)
        self._admission.enter(address)
        self._subscribers[task] = subscriber
        try:
            await self._send(writer, Role.AUTHENTICATE)
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    self._write(writer, subscriber), name=f"vtp-write-{subscriber.name}"
                )
                group.create_task(
                    self._sign(subscriber, writer), name=f"vtp-sign-{subscriber.name}"
                )
                await self._listen(reader, subscriber)
        except* (VtpError, NoticeError) as group_error:
            _LOG.info("VTP subscriber %s: %s", subscriber.name, group_error.exceptions[0])
        finally:
            del self._subscribers[task]
            self._admission.leave(address)
            await close_quietly(writer)

    async def _write(self, writer: asyncio.StreamWriter, subscriber: _Subscriber) -> None:
        """Send queued events."""
        while True:
            raw = await subscriber.queue.get()
            await write_frame(writer, raw, write_s=self._timing.write_s)

    async def _sign(self, subscriber: _Subscriber, writer: asyncio.StreamWriter) -> None:
        """Send signs of life; a subscriber that leaves one unanswered until the next is dead."""
        while True:
            await asyncio.sleep(self._timing.iamalive_s)
            if subscriber.unanswered > 0:
                raise VtpError("a sign of life was not answered")
            subscriber.unanswered += 1
            await self._send(writer, Role.IAMALIVE)

    async def _listen(self, reader: asyncio.StreamReader, subscriber: _Subscriber) -> None:
        """Read a subscriber's answers; ends by raising, so that its siblings end too.

        Raises:
            VtpError: When the subscriber closes, refuses, or breaks the protocol.
        """
        while True:
            frame = await read_frame(reader, idle_s=None, frame_s=self._timing.frame_s)
            if frame is None:
                raise VtpError("closed by the subscriber")
            message = decode(frame)
            if isinstance(message, EventFrame):
                raise VtpError("a subscriber sent an event; authors use the receiver's port")
            match message.role:
                case Role.ACK:
                    subscriber.unacked = max(0, subscriber.unacked - 1)
                case Role.IAMALIVE:
                    subscriber.unanswered = 0
                case Role.NAK:
                    raise VtpError(f"nak: {message.result or 'no reason given'}")
                case Role.AUTHENTICATE:
                    subscriber.filters = _filters(message.filters)

    async def _send(self, writer: asyncio.StreamWriter, role: Role) -> None:
        """Send one transport message of our own."""
        message = Transport(role=role, origin=self._local_ivo)
        encoded = message.encode(self._clock.now())
        await write_frame(writer, encoded, write_s=self._timing.write_s)


def _filters(texts: tuple[str, ...]) -> tuple[EventFilter, ...]:
    """The filters asked for.

    Raises:
        VtpError: When one is outside the grammar: sending everything instead would be a surprise.
    """
    found: list[EventFilter] = []
    for text in texts:
        parsed = parse_filter(text)
        if parsed is None:
            raise VtpError(f"filter {text[:80]!r} is not understood")
        found.append(parsed)
    return tuple(found)
