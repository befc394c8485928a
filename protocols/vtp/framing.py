"""Frames of VTP: a big-endian length of four bytes, then XML; no peer is trusted with either."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass

from pyros.errors import TransientError

MAX_FRAME_BYTES = 99_999
"""Largest frame read: Comet's own limit. The announced length is checked before it is held."""

_LENGTH = struct.Struct(">I")


class VtpError(TransientError):
    """A VTP peer broke the protocol or the connection; the text says which and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VtpTiming:
    """Waits of the protocol, in seconds of the loop.

    Attributes:
        connect_s: For a connection to open.
        frame_s: From the first byte of a frame to its last; a slower peer is a slow-loris.
        write_s: For a peer to take what is written.
        silence_s: Without any frame a subscriber takes the broker for dead (Comet waits 120 s).
        iamalive_s: Between two signs of life to subscribers.
        submit_s: For an author's whole visit.
        backoff_base_s: First wait before a subscriber connects again.
        backoff_factor: Growth of that wait.
        backoff_cap_s: Largest wait.
        backoff_reset_s: A connection that lives so long resets the wait.
    """

    connect_s: float = 10.0
    frame_s: float = 30.0
    write_s: float = 10.0
    silence_s: float = 120.0
    iamalive_s: float = 60.0
    submit_s: float = 20.0
    backoff_base_s: float = 1.0
    backoff_factor: float = 1.5
    backoff_cap_s: float = 60.0
    backoff_reset_s: float = 60.0

    def scaled(self, factor: float) -> VtpTiming:
        """The same waits on a loop that runs `factor` times faster than the wall."""
        return VtpTiming(
            connect_s=self.connect_s * factor,
            frame_s=self.frame_s * factor,
            write_s=self.write_s * factor,
            silence_s=self.silence_s * factor,
            iamalive_s=self.iamalive_s * factor,
            submit_s=self.submit_s * factor,
            backoff_base_s=self.backoff_base_s * factor,
            backoff_factor=self.backoff_factor,
            backoff_cap_s=self.backoff_cap_s * factor,
            backoff_reset_s=self.backoff_reset_s * factor,
        )


async def read_frame(
    reader: asyncio.StreamReader, *, idle_s: float | None, frame_s: float
) -> bytes | None:
    """Read one frame.

    Args:
        reader: The connection.
        idle_s: Longest wait for the first byte, None for ever.
        frame_s: Longest time from the first byte to the last.

    Returns:
        The frame's bytes, or None when the peer closed the connection between frames.

    Raises:
        VtpError: When the peer is silent, slow, closes within a frame, or announces too much.
    """
    try:
        async with asyncio.timeout(idle_s):
            first = await reader.read(1)
        if not first:
            return None
        async with asyncio.timeout(frame_s):
            (length,) = _LENGTH.unpack(first + await reader.readexactly(3))
            if length > MAX_FRAME_BYTES:
                raise VtpError(f"frame of {length} bytes announced, at most {MAX_FRAME_BYTES}")
            return await reader.readexactly(length)
    except TimeoutError as error:
        raise VtpError("peer is silent or sends its frame too slowly") from error
    except asyncio.IncompleteReadError as error:
        raise VtpError(
            f"connection closed within a frame after {len(error.partial)} bytes"
        ) from error
    except OSError as error:
        raise VtpError(f"connection lost: {error}") from error


async def write_frame(writer: asyncio.StreamWriter, payload: bytes, *, write_s: float) -> None:
    """Write one frame and wait until the peer takes it.

    Raises:
        VtpError: When the peer does not take it in time, or is gone.
    """
    if len(payload) > MAX_FRAME_BYTES:
        raise VtpError(f"frame of {len(payload)} bytes, at most {MAX_FRAME_BYTES} are sent")
    writer.write(_LENGTH.pack(len(payload)) + payload)
    try:
        async with asyncio.timeout(write_s):
            await writer.drain()
    except TimeoutError as error:
        writer.transport.abort()
        raise VtpError(f"peer did not take {len(payload)} bytes within {write_s:g} s") from error
    except OSError as error:
        raise VtpError(f"connection lost: {error}") from error


async def close_quietly(writer: asyncio.StreamWriter, *, wait_s: float = 1.0) -> None:
    """Close a connection, whatever state it is in."""
    writer.close()
    try:
        async with asyncio.timeout(wait_s):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


def peer_name(writer: asyncio.StreamWriter) -> tuple[str, int]:
    """Address and port of the peer."""
    name = writer.get_extra_info("peername")
    return (str(name[0]), int(name[1])) if name else ("unknown", 0)
