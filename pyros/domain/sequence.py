"""Sequences: one pointing, its albums of exposures, and the states it lives through.

Request > Sequence > Album (one per channel) > Plan (one filter and exposure time, n images). The
sequence is the unit that is planned, executed, charged and explained.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyros.domain.target import Target


class SequenceState(StrEnum):
    """States of a sequence (see `TRANSITIONS`)."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    TO_BE_PLANNED = "TO_BE_PLANNED"
    PLANNED = "PLANNED"
    PENDING = "PENDING"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    INTERRUPTED = "INTERRUPTED"
    FAILED = "FAILED"
    UNPLANNABLE = "UNPLANNABLE"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


_S = SequenceState
TRANSITIONS: dict[SequenceState, frozenset[SequenceState]] = {
    _S.DRAFT: frozenset({_S.SUBMITTED, _S.CANCELLED}),
    _S.SUBMITTED: frozenset({_S.TO_BE_PLANNED, _S.REJECTED, _S.DRAFT, _S.CANCELLED}),
    _S.TO_BE_PLANNED: frozenset(
        {_S.PLANNED, _S.UNPLANNABLE, _S.DRAFT, _S.CANCELLED, _S.EXPIRED, _S.EXECUTING}
    ),
    _S.PLANNED: frozenset(
        {
            _S.TO_BE_PLANNED,
            _S.PENDING,
            _S.EXECUTING,
            _S.UNPLANNABLE,
            _S.DRAFT,
            _S.CANCELLED,
            _S.EXPIRED,
        }
    ),
    _S.PENDING: frozenset(
        {_S.EXECUTING, _S.TO_BE_PLANNED, _S.UNPLANNABLE, _S.DRAFT, _S.CANCELLED, _S.EXPIRED}
    ),
    _S.EXECUTING: frozenset({_S.COMPLETED, _S.INTERRUPTED, _S.FAILED}),
    _S.COMPLETED: frozenset(),
    _S.INTERRUPTED: frozenset({_S.TO_BE_PLANNED, _S.EXPIRED}),
    _S.FAILED: frozenset(),
    _S.UNPLANNABLE: frozenset({_S.TO_BE_PLANNED, _S.EXPIRED, _S.CANCELLED, _S.DRAFT}),
    _S.EXPIRED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.CANCELLED: frozenset(),
}
FINAL_STATES = frozenset(
    {_S.COMPLETED, _S.INTERRUPTED, _S.FAILED, _S.EXPIRED, _S.REJECTED, _S.CANCELLED, _S.UNPLANNABLE}
)
"""States in which a sequence may stand when its night has ended (carry-over moves it on)."""


_GAVE_UP_THEIR_TIME = frozenset(
    {_S.DRAFT, _S.COMPLETED, _S.FAILED, _S.EXPIRED, _S.REJECTED, _S.CANCELLED}
)


def holds_time(state: SequenceState, *, carry_over: bool) -> bool:
    """Whether a sequence still holds the time reserved for it: it may yet be executed.

    An interrupted one does when it is carried over, for then it is begun anew another night. An
    UNPLANNABLE one does until its request is closed: a lost device may come back.
    """
    if state is _S.INTERRUPTED:
        return carry_over
    return state not in _GAVE_UP_THEIR_TIME


def may_become(state: SequenceState, new: SequenceState) -> bool:
    """Whether the state machine has an edge from `state` to `new`."""
    return new in TRANSITIONS[state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One filter and exposure time, `count` images.

    Attributes:
        filter_name: Filter to select, as the channel's wheel names it.
        exposure_s: Seconds open.
        count: Number of images.
        dither_arcsec: Radius of the dither pattern; 0 for none.
    """

    filter_name: str
    exposure_s: float
    count: int
    dither_arcsec: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """What one channel (detector) does during a sequence."""

    channel: str
    plans: tuple[Plan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTimes:
    """What a channel spends beside exposing: `readout_s` per image, `filter_change_s` per plan."""

    readout_s: float
    filter_change_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """The unit of planning: one pointing and its albums.

    Attributes:
        sequence_id: Unique, stable over nights.
        request_id: The request it belongs to.
        programme_id: The programme charged.
        name: What the astronomer calls it.
        target: Where it points.
        albums: One per channel used; channels expose in parallel.
        priority_delta: -5..5 within the programme's class.
        min_altitude_deg: Lowest altitude during the whole exposure.
        min_moon_separation_deg: Smallest Moon distance at full Moon.
        earliest_utc: User's JD1; None when free.
        latest_utc: User's JD2; None when free.
        mandatory: Its failure fails the request.
        carry_over: Try again on following nights.
        alert_id: The alert event it follows up, None for routine work.
        latest_start_utc: For alerts: useless when begun later.
    """

    sequence_id: str
    request_id: str
    programme_id: str
    name: str
    target: Target
    albums: tuple[Album, ...]
    priority_delta: int = 0
    min_altitude_deg: float = 25.0
    min_moon_separation_deg: float = 30.0
    earliest_utc: datetime | None = None
    latest_utc: datetime | None = None
    mandatory: bool = False
    carry_over: bool = False
    alert_id: str | None = None
    latest_start_utc: datetime | None = None


def duration_s(sequence: Sequence, times: Mapping[str, ChannelTimes]) -> float:
    """Seconds on target: the longest channel, each with its filter changes and readouts.

    Args:
        sequence: What is observed.
        times: Per channel id; a channel that is missing counts no overhead.
    """
    longest_s = 0.0
    for album in sequence.albums:
        overhead = times.get(album.channel, ChannelTimes(readout_s=0.0, filter_change_s=0.0))
        spent_s = sum(
            plan.count * (plan.exposure_s + overhead.readout_s) + overhead.filter_change_s
            for plan in album.plans
        )
        longest_s = max(longest_s, spent_s)
    return longest_s
