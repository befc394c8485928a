"""Safety verdicts: may the observatory be open, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Safety(StrEnum):
    """SAFE, UNSAFE, or UNKNOWN, which acts as unsafe."""

    SAFE = "SAFE"
    UNSAFE = "UNSAFE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason with its numbers.

    Attributes:
        code: Stable code, e.g. `RAIN`, `WIND`, `HUMIDITY`, `STALE`, `HOLD_OFF`, `SUN`, `UPS`.
        text: One sentence with source, value, limit and unit.
        source: Actor or station it comes from.
    """

    code: str
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A judgement at an instant.

    Attributes:
        safety: The judgement.
        reasons: Why not SAFE; empty when SAFE.
        time_utc: When it was formed.
        safe_after_utc: End of the hold-off when conditions are good but too young, else None.
    """

    safety: Safety
    reasons: tuple[Reason, ...]
    time_utc: datetime
    safe_after_utc: datetime | None = None
