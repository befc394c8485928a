"""Pure construction of follow-up requests: one sequence for the phase of the burst's age."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pyros.domain.alert.strategy import phase_at
from pyros.domain.request import Request, RequestKind
from pyros.domain.sequence import Sequence, duration_s
from pyros.domain.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyros.domain.alert.strategy import Phase, Strategy
    from pyros.domain.sequence import Album, ChannelTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sequence points.

    Attributes:
        ra_deg: ICRS.
        dec_deg: ICRS.
        field: Which field of a tiling ("field 3/30"); empty for a pointing at the position.
        begin_utc: When a field is due; None for at once.
    """

    ra_deg: float
    dec_deg: float
    field: str = ""
    begin_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What is observed for one burst at one age.

    Attributes:
        request: The request, of one sequence.
        phase_index: Which phase of the strategy, 0-based.
    """

    request: Request
    phase_index: int

    @property
    def sequence(self) -> Sequence:
        """Its sequence."""
        return self.request.sequences[0]


def follow_up(
    *,
    alert_id: str,
    number: int,
    strategy: Strategy,
    age_s: float,
    place: Place,
    programme: str,
    channel_times: Mapping[str, ChannelTimes],
    max_rounds: int,
    not_before_utc: datetime | None = None,
    t0_utc: datetime | None = None,
    after_phase: int = -1,
) -> FollowUp | None:
    """The next sequence for a burst, or None when its strategy has nothing more to do.

    Args:
        alert_id: The event.
        number: 1, 2, ... within the event; part of the ids.
        strategy: How the burst is observed.
        age_s: Seconds since T0 when it will begin.
        place: Where; of a field one round is taken, however often its phase repeats.
        programme: Who is charged.
        channel_times: Channels of the telescope; albums of others are left out.
        max_rounds: Most rounds of a phase repeated "as many as fit".
        not_before_utc: For a deferred burst, when it becomes visible.
        t0_utc: T0 of the burst: the strategy's age limit counts from it.
        after_phase: Phases up to this one have been done.
    """
    phase = phase_at(strategy, age_s)
    if phase is None or age_s > strategy.max_age_s:
        return None
    index = strategy.phases.index(phase)
    if index <= after_phase:
        if after_phase + 1 >= len(strategy.phases):
            return None
        index = after_phase + 1
        phase = strategy.phases[index]
    albums = tuple(album for album in phase.albums if album.channel in channel_times)
    if not albums:
        return None
    sequence_id = f"{alert_id}-{number}"
    target = Target(name=alert_id, ra_deg=place.ra_deg % 360.0, dec_deg=place.dec_deg)
    part = place.field or f"{index + 1}/{len(strategy.phases)}"
    sequence = Sequence(
        sequence_id=sequence_id,
        request_id=sequence_id,
        programme_id=programme,
        name=f"{alert_id} {strategy.name} {part}",
        target=target,
        albums=albums,
        min_altitude_deg=strategy.min_altitude_deg,
        earliest_utc=not_before_utc,
        latest_utc=t0_utc + timedelta(seconds=strategy.max_age_s) if t0_utc else None,
        carry_over=strategy.carry_over_nights > 0,
        alert_id=alert_id,
    )
    round_s = duration_s(sequence, channel_times)
    rounds = 1 if place.field else _rounds(phase, age_s, round_s, max_rounds)
    sequence = replace(sequence, albums=tuple(_repeated(album, rounds) for album in albums))
    request = Request(
        request_id=sequence_id,
        programme_id=programme,
        kind=RequestKind.ALERT,
        name=alert_id,
        sequences=(sequence,),
        alert_id=alert_id,
    )
    return FollowUp(request=request, phase_index=index)


def _rounds(phase: Phase, age_s: float, round_s: float, max_rounds: int) -> int:
    if phase.repeats > 0:
        return min(phase.repeats, max_rounds)
    left_s = phase.to_s - max(age_s, phase.from_s)
    return max(1, min(max_rounds, int(left_s // max(round_s, 1.0))))


def _repeated(album: Album, rounds: int) -> Album:
    return replace(album, plans=album.plans * rounds)
