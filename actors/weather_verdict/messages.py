"""What the weather verdict says: all stations fused, suspects named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pyros.actor import Lane, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyros.domain.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class StationVote:
    """One station's part in the verdict.

    Attributes:
        station: Its id.
        vote: `safe`, `unsafe`, `stale`, `suspect` (excluded) or `lost`.
        text: Why, in one sentence.
    """

    station: str
    vote: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherVerdict(Message):
    """Event: the weather as safety takes it.

    Attributes:
        verdict: SAFE, UNSAFE or UNKNOWN with reasons.
        votes: What each station contributed.
        fused: Worst trusted value of each quantity (unit in the name).
    """

    lane: ClassVar[Lane] = Lane.SAFETY
    verdict: Verdict
    votes: tuple[StationVote, ...]
    fused: Mapping[str, float | bool]
