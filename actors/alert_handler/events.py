"""The events being followed: what the handler remembers of each beside the book of events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from actors.alert_handler.trace import Trace
from pyros.domain.alert.book import Action, AlertBook, Outcome
from pyros.domain.alert.event import ACTIVE_STATES, TRANSITIONS, EventState, Step, step
from pyros.domain.alert.localisation import map_is_better

if TYPE_CHECKING:
    from datetime import datetime

    from actors.alert_handler.follow_up import Place
    from actors.alert_handler.rules import RuleFile
    from actors.alert_handler.tile_plan import MapFacts
    from pyros.domain.alert.notice import Notice
    from pyros.domain.alert.strategy import Strategy
    from pyros.domain.sequence import Sequence


_MANY = 50
"""Events remembered before old ones are looked through."""
_NOT_OVER = ACTIVE_STATES | {EventState.DEFERRED}


@dataclass(slots=True, kw_only=True)
class FollowedEvent:
    """One event as the handler follows it.

    Attributes:
        alert_id: Key in the book.
        trace: When it reached which stage.
        ivorn: Its latest notice.
        stream: Where that came from.
        decision: Latest decision.
        reasons: Sentences of it.
        t0_utc: First trigger time.
        best: Best notice; the position is its.
        injected: An operator's test.
        strategy: How it is observed.
        strategy_by_hand: An expert chose it; notices do not change it.
        number: Follow-up sequences made.
        restored_sequence_id: The latest of them, as an earlier run of PyROS stored it.
        phase_running: Phase of the strategy that it executes.
        phase_done: Last phase completed, -1 before the first.
        pointed: Where the telescope was sent, ICRS degrees.
        sequence: The latest sequence itself.
        begun: Whether that one is on the telescope.
        waits: Whether it still has to be begun.
        not_before_utc: When its window opens, None for at once.
        failures: Sequences that failed one after the other.
        aborted: An operator aborted its latest sequence: it is not begun again by itself.
        expires: Whether its age limit is watched.
        map_facts: What its sky map says, None without one.
        map_is_best: Whether that says better where it is than the best position does.
        tiling: Counts tilings asked for; an answer to an earlier one is stale.
        tiled_as: Centre and 90 % radius that was tiled last, None when it is pointed at.
        fields: Fields still to be observed, in order.
        field_running: The one that was sent last.
        kept_stages: Stages that are in the database.
        kept_as: What the database says of it: rewritten when that is no longer so. None before it
            is there at all.
        map_urls: Sky maps that were asked for: addresses, or ids of notices that carry one.
    """

    alert_id: str
    trace: Trace
    ivorn: str
    stream: str
    decision: str = ""
    reasons: tuple[str, ...] = ()
    t0_utc: datetime | None = None
    best: Notice | None = None
    injected: bool = False
    strategy: Strategy | None = None
    strategy_by_hand: bool = False
    number: int = 0
    restored_sequence_id: str | None = None
    sequence: Sequence | None = None
    begun: bool = False
    waits: bool = False
    not_before_utc: datetime | None = None
    failures: int = 0
    aborted: bool = False
    expires: bool = False
    map_facts: MapFacts | None = None
    map_is_best: bool = False
    tiling: int = 0
    tiled_as: tuple[float, float, float] | None = None
    fields: tuple[Place, ...] = ()
    field_running: Place | None = None
    phase_running: int = 0
    phase_done: int = -1
    pointed: tuple[float, float] | None = None
    kept_stages: set[str] = field(default_factory=set)
    kept_as: tuple[object, ...] | None = None
    map_urls: set[str] = field(default_factory=set)

    @property
    def sequence_id(self) -> str | None:
        """The latest follow-up sequence."""
        return self.sequence.sequence_id if self.sequence else self.restored_sequence_id

    def forget_plans(self) -> None:
        """What was to be observed next is not any more."""
        self.tiling += 1
        self.fields = ()
        self.field_running = None
        self.tiled_as = None

    @property
    def ra_deg(self) -> float | None:
        """Best right ascension, ICRS; the densest place of a sky map that says it better."""
        if self.map_is_best and self.map_facts is not None:
            return self.map_facts.peak_deg[0]
        return self.best.ra_deg if self.best is not None else None

    @property
    def dec_deg(self) -> float | None:
        """Best declination, ICRS; the densest place of a sky map that says it better."""
        if self.map_is_best and self.map_facts is not None:
            return self.map_facts.peak_deg[1]
        return self.best.dec_deg if self.best is not None else None

    @property
    def error_deg(self) -> float | None:
        """Radius of the best position's error circle."""
        return self.best.error_deg if self.best is not None else None

    def note(self, notice: Notice, outcome: Outcome) -> None:
        """Take in what a notice of this event led to."""
        self.ivorn = notice.ivorn or notice.notice_id
        self.stream = notice.stream
        self.t0_utc = self.t0_utc or notice.t0_utc
        changed = outcome.action is Action.UPDATE and outcome.best_changed
        self.best = outcome.best if changed else outcome.best or self.best
        if outcome.action is not Action.DUPLICATE:
            self.decision = outcome.judgement.decision.value
            self.reasons = (
                *(reason.text for reason in outcome.judgement.reasons),
                *outcome.why,
            )
        if outcome.strategy is not None and not self.strategy_by_hand:
            self.strategy = outcome.strategy


@dataclass(slots=True)
class EventDesk:
    """The book of events and what is remembered of those followed.

    Attributes:
        rules: The rules in force.
        book: Recent events.
        by_id: What is remembered of each event that is followed.
    """

    rules: RuleFile
    book: AlertBook = field(default_factory=AlertBook)
    by_id: dict[str, FollowedEvent] = field(default_factory=dict)

    def followed(
        self, key: str | None, notice: Notice, received_monotonic_s: float
    ) -> FollowedEvent | None:
        """The event of a key, made on its first notice; None when the notice belongs to none."""
        if key is None:
            return None
        if key not in self.by_id:
            self._forget()
            event = self.book.event(key)
            self.by_id[key] = FollowedEvent(
                alert_id=key,
                trace=Trace(
                    received_utc=notice.received_utc, received_monotonic_s=received_monotonic_s
                ),
                ivorn=notice.ivorn or notice.notice_id,
                stream=notice.stream,
                injected=event.injected if event is not None else False,
            )
        return self.by_id[key]

    def note(
        self, followed: FollowedEvent, notice: Notice, outcome: Outcome, facts: MapFacts | None
    ) -> None:
        """Take in what a notice of an event led to, and weigh its map against its position."""
        followed.note(notice, outcome)
        followed.map_facts = facts or followed.map_facts
        event = self.book.event(followed.alert_id)
        maps = [] if event is None else [one for one in event.live if one.sky_map is not None]
        if not any(one.sky_map is not None and one.sky_map.inline for one in maps):
            followed.map_facts = None  # taken back, and the position may stand
        followed.map_is_best = followed.map_facts is not None and map_is_better(
            followed.map_facts.area_deg2,
            followed.best,
            self.rules.rules.association.calibration,
        )

    def _forget(self) -> None:
        """Drop what the book has forgotten, and the maps of what is over."""
        if len(self.by_id) < _MANY:
            return
        states = {event.key: event.state for event in self.book.events}
        self.by_id = {key: one for key, one in self.by_id.items() if key in states}
        for key, one in self.by_id.items():
            if states[key] not in _NOT_OVER:
                one.map_facts = None
                one.map_is_best = False

    def step(self, key: str, state: EventState, now_utc: datetime, reason: str) -> None:
        """Move an event where its state machine allows it; otherwise it stays."""
        event = self.book.event(key)
        if event is not None and state in TRANSITIONS[event.state]:
            self.book = self.book.with_event(
                step(event, state, now_utc, reason), self.rules.rules.association
            )

    def restore_state(self, key: str, state: EventState, at_utc: datetime) -> None:
        """Put an event into the state that an earlier run of PyROS left it in."""
        event = self.book.event(key)
        if event is None or event.state in {state, EventState.MERGED}:
            return
        as_stored = Step(state=state, at_utc=at_utc, reason="as it was before PyROS was started")
        self.book = self.book.with_event(
            replace(event, steps=(*event.steps, as_stored)), self.rules.rules.association
        )

    def by_sequence(self, sequence_id: str) -> FollowedEvent | None:
        """The event that a follow-up sequence belongs to, when it is its latest."""
        followed = self.by_id.get(sequence_id.rpartition("-")[0])
        return followed if followed is not None and followed.sequence_id == sequence_id else None

    def event_state(self, key: str) -> EventState:
        """State of an event, IGNORED when the book has forgotten it."""
        event = self.book.event(key)
        return event.state if event is not None else EventState.IGNORED

    def state(self, key: str) -> str:
        """State of an event, IGNORED when the book has forgotten it."""
        return self.event_state(key).value
