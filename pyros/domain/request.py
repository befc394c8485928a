"""Requests: what a user or an alert asks of the observatory, as one or more sequences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyros.domain.sequence import Sequence


class RequestKind(StrEnum):
    """Who asked: a person, or the sky."""

    ROUTINE = "ROUTINE"
    ALERT = "ALERT"


class RequestStrategy(StrEnum):
    """What the failure of a sequence means for its siblings."""

    BEST_EFFORT = "best-effort"
    ALL_OR_NOTHING = "all-or-nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A demand of one programme.

    Attributes:
        request_id: Unique id, `[a-z0-9-]`; its data directory bears it.
        programme_id: The programme charged.
        kind: Routine or alert.
        name: Short name, shown in lists.
        sequences: At least one.
        strategy: What a failing sequence does to its siblings.
        alert_id: The alert event for kind ALERT.
        telescope: The telescope it wants; None lets the first one take it that has its channels.
    """

    request_id: str
    programme_id: str
    kind: RequestKind
    name: str
    sequences: tuple[Sequence, ...]
    strategy: RequestStrategy = RequestStrategy.BEST_EFFORT
    alert_id: str | None = None
    telescope: str | None = None
