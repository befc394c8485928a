"""The record of one burst: its notices, what is believed of it now, and its states.

An event keeps its first T0 for ever. Its position is the best of its live notices, not the newest.
A retraction takes notices back, and the event with them only when no other mission's notice keeps
it alive; a later notice may bring a retracted event back (LVK does that).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from pyros.domain.alert.association import (
    AssociationParameters,
    KnownEvent,
    Trigger,
    thread_of,
    trigger_of,
)
from pyros.domain.alert.localisation import best_notice, place_of, separation_deg
from pyros.domain.alert.strategy import AlertFacts
from pyros.errors import PermanentError

if TYPE_CHECKING:
    from datetime import datetime

    from pyros.domain.alert.notice import Notice

_WHOLE_SKY_DEG2 = 41_252.96


class EventState(StrEnum):
    """States of an event."""

    RECEIVED = "RECEIVED"
    IGNORED = "IGNORED"
    DEFERRED = "DEFERRED"
    ACCEPTED = "ACCEPTED"
    OBSERVING = "OBSERVING"
    OBSERVED = "OBSERVED"
    ANALYSED = "ANALYSED"
    REPORTED = "REPORTED"
    CLOSED = "CLOSED"
    MERGED = "MERGED"
    RETRACTED = "RETRACTED"


_E = EventState
TRANSITIONS: dict[EventState, frozenset[EventState]] = {
    _E.RECEIVED: frozenset({_E.IGNORED, _E.DEFERRED, _E.ACCEPTED, _E.MERGED, _E.RETRACTED}),
    _E.IGNORED: frozenset({_E.DEFERRED, _E.ACCEPTED, _E.MERGED, _E.RETRACTED}),
    _E.DEFERRED: frozenset({_E.ACCEPTED, _E.IGNORED, _E.MERGED, _E.RETRACTED, _E.CLOSED}),
    _E.ACCEPTED: frozenset({_E.OBSERVING, _E.DEFERRED, _E.IGNORED, _E.RETRACTED, _E.CLOSED}),
    _E.OBSERVING: frozenset({_E.OBSERVED, _E.ACCEPTED, _E.DEFERRED, _E.RETRACTED, _E.CLOSED}),
    _E.OBSERVED: frozenset({_E.OBSERVING, _E.ANALYSED, _E.RETRACTED, _E.CLOSED}),
    _E.ANALYSED: frozenset({_E.OBSERVING, _E.REPORTED, _E.RETRACTED, _E.CLOSED}),
    _E.REPORTED: frozenset({_E.OBSERVING, _E.RETRACTED, _E.CLOSED}),
    _E.CLOSED: frozenset({_E.RETRACTED}),
    _E.MERGED: frozenset(),
    _E.RETRACTED: frozenset({_E.ACCEPTED, _E.DEFERRED, _E.IGNORED, _E.CLOSED}),
}
ACTIVE_STATES = frozenset({_E.ACCEPTED, _E.OBSERVING})
"""States in which the telescope works, or is about to work, for the event."""


NEGATIVE_CLASSES = frozenset(
    {
        "NOT_GRB",
        "SOLAR_FLARE",
        "KNOWN_SOURCE",
        "TGF",
        "SGR",
        "TRANSIENT",
        "LOCAL_PARTICLES",
        "NOT_IDENTIFIED",
    }
)
"""Classes by which a mission says that its own earlier trigger was no burst."""


class EventError(PermanentError):
    """An event was asked to make a step that its state machine does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of state, with its time and reason."""

    state: EventState
    at_utc: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    """One burst.

    Attributes:
        key: Unique key ("grb-261123-001"), from a counter.
        t0_utc: The first T0 that was heard; None when no notice states one.
        notices: Every notice, in order of arrival.
        retracted: Ids of notices that were taken back.
        steps: States it went through; the last is its state.
        possible: Keys of events it may be one with, and why.
        injected: Whether it is an operator's own test.
    """

    key: str
    t0_utc: datetime | None
    notices: tuple[Notice, ...]
    steps: tuple[Step, ...]
    retracted: frozenset[str] = frozenset()
    possible: tuple[tuple[str, str], ...] = ()
    injected: bool = False

    @property
    def state(self) -> EventState:
        """The state it is in."""
        return self.steps[-1].state

    @property
    def live(self) -> tuple[Notice, ...]:
        """Notices that stand: neither retractions nor taken back."""
        return tuple(
            n for n in self.notices if not n.retraction and n.notice_id not in self.retracted
        )


def number_in(key: str) -> int:
    """The counter at the end of an event's key, or of a follow-up's id; 0 when there is none."""
    last = key.rpartition("-")[2]
    return int(last) if last.isdecimal() else 0


def open_event(
    key: str,
    notice: Notice,
    at_utc: datetime,
    *,
    possible: tuple[tuple[str, str], ...] = (),
    injected: bool = False,
) -> AlertEvent:
    """A new event of one notice."""
    return AlertEvent(
        key=key,
        t0_utc=notice.t0_utc,
        notices=(notice,),
        steps=(Step(state=_E.RECEIVED, at_utc=at_utc, reason=notice.packet_name),),
        possible=possible,
        injected=injected,
    )


def step(event: AlertEvent, state: EventState, at_utc: datetime, reason: str) -> AlertEvent:
    """The event in another state; staying in its state is no step.

    Raises:
        EventError: When the state machine has no such step.
    """
    if state is event.state:
        return event
    if state not in TRANSITIONS[event.state]:
        raise EventError(f"event {event.key} cannot go from {event.state} to {state}: {reason}")
    return replace(event, steps=(*event.steps, Step(state=state, at_utc=at_utc, reason=reason)))


def with_notice(
    event: AlertEvent, notice: Notice, possible: tuple[tuple[str, str], ...] = ()
) -> AlertEvent:
    """The event with one more notice; a revision of a known id replaces nothing, it is kept too."""
    return replace(
        event,
        notices=(*event.notices, notice),
        t0_utc=event.t0_utc or notice.t0_utc,
        possible=tuple(dict.fromkeys((*event.possible, *possible))),
    )


def with_retraction(event: AlertEvent, retraction: Notice, at_utc: datetime) -> AlertEvent:
    """The event after a retraction that belongs to it.

    The cited notices are taken back; without citations, or when they cite none that is known, all
    of that mission's notices of the trigger. Only the authority that spoke may take back. The event
    dies when nothing that could be acted upon stands any more.
    """
    cited = {cite.ivorn for cite in retraction.cites if cite.kind == "retraction"}
    own = [n for n in event.live if same_authority(n.authority, retraction.authority)]
    thread = thread_of(retraction)
    named = [n for n in own if n.notice_id in cited]
    # The mission takes back its trigger: also what it wrote of it and did not cite.
    of_trigger = [n for n in own if thread is not None and thread_of(n) == thread]
    gone = {n.notice_id for n in (*named, *of_trigger)}
    changed = replace(
        event,
        notices=(*event.notices, retraction),
        retracted=event.retracted | gone,
    )
    if changed.live or event.state in {_E.MERGED, _E.RETRACTED}:
        return changed
    return step(changed, _E.RETRACTED, at_utc, f"retracted by {retraction.notice_id}")


def same_authority(first: str, second: str) -> bool:
    """Whether two notices were written by one authority, its streams aside."""
    return first.partition("/")[0] == second.partition("/")[0]


def merged(into: AlertEvent, other: AlertEvent, at_utc: datetime) -> tuple[AlertEvent, AlertEvent]:
    """Two events become one: the first keeps all notices, the second points to it."""
    times = [t for t in (into.t0_utc, other.t0_utc) if t is not None]
    joined = replace(
        into,
        notices=(*into.notices, *other.notices),
        retracted=into.retracted | other.retracted,
        t0_utc=min(times) if times else None,
        possible=tuple((key, why) for key, why in into.possible if key != other.key),
    )
    return joined, step(other, _E.MERGED, at_utc, f"merged into {into.key}")


def known(event: AlertEvent, parameters: AssociationParameters) -> KnownEvent:
    """What association needs of an event: ids, and one trigger for each mission's id."""
    threads: dict[tuple[str, str], Trigger] = {}
    for notice in event.live or event.notices:
        trigger = trigger_of(notice, parameters)
        if trigger is None:
            continue
        name = (trigger.mission, trigger.event_id)
        earlier = threads.get(name)
        if earlier is None:
            threads[name] = trigger
            continue
        better = trigger.place is not None and (
            earlier.place is None or trigger.place.r90_deg() <= earlier.place.r90_deg()
        )
        threads[name] = replace(
            earlier,
            place=trigger.place if better else earlier.place,
            classification=trigger.classification or earlier.classification,
        )
    return KnownEvent(
        key=event.key,
        notice_ids={n.notice_id: n.content_sha256 for n in event.notices},
        threads=tuple(threads.values()),
    )


def best_of(event: AlertEvent, parameters: AssociationParameters) -> Notice | None:
    """The live notice with the smallest calibrated 90 % area."""
    return best_notice(event.live, parameters.calibration)


def facts_of(
    event: AlertEvent,
    parameters: AssociationParameters,
    now_utc: datetime,
    *,
    observable_now: bool | None = None,
    map_area_deg2: float | None = None,
) -> AlertFacts:
    """What a strategy is chosen by.

    Args:
        event: The event.
        parameters: Calibrations.
        now_utc: The observatory's time.
        observable_now: Whether its best position can be observed at once.
        map_area_deg2: 90 % area of its sky map, when a worker has read one.
    """
    best = best_of(event, parameters)
    place = place_of(best, parameters.calibration) if best is not None else None
    area_deg2 = map_area_deg2 if map_area_deg2 is not None else _WHOLE_SKY_DEG2
    if place is not None:
        area_deg2 = min(area_deg2, math.pi * place.r90_deg() ** 2)
    significance: dict[str, float] = {}
    flags: set[str] = set()
    classification: str | None = None
    for notice in event.live:
        significance.update(notice.significance)
        flags.update(notice.flags)
        classification = notice.classification or classification
    age_s = 0.0 if event.t0_utc is None else (now_utc - event.t0_utc).total_seconds()
    return AlertFacts(
        streams=frozenset(notice.stream for notice in event.live),
        classification=classification,
        significance=significance,
        flags=frozenset(flags),
        area_deg2=area_deg2,
        age_s=age_s,
        observable_now=observable_now,
        distance_mpc=significance.get("distance_mpc"),
    )


def needs_repointing(
    pointed: tuple[float, float], best: Notice, *, inner_field_deg: float
) -> tuple[bool, str]:
    """Whether a better position moves the target out of the inner field.

    Args:
        pointed: Right ascension and declination that the telescope is on, in degrees.
        best: The best notice now.
        inner_field_deg: Radius of the inner field: a quarter of the field's width by custom.
    """
    if best.ra_deg is None or best.dec_deg is None:
        return False, "the best notice has no position"
    apart_deg = separation_deg(*pointed, best.ra_deg, best.dec_deg)
    text = f"{apart_deg * 60:.2f} arcmin from the pointing, inner field {inner_field_deg * 60:.2f}"
    return apart_deg > inner_field_deg, text


def disowned(event: AlertEvent, notice: Notice) -> bool:
    """Whether the only mission that saw the burst says that it was none."""
    threads = {thread_of(one) for one in event.live}
    return notice.classification in NEGATIVE_CLASSES and threads == {thread_of(notice)}
