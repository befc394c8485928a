"""The receiver's side of VTP: takes one event from each author, and answers ack or nak."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from protocols.vtp.admission import Admission, AdmissionPolicy
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """Whether an author's event was taken; `reason` is what the author is told when it was not."""

    accepted: bool
    reason: str = ""


class OnSubmission(Protocol):
    """Stores an author's event and says whether it was taken."""

    async def __call__(self, raw: bytes, peer: str) -> Reception:
        """Take the bytes of one event from a peer."""
        ...


class VtpReceiver:
    """A server for authors.

    Args:
        host: Address to listen on.
        port: Port (8098 by custom), 0 for any free one.
        local_ivo: Who we say we are.
        on_event: Stores each event and says whether it was taken.
        clock: Dates the answers.
        admission: Who may connect.
        timing: The protocol's waits.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 8098,
        local_ivo: str,
        on_event: OnSubmission,
        clock: Clock,
        admission: AdmissionPolicy | None = None,
        timing: VtpTiming | None = None,
    ) -> None:
        self._host, self._wanted_port, self._local_ivo = host, port, local_ivo
        self._on_event, self._clock = on_event, clock
        self._admission = Admission(admission or AdmissionPolicy())
        self._timing = timing or VtpTiming()
        self._server: asyncio.Server | None = None
        self._visits: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port listened on, once started."""
        if self._server is None:
            return self._wanted_port
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: When the port is taken.
        """
        self._server = await asyncio.start_server(self._visit, self._host, self._wanted_port)

    async def stop(self) -> None:
        """Stop listening and end every visit."""
        if self._server is None:
            return
        self._server.close()
        for task in self._visits:
            task.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One author's visit: one frame, one answer."""
        task = asyncio.current_task()
        address, _ = peer_name(writer)
        refusal = self._admission.refusal(address)
        if refusal is not None or task is None:
            _LOG.warning("VTP receiver refused a connection: %s", refusal)
            writer.transport.abort()
            return
        self._admission.enter(address)
        self._visits.add(task)
        try:
            async with asyncio.timeout(self._timing.submit_s):
                await self._serve(reader, writer, address)
        except (VtpError, TimeoutError) as error:
            _LOG.warning("VTP author %s: %s", address, str(error) or "took too long")
        finally:
            self._visits.discard(task)
            self._admission.leave(address)
            await close_quietly(writer)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str
    ) -> None:
        """Read the author's event and answer."""
        wait_s = self._timing.submit_s
        frame = await read_frame(reader, idle_s=wait_s, frame_s=wait_s)
        if frame is None:
            return
        ivorn = "unknown"
        try:
            message = decode(frame)
            if isinstance(message, EventFrame):
                ivorn = message.ivorn or ivorn
                outcome = await self._on_event(frame, address)
            else:
                outcome = Reception(accepted=False, reason="a receiver takes VOEvents only")
        except NoticeError as error:
            # Kept all the same: what somebody sent us and we could not read is worth a look.
            stored = await self._on_event(frame, address)
            outcome = Reception(accepted=False, reason=stored.reason or str(error))
        answer = Transport(
            role=Role.ACK if outcome.accepted else Role.NAK,
            origin=ivorn,
            response=self._local_ivo,
            result=None if outcome.accepted else outcome.reason or "refused",
        )
        encoded = answer.encode(self._clock.now())
        await write_frame(writer, encoded, write_s=self._timing.write_s)
