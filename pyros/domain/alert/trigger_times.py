"""When each mission triggered lately: what the odds of a coincidence are counted with. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyros.domain.alert.association import AssociationParameters, trigger_rate_per_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyros.domain.alert.notice import Notice

_SAME_TRIGGER_S = 1.0
_LATEST = 50


def rates_per_day(
    times: Mapping[str, tuple[datetime, ...]], now_utc: datetime, parameters: AssociationParameters
) -> dict[str, float]:
    """Each mission's trigger rate."""
    return {
        mission: trigger_rate_per_day(mission, ones, now_utc, parameters)
        for mission, ones in times.items()
    }


def with_trigger(
    times: Mapping[str, tuple[datetime, ...]], notice: Notice
) -> Mapping[str, tuple[datetime, ...]]:
    """The times with a mission's new trigger counted; its updates are no triggers."""
    t0_utc, known = notice.t0_utc, times.get(notice.mission, ())
    if t0_utc is None or any(
        abs((t0_utc - one).total_seconds()) < _SAME_TRIGGER_S for one in known[-_LATEST:]
    ):
        return times
    return {**times, notice.mission: (*known, t0_utc)}
