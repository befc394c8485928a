"""Tells everyone what becomes of alerts, and writes it down: judgements, events, traces.

Owned by the alert handler. A database that is away costs the record, never the observation: what
was decided has been sent to the telescope before anything here is awaited.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.alert_handler.records import (
    DecisionLine,
    alert_record,
    decision_line,
    event_update,
    ignored_update,
    judgement_record,
    outcome_line,
)
from actors.journal.messages import JournalEntry, JournalWritten
from pyros.domain.alert.event import EventState
from pyros.store import StageRecord, StoreUnavailableError

if TYPE_CHECKING:
    from actors.alert_handler.events import EventDesk, FollowedEvent
    from pyros.actor import Actor
    from pyros.domain.alert.book import Outcome
    from pyros.domain.alert.notice import Notice
    from pyros.store import AlertRecord, Judgement, Store

_BEGUN = ("slew-command", "first-photon")
_TOLD = ("first-photon", "frame-on-disk", "ended")


@dataclass(slots=True, kw_only=True)
class Scribe:
    """Writes for one alert handler.

    Attributes:
        actor: The handler: lends clock, tasks and the right to publish.
        store: The database.
        desk: The events being followed.
    """

    actor: Actor
    store: Store
    desk: EventDesk

    def _wall_ms(self, since_monotonic_s: float, until_monotonic_s: float | None = None) -> float:
        until_s = self.actor.clock.monotonic_s() if until_monotonic_s is None else until_monotonic_s
        return 1000.0 * (until_s - since_monotonic_s) / self.actor.clock.wall_to_loop_s(1.0)

    def time(self, followed: FollowedEvent, stage: str, monotonic_s: float) -> None:
        """Note when a followed event reached a stage."""
        received_s = followed.trace.received_monotonic_s
        followed.trace.reach(stage, self._wall_ms(received_s, monotonic_s))

    def reach_now(self, alert_id: str | None, stage: str) -> None:
        """An event reaches a stage now."""
        followed = self.desk.by_id.get(alert_id or "")
        if followed is not None:
            self.reach(followed.alert_id, stage, self._wall_ms(followed.trace.received_monotonic_s))

    def reach(self, alert_id: str, stage: str, after_ms: float) -> None:
        """An event reached a stage: its state follows, and the loud stages are journalled."""
        followed = self.desk.by_id.get(alert_id)
        if followed is None or not followed.trace.reach(stage, after_ms):
            return
        if stage in _BEGUN:
            self.desk.step(alert_id, EventState.OBSERVING, self.actor.clock.now(), stage)
        if stage in _TOLD:
            self.say(
                followed,
                f"{stage} {after_ms / 1000.0:.3f} s after receipt",
                {f"wall_{name}_ms": ms for name, ms in followed.trace.stages.items()},
            )
            self.actor.start_task(self._keep_stages(followed), name=f"stages {alert_id}")
        self.update(followed)

    async def _keep_stages(self, followed: FollowedEvent) -> None:
        now_utc = self.actor.clock.now()
        fresh = [
            StageRecord(alert_id=followed.alert_id, stage=name, time_utc=now_utc, after_ms=ms)
            for name, ms in followed.trace.stages.items()
            if name not in followed.kept_stages
        ]
        followed.kept_stages.update(record.stage for record in fresh)
        try:
            await self.store.alerts.add_stages(fresh)
        except StoreUnavailableError as error:
            self.actor.log.warning("stages of %s are not stored: %s", followed.alert_id, error)

    def update(self, followed: FollowedEvent) -> None:
        """Tell everyone how the event stands, and keep it if it is not kept so.

        A new event is first stored with the judgement of its packet, never before the packet.
        """
        self.actor.publish(event_update(followed, self.desk.state(followed.alert_id)))
        if followed.kept_as is not None and followed.kept_as != self._facts_kept(followed):
            self.actor.start_task(self.put(followed), name=f"keep {followed.alert_id}")

    def _facts_kept(self, followed: FollowedEvent) -> tuple[object, ...]:
        """What a start after a crash must find in the database."""
        return (
            self.desk.state(followed.alert_id),
            followed.decision,
            followed.reasons,
            followed.number,
            followed.sequence_id,
            followed.phase_done,
            followed.strategy and followed.strategy.name,
            followed.fields,
            followed.field_running,
        )

    async def write_down(
        self,
        notice: Notice,
        outcome: Outcome,
        followed: FollowedEvent | None,
        *,
        packet_id: int,
        injected: bool,
        received_monotonic_s: float,
    ) -> None:
        """The decision about a notice: to everyone, and into the database in one transaction."""
        reasons = (*(reason.text for reason in outcome.judgement.reasons), *outcome.why)
        now_utc = self.actor.clock.now()
        record = judgement_record(
            packet_id,
            notice,
            outcome.judgement.decision.value,
            reasons,
            outcome.key,
            now_utc,
        )
        line = outcome_line(notice, outcome, reasons, injected=injected, time_utc=now_utc)
        judged_after_ms = self._wall_ms(received_monotonic_s)
        # Stored first: pages draw what they are told, and the slew must not wait behind that.
        await self.record(record, followed, line)
        if followed is not None:
            self.update(followed)
            return
        update = ignored_update(
            notice, outcome, reasons, injected=injected, judged_after_ms=judged_after_ms
        )
        self.actor.publish(update)

    async def record(
        self, record: Judgement, followed: FollowedEvent | None, line: DecisionLine
    ) -> None:
        """Store a judgement with its line in one transaction; tell the line to everyone."""
        event = self._event_record(followed) if followed is not None else None
        try:
            numbers = await self.store.alerts.judge(record, event=event, lines=[line.stored])
        except StoreUnavailableError as error:
            if followed is not None:
                followed.kept_as = ()
            self.actor.log.warning(
                "judgement of packet %d is not stored: %s", record.packet_id, error
            )
            self.actor.publish(line.entry)
            return
        for seq in numbers:
            self.actor.publish(JournalWritten(seq=seq, entry=line.entry))

    def _event_record(self, followed: FollowedEvent) -> AlertRecord:
        followed.kept_as = self._facts_kept(followed)
        return alert_record(followed, self.desk.state(followed.alert_id), self.actor.clock.now())

    async def put(self, followed: FollowedEvent) -> None:
        """Store the event as it stands."""
        try:
            await self.store.alerts.put(self._event_record(followed))
        except StoreUnavailableError as error:
            followed.kept_as = ()
            self.actor.log.warning("event %s is not stored: %s", followed.alert_id, error)

    def say(self, followed: FollowedEvent, text: str, data: dict[str, object]) -> None:
        """Journal a sentence about an event."""
        self.actor.publish(
            JournalEntry(
                kind="alert",
                subject=followed.alert_id,
                text=text,
                time_utc=self.actor.clock.now(),
                data=data,
                severity="notice",
                who="alert handler",
            )
        )

    async def unreadable(self, packet_id: int, reason: str, source: str) -> None:
        """Note a packet that is no alert, with the reason."""
        now_utc = self.actor.clock.now()
        record = judgement_record(packet_id, None, "unreadable", (reason,), None, now_utc)
        line = decision_line(
            subject=f"packet {packet_id}",
            text=f"packet from {source} is no alert: {reason}",
            time_utc=now_utc,
            data={"source": source, "reason": reason},
        )
        await self.record(record, None, line)
