"""Albums as a person writes them in TOML: requests and alert strategies read them the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pyros.domain.sequence import Album, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable


class PlanEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One filter and exposure time."""

    filter: str
    exposure_s: float
    count: int = 1
    dither_arcsec: float = 0.0


class AlbumEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one channel does."""

    channel: str
    plans: tuple[PlanEntry, ...]


def albums_of(entries: Iterable[AlbumEntry]) -> tuple[Album, ...]:
    """The albums that the entries describe, in their order."""
    return tuple(
        Album(
            channel=entry.channel,
            plans=tuple(
                Plan(
                    filter_name=plan.filter,
                    exposure_s=plan.exposure_s,
                    count=plan.count,
                    dither_arcsec=plan.dither_arcsec,
                )
                for plan in entry.plans
            ),
        )
        for entry in entries
    )
