"""The MQTT payloads: versioned JSON with units, UTC time, quality and sequence number.

One `msgspec.Struct` per topic of `protocols.topics`. Decoding validates; what does not fit raises
`PayloadError` with topic, field and remedy, and never reaches an actor's state.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeVar

import msgspec

from pyros.errors import PermanentError

Value = float | int | str | bool | None
T = TypeVar("T")


class PayloadError(PermanentError):
    """A payload does not fit its topic's schema."""


class BridgeState(msgspec.Struct, frozen=True, kw_only=True):
    """`bridge/{id}/state`: availability of a process that owns devices."""

    s: Literal["init", "ready", "disconnected", "lost"]
    boot: str
    t: datetime


class DeviceStatePayload(msgspec.Struct, frozen=True, kw_only=True):
    """`{unit}/{dev}/state`: the device's own life-cycle as its driver sees it."""

    s: Literal["init", "ready", "busy", "fault", "disconnected", "lost"]
    boot: str
    t: datetime
    reason: str = ""


class PropertyPayload(msgspec.Struct, frozen=True, kw_only=True):
    """`{unit}/{dev}/p/{prop}`: one value with unit (VOUnit), source time, quality, sequence."""

    v: Value
    u: str
    t: datetime
    q: Literal["good", "bad"] = "good"
    seq: int = 0


class PropertyDescription(msgspec.Struct, frozen=True, kw_only=True):
    """One property in a description: unit, type, age in seconds after which it is stale."""

    u: str
    type: Literal["number", "integer", "text", "boolean"]
    ttl_s: float
    min: float | None = None
    max: float | None = None


class DescriptionPayload(msgspec.Struct, frozen=True, kw_only=True):
    """`{unit}/{dev}/desc`: what the device is and can do."""

    kind: str
    bridge: str
    boot: str
    simulated: bool
    properties: dict[str, PropertyDescription]
    commands: tuple[str, ...]
    details: dict[str, Value] = {}


class CommandPayload(msgspec.Struct, frozen=True, kw_only=True):
    """`{unit}/{dev}/cmd/{verb}`: id and arguments; MQTT 3.1.1 devices find `reply` in the body."""

    id: str
    args: dict[str, Value] = {}
    reply: str | None = None
    exp: datetime | None = None


class ReplyPayload(msgspec.Struct, frozen=True, kw_only=True):
    """`rsp/{client}`: accepted, then progress, then done or failed."""

    id: str
    s: Literal["accepted", "progress", "done", "failed"]
    t: datetime
    detail: str = ""
    progress: float | None = None


class FrameEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="e", tag="frame"):
    """`{unit}/{camera}/evt`: a frame lies in the spool, complete and checksummed."""

    exposure_id: str
    path: str
    sha256: str
    bytes: int
    start_utc: datetime
    end_utc: datetime
    exposure_s: float
    kind: Literal["light", "dark", "bias", "flat"]
    aborted: bool = False


class FirstPhotonEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="e", tag="shutter"):
    """`{unit}/{camera}/evt`: the shutter opened for an exposure."""

    exposure_id: str
    start_utc: datetime


DeviceEvent = FrameEvent | FirstPhotonEvent


class LeasePayload(msgspec.Struct, frozen=True, kw_only=True):
    """`{unit}/lease`: PyROS lives; aged on the receiver's monotonic clock."""

    boot: str
    seq: int
    ttl_s: float


def encode(payload: object) -> bytes:
    """JSON bytes of a payload struct; datetimes as RFC 3339 UTC."""
    return msgspec.json.encode(payload)


def decode(topic: str, raw: bytes, kind: type[T]) -> T:
    """The typed payload of a topic.

    Raises:
        PayloadError: When the bytes are not JSON or do not fit; the text names topic and field.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        shown = raw[:80].decode("utf-8", "replace")
        wanted = getattr(kind, "__name__", str(kind))
        raise PayloadError(
            f"{topic}: {error}; got {shown!r}; publish a {wanted} of schema 1"
        ) from error
