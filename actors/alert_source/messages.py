"""What alert sources hand on: raw packets with where and when they came in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyros.actor import Request

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketStored:
    """The raw bytes are in the database: the source may acknowledge.

    Attributes:
        accepted: False for what is no alert at all (a VTP nak).
        reason: Why not, or empty.
        ivorn: The notice's id when it could be read.
        stored: False when nothing was kept and the peer should send again.
    """

    accepted: bool
    reason: str
    ivorn: str | None
    stored: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketReceived(Request[PacketStored]):
    """A raw packet; answered when it is committed, before it is judged.

    Attributes:
        raw: The bytes as received.
        source: Source id, e.g. `vtp`, `mqtt`, `http`, `injected`.
        topic: Kafka or MQTT topic, None elsewhere.
        received_utc: The observatory's time of arrival.
        received_monotonic_s: Loop time of arrival, start of the trace.
        injected: An operator's test: acts as real, carries `injected` everywhere.
    """

    raw: bytes
    source: str
    topic: str | None
    received_utc: datetime
    received_monotonic_s: float
    injected: bool = False
