"""Scientific programmes: who owns time, how much, and with which priority."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """The grade the time allocation committee gave, and so the class of priority."""

    ALERT = "alert"
    A = "A"
    B = "B"
    C = "C"


BASE_PRIORITY: dict[Grade, int] = {Grade.ALERT: 100, Grade.A: 80, Grade.B: 50, Grade.C: 20}
MAX_PRIORITY_DELTA = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ScientificProgramme:
    """A programme graded by the committee.

    Attributes:
        programme_id: Short id, `[a-z0-9-]`.
        name: Full name.
        grade: Class of priority.
        night_share: Share of the usable dark time of one night, 0..1 (soft).
        semester_quota_s: Seconds granted this semester (hard).
        semester_from: First night of the semester, `2026-10-01`; what was done before is not
            counted. None counts everything.
    """

    programme_id: str
    name: str
    grade: Grade
    night_share: float
    semester_quota_s: float
    semester_from: str | None = None


def priority(grade: Grade, delta: int) -> int:
    """Priority of a sequence: its programme's class plus its own delta, never crossing a class.

    Raises:
        ValueError: When the delta is outside -5..5.
    """
    if abs(delta) > MAX_PRIORITY_DELTA:
        raise ValueError(f"priority delta {delta} is outside -5..5")
    return BASE_PRIORITY[grade] + delta
