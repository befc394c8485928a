"""From a packet to a decision: judged and acted on at once, its bytes committed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from actors.alert_handler.map_work import MapWork
from actors.alert_handler.observability import observability
from actors.alert_handler.tile_plan import Limits, MapFacts, read_map
from actors.alert_source.messages import PacketReceived, PacketStored
from protocols.notice_parser import parse_notice
from pyros.actor import Lane, Message
from pyros.domain.alert.book import Outcome, receive
from pyros.domain.alert.gate import Observability
from pyros.domain.alert.notice import Notice, NoticeError
from pyros.errors import PyrosError
from pyros.store import StoreUnavailableError

if TYPE_CHECKING:
    from actors.alert_handler.campaign import Campaign
    from actors.alert_handler.events import EventDesk, FollowedEvent
    from actors.alert_handler.scribe import Scribe
    from pyros.actor import Actor, Deferred
    from pyros.sky.site import Site
    from pyros.store import PacketRecord, Store

_FIRST_LOOK_S = 60.0
MAP_DEADLINE_S = 20.0
"""Wall seconds that reading a sky map may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeStored(Message):
    """A stored packet is to be judged: ahead of packets that are still to be stored."""

    lane = Lane.SAFETY
    packet_id: int
    notice: Notice
    received_monotonic_s: float
    injected: bool
    map_packet: bytes | None = None
    map_facts: MapFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What was decided about a notice, and for which event."""

    outcome: Outcome
    followed: FollowedEvent | None


class Intake:
    """Judges packets and sees that they are kept.

    Args:
        actor: The handler: lends clock, tasks and its thread.
        site: Where the telescope stands.
        store: The database.
        desk: The events being followed.
        scribe: Who writes down.
        campaign: Who acts.
        max_sun_altitude_deg: Highest Sun a follow-up is begun with.
        fetch_maps: Whether sky maps that are only named by address are fetched.
    """

    def __init__(
        self,
        *,
        actor: Actor,
        site: Site,
        store: Store,
        desk: EventDesk,
        scribe: Scribe,
        campaign: Campaign,
        max_sun_altitude_deg: float,
        fetch_maps: bool,
    ) -> None:
        self._actor = actor
        self._site = site
        self._store = store
        self._desk = desk
        self._scribe = scribe
        self._campaign = campaign
        self._max_sun_altitude_deg = max_sun_altitude_deg
        self._maps = MapWork(
            actor=actor,
            desk=desk,
            scribe=scribe,
            store=store,
            take=self._take_map,
            enabled=fetch_maps,
        )

    def take(self, packet: PacketReceived, reply: Deferred[PacketStored]) -> None:
        """Judge and act at once; the bytes are committed meanwhile, and only then it is answered.

        Nothing slow lies between a packet and the slew, a full disk neither. Who gets no answer
        sends again; what was acted on is then a duplicate.
        """
        reading = _read(packet)
        done = self._judged_now(packet, reading)
        self._actor.start_task(self._answer(packet, reading, done, reply), name="packet")

    def _judged_now(self, packet: PacketReceived, reading: Notice | NoticeError) -> _Done | None:
        if isinstance(reading, NoticeError) or only_map(reading):
            return None
        return self._judge(reading, packet.received_monotonic_s)

    async def _answer(
        self,
        packet: PacketReceived,
        reading: Notice | NoticeError,
        done: _Done | None,
        reply: Deferred[PacketStored],
    ) -> None:
        try:
            stored = await self._commit(packet)
        except StoreUnavailableError as error:
            self._actor.log.warning("packet of %s is not stored: %s", packet.source, error)
            reply.fail(error)
            return
        reply.set(_stored(reading))
        await self._write_down(packet, stored, reading, done)

    async def _commit(self, packet: PacketReceived) -> int:
        stored = await self._store.alerts.store_packet(
            packet.raw,
            source=packet.source,
            topic=packet.topic,
            received_utc=packet.received_utc,
            injected=packet.injected,
        )
        return stored.packet_id

    async def _write_down(
        self,
        packet: PacketReceived,
        packet_id: int,
        reading: Notice | NoticeError,
        done: _Done | None,
    ) -> None:
        """Store what was made of a stored packet, or have its sky map read first."""
        if isinstance(reading, NoticeError):
            await self._scribe.unreadable(packet_id, str(reading), packet.source)
        elif done is not None:
            if done.followed is not None:
                self._scribe.time(done.followed, "stored", self._actor.clock.monotonic_s())
            await self._scribe.write_down(
                reading,
                done.outcome,
                done.followed,
                packet_id=packet_id,
                injected=packet.injected,
                received_monotonic_s=packet.received_monotonic_s,
            )
            self._maps.consider(reading, done.followed, packet_id)
        else:
            self._actor.ref.tell(
                JudgeStored(
                    packet_id=packet_id,
                    notice=reading,
                    received_monotonic_s=packet.received_monotonic_s,
                    injected=packet.injected,
                    map_packet=packet.raw,
                )
            )

    def _judge(
        self,
        notice: Notice,
        received_monotonic_s: float,
        facts: MapFacts | None = None,
    ) -> _Done:
        """Decide and act."""
        parsed_s = self._actor.clock.monotonic_s()
        self._desk.book, outcome = receive(
            self._desk.book,
            notice,
            self._actor.clock.now(),
            self._desk.rules.rules,
            self._observability if facts is None else facts.seen,
            map_area_deg2=None if facts is None else facts.area_deg2,
        )
        followed = self._desk.followed(outcome.key, notice, received_monotonic_s)
        if followed is not None:
            self._scribe.time(followed, "parsed", parsed_s)
            self._scribe.time(followed, "judged", self._actor.clock.monotonic_s())
            self._desk.note(followed, notice, outcome, facts)
            self._campaign.act(followed, outcome)
        return _Done(outcome=outcome, followed=followed)

    async def left_over(self, packet: PacketRecord, reading: Notice | NoticeError) -> None:
        """Judge a packet that an earlier run of PyROS stored and did not judge."""
        if isinstance(reading, NoticeError):
            await self._scribe.unreadable(packet.packet_id, str(reading), packet.source)
            return
        clock = self._actor.clock
        since_s = (clock.now() - packet.received_utc).total_seconds()
        self._actor.ref.tell(
            JudgeStored(
                packet_id=packet.packet_id,
                notice=reading,
                received_monotonic_s=clock.monotonic_s() - since_s,
                injected=packet.injected,
                map_packet=packet.raw if only_map(reading) else None,
            )
        )

    async def judge_stored(self, order: JudgeStored) -> None:
        """Judge what was stored before: after a start, or with a sky map."""
        if order.map_packet is not None:
            self._actor.start_task(self._read_map(order, order.map_packet), name="sky map")
            return
        done = self._judge(order.notice, order.received_monotonic_s, order.map_facts)
        if done.followed is not None:
            self._scribe.time(done.followed, "stored", order.received_monotonic_s)
        await self._scribe.write_down(
            order.notice,
            done.outcome,
            done.followed,
            packet_id=order.packet_id,
            injected=order.injected,
            received_monotonic_s=order.received_monotonic_s,
        )
        self._maps.consider(order.notice, done.followed, order.packet_id)

    def seek_maps(self, named: tuple[tuple[PacketRecord, Notice], ...]) -> None:
        """After a start: have maps fetched that notices of events named and that are not here."""
        for packet, notice in named:
            followed = self._desk.by_id.get(packet.alert_id or "")
            self._maps.consider(notice, followed, packet.packet_id)

    async def _read_map(self, order: JudgeStored, raw: bytes) -> None:
        """Read a sky map in this actor's thread, then judge with what it says."""
        facts = await self.map_facts(order.notice, raw)
        self._actor.ref.tell(replace(order, map_packet=None, map_facts=facts))

    async def map_facts(self, notice: Notice, raw: bytes) -> MapFacts | None:
        """What the sky map in a packet says now; None when it cannot be read."""
        limits = Limits(
            site=self._site,
            now_unix_s=self._actor.clock.unix_s(),
            min_altitude_deg=self._lowest_deg(),
            max_sun_altitude_deg=self._max_sun_altitude_deg,
        )
        try:
            return await self._actor.blocking(read_map, raw, limits, deadline_s=MAP_DEADLINE_S)
        except PyrosError as error:
            self._actor.log.warning("%s: %s", notice.notice_id, error)
            return None

    def _observability(self, notice: Notice) -> Observability:
        """What the sky says, by the altitude of the laxest strategy."""
        if notice.ra_deg is None or notice.dec_deg is None:
            return Observability(now=False, text="no position to look at")
        return self._see(notice.ra_deg, notice.dec_deg, self._actor.clock.unix_s())

    def _see(self, ra_deg: float, dec_deg: float, unix_s: float) -> Observability:
        return observability(
            self._site,
            ra_deg,
            dec_deg,
            unix_s,
            min_altitude_deg=self._lowest_deg(),
            max_sun_altitude_deg=self._max_sun_altitude_deg,
            exposure_s=_FIRST_LOOK_S,
        )

    def look_up(self) -> Observability:
        """What the sky says of the zenith; makes the tables that all later answers use."""
        return self._see(0.0, self._site.latitude_deg, self._actor.clock.unix_s())

    def _lowest_deg(self) -> float:
        """The altitude of the laxest strategy."""
        return min(strategy.min_altitude_deg for strategy in self._desk.rules.rules.book.strategies)

    async def _take_map(self, raw: bytes, named_by: PacketRecord) -> None:
        """Take in the packet of a fetched map; its source is that of the notice that named it."""
        await self._take_own(
            self._made_here(raw, named_by.source, topic=named_by.topic, injected=named_by.injected)
        )

    async def own(self, raw: bytes, source: str) -> str:
        """Take in a packet that was made here; answers its id."""
        return await self._take_own(
            self._made_here(raw, source, topic=None, injected=source == "injected")
        )

    def _made_here(
        self, raw: bytes, source: str, *, topic: str | None, injected: bool
    ) -> PacketReceived:
        return PacketReceived(
            raw=raw,
            source=source,
            topic=topic,
            received_utc=self._actor.clock.now(),
            received_monotonic_s=self._actor.clock.monotonic_s(),
            injected=injected,
        )

    async def _take_own(self, packet: PacketReceived) -> str:
        reading = _read(packet)
        done = self._judged_now(packet, reading)
        await self._write_down(packet, await self._commit(packet), reading, done)
        answer = _stored(reading)
        return answer.ivorn or answer.reason


def _read(packet: PacketReceived) -> Notice | NoticeError:
    """The notice in a packet, or why it is none."""
    try:
        return parse_notice(
            packet.raw,
            source=packet.source,
            topic=packet.topic,
            received_utc=packet.received_utc,
        )
    except NoticeError as error:
        return error


def _stored(reading: Notice | NoticeError) -> PacketStored:
    """The answer to a source whose packet is committed."""
    if isinstance(reading, NoticeError):
        return PacketStored(accepted=False, reason=str(reading), ivorn=None)
    return PacketStored(accepted=True, reason="", ivorn=reading.ivorn or reading.notice_id)


def only_map(notice: Notice) -> bool:
    """Whether the notice says where only by a sky map in its packet."""
    return not notice.has_position and notice.sky_map is not None and notice.sky_map.inline
