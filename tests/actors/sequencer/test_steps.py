"""Expansion of sequences into exposures."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from actors.sequencer.steps import dither_position_arcsec, frames_asked, rounds
from pyros.domain.sequence import Album, Plan, Sequence
from pyros.domain.target import Target


def sequence(*, dither_arcsec: float) -> Sequence:
    vis = Album(
        channel="cam-vis",
        plans=(
            Plan(filter_name="g", exposure_s=30, count=2, dither_arcsec=dither_arcsec),
            Plan(filter_name="r", exposure_s=30, count=1, dither_arcsec=dither_arcsec),
        ),
    )
    nir = Album(channel="cam-nir", plans=(Plan(filter_name="J", exposure_s=20, count=5),))
    return Sequence(
        sequence_id="s-1",
        request_id="r-1",
        programme_id="p",
        name="s",
        target=Target(name="M 31", ra_deg=10.68479, dec_deg=41.26906),
        albums=(vis, nir),
    )


def test_rounds_run_channels_freely_without_dither() -> None:
    """Without dithering each channel is one round of its own, in order."""
    groups = rounds(sequence(dither_arcsec=0))
    assert [len(group) for group in groups] == [3, 5]
    assert [step.filter_name for step in groups[0]] == ["g", "g", "r"]
    assert [step.image_index for step in groups[1]] == [1, 2, 3, 4, 5]


def test_rounds_hold_one_image_of_each_channel_with_dither() -> None:
    """With dithering all cameras take their k-th image before the telescope moves."""
    groups = rounds(sequence(dither_arcsec=10))
    assert [len(group) for group in groups] == [2, 2, 2, 1, 1]
    assert all(step.image_index == k for k, group in enumerate(groups, 1) for step in group)


def test_rounds_lose_no_exposure() -> None:
    """Every exposure asked for appears once, dithered or not."""
    for dither_arcsec in (0, 10):
        asked = sequence(dither_arcsec=dither_arcsec)
        assert sum(len(group) for group in rounds(asked)) == frames_asked(asked) == 8


@given(count=st.integers(2, 60), radius_arcsec=st.floats(1, 120))
def test_dither_positions_stay_in_the_disc_and_differ(count: int, radius_arcsec: float) -> None:
    """The pattern fills its disc, begins at the target, and repeats no position."""
    points = [dither_position_arcsec(k, radius_arcsec, count) for k in range(count)]
    assert points[0] == (0.0, 0.0)
    assert all(math.hypot(*point) <= radius_arcsec * (1 + 1e-9) for point in points)
    assert len({(round(x, 6), round(y, 6)) for x, y in points}) == count
