"""Pure expansion of a sequence into exposures, and the dither pattern between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyros.domain.sequence import Album, Sequence

_GOLDEN_ANGLE_RAD = math.pi * (3.0 - math.sqrt(5.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureStep:
    """One image of one channel.

    Attributes:
        channel: Camera id.
        filter_name: Filter in the beam.
        exposure_s: Seconds open.
        image_index: 1-based within sequence and channel.
        image_count: Images asked of this channel.
        plan_index: 1-based plan within the album.
        dither_arcsec: Radius of the pattern, 0 for none.
    """

    channel: str
    filter_name: str
    exposure_s: float
    image_index: int
    image_count: int
    plan_index: int
    dither_arcsec: float


def album_steps(album: Album) -> tuple[ExposureStep, ...]:
    """The exposures of one album in order."""
    total = sum(plan.count for plan in album.plans)

    def expand() -> Iterator[ExposureStep]:
        index = 0
        for plan_index, plan in enumerate(album.plans, start=1):
            for _ in range(plan.count):
                index += 1
                yield ExposureStep(
                    channel=album.channel,
                    filter_name=plan.filter_name,
                    exposure_s=plan.exposure_s,
                    image_index=index,
                    image_count=total,
                    plan_index=plan_index,
                    dither_arcsec=plan.dither_arcsec,
                )

    return tuple(expand())


def frames_asked(sequence: Sequence) -> int:
    """All images of all channels."""
    return sum(plan.count for album in sequence.albums for plan in album.plans)


def rounds(sequence: Sequence) -> tuple[tuple[ExposureStep, ...], ...]:
    """Exposures grouped so that the telescope may be offset between groups.

    Without dithering each channel runs freely, so a round is a whole album. With dithering, round k
    holds the k-th image of every channel: all cameras wait for each other before each offset.

    Returns:
        Without dithering one tuple per channel, to be run in parallel with one another; with it,
        one tuple per position, to be run one after the other, channels in parallel.
    """
    albums = [album_steps(album) for album in sequence.albums]
    if not dithers(sequence):
        return tuple(albums)
    longest = max((len(steps) for steps in albums), default=0)
    return tuple(tuple(steps[k] for steps in albums if k < len(steps)) for k in range(longest))


def dithers(sequence: Sequence) -> bool:
    """Whether any plan asks for dithering."""
    return any(plan.dither_arcsec > 0 for album in sequence.albums for plan in album.plans)


def dither_position_arcsec(index: int, radius_arcsec: float, count: int) -> tuple[float, float]:
    """Where the k-th of `count` dithered images points, relative to the target.

    A sunflower pattern (Vogel 1979): even cover of the disc, no two rows of the detector alike.

    Args:
        index: 0-based image; 0 is the target itself.
        radius_arcsec: Radius of the disc.
        count: Images in the pattern.

    Returns:
        (east, north) in arcseconds.
    """
    if index == 0 or count < 2:
        return (0.0, 0.0)
    distance = radius_arcsec * math.sqrt(index / (count - 1))
    angle = index * _GOLDEN_ANGLE_RAD
    return (distance * math.sin(angle), distance * math.cos(angle))
