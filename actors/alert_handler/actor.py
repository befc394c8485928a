"""The alert handler: stores every packet, decides by the book of events, and calls the telescope.

The decision is `pyros.domain.alert.book.receive`, a pure fold; this actor commits the raw bytes
before it answers, asks the sky, sends the burst to the majordome before anything slower, and then
writes down what was decided and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from actors.alert_handler.campaign import Campaign, Expire
from actors.alert_handler.dispatch import Dispatch, Wake
from actors.alert_handler.events import EventDesk
from actors.alert_handler.field_work import FieldWork, Tiled
from actors.alert_handler.intake import MAP_DEADLINE_S, Intake, JudgeStored
from actors.alert_handler.messages import (
    ChangeFollowUp,
    ChangeStrategies,
    InjectTestAlert,
    NoteByHand,
    StopFollowUp,
    SwitchStrategy,
)
from actors.alert_handler.people import People
from actors.alert_handler.recovery import restore
from actors.alert_handler.scribe import Scribe
from actors.alert_source.messages import PacketReceived
from actors.archive.messages import FrameArchived
from actors.camera.messages import ExposureStarted
from actors.majordome.messages import ModeChanged
from actors.scheduler.messages import SequenceStateChanged
from actors.sequencer.messages import AlertStage, SequenceEnded
from pyros.actor import Actor, Message
from pyros.domain.observatory import Mode
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.alert_handler.rules import RuleFile
    from actors.alert_handler.settings import AlertHandlerSettings
    from actors.alert_handler.templates import AlertTemplates
    from pyros.actor import ActorRef
    from pyros.domain.sequence import ChannelTimes
    from pyros.sky.site import Site
    from pyros.store import Store

_RULES_PERIOD_S = 5.0


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
        self._settings = settings
        self._desk = EventDesk(rules)
        self._scribe = Scribe(actor=self, store=store, desk=self._desk)
        dispatch = Dispatch(
            actor=self,
            desk=self._desk,
            scribe=self._scribe,
            settings=settings,
            majordome=majordome,
            scheduler=scheduler,
            channel_times=channel_times,
        )
        self._fields = FieldWork(dispatch=dispatch, site=site)
        self._campaign = Campaign(dispatch=dispatch, fields=self._fields)
        self._intake = Intake(
            actor=self,
            site=site,
            store=store,
            desk=self._desk,
            scribe=self._scribe,
            campaign=self._campaign,
            max_sun_altitude_deg=settings.max_sun_altitude_deg,
            fetch_maps=settings.fetch_maps,
        )
        self._people = People(
            actor=self,
            desk=self._desk,
            campaign=self._campaign,
            scribe=self._scribe,
            templates=templates,
            site=site,
        )

    async def on_start(self) -> None:
        """Take up what an earlier run left: follow-ups, and what it stored and did not judge."""
        self._rules.load()
        self.publish(self._rules.in_force)
        self.subscribe(
            AlertStage,
            ExposureStarted,
            FrameArchived,
            ModeChanged,
            SequenceEnded,
            SequenceStateChanged,
        )
        self.every(self.clock.wall_to_loop_s(_RULES_PERIOD_S), _LookAtRules())
        # The first burst must not pay for tables that are made once.
        await self.blocking(self._intake.look_up, deadline_s=MAP_DEADLINE_S)
        restored = await restore(self._desk, self._store, self.clock, self._intake.map_facts)
        self._campaign.resume_all(restored.orphans)
        self._intake.seek_maps(restored.named)
        for packet, reading in restored.unjudged:
            await self._intake.left_over(packet, reading)

    async def on_receive(self, message: Message) -> Any:
        """Store, judge, follow."""
        match message:
            case PacketReceived():
                self._intake.take(message, self.defer())
            case JudgeStored():
                await self._intake.judge_stored(message)
            case AlertStage():
                self._scribe.reach(message.alert_id, message.stage, message.after_ms)
            case ExposureStarted():
                self._scribe.reach_now(message.context.alert_id, "first-photon")
            case FrameArchived():
                self._scribe.reach_now(message.frame.context.alert_id, "frame-on-disk")
            case SequenceEnded():
                await self._campaign.sequence_ended(message)
            case SequenceStateChanged():
                self._campaign.sequence_moved(message)
            case ModeChanged(mode=Mode.OBSERVING):
                self._campaign.call_waiting()
            case ModeChanged():
                pass
            case Tiled():
                self._fields.tiled(message)
            case Wake():
                self._campaign.wake(message)
            case Expire():
                self._campaign.expire(message)
            case (
                InjectTestAlert()
                | NoteByHand()
                | StopFollowUp()
                | ChangeFollowUp()
                | SwitchStrategy()
                | ChangeStrategies()
            ):
                return await self._asked(message)
            case _LookAtRules():
                self._look_at_rules()
            case _:
                return await super().on_receive(message)
        return None

    async def _asked(
        self,
        order: InjectTestAlert
        | NoteByHand
        | StopFollowUp
        | ChangeFollowUp
        | SwitchStrategy
        | ChangeStrategies,
    ) -> str:
        """Do what people ask."""
        match order:
            case InjectTestAlert():
                return await self._intake.own(self._people.test_alert(order), "injected")
            case NoteByHand():
                return await self._intake.own(self._people.notice_by_hand(order), "operator")
            case StopFollowUp():
                return await self._people.stop(order)
            case ChangeFollowUp():
                return await self._people.follow_otherwise(order)
            case SwitchStrategy():
                text = self._people.switch(order)
            case ChangeStrategies():
                text = self._people.change_strategies(order)
            case _:
                assert_never(order)
        self.publish(self._rules.in_force)
        return text

    def _look_at_rules(self) -> None:
        try:
            changed = self._rules.reload_when_changed()
        except PyrosError as error:
            self.log.warning("rules are not taken: %s", error)
            return
        if changed:
            self.log.info("new rules are in force: %s", self._rules.path)
            self.publish(self._rules.in_force)
