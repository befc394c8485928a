"""Follow-ups of bursts: what is sent to the telescope, what waits, what comes next, what stops.

Owned by the alert handler, which decides; this carries out. One sequence of an event is on its way
at a time: a pointing, or one field of a tiling. Its end leads to the next field or phase.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from actors.alert_handler.dispatch import Wake
from actors.alert_handler.follow_up import Place
from actors.majordome.messages import OPERATOR_ABORT
from pyros.actor import Message
from pyros.clock import unix_from_datetime
from pyros.domain.alert.book import Action, Outcome
from pyros.domain.alert.event import ACTIVE_STATES, EventState, needs_repointing
from pyros.domain.alert.gate import Decision
from pyros.domain.sequence import SequenceState
from pyros.sky.twilight import night_label

if TYPE_CHECKING:
    from datetime import datetime

    from actors.alert_handler.dispatch import Dispatch
    from actors.alert_handler.events import FollowedEvent
    from actors.alert_handler.field_work import FieldWork
    from actors.scheduler.messages import SequenceStateChanged
    from actors.sequencer.messages import SequenceEnded

_MOST_FAILURES = 3
_WORKING = ACTIVE_STATES | {EventState.DEFERRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire(Message):
    """An event has reached its strategy's age limit."""

    alert_id: str


def _rank(followed: FollowedEvent) -> int:
    """Rank of an event's strategy; last without one."""
    return followed.strategy.rank if followed.strategy is not None else sys.maxsize


class Campaign:
    """Carries out what the handler decides.

    Args:
        dispatch: The way out.
        fields: Covers regions larger than a field.
    """

    def __init__(self, *, dispatch: Dispatch, fields: FieldWork) -> None:
        self._dispatch = dispatch
        self._fields = fields
        self._actor = dispatch.actor
        self._desk = dispatch.desk
        self._scribe = dispatch.scribe
        self._site = fields.site

    def act(self, followed: FollowedEvent, outcome: Outcome) -> None:
        """Do what a notice leads to."""
        match outcome.action:
            case Action.OBSERVE:
                self._dispatch.release(followed, "observed at once instead")
                self._start(followed, again=False)
            case Action.DEFER:
                self._defer(followed, outcome.not_before_utc)
            case Action.UPDATE:
                self._update(followed, outcome)
            case Action.STOP:
                self.stop(followed, outcome.judgement.reasons[0].text)
            case _:
                pass

    def stop(self, followed: FollowedEvent, reason: str) -> None:
        """End what runs for an event and release what waits."""
        followed.forget_plans()
        self._dispatch.recall(followed, reason)

    def follow_anew(self, followed: FollowedEvent) -> None:
        """Begin again by the event's strategy of now, in the phase of its age."""
        followed.forget_plans()
        followed.phase_done = -1
        self._dispatch.release(followed, "followed up in another way")
        self._start(followed, again=True)

    # --- beginning -----------------------------------------------------------------------------

    def _start(self, followed: FollowedEvent, *, again: bool, later: bool = False) -> bool:
        """Send an event's next sequence, or have its region tiled; whether there is any."""
        if followed.strategy is None:
            return False
        self._limit_age(followed)
        if self._fields.is_wide(followed):
            if followed.phase_done >= 0:
                return False
            self._fields.begin(followed, again=again)
            return True
        return self._point(followed, again=again, later=later)

    def _limit_age(self, followed: FollowedEvent) -> None:
        strategy, t0_utc = followed.strategy, followed.t0_utc
        if strategy is None or t0_utc is None or followed.expires:
            return
        left_s = strategy.max_age_s - (self._actor.clock.now() - t0_utc).total_seconds()
        followed.expires = True
        self._actor.tell_later(max(left_s, 0.0), Expire(alert_id=followed.alert_id))

    def _point(
        self,
        followed: FollowedEvent,
        *,
        again: bool,
        later: bool = False,
        not_before_utc: datetime | None = None,
    ) -> bool:
        if followed.ra_deg is None or followed.dec_deg is None:
            return False
        place = Place(ra_deg=followed.ra_deg % 360.0, dec_deg=followed.dec_deg)
        plan = self._dispatch.follow_up(followed, place, not_before_utc)
        if plan is None:
            return False
        self._dispatch.send(followed, plan, again=again, later=later, not_before_utc=not_before_utc)
        return True

    # --- waiting -------------------------------------------------------------------------------

    def _defer(self, followed: FollowedEvent, start_utc: datetime | None) -> None:
        """Not visible now: into the plan of the night of its window, or refused with the reason."""
        self._dispatch.release(followed, "its next window is another one")
        strategy, now_utc = followed.strategy, self._actor.clock.now()
        if strategy is None or start_utc is None:
            return
        self._limit_age(followed)
        age_s = (start_utc - followed.t0_utc).total_seconds() if followed.t0_utc else 0.0
        if age_s > strategy.max_age_s:
            self._dispatch.refuse(
                followed,
                f"{age_s / 3600:.1f} h old at its next window, {strategy.name} ends at "
                f"{strategy.max_age_s / 3600:.1f} h",
            )
            return
        tonight, then = (
            night_label(self._site, unix_from_datetime(moment)) for moment in (now_utc, start_utc)
        )
        if tonight != then and strategy.carry_over_nights == 0:
            text = f"next window in the night {then}; {strategy.name} is not carried over"
            self._dispatch.refuse(followed, text)
            return
        if self._fields.is_wide(followed):
            followed.waits_for_tiling = True
            wait_s = (start_utc - now_utc).total_seconds()
            wake = Wake(alert_id=followed.alert_id, sequence_id="")
            self._dispatch.rank(followed)
            self._actor.tell_later(wait_s, wake)
            return
        if not self._point(followed, again=False, not_before_utc=start_utc):
            self._dispatch.refuse(followed, f"{strategy.name} has nothing to do at that age")

    def wake(self, order: Wake) -> None:
        """The window of a deferred event opens: it now asks for the telescope like a new burst."""
        followed = self._desk.by_id.get(order.alert_id)
        if followed is None or self._desk.event_state(order.alert_id) not in _WORKING:
            return
        now_utc = self._actor.clock.now()
        if order.sequence_id == "" and followed.waits_for_tiling:
            followed.waits_for_tiling = False
            self._desk.step(followed.alert_id, EventState.ACCEPTED, now_utc, "window opens")
            self._start(followed, again=False)
        elif followed.sequence_id == order.sequence_id and not followed.begun:
            self._desk.step(followed.alert_id, EventState.ACCEPTED, now_utc, "window opens")
            self._dispatch.call(followed, again=False)

    def expire(self, order: Expire) -> None:
        """Too old: what still waits is released; what runs may end."""
        followed = self._desk.by_id.get(order.alert_id)
        if followed is None or self._desk.event_state(order.alert_id) not in _WORKING:
            return
        followed.forget_plans()
        if followed.begun:
            return
        reason = "older than its strategy's age limit"
        self._dispatch.release(followed, reason)
        self._desk.step(followed.alert_id, EventState.CLOSED, self._actor.clock.now(), reason)
        self._scribe.say(followed, f"given up: {reason}", {"reason": reason})
        self._scribe.update(followed)

    # --- updates -------------------------------------------------------------------------------

    def _update(self, followed: FollowedEvent, outcome: Outcome) -> None:
        """A new notice of an event: point or tile anew only when that is needed."""
        state = self._desk.event_state(followed.alert_id)
        if state is EventState.DEFERRED:
            if outcome.best_changed and outcome.not_before_utc is not None:
                self._defer(followed, outcome.not_before_utc)
            return
        if state not in ACTIVE_STATES or outcome.judgement.decision is not Decision.ACCEPTED:
            return
        if followed.tiled_as is not None:
            self._tile_anew(followed)
        elif outcome.best_changed and followed.best is not None and followed.pointed is not None:
            needed, why = needs_repointing(
                followed.pointed,
                followed.best,
                inner_field_deg=self._dispatch.settings.inner_field_deg,
            )
            text = f"update {followed.best.packet_name}: {why}"
            self._scribe.say(followed, text, {"repointed": needed})
            if needed:
                followed.phase_done = min(followed.phase_done, followed.phase_running - 1)
                self._start(followed, again=True)

    def _tile_anew(self, followed: FollowedEvent) -> None:
        """A region that was tiled: another one is tiled anew, one that fits is pointed at."""
        if not self._fields.is_wide(followed):
            self._scribe.say(followed, "the region fits in a field now", {"repointed": True})
            followed.forget_plans()
            followed.phase_done = -1
            self._point(followed, again=True)
            return
        why = self._fields.why_anew(followed)
        if why:
            self._scribe.say(followed, f"tiled anew: {why}", {"repointed": True})
            followed.forget_plans()
            self._fields.begin(followed, again=True)

    # --- ends ----------------------------------------------------------------------------------

    def sequence_moved(self, change: SequenceStateChanged) -> None:
        """A follow-up sequence was begun, by the plan or at once."""
        followed = self._desk.by_sequence(change.sequence_id)
        if followed is None or change.new is not SequenceState.EXECUTING:
            return
        followed.begun, followed.waits = True, False
        now_utc = self._actor.clock.now()
        if self._desk.event_state(followed.alert_id) is EventState.DEFERRED:
            self._desk.step(followed.alert_id, EventState.ACCEPTED, now_utc, "in the plan")
        self._desk.step(followed.alert_id, EventState.OBSERVING, now_utc, "on the telescope")

    async def sequence_ended(self, ended: SequenceEnded) -> None:
        """A follow-up sequence ended: the next field or phase, once more, or the event is done."""
        followed = self._desk.by_id.get(ended.alert_id or "")
        if followed is None or ended.sequence_id != followed.sequence_id:
            return
        if self._desk.event_state(followed.alert_id) not in _WORKING:
            return
        followed.begun = followed.waits = False
        match ended.state:
            case SequenceState.COMPLETED:
                self._completed(followed)
            case SequenceState.INTERRUPTED if ended.reason.startswith(OPERATOR_ABORT):
                followed.forget_plans()
            case _:
                self._once_more(followed, ended)
        if self._desk.event_state(followed.alert_id) not in _WORKING:
            self.call_waiting()
        self._scribe.update(followed)
        await self._scribe.put(followed)

    def call_waiting(self) -> None:
        """The telescope can be had again: bursts that wait for it ask anew, the best first.

        The plan would come to them too, but it does not know that a burst fades.
        """
        now_utc = self._actor.clock.now()
        waiting = [
            followed
            for followed in self._desk.by_id.values()
            if followed.waits
            and followed.strategy is not None
            and (followed.not_before_utc is None or followed.not_before_utc <= now_utc)
            and self._desk.event_state(followed.alert_id) in ACTIVE_STATES
        ]
        for followed in sorted(waiting, key=_rank):
            self._dispatch.call(followed, again=False)

    def _completed(self, followed: FollowedEvent) -> None:
        now_utc = self._actor.clock.now()
        followed.failures = 0
        self._desk.step(followed.alert_id, EventState.OBSERVING, now_utc, "exposed")
        if self._fields.following(followed, again=True):
            return
        followed.phase_done = followed.phase_running
        if not self._start(followed, again=True):
            followed.field_running = None
            self._scribe.reach_now(followed.alert_id, "ended")
            self._desk.step(followed.alert_id, EventState.OBSERVED, now_utc, "all phases are done")

    def _once_more(self, followed: FollowedEvent, ended: SequenceEnded) -> None:
        """Interrupted by a better burst or the weather, or failed: planned again, at its rank."""
        failed = ended.state is SequenceState.FAILED
        self._dispatch.release(followed, "taken up again by another sequence")
        followed.failures += failed
        if followed.failures >= _MOST_FAILURES:
            text = f"given up after {followed.failures} failures: {ended.reason}"
            followed.forget_plans()
            self._desk.step(followed.alert_id, EventState.CLOSED, self._actor.clock.now(), text)
            self._scribe.say(followed, text, {"reason": ended.reason})
            return
        if followed.field_running is not None:
            place = replace(followed.field_running, begin_utc=None)
            if not failed:
                followed.fields = (place, *followed.fields)
            self._fields.following(followed, again=True, later=True)
        else:
            self._point(followed, again=True, later=True)
