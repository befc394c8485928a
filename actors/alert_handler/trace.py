"""The trace of each alert: when it reached which stage, in wall milliseconds after receipt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

STAGES = (
    "received",
    "parsed",
    "judged",
    "planned",
    "interrupted",
    "slew-command",
    "stored",
    "on-target",
    "first-photon",
    "frame-on-disk",
    "ended",
)
"""All stages in the order of a follow-up; a packet is stored while the telescope is called."""


@dataclass(slots=True, kw_only=True)
class Trace:
    """One event's trace; the first time a stage is reached counts.

    Attributes:
        received_utc: When the event's first packet came in.
        received_monotonic_s: The same in loop seconds.
        stages: Milliseconds after receipt, by stage.
    """

    received_utc: datetime
    received_monotonic_s: float
    stages: dict[str, float] = field(default_factory=lambda: {"received": 0.0})

    def reach(self, stage: str, after_ms: float) -> bool:
        """Note a stage; whether it is new."""
        if stage in self.stages:
            return False
        self.stages[stage] = round(after_ms, 3)
        return True
