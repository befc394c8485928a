"""The way out of the alert handler: sequences to majordome and scheduler, and their recall.

What is urgent is told first: the majordome gets its word before the scheduler, and nothing here
waits for anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.alert_handler.follow_up import follow_up
from actors.majordome.messages import AlertRank, RetractTarget, TargetOfOpportunity
from actors.scheduler.messages import Submit, Withdraw
from pyros.actor import Message
from pyros.domain.alert.event import EventState
from pyros.domain.alert.gate import Decision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from actors.alert_handler.events import EventDesk, FollowedEvent
    from actors.alert_handler.follow_up import FollowUp, Place
    from actors.alert_handler.scribe import Scribe
    from actors.alert_handler.settings import AlertHandlerSettings
    from pyros.actor import Actor, ActorRef
    from pyros.domain.sequence import ChannelTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake(Message):
    """A follow-up that waited for its window may begin."""

    alert_id: str
    sequence_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Sends follow-ups of one alert handler.

    Attributes:
        actor: The handler: lends clock and timers.
        desk: The events being followed.
        scribe: Who writes down.
        settings: Programme and rounds.
        majordome: Who observes at once.
        scheduler: Who plans what is not observed at once.
        channel_times: Channels of the telescope.
    """

    actor: Actor
    desk: EventDesk
    scribe: Scribe
    settings: AlertHandlerSettings
    majordome: ActorRef[Any]
    scheduler: ActorRef[Any]
    channel_times: Mapping[str, ChannelTimes]

    def follow_up(
        self, followed: FollowedEvent, place: Place, not_before_utc: datetime | None
    ) -> FollowUp | None:
        """The next sequence at a place, None when the strategy has nothing more to do."""
        if followed.strategy is None:
            return None
        begin_utc = self.actor.clock.now()
        if not_before_utc is not None:
            begin_utc = max(begin_utc, not_before_utc)
        t0_utc = followed.t0_utc
        age_s = (begin_utc - t0_utc).total_seconds() if t0_utc is not None else 0.0
        followed.number += 1
        return follow_up(
            alert_id=followed.alert_id,
            number=followed.number,
            strategy=followed.strategy,
            age_s=max(age_s, 0.0),
            place=place,
            programme=self.settings.programme,
            channel_times=self.channel_times,
            max_rounds=self.settings.max_rounds,
            not_before_utc=not_before_utc,
            t0_utc=t0_utc,
            after_phase=followed.phase_done,
        )

    def send(
        self,
        followed: FollowedEvent,
        plan: FollowUp,
        *,
        again: bool,
        later: bool = False,
        not_before_utc: datetime | None = None,
    ) -> None:
        """To the telescope at once, or into the plan with a call when its window opens."""
        sequence = plan.sequence
        followed.sequence = sequence
        followed.begun, followed.waits, followed.aborted = False, True, False
        followed.not_before_utc = not_before_utc
        followed.phase_running = plan.phase_index
        wait_s = (
            (not_before_utc - self.actor.clock.now()).total_seconds() if not_before_utc else 0.0
        )
        if later or wait_s > 0:
            self.rank(followed)
            if wait_s > 0:
                wake = Wake(alert_id=followed.alert_id, sequence_id=sequence.sequence_id)
                self.actor.tell_later(wait_s, wake)
        else:
            self.call(followed, again=again)
        self.scheduler.tell(Submit(request=plan.request))
        self.scribe.reach_now(followed.alert_id, "planned")

    def rank(self, followed: FollowedEvent) -> None:
        """Tell the majordome what may interrupt this event when the plan runs it."""
        if followed.strategy is not None:
            self.majordome.tell(AlertRank(alert_id=followed.alert_id, rank=followed.strategy.rank))

    def call(self, followed: FollowedEvent, *, again: bool) -> None:
        """Ask the majordome to observe the event's sequence now."""
        sequence, strategy = followed.sequence, followed.strategy
        if sequence is None or strategy is None:
            return
        followed.pointed = (sequence.target.ra_deg, sequence.target.dec_deg)
        self.majordome.tell(
            TargetOfOpportunity(
                sequence=sequence,
                alert_id=followed.alert_id,
                ivorn=followed.ivorn,
                rank=strategy.rank,
                may_interrupt=strategy.interrupts.value,
                received_monotonic_s=followed.trace.received_monotonic_s,
                again=again,
            )
        )

    def release(self, followed: FollowedEvent, reason: str) -> None:
        """Give the time of what waits in the plan back."""
        if followed.sequence_id is not None:
            self.scheduler.tell(Withdraw(alert_id=followed.alert_id, reason=reason))

    def give_up(self, followed: FollowedEvent, reason: str) -> None:
        """Nothing more is observed of an event; refused when nothing was, closed otherwise."""
        followed.waits = False
        followed.forget_plans()
        self.release(followed, reason)
        if followed.phase_done < 0 and "first-photon" not in followed.trace.stages:
            self.refuse(followed, reason)
        else:
            followed.reasons = (*followed.reasons, f"given up: {reason}")
            self.desk.step(followed.alert_id, EventState.CLOSED, self.actor.clock.now(), reason)
            self.scribe.say(followed, f"given up: {reason}", {"reason": reason})
        self.scribe.update(followed)

    def refuse(self, followed: FollowedEvent, reason: str) -> None:
        """An accepted event is not followed up after all; its reasons say why."""
        self.desk.step(followed.alert_id, EventState.IGNORED, self.actor.clock.now(), reason)
        followed.decision = Decision.IGNORED.value
        followed.reasons = (*followed.reasons, reason)
        self.scribe.say(followed, f"not followed up: {reason}", {"reason": reason})

    def recall(self, followed: FollowedEvent, reason: str) -> None:
        """End what runs for an event and release what waits."""
        self.majordome.tell(RetractTarget(alert_id=followed.alert_id, reason=reason))
        self.release(followed, reason)
