"""Which notices speak of one burst: duplicates, one mission's updates, citations, other missions.

The algorithm is the reference's: packets by id and content, threads by (mission, id), citations,
then odds between missions from the time difference, the streams' trigger rates and the sky overlap.
Merging is for the sure, "possible" is shown and never merged.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pyros.domain.alert.localisation import Calibration, Place, ln_sky_overlap, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyros.domain.alert.notice import Notice

_DAY_S = 86_400.0
_INTEGRAL_COUNTER = 65_536
_SWIFT_VERSION = re.compile(r"(\d+)v\d+", re.ASCII)
_BURSTS = frozenset({"GRB", "X_RAY_TRANSIENT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationParameters:
    """The algorithm's numbers; shipped values are in `config/alerts.toml`.

    Attributes:
        same_mission_days: How far apart in T0 one mission's id may be used for one burst, in days.
        window_s: Largest |T0 difference| of two missions' triggers that is looked at, in seconds.
        seen_by_both: Prior probability that the other mission also saw the burst.
        laplace: (weight, scale in seconds) of each Laplace component of the time difference.
        uniform_weight: Weight of a uniform component over twice `window_s`.
        merge_ln_odds: Above this the triggers are one event.
        possible_ln_odds: Above this they are shown as possibly one event.
        rate_days: Length of the trailing window of a stream's trigger rate, in days.
        usual_per_day: Usual trigger rate by mission, per day, until enough triggers are counted.
        usual_weight_days: Weight of the usual rate, as days of observation.
        external_tolerance_s: How well a claimed coincidence's time must agree, in seconds.
        calibration: What each stream's positions are worth.
    """

    same_mission_days: float = 7.0
    window_s: float = 600.0
    seen_by_both: float = 0.2
    laplace: tuple[tuple[float, float], ...] = ((0.80, 3.0), (0.17, 40.0))
    uniform_weight: float = 0.03
    merge_ln_odds: float = 2.3
    possible_ln_odds: float = 0.0
    rate_days: float = 30.0
    usual_per_day: Mapping[str, float] = field(
        default_factory=lambda: {
            "Fermi": 1.64,
            "Swift": 0.29,
            "SVOM": 0.4,
            "Einstein Probe": 0.5,
            "GECAM": 0.5,
            "INTEGRAL": 0.3,
            "Konus": 1.0,
            "default": 0.5,
        }
    )
    usual_weight_days: float = 10.0
    external_tolerance_s: float = 5.0
    calibration: Calibration = field(default_factory=Calibration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One mission's view of a burst, as far as association needs it.

    Attributes:
        mission: Who saw it.
        event_id: The mission's normalised id.
        classification: What it is said to be.
        t0_utc: Its T0.
        place: Its best calibrated position, or None.
    """

    mission: str
    event_id: str
    classification: str | None
    t0_utc: datetime
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """The odds that two triggers are one burst, with their parts, for people to follow.

    Attributes:
        ln_odds: The sum.
        dt_s: Second T0 minus first, in seconds.
        ln_time: ln of the time density over the rate of chance triggers.
        ln_sky: ln of the Bayes factor of the positions.
    """

    ln_odds: float
    dt_s: float
    ln_time: float
    ln_sky: float

    def sentence(self) -> str:
        """The numbers in words."""
        return (
            f"ln odds {self.ln_odds:.1f} (dt {self.dt_s:+.1f} s: {self.ln_time:+.1f}, "
            f"sky: {self.ln_sky:+.1f})"
        )


def thread_of(notice: Notice) -> tuple[str, str] | None:
    """The (mission, normalised id) that all notices of one mission's trigger share, or None."""
    if notice.event_id is None:
        return None
    event_id = notice.event_id
    if notice.mission in {"INTEGRAL", "HETE"} and event_id.isdigit():
        # The sequence number rides in the high word: 72831 is trigger 7295, notice 1.
        event_id = str(int(event_id) % _INTEGRAL_COUNTER)
    elif notice.mission == "IceCube":
        # Run and event: "137840_57034692_0" in JSON is 13784057034692 in AMON's VOEvents.
        event_id = "".join(event_id.split("_")[:2])
    elif notice.mission == "Swift" and (match := _SWIFT_VERSION.fullmatch(event_id)):
        event_id = match.group(1)
    return notice.mission, event_id


def trigger_of(notice: Notice, parameters: AssociationParameters) -> Trigger | None:
    """What a notice says as a trigger; None without id or T0."""
    thread = thread_of(notice)
    if thread is None or notice.t0_utc is None:
        return None
    return Trigger(
        mission=thread[0],
        event_id=thread[1],
        classification=notice.classification,
        t0_utc=notice.t0_utc,
        place=place_of(notice, parameters.calibration),
    )


def ln_time_density(dt_s: float, parameters: AssociationParameters) -> float:
    """Logarithm of the probability density per second of a true pair's time difference."""
    density = parameters.uniform_weight / (2.0 * parameters.window_s)
    for weight, scale_s in parameters.laplace:
        density += weight * math.exp(-abs(dt_s) / scale_s) / (2.0 * scale_s)
    return math.log(density)


def odds(
    first: Trigger, second: Trigger, *, rate_per_day: float, parameters: AssociationParameters
) -> Odds | None:
    """The odds that two missions' triggers are one burst.

    Args:
        first: The trigger that is there.
        second: The other mission's trigger.
        rate_per_day: Trigger rate for chance coincidences: that of the mission that triggers more
            often, so that the odds do not depend on who was heard first (`seen_by_both` is then the
            chance that the busier mission saw the rarer one's burst).
        parameters: The algorithm's numbers.

    Returns:
        The odds, or None beyond the window, of one mission, or of kinds that never merge.
    """
    dt_s = (second.t0_utc - first.t0_utc).total_seconds()
    if first.mission == second.mission or abs(dt_s) > parameters.window_s:
        return None
    if first.classification not in _BURSTS or second.classification not in _BURSTS:
        return None
    ln_time = ln_time_density(dt_s, parameters) - math.log(rate_per_day / _DAY_S)
    ln_sky = ln_sky_overlap(first.place, second.place)
    total = math.log(parameters.seen_by_both) + ln_time + ln_sky
    return Odds(ln_odds=total, dt_s=dt_s, ln_time=ln_time, ln_sky=ln_sky)


def trigger_rate_per_day(
    mission: str,
    earlier_utc: Sequence[datetime],
    now_utc: datetime,
    parameters: AssociationParameters,
) -> float:
    """A mission's trigger rate: what was counted lately, weighed with what is usual.

    Args:
        mission: The mission.
        earlier_utc: T0 of its earlier triggers, in any order.
        now_utc: End of the trailing window.
        parameters: The algorithm's numbers.
    """
    usual = parameters.usual_per_day.get(mission, parameters.usual_per_day["default"])
    start_utc = now_utc - timedelta(days=parameters.rate_days)
    counted = [t0_utc for t0_utc in earlier_utc if start_utc <= t0_utc < now_utc]
    if not counted:
        return usual
    # A mission or our link may have been silent: count from the first trigger in the window.
    days = min(parameters.rate_days, (now_utc - min(counted)).total_seconds() / _DAY_S)
    weight = parameters.usual_weight_days
    return (len(counted) + usual * weight) / (days + weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvent:
    """An event as the association sees it: an excerpt of its record.

    Attributes:
        key: The event's key.
        notice_ids: Notices that belong to it, with the hash of their content.
        threads: One trigger for each mission's id.
    """

    key: str
    notice_ids: Mapping[str, str]
    threads: tuple[Trigger, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """The very packet is known."""

    key: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongs:
    """The notice belongs to an event; `how`: revision, mission, citation, claim or odds."""

    key: str
    how: str
    text: str
    possible: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """The notice opens an event; `possible` are others it may be one with, by key and why."""

    possible: tuple[tuple[str, str], ...] = ()


Association = Duplicate | Belongs | NewEvent


def associate(
    notice: Notice,
    events: Sequence[KnownEvent],
    rates_per_day: Mapping[str, float],
    parameters: AssociationParameters,
) -> Association:
    """Where a notice belongs.

    Args:
        notice: The notice.
        events: Known events, newest first; those of the last `same_mission_days` are enough.
        rates_per_day: Trigger rate of each mission.
        parameters: The algorithm's numbers.
    """
    for event in events:
        content = event.notice_ids.get(notice.notice_id)
        if content == notice.content_sha256:
            return Duplicate(key=event.key, text=f"{notice.notice_id} is known")
        if content is not None:
            text = f"{notice.notice_id} again with other content"
            return Belongs(key=event.key, how="revision", text=text)
    trigger = trigger_of(notice, parameters)
    same = _same_mission(notice, trigger, events, parameters)
    if same is not None:
        return same
    cited = {cite.ivorn for cite in notice.cites}
    for event in events:
        seen = [ivorn for ivorn in cited if ivorn in event.notice_ids]
        if seen:
            return Belongs(key=event.key, how="citation", text=f"cites {min(seen)}")
    claimed = _claimed(notice, events, parameters)
    if claimed is not None:
        return claimed
    if trigger is None:
        return NewEvent()
    return _across_missions(trigger, events, rates_per_day, parameters)


def _same_mission(
    notice: Notice,
    trigger: Trigger | None,
    events: Sequence[KnownEvent],
    parameters: AssociationParameters,
) -> Belongs | None:
    """The event with the same mission's id close enough in time; GECAM counts from 1 again."""
    thread = thread_of(notice)
    if thread is None:
        return None
    reference_utc = trigger.t0_utc if trigger else notice.received_utc
    reach = timedelta(days=parameters.same_mission_days)
    for event in events:
        for known in event.threads:
            same = (known.mission, known.event_id) == thread
            if same and abs(known.t0_utc - reference_utc) <= reach:
                return Belongs(
                    key=event.key, how="mission", text=f"{thread[0]} {thread[1]} is this event"
                )
    return None


def _claimed(
    notice: Notice, events: Sequence[KnownEvent], parameters: AssociationParameters
) -> Belongs | None:
    """The event of a coincidence that the author claims (LVK's RAVEN), when the times agree."""
    if notice.t0_utc is None:
        return None
    for claim in notice.external:
        expected_utc = notice.t0_utc + timedelta(seconds=claim.time_difference_s or 0.0)
        for event in events:
            if claim.ivorn is not None and claim.ivorn in event.notice_ids:
                return Belongs(key=event.key, how="claim", text=f"claims {claim.ivorn}")
            for known in event.threads:
                off_s = abs((known.t0_utc - expected_utc).total_seconds())
                if known.mission == claim.mission and off_s <= parameters.external_tolerance_s:
                    text = f"claims {claim.mission} {known.event_id}, {off_s:.1f} s off"
                    return Belongs(key=event.key, how="claim", text=text)
    return None


def event_odds(
    first: KnownEvent,
    second: KnownEvent,
    rates_per_day: Mapping[str, float],
    parameters: AssociationParameters,
) -> Odds | None:
    """The best odds between two events' triggers; None when a mission is in both."""
    if {one.mission for one in first.threads} & {one.mission for one in second.threads}:
        return None
    found = [
        result
        for one in first.threads
        for other in second.threads
        if (
            result := odds(
                one,
                other,
                rate_per_day=max(
                    _rate(mission, rates_per_day, parameters)
                    for mission in (one.mission, other.mission)
                ),
                parameters=parameters,
            )
        )
        is not None
    ]
    return max(found, key=lambda result: result.ln_odds, default=None)


def _rate(
    mission: str, rates_per_day: Mapping[str, float], parameters: AssociationParameters
) -> float:
    """A mission's counted rate, or its usual one."""
    usual = parameters.usual_per_day
    return rates_per_day.get(mission, usual.get(mission, usual["default"]))


def _across_missions(
    trigger: Trigger,
    events: Sequence[KnownEvent],
    rates_per_day: Mapping[str, float],
    parameters: AssociationParameters,
) -> Belongs | NewEvent:
    """The event of another mission with the best odds, if they are good enough."""
    alone = KnownEvent(key="", notice_ids={}, threads=(trigger,))
    scored: list[tuple[float, str, str]] = []
    for event in events:
        # An event with another trigger of this mission is another one: then there are no odds.
        best = event_odds(event, alone, rates_per_day, parameters)
        if best is not None:
            scored.append((best.ln_odds, event.key, best.sentence()))
    scored.sort(reverse=True)
    possible = tuple((key, text) for ln, key, text in scored if ln > parameters.possible_ln_odds)
    if scored and scored[0][0] > parameters.merge_ln_odds:
        _, key, text = scored[0]
        return Belongs(key=key, how="odds", text=text, possible=possible[1:])
    return NewEvent(possible=possible)
