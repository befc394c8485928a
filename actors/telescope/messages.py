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
