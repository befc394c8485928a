"""Devices as PyROS sees them: kinds, states, qualities, and what their loss means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class DeviceKind(StrEnum):
    """What a device is; its properties and commands follow (`protocols.device_table`)."""

    TELESCOPE = "telescope"
    CAMERA = "camera"
    FILTER_WHEEL = "filter-wheel"
    FOCUSER = "focuser"
    DOME = "dome"
    PLC = "plc"
    WEATHER_STATION = "weather-station"


class DeviceState(StrEnum):
    """UNKNOWN -> CONNECTING -> INITIALIZING -> READY <-> BUSY; any -> FAULT | DISABLED."""

    UNKNOWN = "UNKNOWN"
    CONNECTING = "CONNECTING"
    INITIALIZING = "INITIALIZING"
    READY = "READY"
    BUSY = "BUSY"
    FAULT = "FAULT"
    DISABLED = "DISABLED"
    MAINTENANCE = "MAINTENANCE"


USABLE = frozenset({DeviceState.READY, DeviceState.BUSY})


class Quality(StrEnum):
    """Whether a value may be trusted: stale is unknown, unknown is unsafe."""

    GOOD = "good"
    BAD = "bad"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One value of one property: value, unit (VOUnit string), source time, quality."""

    value: float | int | str | bool | None
    unit: str
    time_utc: datetime
    quality: Quality = Quality.GOOD


class CommandStatus(StrEnum):
    """How a command ended; DONE means that telemetry showed the post-condition."""

    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"
    TIMEOUT = "timeout"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOutcome:
    """The end of a command: what was asked, how it ended, why.

    Attributes:
        command_id: Id of the command, from the actor's counter.
        verb: What was asked.
        status: How it ended.
        detail: One line for people; empty when DONE.
        started_utc: When it was asked.
        finished_utc: When its end was known.
    """

    command_id: str
    verb: str
    status: CommandStatus
    detail: str
    started_utc: datetime
    finished_utc: datetime

    @property
    def done(self) -> bool:
        """Whether the post-condition was seen."""
        return self.status is CommandStatus.DONE
