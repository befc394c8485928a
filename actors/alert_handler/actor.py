"""The alert handler: stores every packet, decides by the book of events, and calls the telescope.

The decision is `pyros.domain.alert.book.receive`, a pure fold; this actor commits the raw bytes
before it answers, asks the sky, sends the burst to the majordome before anything slower, and then
writes down what was decided and why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, assert_never

from actors.alert_handler.campaign import Campaign, Expire
from actors.alert_handler.dispatch import Dispatch, Wake
from actors.alert_handler.events import EventDesk
from actors.alert_handler.field_work import FieldWork, Tiled
from actors.alert_handler.messages import (
    ChangeFollowUp,
    ChangeStrategies,
    InjectTestAlert,
    NoteByHand,
    StopFollowUp,
    SwitchStrategy,
)
from actors.alert_handler.observability import observability
from actors.alert_handler.people import People
from actors.alert_handler.recovery import restore
from actors.alert_handler.scribe import Scribe
from actors.alert_handler.tile_plan import Limits, MapFacts, read_map
from actors.alert_source.messages import PacketReceived, PacketStored
from actors.archive.messages import FrameArchived
from actors.camera.messages import ExposureStarted
from actors.majordome.messages import ModeChanged
from actors.scheduler.messages import SequenceStateChanged
from actors.sequencer.messages import AlertStage, SequenceEnded
from protocols.notice_parser import parse_notice
from pyros.actor import Actor, Lane, Message
from pyros.clock import unix_from_datetime
from pyros.domain.alert.book import receive
from pyros.domain.alert.gate import Observability
from pyros.domain.alert.notice import Notice, NoticeError
from pyros.domain.observatory import Mode
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from actors.alert_handler.rules import RuleFile
    from actors.alert_handler.settings import AlertHandlerSettings
    from actors.alert_handler.templates import AlertTemplates
    from pyros.actor import ActorRef
    from pyros.domain.sequence import ChannelTimes
    from pyros.sky.site import Site
    from pyros.store import Store

_RULES_PERIOD_S = 5.0
_FIRST_LOOK_S = 60.0
_MAP_DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge(Message):
    """A stored packet is to be judged: ahead of packets that are still to be stored."""

    lane = Lane.SAFETY
    packet_id: int
    notice: Notice
    received_monotonic_s: float
    stored_monotonic_s: float
    injected: bool
    map_packet: bytes | None = None
    map_facts: MapFacts | None = None


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
        self._people = People(
            actor=self,
            desk=self._desk,
            campaign=self._campaign,
            scribe=self._scribe,
            templates=templates,
            site=site,
        )

    async def on_start(self) -> None:
        """Judge what was stored and not judged before a crash; then listen."""
        self._rules.load()
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
        await self.blocking(self._look_up, deadline_s=_MAP_DEADLINE_S)
        for packet, notice in await restore(self._desk, self._store, self._observability_then):
            now_s = self.clock.monotonic_s()
            self.ref.tell(
                _Judge(
                    packet_id=packet.packet_id,
                    notice=notice,
                    received_monotonic_s=now_s,
                    stored_monotonic_s=now_s,
                    injected=packet.injected,
                    map_packet=packet.raw if only_map(notice) else None,
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
                return await self._own(self._people.test_alert(order), "injected")
            case NoteByHand():
                return await self._own(self._people.notice_by_hand(order), "operator")
            case StopFollowUp():
                return await self._people.stop(order)
            case ChangeFollowUp():
                return await self._people.follow_otherwise(order)
            case SwitchStrategy():
                return self._people.switch(order)
            case ChangeStrategies():
                return self._people.change_strategies(order)
            case _:
                assert_never(order)

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
                map_packet=packet.raw if only_map(notice) else None,
            )
        )
        return PacketStored(accepted=True, reason="", ivorn=identity)

    async def _judge(self, order: _Judge) -> None:
        """Decide, act, then write down."""
        notice, facts = order.notice, order.map_facts
        if order.map_packet is not None:
            self.start_task(self._read_map(order, order.map_packet), name="sky map")
            return
        parsed_s = self.clock.monotonic_s()
        self._desk.book, outcome = receive(
            self._desk.book,
            notice,
            self.clock.now(),
            self._rules.rules,
            self._observability if facts is None else facts.seen,
            map_area_deg2=None if facts is None else facts.area_deg2,
        )
        followed = self._desk.followed(outcome.key, notice, order.received_monotonic_s)
        if followed is not None:
            self._scribe.time(followed, "stored", order.stored_monotonic_s)
            self._scribe.time(followed, "parsed", parsed_s)
            self._scribe.time(followed, "judged", self.clock.monotonic_s())
            followed.note(notice, outcome)
            followed.map_facts = facts or followed.map_facts
            self._campaign.act(followed, outcome)
        await self._scribe.write_down(
            notice,
            outcome,
            followed,
            packet_id=order.packet_id,
            injected=order.injected,
            received_monotonic_s=order.received_monotonic_s,
        )

    async def _read_map(self, order: _Judge, raw: bytes) -> None:
        """Read a sky map in this actor's thread, then judge with what it says."""
        limits = Limits(
            site=self._site,
            now_unix_s=self.clock.unix_s(),
            min_altitude_deg=self._lowest_deg(),
            max_sun_altitude_deg=self._settings.max_sun_altitude_deg,
        )
        facts: MapFacts | None = None
        try:
            facts = await self.blocking(read_map, raw, limits, deadline_s=_MAP_DEADLINE_S)
        except PyrosError as error:
            self.log.warning("%s: %s", order.notice.notice_id, error)
        self.ref.tell(replace(order, map_packet=None, map_facts=facts))

    def _observability_then(self, notice: Notice) -> Observability:
        """What the sky said when the notice came in (after a start)."""
        return self._observability(notice, notice.received_utc)

    def _observability(self, notice: Notice, at_utc: datetime | None = None) -> Observability:
        """What the sky says, by the altitude of the laxest strategy."""
        if notice.ra_deg is None or notice.dec_deg is None:
            return Observability(now=False, text="no position to look at")
        return self._see(
            notice.ra_deg, notice.dec_deg, unix_from_datetime(at_utc or self.clock.now())
        )

    def _see(self, ra_deg: float, dec_deg: float, unix_s: float) -> Observability:
        return observability(
            self._site,
            ra_deg,
            dec_deg,
            unix_s,
            min_altitude_deg=self._lowest_deg(),
            max_sun_altitude_deg=self._settings.max_sun_altitude_deg,
            exposure_s=_FIRST_LOOK_S,
        )

    def _look_up(self) -> Observability:
        """What the sky says of the zenith; makes the tables that all later answers use."""
        return self._see(0.0, self._site.latitude_deg, self.clock.unix_s())

    def _lowest_deg(self) -> float:
        """The altitude of the laxest strategy."""
        return min(strategy.min_altitude_deg for strategy in self._rules.rules.book.strategies)

    def _look_at_rules(self) -> None:
        try:
            changed = self._rules.reload_when_changed()
        except PyrosError as error:
            self.log.warning("rules are not taken: %s", error)
            return
        if changed:
            self.log.info("new rules are in force: %s", self._rules.path)

    async def _own(self, raw: bytes, source: str) -> str:
        """Take in a packet that was made here; answers its id."""
        stored = await self._packet(
            PacketReceived(
                raw=raw,
                source=source,
                topic=None,
                received_utc=self.clock.now(),
                received_monotonic_s=self.clock.monotonic_s(),
                injected=source == "injected",
            )
        )
        return stored.ivorn or stored.reason


def only_map(notice: Notice) -> bool:
    """Whether the notice says where only by a sky map in its packet."""
    return not notice.has_position and notice.sky_map is not None and notice.sky_map.inline
