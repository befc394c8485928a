"""What the planner says, in the observatory's words."""

from __future__ import annotations

import pytest

from actors.scheduler.translate import in_utc

START_UNIX_S = 1_795_484_175.0  # 2026-11-24T01:36:15Z


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "had to start by +9:07:15, it is +11:37:48",
            "had to start by 10:43:30, it is 13:14:03",
        ),
        ("closed from -0:00:15 to +0:30:00", "closed from 01:36:00 to 02:06:15"),
        ("highest 34.5 deg tonight, at least +35 deg is asked", None),
    ],
)
def test_planner_instants_become_times_of_day(sentence: str, expected: str | None):
    """A reader of the journal gets UTC, never seconds after a start he does not know."""
    assert in_utc(sentence, START_UNIX_S) == (expected or sentence)
