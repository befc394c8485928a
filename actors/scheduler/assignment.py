"""Which telescope of a site serves a request: the one it names, or the first that can."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pyros.domain.programme import ScientificProgramme
    from pyros.domain.request import Request


def channels_of(request: Request) -> frozenset[str]:
    """All channels that a request needs."""
    return frozenset(album.channel for sequence in request.sequences for album in sequence.albums)


def unit_for(request: Request, channels_by_unit: Mapping[str, Collection[str]]) -> str | None:
    """The telescope that serves a request, None when no telescope can.

    Args:
        request: With or without the telescope it wants.
        channels_by_unit: Channels of each telescope, in the order of the configuration.
    """
    needed = channels_of(request)
    if request.telescope is not None:
        channels = channels_by_unit.get(request.telescope, ())
        return request.telescope if needed <= set(channels) else None
    return next(
        (unit for unit, channels in channels_by_unit.items() if needed <= set(channels)), None
    )


def refusal(
    request: Request,
    unit: str,
    channels: Collection[str],
    programmes: Iterable[ScientificProgramme],
) -> str | None:
    """Why a telescope does not take a request, None when it does.

    Args:
        request: With the telescope it wants.
        unit: Telescope id.
        channels: The telescope's channels.
        programmes: All programmes.
    """
    known = {programme.programme_id for programme in programmes}
    if request.programme_id not in known:
        return (
            f"request {request.request_id}: programme {request.programme_id!r} is unknown; "
            f"known: {', '.join(sorted(known))}"
        )
    if request.telescope != unit or not channels_of(request) <= set(channels):
        return (
            f"request {request.request_id} asks for channels that {unit} has not; "
            f"it has {', '.join(channels)}"
        )
    return None
