"""Modes of the observatory and phases of the sky."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """STARTING -> STANDBY -> OPENING -> OBSERVING <-> PAUSED -> CLOSING -> CALIBRATING -> STANDBY.

    MANUAL is entered by an operator's lock; EMERGENCY from anywhere (close first), left only by an
    operator or a safe hold-off; STOPPING ends the process.
    """

    STARTING = "STARTING"
    STANDBY = "STANDBY"
    OPENING = "OPENING"
    OBSERVING = "OBSERVING"
    PAUSED = "PAUSED"
    CLOSING = "CLOSING"
    CALIBRATING = "CALIBRATING"
    MANUAL = "MANUAL"
    EMERGENCY = "EMERGENCY"
    STOPPING = "STOPPING"


class SkyPhase(StrEnum):
    """Where the Sun is: day, evening twilight, night, morning twilight."""

    DAY = "DAY"
    DUSK = "DUSK"
    NIGHT = "NIGHT"
    DAWN = "DAWN"
