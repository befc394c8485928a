"""The alert handler: stores every packet, decides by the book of events, and calls the telescope.

The decision is `pyros.domain.alert.book.receive`, a pure fold; this actor commits the raw bytes
before it answers, asks the sky, sends the burst to the majordome before anything slower, and then
writes down what was decided and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.alert_handler.events import EventDesk, FollowedEvent
from actors.alert_handler.follow_up import FollowUp, follow_up
from actors.alert_handler.messages import InjectTestAlert
from actors.alert_handler.observability import observability
from actors.alert_handler.recovery import restore
from actors.alert_handler.scribe import Scribe
from actors.alert_handler.templates import AlertTemplates, place_in_view
from actors.alert_source.messages import PacketReceived, PacketStored
from actors.archive.messages import FrameArchived
from actors.camera.messages import ExposureStarted
from actors.journal.messages import JournalEntry
from actors.majordome.messages import RetractTarget, TargetOfOpportunity
from actors.scheduler.messages import Submit
from actors.sequencer.messages import AlertStage, SequenceEnded
from protocols.notice_parser import parse_notice
from pyros.actor import Actor, Lane, Message
from pyros.clock import unix_from_datetime
from pyros.domain.alert.book import Action, Outcome, receive
from pyros.domain.alert.event import EventState, needs_repointing
from pyros.domain.alert.gate import Observability
from pyros.domain.alert.notice import Notice, NoticeError
from pyros.domain.sequence import SequenceState
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from actors.alert_handler.rules import RuleFile
    from actors.alert_handler.settings import AlertHandlerSettings
    from pyros.actor import ActorRef
    from pyros.domain.sequence import ChannelTimes
    from pyros.sky.site import Site
    from pyros.store import Store

_RULES_PERIOD_S = 5.0
_FIRST_LOOK_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge(Message):
    """A stored packet is to be judged: ahead of packets that are still to be stored."""

    lane = Lane.SAFETY
    packet_id: int
    notice: Notice
    received_monotonic_s: float
    stored_monotonic_s: float
    injected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _LookAtRules(Message):
    """See whether the rules' file has changed."""


class AlertHandler(Actor):
    """Judges notices and follows bursts up.

    Args:
        site: Where the telescope stands.
        store: The database.
        rules: The file of gate, association and strategies.
        templates: What test alerts are made of.
        settings: Programme and fields.
        majordome: Who observes at once.
        scheduler: Who plans what is not observed at once.
        channel_times: Channels of the telescope that follows up.
    """

    def __init__(
        self,
        *,
        site: Site,
        store: Store,
        rules: RuleFile,
        templates: AlertTemplates,
        settings: AlertHandlerSettings,
        majordome: ActorRef[Any],
        scheduler: ActorRef[Any],
        channel_times: Mapping[str, ChannelTimes],
    ) -> None:
        super().__init__()
        self._site = site
        self._store = store
        self._rules = rules
        self._templates = templates
        self._settings = settings
        self._majordome = majordome
        self._scheduler = scheduler
        self._channel_times = channel_times
        self._desk = EventDesk(rules)
        self._scribe = Scribe(actor=self, store=store, desk=self._desk)
        self._injected = 0

    async def on_start(self) -> None:
        """Judge what was stored and not judged before a crash; then listen."""
        self._rules.load()
        self.subscribe(AlertStage, ExposureStarted, FrameArchived, SequenceEnded)
        self.every(self.clock.wall_to_loop_s(_RULES_PERIOD_S), _LookAtRules())
        for packet, notice in await restore(self._desk, self._store, self._observability_then):
            now_s = self.clock.monotonic_s()
            self.ref.tell(
                _Judge(
                    packet_id=packet.packet_id,
                    notice=notice,
                    received_monotonic_s=now_s,
                    stored_monotonic_s=now_s,
                    injected=packet.injected,
                )
            )

    async def on_receive(self, message: Message) -> Any:
        """Store, judge, follow."""
        match message:
            case PacketReceived():
                return await self._packet(message)
            case _Judge():
                await self._judge(message)
            case AlertStage():
                self._scribe.reach(message.alert_id, message.stage, message.after_ms)
            case ExposureStarted():
                self._scribe.reach_now(message.context.alert_id, "first-photon")
            case FrameArchived():
                self._scribe.reach_now(message.frame.context.alert_id, "frame-on-disk")
            case SequenceEnded():
                await self._sequence_ended(message)
            case InjectTestAlert():
                return await self._inject(message)
            case _LookAtRules():
                self._look_at_rules()
            case _:
                return await super().on_receive(message)
        return None

    # --- packets -------------------------------------------------------------------------------

    async def _packet(self, packet: PacketReceived) -> PacketStored:
        """Commit the bytes, then read them; judging follows in its own message."""
        stored = await self._store.alerts.store_packet(
            packet.raw,
            source=packet.source,
            topic=packet.topic,
            received_utc=packet.received_utc,
            injected=packet.injected,
        )
        stored_s = self.clock.monotonic_s()
        try:
            notice = parse_notice(
                packet.raw,
                source=packet.source,
                topic=packet.topic,
                received_utc=packet.received_utc,
            )
        except NoticeError as error:
            await self._scribe.unreadable(stored.packet_id, str(error), packet.source)
            return PacketStored(accepted=False, reason=str(error), ivorn=None)
        identity = notice.ivorn or notice.notice_id
        self.ref.tell(
            _Judge(
                packet_id=stored.packet_id,
                notice=notice,
                received_monotonic_s=packet.received_monotonic_s,
                stored_monotonic_s=stored_s,
                injected=packet.injected,
            )
        )
        return PacketStored(accepted=True, reason="", ivorn=identity)

    async def _judge(self, order: _Judge) -> None:
        """Decide, act, then write down."""
        notice = order.notice
        parsed_s = self.clock.monotonic_s()
        self._desk.book, outcome = receive(
            self._desk.book, notice, self.clock.now(), self._rules.rules, self._observability
        )
        followed = self._desk.followed(outcome.key, notice, order.received_monotonic_s)
        if followed is not None:
            self._scribe.time(followed, "stored", order.stored_monotonic_s)
            self._scribe.time(followed, "parsed", parsed_s)
            self._scribe.time(followed, "judged", self.clock.monotonic_s())
            followed.note(notice, outcome)
            self._act(followed, outcome)
        await self._scribe.write_down(
            notice,
            outcome,
            followed,
            packet_id=order.packet_id,
            injected=order.injected,
            received_monotonic_s=order.received_monotonic_s,
        )

    def _observability_then(self, notice: Notice) -> Observability:
        """What the sky said when the notice came in (after a start)."""
        return self._observability(notice, notice.received_utc)

    def _observability(self, notice: Notice, at_utc: datetime | None = None) -> Observability:
        """What the sky says, by the altitude of the laxest strategy."""
        if notice.ra_deg is None or notice.dec_deg is None:
            return Observability(now=False, text="no position to look at")
        lowest_deg = min(
            strategy.min_altitude_deg for strategy in self._rules.rules.book.strategies
        )
        return observability(
            self._site,
            notice.ra_deg,
            notice.dec_deg,
            unix_from_datetime(at_utc or self.clock.now()),
            min_altitude_deg=lowest_deg,
            max_sun_altitude_deg=self._settings.max_sun_altitude_deg,
            exposure_s=_FIRST_LOOK_S,
        )

    # --- acting --------------------------------------------------------------------------------

    def _act(self, followed: FollowedEvent, outcome: Outcome) -> None:
        match outcome.action:
            case Action.OBSERVE:
                self._observe(followed, again=False)
            case Action.DEFER:
                self._plan(followed, outcome)
            case Action.UPDATE if outcome.best_changed:
                self._repoint(followed)
            case Action.STOP:
                reason = outcome.judgement.reasons[0].text
                self._majordome.tell(RetractTarget(alert_id=followed.alert_id, reason=reason))
            case _:
                pass

    def _observe(self, followed: FollowedEvent, *, again: bool) -> bool:
        """Send the burst's next sequence to the telescope; whether there was one."""
        plan = self._next_follow_up(followed, after_phase=followed.phase_done)
        if plan is None or followed.strategy is None:
            return False
        followed.sequence_id = plan.sequence.sequence_id
        followed.phase_running = plan.phase_index
        followed.pointed = (plan.sequence.target.ra_deg, plan.sequence.target.dec_deg)
        self._majordome.tell(
            TargetOfOpportunity(
                sequence=plan.sequence,
                alert_id=followed.alert_id,
                ivorn=followed.ivorn,
                rank=followed.strategy.rank,
                may_interrupt=followed.strategy.interrupts.value,
                received_monotonic_s=followed.trace.received_monotonic_s,
                again=again,
            )
        )
        self._scheduler.tell(Submit(request=plan.request))
        return True

    def _next_follow_up(
        self, followed: FollowedEvent, *, after_phase: int, outcome: Outcome | None = None
    ) -> FollowUp | None:
        if followed.strategy is None or followed.ra_deg is None or followed.dec_deg is None:
            return None
        begin_utc = self.clock.now()
        if outcome is not None and outcome.not_before_utc is not None:
            begin_utc = max(begin_utc, outcome.not_before_utc)
        age_s = (begin_utc - followed.t0_utc).total_seconds() if followed.t0_utc else 0.0
        followed.number += 1
        return follow_up(
            alert_id=followed.alert_id,
            number=followed.number,
            strategy=followed.strategy,
            age_s=max(age_s, 0.0),
            ra_deg=followed.ra_deg,
            dec_deg=followed.dec_deg,
            programme=self._settings.programme,
            channel_times=self._channel_times,
            max_rounds=self._settings.max_rounds,
            not_before_utc=outcome.not_before_utc if outcome is not None else None,
            after_phase=after_phase,
        )

    def _plan(self, followed: FollowedEvent, outcome: Outcome) -> None:
        """Not visible now: into the plan, for when it is."""
        plan = self._next_follow_up(followed, after_phase=-1, outcome=outcome)
        if plan is not None:
            followed.sequence_id = plan.sequence.sequence_id
            followed.phase_running = plan.phase_index
            self._scheduler.tell(Submit(request=plan.request))

    def _repoint(self, followed: FollowedEvent) -> None:
        """A better position: point anew only when it leaves the inner field."""
        event = self._desk.book.event(followed.alert_id)
        best = followed.best
        if event is None or best is None or followed.pointed is None:
            return
        needed, why = needs_repointing(
            followed.pointed, best, inner_field_deg=self._settings.inner_field_deg
        )
        self._scribe.say(followed, f"update {best.packet_name}: {why}", {"repointed": needed})
        if needed:
            followed.phase_done = followed.phase_running - 1
            self._observe(followed, again=True)

    async def _sequence_ended(self, ended: SequenceEnded) -> None:
        """A follow-up sequence ended: the next phase, or the event is observed."""
        followed = self._desk.by_id.get(ended.alert_id or "")
        if followed is None or ended.sequence_id != followed.sequence_id:
            return
        self._scribe.reach_now(followed.alert_id, "ended")
        if ended.state is not SequenceState.COMPLETED:
            return
        self._desk.step(followed.alert_id, EventState.OBSERVING, self.clock.now(), "exposed")
        followed.phase_done = followed.phase_running
        if not self._observe(followed, again=True):
            self._desk.step(
                followed.alert_id, EventState.OBSERVED, self.clock.now(), "all phases are done"
            )
        self._scribe.update(followed)
        await self._scribe.put(followed)

    def _look_at_rules(self) -> None:
        try:
            changed = self._rules.reload_when_changed()
        except PyrosError as error:
            self.log.warning("rules are not taken: %s", error)
            return
        if changed:
            self.log.info("new rules are in force: %s", self._rules.path)

    async def _inject(self, order: InjectTestAlert) -> str:
        """Build a test alert, journal who asked, and take it in like any other packet."""
        now_utc = self.clock.now()
        ra_deg, dec_deg = place_in_view(self._site, self.clock.unix_s(), self.rng)
        if order.ra_deg is not None and order.dec_deg is not None:
            ra_deg, dec_deg = order.ra_deg, order.dec_deg
        raw = self._templates.build(
            order.kind,
            time_utc=now_utc,
            ra_deg=ra_deg,
            dec_deg=dec_deg,
            serial=self._injected + 1,
        )
        self._injected += 1
        self.publish(
            JournalEntry(
                kind="operator",
                subject=self.path,
                text=f"test alert {order.kind} injected by {order.who}: {order.why}",
                time_utc=now_utc,
                data={"kind": order.kind, "why": order.why},
                who=order.who,
            )
        )
        stored = await self._packet(
            PacketReceived(
                raw=raw,
                source="injected",
                topic=None,
                received_utc=now_utc,
                received_monotonic_s=self.clock.monotonic_s(),
                injected=True,
            )
        )
        return stored.ivorn or stored.reason
