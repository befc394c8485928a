"""What a focuser actor obeys beside what every device does."""

from __future__ import annotations

from dataclasses import dataclass

from pyros.actor import Request
from pyros.domain.device import CommandOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusFor(Request[CommandOutcome]):
    """Go to best focus through a filter at the present temperature; answered when it is there.

    Attributes:
        filter_name: Filter in the beam, as the channel's wheel names it.
        cause: Who or what asked.
    """

    filter_name: str
    cause: str
