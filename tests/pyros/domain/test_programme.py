"""Priorities never cross a class."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pyros.domain.programme import Grade, priority
from pyros.domain.target import Target


def test_priorities_never_cross_a_class() -> None:
    """The most wanted B stays below the least wanted A [145-149]."""
    order = (Grade.ALERT, Grade.A, Grade.B, Grade.C)
    for better, worse in pairwise(order):
        assert priority(better, -5) > priority(worse, 5)


@pytest.mark.parametrize("delta", [-6, 6, 100])
def test_a_delta_out_of_range_is_refused(delta: int) -> None:
    """-5 to 5 and no more."""
    with pytest.raises(ValueError, match="outside -5"):
        priority(Grade.A, delta)


@pytest.mark.parametrize(("ra", "dec"), [(360.0, 0.0), (-0.1, 0.0), (0.0, 90.1), (float("nan"), 0)])
def test_targets_off_the_sky_are_refused(ra: float, dec: float) -> None:
    """A position that does not exist is a mistake."""
    with pytest.raises(ValueError, match="outside"):
        Target(name="X", ra_deg=ra, dec_deg=dec)
