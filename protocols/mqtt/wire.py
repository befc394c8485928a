"""The primitive types of the MQTT wire: integers, strings and binary data, read strictly.

MQTT 5.0 §1.5 (the same types, but for the variable byte integer's name, are 3.1.1 §1.5 and §2.2.3).
"""

from __future__ import annotations

import struct

from protocols.mqtt.reason import Reason
from pyros.errors import PermanentError

MAX_VARIABLE = 268_435_455

_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")


class MqttProtocolError(PermanentError):
    """A peer broke the protocol: its connection is to be ended with `reason`."""

    def __init__(self, text: str, reason: Reason = Reason.MALFORMED_PACKET) -> None:
        super().__init__(text)
        self.reason = reason


class Reader:
    """Reads one packet's body from front to back; running past the end is a malformed packet."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.end = len(data)

    def u8(self) -> int:
        """One byte."""
        position = self.position
        if position >= self.end:
            raise MqttProtocolError("packet ends before a byte it must have")
        self.position = position + 1
        return self.data[position]

    def u16(self) -> int:
        """Two bytes, big endian."""
        position = self.position
        if position + 2 > self.end:
            raise MqttProtocolError("packet ends inside a two byte integer")
        self.position = position + 2
        return self.data[position] << 8 | self.data[position + 1]

    def u32(self) -> int:
        """Four bytes, big endian."""
        position = self.position
        if position + 4 > self.end:
            raise MqttProtocolError("packet ends inside a four byte integer")
        self.position = position + 4
        value: int = _U32.unpack_from(self.data, position)[0]
        return value

    def variable(self) -> int:
        """A variable byte integer of at most four bytes, in its shortest form."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift:
                    raise MqttProtocolError("variable byte integer is longer than it need be")
                return value
        raise MqttProtocolError("variable byte integer has more than four bytes")

    def binary(self) -> bytes:
        """Length and bytes."""
        length = self.u16()
        return self.take(length)

    def string(self) -> str:
        """Length and UTF-8 text without null characters."""
        raw = self.binary()
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise MqttProtocolError(f"string is not UTF-8: {error.reason}") from error
        if "\0" in text:
            raise MqttProtocolError("string has a null character")
        return text

    def take(self, length: int) -> bytes:
        """The next `length` bytes."""
        position = self.position
        stop = position + length
        if stop > self.end:
            raise MqttProtocolError("packet ends inside data it announced")
        self.position = stop
        return self.data[position:stop]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.end - self.position)

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return self.end - self.position

    def done(self, what: str) -> None:
        """Refuse bytes beyond the end of what the packet is."""
        if self.position != self.end:
            raise MqttProtocolError(f"{what} has {self.left} bytes too many")


def u16(value: int) -> bytes:
    """Two bytes, big endian."""
    return _U16.pack(value)


def u32(value: int) -> bytes:
    """Four bytes, big endian."""
    return _U32.pack(value)


def variable(value: int) -> bytes:
    """A variable byte integer.

    Raises:
        ValueError: When it is above 268 435 455.
    """
    if value < 0x80:
        return bytes((value,))
    if value > MAX_VARIABLE:
        raise ValueError(f"{value} is above {MAX_VARIABLE}, the most a variable byte integer holds")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def binary(value: bytes) -> bytes:
    """Length and bytes."""
    return _U16.pack(len(value)) + value


def string(value: str) -> bytes:
    """Length and UTF-8 text."""
    return binary(value.encode())
