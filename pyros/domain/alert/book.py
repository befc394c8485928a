"""The book of all recent events: what each arriving notice does to it, and what is to be done.

`receive` is the whole decision about a notice: gate, association, best position, strategy,
retraction. It is a pure fold over the stream of notices, so the alert handler, the replay of a
recorded day and the tests run the very same rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from pyros.domain.alert.association import (
    AssociationParameters,
    Belongs,
    Duplicate,
    KnownEvent,
    NewEvent,
    associate,
    event_odds,
)
from pyros.domain.alert.event import (
    ACTIVE_STATES,
    TRANSITIONS,
    AlertEvent,
    EventState,
    best_of,
    disowned,
    facts_of,
    known,
    merged,
    number_in,
    open_event,
    step,
    with_notice,
    with_retraction,
)
from pyros.domain.alert.gate import Decision, Judgement, Reason, actionable, held, judge
from pyros.domain.alert.strategy import Strategy, choose
from pyros.domain.alert.stream import PACKET_TYPES, PacketKind
from pyros.domain.alert.trigger_times import rates_per_day, with_trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pyros.domain.alert.gate import Observability
    from pyros.domain.alert.notice import Notice
    from pyros.domain.alert.settings import Alerts


class Action(StrEnum):
    """What a notice leads to."""

    NONE = "none"  # stored, listed with its reasons
    DUPLICATE = "duplicate"
    OBSERVE = "observe"  # begin now
    DEFER = "defer"  # begin at the next window
    HOLD = "hold"  # an operator must decide: its source opens more events than it should
    UPDATE = "update"  # an event that is active or done has a new notice
    STOP = "stop"  # retracted, or no burst after all


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The decision about one notice.

    Attributes:
        action: What is to be done.
        judgement: The gate's decision with its reasons.
        key: The event it belongs to, None when it belongs to none.
        how: How it was joined ("new", "mission", "citation", "odds", ...), with the numbers.
        best: The event's best notice after it.
        best_changed: Whether that is another one than before.
        strategy: The strategy taken, for OBSERVE, DEFER and UPDATE.
        why: Why that strategy.
        not_before_utc: For DEFER, when the window opens.
    """

    action: Action
    judgement: Judgement
    key: str | None = None
    how: str = ""
    best: Notice | None = None
    best_changed: bool = False
    strategy: Strategy | None = None
    why: tuple[str, ...] = ()
    not_before_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertBook:
    """Recent events.

    Attributes:
        events: Events, newest first.
        views: What association needs of each event, by key.
        opened: How many events were ever opened: the counter of the keys.
        opened_utc: When each source opened events during the last hour.
        trigger_times: T0 of each mission's triggers, for their rates.
    """

    events: tuple[AlertEvent, ...] = ()
    views: Mapping[str, KnownEvent] = field(default_factory=dict)
    opened: int = 0
    opened_utc: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    trigger_times: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)

    def event(self, key: str) -> AlertEvent | None:
        """The event of a key."""
        return next((event for event in self.events if event.key == key), None)

    def with_event(self, event: AlertEvent, parameters: AssociationParameters) -> AlertBook:
        """The book with an event new or changed."""
        before = self.event(event.key)
        views = self.views
        if before is None or (before.notices, before.retracted) != (event.notices, event.retracted):
            views = {**views, event.key: known(event, parameters)}
        if before is None:
            return replace(self, events=(event, *self.events), views=views)
        changed = tuple(event if one.key == event.key else one for one in self.events)
        return replace(self, events=changed, views=views)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrived:
    """A notice with its event, the event before it, and how the two were joined."""

    notice: Notice
    before: AlertEvent | None
    event: AlertEvent
    how: str
    map_area_deg2: float | None = None


def receive(
    book: AlertBook,
    notice: Notice,
    now_utc: datetime,
    rules: Alerts,
    observability: Observability | Callable[[Notice], Observability] | None = None,
    *,
    map_area_deg2: float | None = None,
    key: str | None = None,
) -> tuple[AlertBook, Outcome]:
    """Take a notice in.

    Args:
        book: The book before.
        notice: The notice.
        now_utc: The observatory's time.
        rules: Gate, association and strategies.
        observability: What the sky says of the notice's position, or who to ask.
        map_area_deg2: 90 % area of the notice's sky map, when a worker has read it.
        key: Key of the event it opens when it is folded again after a start: it is not held either.

    Returns:
        The book after, and what is to be done.
    """
    judgement = judge(notice, now_utc, rules.gate, observability)
    source = rules.gate.source(notice.source)
    codes = {reason.code for reason in judgement.reasons}
    distrusted = codes & {"source-logs-only", "spoofed-authority"}
    if (notice.test and not source.injected) or distrusted or _is_housekeeping(notice):
        return book, Outcome(action=Action.NONE, judgement=judgement)
    book = _forget_old(book, now_utc, rules)
    found = associate(
        notice,
        _known(book),
        rates_per_day(book.trigger_times, now_utc, rules.association),
        rules.association,
    )
    match found:
        case Duplicate(key=known_key, text=how):
            same = Outcome(action=Action.DUPLICATE, judgement=judgement, key=known_key, how=how)
            return book, same
        case Belongs(key=known_key):
            event = book.event(known_key)
            if event is None:
                return book, Outcome(action=Action.NONE, judgement=judgement)
            sent = sum(one.source == notice.source for one in event.notices)
            if sent >= source.max_notices_per_event * (2 if notice.retraction else 1):
                text = f"source {notice.source} sent {sent} notices of this burst: kept, not used"
                judgement = held(judgement, "too-many-notices", text)
                return book, Outcome(action=Action.NONE, judgement=judgement, key=known_key)
            if notice.retraction:
                return _retract(
                    book,
                    _Arrived(notice=notice, before=event, event=event, how=""),
                    now_utc,
                    rules,
                    judgement,
                )
            joined = with_notice(event, notice, found.possible)
            counted = replace(book, trigger_times=with_trigger(book.trigger_times, notice))
            book, joined, joining = _reconsider(counted, joined, now_utc, rules)
            how = f"{found.how}: {found.text}{joining}"
            arrived = _Arrived(
                notice=notice, before=event, event=joined, how=how, map_area_deg2=map_area_deg2
            )
            return _decide(book, arrived, now_utc, rules, judgement)
        case NewEvent(possible=possible):
            if notice.retraction or notice.classification not in rules.gate.classes:
                return book, Outcome(action=Action.NONE, judgement=judgement)
            lately = book.opened_utc.get(notice.source, ())
            if key is None and len(lately) >= source.max_triggers_per_hour:
                text = f"source {notice.source} opened {len(lately)} events within an hour"
                judgement = held(judgement, "too-many-triggers", f"{text}; an operator decides")
                return book, Outcome(action=Action.HOLD, judgement=judgement)
            kind = (notice.classification or "x").lower()[:3]
            new_key = key or f"{kind}-{now_utc:%y%m%d}-{book.opened + 1:03d}"
            injected = source.injected
            event = open_event(new_key, notice, now_utc, possible=possible, injected=injected)
            book = replace(
                book,
                trigger_times=with_trigger(book.trigger_times, notice),
                opened=max(book.opened + 1, number_in(new_key)),
                opened_utc={**book.opened_utc, notice.source: (*lately, now_utc)},
            )
            arrived = _Arrived(
                notice=notice, before=None, event=event, how="new", map_area_deg2=map_area_deg2
            )
            return _decide(book, arrived, now_utc, rules, judgement)


def _reconsider(
    book: AlertBook, event: AlertEvent, now_utc: datetime, rules: Alerts
) -> tuple[AlertBook, AlertEvent, str]:
    """Merge an event with one that it may be, now that a notice has told more.

    A first notice often has no position; the next one may show that two events are one. The event
    that the telescope works for stays; two such events are left to people.
    """
    view = known(event, rules.association)
    rates = rates_per_day(book.trigger_times, now_utc, rules.association)
    for other in book.events:
        if other.key == event.key or not _near(event, other, rules.association.window_s):
            continue
        if other.state in {EventState.MERGED, EventState.RETRACTED}:
            continue
        found = event_odds(book.views[other.key], view, rates, rules.association)
        if found is None or found.ln_odds <= rules.association.merge_ln_odds:
            continue
        keep, lose = (event, other) if other.state not in ACTIVE_STATES else (other, event)
        if EventState.MERGED not in TRANSITIONS[lose.state]:
            continue
        joined, gone = merged(keep, lose, now_utc)
        text = f"; merged with {lose.key}: {found.sentence()}"
        return (
            book.with_event(joined, rules.association).with_event(gone, rules.association),
            joined,
            text,
        )
    return book, event, ""


def _near(first: AlertEvent, second: AlertEvent, window_s: float) -> bool:
    """Whether two events' times are so near that they could be one; cheaper than odds."""
    if first.t0_utc is None or second.t0_utc is None:
        return False
    return abs((first.t0_utc - second.t0_utc).total_seconds()) <= 2.0 * window_s


def _decide(
    book: AlertBook,
    arrived: _Arrived,
    now_utc: datetime,
    rules: Alerts,
    judgement: Judgement,
) -> tuple[AlertBook, Outcome]:
    """What a notice that belongs to an event leads to."""
    before, event, how = arrived.before, arrived.event, arrived.how
    notice = arrived.notice
    best = best_of(event, rules.association)
    old_best = best_of(before, rules.association) if before else None
    changed = best is not None and (old_best is None or best.notice_id != old_best.notice_id)
    active = event.state in ACTIVE_STATES
    if active and disowned(event, notice):
        state = EventState.IGNORED if event.state is EventState.ACCEPTED else EventState.CLOSED
        said = f"{notice.packet_name} says {notice.classification}"
        stopped = step(event, state, now_utc, said)
        reason = Reason(code="no-burst", text=said)
        judgement = replace(judgement, decision=Decision.IGNORED, reasons=(reason,))
        outcome = Outcome(action=Action.STOP, judgement=judgement, key=event.key, how=how)
        return book.with_event(stopped, rules.association), outcome
    if judgement.decision not in {Decision.ACCEPTED, Decision.DEFERRED}:
        if event.state is EventState.RECEIVED:
            event = step(event, EventState.IGNORED, now_utc, judgement.reasons[0].text)
        outcome = Outcome(
            action=Action.NONE, judgement=judgement, key=event.key, how=how, best=best
        )
        return book.with_event(event, rules.association), outcome
    facts = facts_of(
        event,
        rules.association,
        now_utc,
        observable_now=judgement.decision is Decision.ACCEPTED,
        map_area_deg2=arrived.map_area_deg2,
    )
    choice = choose(facts, rules.book)
    accepted = judgement.decision is Decision.ACCEPTED
    wanted = EventState.ACCEPTED if accepted else EventState.DEFERRED
    fresh = event.state not in ACTIVE_STATES and wanted in TRANSITIONS[event.state]
    if fresh:
        event = step(event, wanted, now_utc, choice.reasons[0])
    action = (Action.OBSERVE if accepted else Action.DEFER) if fresh else Action.UPDATE
    outcome = Outcome(
        action=action,
        judgement=judgement,
        key=event.key,
        how=how,
        best=best,
        best_changed=changed,
        strategy=choice.strategy,
        why=choice.reasons,
        not_before_utc=judgement.not_before_utc,
    )
    return book.with_event(event, rules.association), outcome


def _retract(
    book: AlertBook,
    arrived: _Arrived,
    now_utc: datetime,
    rules: Alerts,
    judgement: Judgement,
) -> tuple[AlertBook, Outcome]:
    """Take back what a retraction names; stop when nothing stands, else go by what does."""
    event = arrived.event
    after = with_retraction(event, arrived.notice, now_utc)
    died = after.state is EventState.RETRACTED and event.state is not EventState.RETRACTED
    outcome = Outcome(
        action=Action.STOP if died else Action.NONE,
        judgement=judgement,
        key=event.key,
        how=f"{len(after.retracted) - len(event.retracted)} notices taken back",
    )
    if not died and after.state in {*ACTIVE_STATES, EventState.DEFERRED}:
        outcome = _what_stands(outcome, event, after, now_utc, rules)
    return book.with_event(after, rules.association), outcome


def _what_stands(
    outcome: Outcome, before: AlertEvent, after: AlertEvent, now_utc: datetime, rules: Alerts
) -> Outcome:
    """What a retraction leads to that leaves other missions' notices: another best position."""
    best, old = (best_of(one, rules.association) for one in (after, before))
    if old is None or (best is not None and best.notice_id == old.notice_id):
        return outcome
    if best is not None and not actionable(best, rules.gate, tests_act=after.injected)[0]:
        best = None
    choice = choose(facts_of(after, rules.association, now_utc), rules.book)
    return replace(
        outcome,
        action=Action.UPDATE,
        best=best,
        best_changed=True,
        strategy=choice.strategy,
        why=choice.reasons,
    )


def _is_housekeeping(notice: Notice) -> bool:
    """Whether a notice only says where a spacecraft looks."""
    known_type = notice.packet_type if isinstance(notice.packet_type, int) else -1
    packet = PACKET_TYPES.get(known_type)
    return packet is not None and packet.kind is PacketKind.HOUSEKEEPING


def _known(book: AlertBook) -> list[KnownEvent]:
    """The events as association sees them; merged ones speak through the event they went into."""
    return [book.views[event.key] for event in book.events if event.state is not EventState.MERGED]


def _forget_old(book: AlertBook, now_utc: datetime, rules: Alerts) -> AlertBook:
    """The book without events and trigger times that can join nothing any more."""
    reach = timedelta(days=rules.association.same_mission_days)
    keep = tuple(
        event
        for event in book.events
        if event.state in ACTIVE_STATES or now_utc - event.steps[0].at_utc <= reach
    )
    start_utc = now_utc - timedelta(days=rules.association.rate_days)
    times = {
        mission: tuple(one for one in ones if one >= start_utc)
        for mission, ones in book.trigger_times.items()
    }
    hour_ago_utc = now_utc - timedelta(hours=1)
    opened = {
        source: tuple(one for one in ones if one > hour_ago_utc)
        for source, ones in book.opened_utc.items()
    }
    kept = {event.key for event in keep}
    views = book.views
    if len(kept) < len(book.events):
        views = {key: view for key, view in views.items() if key in kept}
    return replace(book, events=keep, views=views, trigger_times=times, opened_utc=opened)
