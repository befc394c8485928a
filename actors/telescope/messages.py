"""What a telescope actor obeys beside what every device does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pyros.actor import Lane, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeTelescopeSafe(Message):
    """From safety: end what runs, close the mirror cover and park; verified by telemetry."""

    lane: ClassVar[Lane] = Lane.SAFETY
    interrupts: ClassVar[bool] = True
    cause: str


DERIVED = ("target_ra_deg", "target_dec_deg", "target_alt_deg", "target_az_deg", "on_target")
"""Readings a telescope actor adds to its status.

`target_*` is where the running or last slew goes (absent after a park), so that the dome can turn
ahead; `on_target` is true while it tracks within 30 arcsec of it.
"""
