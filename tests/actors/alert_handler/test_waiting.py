"""How long a burst waits: so many nights, never beyond the age limit, and why not longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from actors.alert_handler.waiting import last_begin_utc, why_not_wait
from protocols.alert_rules import load_rules
from pyros.sky import Site

SITE = Site(latitude_deg=31.0439, longitude_deg=-115.4637, height_m=2790.0, name="SPM")
RULES = load_rules(Path(__file__).parents[3] / "config" / "alerts.toml")
LOCALISED = RULES.book.named("grb-localised")  # a day, one more night
DUSK_UTC = datetime(2026, 11, 24, 2, tzinfo=UTC)  # the night of 2026-11-23
NOON_UTC = datetime(2026, 11, 24, 19, 41, 51, tzinfo=UTC)  # local noon after it
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("nights", "max_age_s", "ends_utc"),
    [
        (0, 1e6, NOON_UTC),
        (1, 1e6, NOON_UTC + 24 * HOUR),
        (2, 1e6, NOON_UTC + 48 * HOUR),
        (2, 7200.0, DUSK_UTC + 2 * HOUR),
    ],
)
def test_the_last_begin_is_the_end_of_the_last_night_or_of_the_age(
    nights: int, max_age_s: float, ends_utc: datetime
) -> None:
    """Nights are counted from the one in which it was heard, ages from T0."""
    strategy = replace(LOCALISED, carry_over_nights=nights, max_age_s=max_age_s)
    found_utc = last_begin_utc(SITE, strategy, DUSK_UTC + HOUR, DUSK_UTC)
    assert abs((found_utc - ends_utc).total_seconds()) < 2.0


def test_a_burst_in_the_afternoon_has_the_coming_night_first() -> None:
    """Heard after noon it belongs to the evening: one strategy night is that one."""
    strategy = replace(LOCALISED, carry_over_nights=0, max_age_s=1e6)
    heard_utc = NOON_UTC + 2 * HOUR
    assert why_not_wait(SITE, strategy, heard_utc, heard_utc, heard_utc + 6 * HOUR) == ""
    why = why_not_wait(SITE, strategy, heard_utc, heard_utc, heard_utc + 30 * HOUR)
    assert why == "next window in the night 2026-11-25; grb-localised is not carried over"


def test_every_refusal_says_which_limit() -> None:
    """Too old at its window, or too many nights; within both there is nothing to say."""
    assert why_not_wait(SITE, LOCALISED, DUSK_UTC, DUSK_UTC, DUSK_UTC + 23 * HOUR) == ""
    old = why_not_wait(SITE, LOCALISED, DUSK_UTC, DUSK_UTC, DUSK_UTC + 25 * HOUR)
    assert old == "25.0 h old at its next window, grb-localised ends at 24.0 h"
    long_lived = replace(LOCALISED, max_age_s=1e6)
    late = why_not_wait(SITE, long_lived, DUSK_UTC, None, DUSK_UTC + 49 * HOUR)
    assert late.endswith("grb-localised is carried over one night at most")
