"""Requests that come back every night: made from templates, with the night in their ids."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyros.domain.request import Request


def request_of_night(template: Request, night: str) -> Request:
    """The request that a template stands for on one night.

    Args:
        template: A request asked for every night.
        night: Night label, `2026-11-23`.
    """
    suffix = night.replace("-", "")
    request_id = f"{template.request_id}-{suffix}"
    return replace(
        template,
        request_id=request_id,
        sequences=tuple(
            replace(
                sequence,
                request_id=request_id,
                sequence_id=f"{sequence.sequence_id}-{suffix}",
            )
            for sequence in template.sequences
        ),
    )
