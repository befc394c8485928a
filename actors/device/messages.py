"""What a device actor says and obeys, whatever the device is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pyros.actor import Lane, Message, Request
from pyros.domain.device import CommandOutcome, DeviceKind, DeviceState, Reading

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus(Message):
    """Event: what a device actor knows of its device; published on every change.

    Attributes:
        unit: Telescope id, or `site`.
        device: Device id, e.g. `cam-vis`.
        kind: What it is.
        state: The device's state as PyROS sees it.
        reason: Why, when the state is FAULT or DISABLED.
        since_utc: Since when it is in this state.
        readings: Latest value of each property, quality STALE when too old.
        blocking: Whether observing must pause without it.
        simulated: Whether it is a simulator.
        running_command: Verb of the command being executed, None when idle.
        time_utc: When this was said.
    """

    lane: ClassVar[Lane] = Lane.TELEMETRY
    unit: str
    device: str
    kind: DeviceKind
    state: DeviceState
    reason: str
    since_utc: datetime
    readings: Mapping[str, Reading]
    blocking: bool
    simulated: bool
    running_command: str | None
    time_utc: datetime

    def conflation_key(self) -> Hashable:
        """Only the latest status of a device matters."""
        return ("device-status", self.unit, self.device)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStateChanged(Message):
    """Event: a device entered another state (never conflated; the majordome acts on it)."""

    unit: str
    device: str
    kind: DeviceKind
    old: DeviceState
    new: DeviceState
    reason: str
    blocking: bool
    time_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStatus(Request[DeviceStatus]):
    """Ask a device actor what it knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Request[CommandOutcome]):
    """A command by its verb, answered when its end is verified by telemetry.

    Attributes:
        verb: A command of the device's kind (`protocols.device_table`).
        args: Its arguments, units in the names.
        cause: Who or what asked, for the journal.
    """

    verb: str
    args: Mapping[str, float | int | str | bool | None]
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortCommand(Request[CommandOutcome]):
    """Stop what the device is doing now: runs ahead of queued commands."""

    lane: ClassVar[Lane] = Lane.SAFETY
    interrupts: ClassVar[bool] = True
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMaintenance(Request[DeviceStatus]):
    """Take a device out of automation, or give it back.

    While it is kept, only commands that make things safer reach it.

    Attributes:
        on: Whether it is kept.
        who: Operator.
        why: What for; shown as the state's reason.
    """

    on: bool
    who: str
    why: str
