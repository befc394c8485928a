"""The author's side of VTP: sends one event to a receiver and returns its answer."""

from __future__ import annotations

import asyncio

from protocols.vtp.framing import VtpError, VtpTiming, close_quietly, read_frame, write_frame
from protocols.vtp.transport import EventFrame, Role, decode
from pyros.domain.alert.notice import NoticeError


async def send_voevent(
    raw: bytes, *, host: str, port: int, timing: VtpTiming | None = None
) -> tuple[bool, str]:
    """Send an event.

    Args:
        raw: The VOEvent's bytes.
        host: The receiver's host.
        port: The receiver's port (8098 by custom).
        timing: The protocol's waits.

    Returns:
        Whether it was acknowledged, and the receiver's reason when it was not.

    Raises:
        VtpError: When the receiver cannot be reached or does not answer.
    """
    timing = timing or VtpTiming()
    try:
        async with asyncio.timeout(timing.connect_s):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        raise VtpError(f"no VTP receiver at {host}:{port}: {str(error) or 'no answer'}") from error
    try:
        await write_frame(writer, raw, write_s=timing.write_s)
        frame = await read_frame(reader, idle_s=timing.submit_s, frame_s=timing.frame_s)
    finally:
        await close_quietly(writer)
    if frame is None:
        raise VtpError(f"{host}:{port} closed the connection without an answer")
    try:
        answer = decode(frame)
    except NoticeError as error:
        raise VtpError(f"{host}:{port} answered what is no transport message: {error}") from error
    if isinstance(answer, EventFrame) or answer.role not in {Role.ACK, Role.NAK}:
        raise VtpError(f"{host}:{port} answered neither ack nor nak")
    return answer.role is Role.ACK, answer.result or ""
