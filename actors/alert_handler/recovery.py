"""After a start: the book of events as it was, from the packets in the database.

The book is a fold over notices, so folding the recent packets again restores it, each event under
the key it had; state, strategy, phase and fields left are read from the event's record. Nothing is
acted upon meanwhile: what a crash left unjudged is told separately, and judged by the age gate like
any other packet.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from actors.alert_handler.intake import only_map
from actors.alert_handler.records import recall_memory
from protocols.map_notice import ID_SUFFIX
from protocols.notice_parser import parse_notice
from pyros.domain.alert.book import receive
from pyros.domain.alert.event import ACTIVE_STATES, EventState, number_in
from pyros.domain.alert.gate import Decision, Observability
from pyros.domain.alert.map_policy import names_map
from pyros.domain.alert.notice import Notice, NoticeError
from pyros.domain.sequence import SequenceState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from actors.alert_handler.events import EventDesk
    from actors.alert_handler.tile_plan import MapFacts
    from pyros.clock import Clock
    from pyros.store import AlertRecord, PacketRecord, StageRecord, Store

RECENT_PACKETS = 2000
"""Most packets of events that are folded again; older ones can hardly join anything."""
_WORKING = {EventState.DEFERRED, *ACTIVE_STATES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a start finds in the database beside the book.

    Attributes:
        unjudged: Packets that are stored and were not judged, oldest first, with their notices or
            why they are none.
        orphans: Events that have open requests and are not followed: a crash came before their
            packet was stored, or between their end and its being told to the scheduler.
        named: Packets of events with their notices, oldest first: their sky maps may be wanted.
    """

    unjudged: tuple[tuple[PacketRecord, Notice | NoticeError], ...]
    orphans: tuple[str, ...]
    named: tuple[tuple[PacketRecord, Notice], ...]


async def restore(
    desk: EventDesk,
    store: Store,
    clock: Clock,
    read_map: Callable[[Notice, bytes], Awaitable[MapFacts | None]],
) -> Restored:
    """Fold recent packets into the book again, and take up what is known of their events.

    Args:
        desk: What is filled.
        store: The database.
        clock: The observatory's time.
        read_map: What a packet's sky map says now.
    """
    now_utc = clock.now()
    since_utc = now_utc - timedelta(days=desk.rules.rules.association.same_mission_days + 1.0)
    records = {
        record.alert_id: record
        for record in await store.alerts.recent(since_utc=since_utc, limit=RECENT_PACKETS)
    }
    named: list[tuple[PacketRecord, Notice]] = []
    for packet in await store.alerts.packets_of_events(since_utc=since_utc, limit=RECENT_PACKETS):
        await asyncio.sleep(0)  # a thousand packets take a second: everybody else goes on
        notice = read(packet)
        if isinstance(notice, NoticeError):
            continue
        facts = None
        if only_map(notice) and _works(records.get(packet.alert_id or "")):
            facts = await read_map(notice, packet.raw)
        _fold(desk, packet, notice, facts, clock)
        if names_map(notice):
            named.append((packet, notice))
    latest = await _latest_sequences(store, records)
    for key in tuple(desk.by_id):
        if (record := records.get(key) or await store.alerts.get(key)) is not None:
            continue_from(desk, record, await store.alerts.stages(key), latest.get(key))
    for key, record in records.items():
        if key not in desk.by_id and _works(record):
            await store.alerts.put(closed_for_lack_of_packets(record, now_utc))
    follow_ups = await store.alerts.follow_ups(since_utc=since_utc)
    for one in follow_ups:
        followed = desk.by_id.get(one.alert_id)
        if followed is not None:
            followed.number = max(followed.number, number_in(one.request_id))
    taken = [*records, *(one.alert_id for one in follow_ups)]
    opened = max((number_in(key) for key in taken), default=0)
    desk.book = replace(desk.book, opened=max(desk.book.opened, opened))
    followed_now = {key for key in desk.by_id if desk.event_state(key) in _WORKING}
    waiting = dict.fromkeys(one.alert_id for one in follow_ups if one.open)
    return Restored(
        unjudged=tuple((packet, read(packet)) for packet in await store.alerts.unjudged()),
        orphans=tuple(key for key in waiting if key not in followed_now),
        named=tuple(one for one in named if not _has_its_map(desk, *one)),
    )


def _fold(
    desk: EventDesk, packet: PacketRecord, notice: Notice, facts: MapFacts | None, clock: Clock
) -> None:
    """Take one packet into the book as it was taken before."""
    desk.book, outcome = receive(
        desk.book,
        notice,
        packet.received_utc,
        desk.rules.rules,
        seen_then(packet),
        map_area_deg2=None if facts is None else facts.area_deg2,
        key=packet.alert_id,
    )
    since_s = (clock.now() - packet.received_utc).total_seconds()
    followed = desk.followed(outcome.key, notice, clock.monotonic_s() - since_s)
    if followed is not None:
        desk.note(followed, notice, outcome, facts)


def seen_then(packet: PacketRecord) -> Observability:
    """What the sky must have said for the decision that is stored with a packet."""
    if packet.decision == Decision.ACCEPTED.value:
        return Observability(now=True, text="observable then")
    deferred = packet.decision == Decision.DEFERRED.value
    return Observability(
        now=False,
        text="not observable then",
        next_start_utc=packet.received_utc if deferred else None,
    )


def read(packet: PacketRecord) -> Notice | NoticeError:
    """The notice in a stored packet, or why it is none."""
    try:
        return parse_notice(
            packet.raw,
            source=packet.source,
            topic=packet.topic,
            received_utc=packet.received_utc,
        )
    except NoticeError as error:
        return error


def closed_for_lack_of_packets(record: AlertRecord, now_utc: datetime) -> AlertRecord:
    """An event of which nothing is stored but its record: who sent it was not answered."""
    why = "its packet was not stored before PyROS ended; sent again it is an event of its own"
    return replace(
        record,
        state=EventState.CLOSED.value,
        reasons=(*record.reasons, why),
        updated_utc=now_utc,
    )


async def _latest_sequences(
    store: Store, records: Mapping[str, AlertRecord]
) -> dict[str, SequenceState]:
    """How the latest sequence of each event that is at work stands, by the event's key.

    One may be on the telescope (this actor alone was restarted), or have ended unheard.
    """
    latest = {
        key: one.sequence_id for key, one in records.items() if one.sequence_id and _works(one)
    }
    states = await store.requests.states(tuple(latest.values()))
    return {key: states[one].state for key, one in latest.items() if one in states}


def _has_its_map(desk: EventDesk, packet: PacketRecord, notice: Notice) -> bool:
    event = desk.book.event(packet.alert_id or "")
    map_id = f"{notice.notice_id}{ID_SUFFIX}"
    return event is not None and any(one.notice_id == map_id for one in event.notices)


def _works(record: AlertRecord | None) -> bool:
    return record is not None and record.state in _WORKING


def continue_from(
    desk: EventDesk,
    record: AlertRecord,
    stages: Sequence[StageRecord],
    latest: SequenceState | None,
) -> None:
    """Put an event back to where an earlier run of PyROS left it.

    Args:
        desk: The events being followed.
        record: What is stored of it.
        stages: Its trace.
        latest: How its latest sequence stands; None when it has none or is over.
    """
    followed = desk.by_id[record.alert_id]
    followed.begun = latest is SequenceState.EXECUTING
    followed.kept_as = ()  # it is there; how it is to be kept shows when it is told
    desk.restore_state(record.alert_id, EventState(record.state), record.updated_utc)
    followed.decision, followed.reasons = record.decision, record.reasons
    followed.restored_sequence_id = record.sequence_id
    followed.number = max(followed.number, number_in(record.sequence_id or ""))
    recall_memory(
        followed,
        record.details,
        desk.rules.rules.book,
        completed=latest is SequenceState.COMPLETED,
    )
    for stage in stages:
        followed.trace.stages.setdefault(stage.stage, stage.after_ms)
        followed.kept_stages.add(stage.stage)
