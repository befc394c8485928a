"""Bookings of a programme's time as sequences end, and what is left of it tonight.

Two ledgers [151-157]: the semester's seconds are hard, the night's share is soft. What a plan
reserves is not booked; an ended sequence is charged what it used, an alert like any other. Beyond
its share of the night a programme gets only time that nobody else wants (bonus).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyros.store import LedgerEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.sequencer.messages import SequenceEnded
    from pyros.domain.programme import ScientificProgramme


def charge(ended: SequenceEnded, programme_id: str, night: str) -> LedgerEntry:
    """What an ended sequence costs its programme: the seconds it really used."""
    return LedgerEntry(
        programme_id=programme_id,
        night=night,
        sequence_id=ended.sequence_id,
        kind="charge",
        seconds=max(ended.used_s, 0.0),
        reason=f"{ended.state}: {ended.frames} frames in {ended.used_s:.0f} s",
        time_utc=ended.ended_utc,
    )


def left_tonight_s(
    programmes: Iterable[ScientificProgramme],
    used_semester_s: Mapping[str, float],
    used_tonight_s: Mapping[str, float],
    dark_s: float,
) -> dict[str, float]:
    """Seconds each programme may still be charged tonight: the smaller of its two ledgers."""
    return {
        programme.programme_id: max(
            0.0,
            min(
                programme.semester_quota_s - used_semester_s.get(programme.programme_id, 0.0),
                programme.night_share * dark_s - used_tonight_s.get(programme.programme_id, 0.0),
            ),
        )
        for programme in programmes
    }
