"""What calibration is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from pyros.actor import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationsTaken:
    """What was taken.

    Attributes:
        night: Night label.
        darks: Frames taken.
        flats: Frames taken.
        masters: Paths of the master frames, relative to the data directory.
        failures: One line for each thing that could not be done.
    """

    night: str
    darks: int
    flats: int
    masters: tuple[str, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeCalibrations(Request[CalibrationsTaken]):
    """Take the darks and flats of a night; dome and telescope are verified closed first."""

    night: str
