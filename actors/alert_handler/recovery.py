"""After a start: the book of events as it was, from the packets in the database.

The book is a fold over notices, so folding the recent packets again restores it. Nothing is acted
upon meanwhile: what a crash left unjudged is told separately, and judged by the age gate like any
other packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.notice_parser import parse_notice
from pyros.domain.alert.book import receive
from pyros.domain.alert.notice import NoticeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.alert_handler.events import EventDesk
    from pyros.domain.alert.gate import Observability
    from pyros.domain.alert.notice import Notice
    from pyros.store import AlertRecord, PacketRecord, Store

RECENT_PACKETS = 500


async def restore(
    desk: EventDesk,
    store: Store,
    seen_from: Callable[[Notice], Observability],
) -> list[tuple[PacketRecord, Notice]]:
    """Fold recent packets into the book again.

    Args:
        desk: What is filled.
        store: The database.
        seen_from: What the sky says of a notice's position when it was received.

    Returns:
        Packets that are stored and were not judged, oldest first, with their notices.
    """
    judged = [
        packet
        for packet in reversed(await store.alerts.recent_packets(limit=RECENT_PACKETS))
        if packet.decision is not None
    ]
    for packet in judged:
        notice = read(packet)
        if notice is None:
            continue
        desk.book, outcome = receive(
            desk.book, notice, packet.received_utc, desk.rules.rules, seen_from
        )
        followed = desk.followed(outcome.key, notice, 0.0)
        if followed is not None:
            followed.note(notice, outcome)
            continue_from(followed.alert_id, desk, await store.alerts.get(followed.alert_id))
    return [
        (packet, notice)
        for packet in await store.alerts.unjudged()
        if (notice := read(packet)) is not None
    ]


def read(packet: PacketRecord) -> Notice | None:
    """The notice in a stored packet, None when it holds none."""
    try:
        return parse_notice(
            packet.raw,
            source=packet.source,
            topic=packet.topic,
            received_utc=packet.received_utc,
        )
    except NoticeError:
        return None


def continue_from(key: str, desk: EventDesk, record: AlertRecord | None) -> None:
    """Number the next follow-up after those that were made before the start."""
    followed = desk.by_id[key]
    if record is None or record.sequence_id is None:
        return
    followed.restored_sequence_id = record.sequence_id
    number = record.sequence_id.rpartition("-")[2]
    followed.number = max(followed.number, int(number) if number.isdigit() else 0)
