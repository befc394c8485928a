"""Follow-ups of bursts: what is sent to the telescope, what waits, what comes next, what stops.

Owned by the alert handler, which decides; this carries out. One sequence of an event is on its way
at a time: a pointing, or one field of a tiling. Its end leads to the next field or phase.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from actors.alert_handler.follow_up import Place
from actors.majordome.messages import OPERATOR_ABORT
from actors.scheduler.messages import Withdraw
from pyros.actor import Message
from pyros.domain.alert.book import Action, Outcome
from pyros.domain.alert.event import ACTIVE_STATES, EventState, needs_repointing
from pyros.domain.alert.gate import Decision
from pyros.domain.sequence import SequenceState

if TYPE_CHECKING:
    from datetime import datetime

    from actors.alert_handler.dispatch import Dispatch, Wake
    from actors.alert_handler.events import FollowedEvent
    from actors.alert_handler.field_work import FieldWork
    from actors.scheduler.messages import SequenceStateChanged
    from actors.sequencer.messages import SequenceEnded
    from pyros.domain.alert.gate import Observability

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

    def act(self, followed: FollowedEvent, outcome: Outcome) -> None:
        """Do what a notice leads to."""
        match outcome.action:
            case Action.OBSERVE:
                self._dispatch.release(followed, "observed at once instead")
                self._begin(followed)
            case Action.DEFER:
                self._dispatch.release(followed, "its next window is another one")
                self._begin(followed)
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
        self._begin(followed, again=True)

    def resume_all(self, orphans: tuple[str, ...]) -> None:
        """After a start: take up all follow-ups, the best first, and release what is nobody's.

        Args:
            orphans: Events whose requests are still open though they are not followed.
        """
        for key in orphans:
            reason = "PyROS was started anew and does not follow its event"
            self._dispatch.scheduler.tell(Withdraw(alert_id=key, reason=reason))
        for followed in sorted(self._desk.by_id.values(), key=_rank):
            if self._desk.event_state(followed.alert_id) in _WORKING:
                self._resume(followed)
                self._scribe.update(followed)

    def _resume(self, followed: FollowedEvent) -> None:
        """What was planned is released and planned anew; what is on the telescope goes on."""
        self._limit_age(followed)
        if followed.begun or followed.aborted:
            self._dispatch.rank(followed)
            return
        self._dispatch.release(followed, "planned anew after a start of PyROS")
        left = len(followed.fields)
        text = f"taken up again after a start of PyROS{f', {left} fields left' if left else ''}"
        self._scribe.say(followed, text, {"fields": left, "phase_done": followed.phase_done})
        if not left or not self._fields.following(followed, again=True):
            self._begin(followed, again=True)

    # --- beginning -----------------------------------------------------------------------------

    def _begin(self, followed: FollowedEvent, *, again: bool = False, later: bool = False) -> None:
        """What comes next for an event is sent, or planned for its window; or it is given up."""
        if followed.strategy is None:
            return
        why = self._next(followed, again=again, later=later)
        if why:
            self._dispatch.give_up(followed, why)

    def _next(self, followed: FollowedEvent, *, again: bool, later: bool = False) -> str:
        """Have an event's region tiled, or send its next sequence, now or for its next window.

        A region is tiled at once even when it is not up: so the plan knows its first field, and
        what else is planned until then.

        Returns:
            Why there is nothing more to do; empty when something is on its way.
        """
        self._limit_age(followed)
        if self._fields.is_wide(followed):
            if followed.phase_done >= 0:
                return "its region is covered"
            self._fields.begin(followed, again=again)
            return ""
        if followed.ra_deg is None or followed.dec_deg is None:
            return "no position to point at"
        seen = self._fields.seen(followed, followed.ra_deg, followed.dec_deg)
        if seen.now:
            return self._point(followed, again=again, later=later)
        why = self._fields.why_not_wait(followed, seen.next_start_utc, seen.text)
        return why or self._wait(followed, seen, again=again)

    def _wait(self, followed: FollowedEvent, seen: Observability, *, again: bool) -> str:
        """Plan the next sequence for the window that opens next; why not, or empty."""
        start_utc = seen.next_start_utc
        why = self._point(followed, again=again, not_before_utc=start_utc)
        if not why and self._desk.event_state(followed.alert_id) is not EventState.DEFERRED:
            text = f"waits for its next window: {seen.text}"
            followed.reasons = (*followed.reasons, text)
            now_utc = self._actor.clock.now()
            self._desk.step(followed.alert_id, EventState.DEFERRED, now_utc, seen.text)
            self._scribe.say(followed, text, {"not_before_utc": str(start_utc)})
        return why

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
    ) -> str:
        """Send the sequence of the position and of the age then; why there is none, or empty."""
        if followed.ra_deg is None or followed.dec_deg is None:
            return "no position to point at"
        place = Place(ra_deg=followed.ra_deg % 360.0, dec_deg=followed.dec_deg)
        plan = self._dispatch.follow_up(followed, place, not_before_utc)
        if plan is None:
            name = followed.strategy.name if followed.strategy is not None else "no strategy"
            return f"{name} has nothing to do at that age"
        self._dispatch.send(followed, plan, again=again, later=later, not_before_utc=not_before_utc)
        return ""

    # --- waiting -------------------------------------------------------------------------------

    def wake(self, order: Wake) -> None:
        """The window of a deferred event opens: it now asks for the telescope like a new burst."""
        followed = self._desk.by_id.get(order.alert_id)
        if followed is None or self._desk.event_state(order.alert_id) not in _WORKING:
            return
        if followed.sequence_id == order.sequence_id and not followed.begun:
            now_utc = self._actor.clock.now()
            self._desk.step(followed.alert_id, EventState.ACCEPTED, now_utc, "window opens")
            self._dispatch.call(followed, again=False)
            self._scribe.update(followed)

    def expire(self, order: Expire) -> None:
        """Too old: what still waits is released; what runs may end."""
        followed = self._desk.by_id.get(order.alert_id)
        if followed is None or self._desk.event_state(order.alert_id) not in _WORKING:
            return
        followed.forget_plans()
        if followed.begun:
            return
        reason = "older than its strategy's age limit"
        followed.waits = False
        followed.reasons = (*followed.reasons, f"expired: {reason}")
        self._dispatch.release(followed, reason)
        self._desk.step(followed.alert_id, EventState.CLOSED, self._actor.clock.now(), reason)
        self._scribe.say(followed, f"given up: {reason}", {"reason": reason})
        self._scribe.update(followed)

    # --- updates -------------------------------------------------------------------------------

    def _update(self, followed: FollowedEvent, outcome: Outcome) -> None:
        """A new notice of an event: point or tile anew only when that is needed."""
        state = self._desk.event_state(followed.alert_id)
        if state is EventState.DEFERRED:
            if outcome.best_changed or followed.map_is_best:
                self._dispatch.release(followed, "its next window is another one")
                followed.forget_plans()
                self._begin(followed)
            return
        if state in ACTIVE_STATES and outcome.judgement.decision is Decision.RETRACTION:
            self.stop(followed, "the position that was observed is taken back")
            followed.phase_done = -1
            self._begin(followed, again=True)
            return
        if state not in ACTIVE_STATES or outcome.judgement.decision is not Decision.ACCEPTED:
            return
        if followed.tiled_as is not None:
            self._tile_anew(followed)
        elif outcome.best_changed or followed.map_is_best:
            self._point_anew(followed)

    def _point_anew(self, followed: FollowedEvent) -> None:
        """Point at where the burst is believed to be now, when that leaves the inner field."""
        ra_deg, dec_deg = followed.ra_deg, followed.dec_deg
        if ra_deg is None or dec_deg is None or followed.pointed is None or followed.best is None:
            return
        name = "sky map" if followed.map_is_best else followed.best.packet_name
        believed = replace(followed.best, ra_deg=ra_deg, dec_deg=dec_deg)
        needed, why = needs_repointing(
            followed.pointed,
            believed,
            inner_field_deg=self._dispatch.settings.inner_field_deg,
        )
        self._scribe.say(followed, f"update {name}: {why}", {"repointed": needed})
        if needed:
            followed.phase_done = min(followed.phase_done, followed.phase_running - 1)
            self._begin(followed, again=True)

    def _tile_anew(self, followed: FollowedEvent) -> None:
        """A region that was tiled: another one is tiled anew, one that fits is pointed at."""
        if not self._fields.is_wide(followed):
            self._scribe.say(followed, "the region fits in a field now", {"repointed": True})
            followed.forget_plans()
            followed.phase_done = -1
            self._begin(followed, again=True)
            return
        why = self._fields.why_anew(followed)
        if why:
            self._scribe.say(followed, f"tiled anew: {why}", {"repointed": True})
            followed.forget_plans()
            self._fields.begin(followed, again=True)

    # --- ends ----------------------------------------------------------------------------------

    def sequence_moved(self, change: SequenceStateChanged) -> None:
        """A follow-up sequence was begun, by the plan or at once, or has lost its place in it."""
        followed = self._desk.by_sequence(change.sequence_id)
        if followed is None:
            return
        match change.new:
            case SequenceState.EXECUTING:
                self._begun(followed)
            case SequenceState.EXPIRED | SequenceState.UNPLANNABLE:
                self._lost_its_place(followed, change)
                self._scribe.update(followed)
            case _:
                pass

    def _begun(self, followed: FollowedEvent) -> None:
        followed.begun, followed.waits = True, False
        key, now_utc = followed.alert_id, self._actor.clock.now()
        if self._desk.event_state(key) is EventState.DEFERRED:
            self._desk.step(key, EventState.ACCEPTED, now_utc, "in the plan")
        self._desk.step(key, EventState.OBSERVING, now_utc, "on the telescope")
        self._scribe.update(followed)

    def _lost_its_place(self, followed: FollowedEvent, change: SequenceStateChanged) -> None:
        """The night ended before a sequence's turn, say: its next window, or why there is none."""
        now_utc, sequence = self._actor.clock.now(), followed.sequence
        if followed.begun or sequence is None:
            return
        if self._desk.event_state(followed.alert_id) not in _WORKING:
            return
        if followed.not_before_utc is not None and followed.not_before_utc > now_utc:
            return
        seen = self._fields.seen(followed, sequence.target.ra_deg, sequence.target.dec_deg)
        if seen.now and change.new is SequenceState.UNPLANNABLE:
            return  # for want of a device: the scheduler plans it again when that is back
        followed.failures += seen.now
        if followed.failures >= _MOST_FAILURES:
            self._dispatch.give_up(followed, change.reason)
            return
        self._dispatch.release(followed, "its next window is another one")
        if followed.field_running is None:
            self._begin(followed, again=True, later=True)
            return
        place = replace(followed.field_running, begin_utc=None)
        followed.fields = (place, *followed.fields)
        if not self._fields.following(followed, again=True, later=True):
            self._dispatch.give_up(followed, f"no field of it can be observed: {change.reason}")

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
                followed.aborted = True
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
            and self._is_up(followed)
        ]
        for followed in sorted(waiting, key=_rank):
            self._dispatch.call(followed, again=False)

    def _is_up(self, followed: FollowedEvent) -> bool:
        """Whether the sequence that an event waits with can be observed now."""
        if followed.sequence is None:
            return False
        target = followed.sequence.target
        return self._fields.seen(followed, target.ra_deg, target.dec_deg).now

    def _completed(self, followed: FollowedEvent) -> None:
        now_utc = self._actor.clock.now()
        followed.failures = 0
        self._desk.step(followed.alert_id, EventState.OBSERVING, now_utc, "exposed")
        if self._fields.following(followed, again=True):
            return
        followed.phase_done = followed.phase_running
        if why := self._next(followed, again=True):
            followed.field_running = None
            self._scribe.reach_now(followed.alert_id, "ended")
            self._desk.step(followed.alert_id, EventState.OBSERVED, now_utc, f"done: {why}")

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
        if followed.field_running is None:
            self._begin(followed, again=True, later=True)
            return
        place = replace(followed.field_running, begin_utc=None)
        if not failed:
            followed.fields = (place, *followed.fields)
        if not self._fields.following(followed, again=True, later=True):
            self._dispatch.give_up(followed, f"no field is left: {ended.reason}")
