"""What a weather source says: one station's readings and health."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pyros.actor import Lane, Message

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from datetime import datetime

    from pyros.domain.device import DeviceState, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherReport(Message):
    """Event: a station's latest readings; stale ones carry quality STALE.

    Runs on the safety lane, since a verdict hangs on it.
    """

    lane: ClassVar[Lane] = Lane.SAFETY
    station: str
    state: DeviceState
    readings: Mapping[str, Reading]
    time_utc: datetime

    def conflation_key(self) -> Hashable:
        """Only the latest report of a station matters."""
        return ("weather", self.station)
