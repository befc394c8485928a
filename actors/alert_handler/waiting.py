"""How long a burst may wait for the telescope: which nights, and up to which age [123].

Pure. A burst that cannot be seen now waits for its next window tonight, then for those of as many
following nights as its strategy carries it over, and never beyond the strategy's age limit.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pyros.clock import datetime_from_unix, unix_from_datetime
from pyros.sky.twilight import night_label, noon_unix_s

if TYPE_CHECKING:
    from pyros.domain.alert.strategy import Strategy
    from pyros.sky.site import Site

_DAY = timedelta(days=1)


def last_begin_utc(
    site: Site, strategy: Strategy, received_utc: datetime, t0_utc: datetime | None
) -> datetime:
    """The latest instant at which anything of a burst may be begun.

    Args:
        site: Where the telescope stands.
        strategy: How the burst is observed.
        received_utc: When it was first heard of; that night is its first.
        t0_utc: Its T0, which the age limit counts from; None counts from its receipt.
    """
    first = date.fromisoformat(night_label(site, unix_from_datetime(received_utc)))
    after_last = first + (strategy.carry_over_nights + 1) * _DAY
    nights_end_utc = datetime_from_unix(noon_unix_s(site, after_last.isoformat()))
    old_utc = (t0_utc or received_utc) + timedelta(seconds=strategy.max_age_s)
    return min(nights_end_utc, old_utc)


def why_not_wait(
    site: Site,
    strategy: Strategy,
    received_utc: datetime,
    t0_utc: datetime | None,
    start_utc: datetime,
) -> str:
    """Why a burst does not wait for a window that opens at `start_utc`; empty when it does."""
    age_s = (start_utc - (t0_utc or received_utc)).total_seconds()
    if age_s > strategy.max_age_s:
        return (
            f"{age_s / 3600:.1f} h old at its next window, {strategy.name} ends at "
            f"{strategy.max_age_s / 3600:.1f} h"
        )
    if start_utc < last_begin_utc(site, strategy, received_utc, t0_utc):
        return ""
    night = night_label(site, unix_from_datetime(start_utc))
    nights = strategy.carry_over_nights
    most = "one night" if nights == 1 else f"{nights} nights"
    carried = f"carried over {most} at most" if nights else "not carried over"
    return f"next window in the night {night}; {strategy.name} is {carried}"
