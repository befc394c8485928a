"""The one door for alert packets: bytes of any known format to `Notice`, or a `NoticeError`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from protocols.gcn_json import is_gcn_notice, notice_from_gcn
from protocols.hand_notice import is_hand_notice, notice_from_hand
from protocols.lvk import is_lvk, notice_from_lvk
from protocols.map_notice import is_map_packet, notice_from_map
from protocols.voevent import Arrival, notice_from_fields, notice_from_voevent
from protocols.voevent_fields import fields_from_json
from pyros.domain.alert.notice import Notice, NoticeError

if TYPE_CHECKING:
    from datetime import datetime

MAX_JSON_BYTES = 4 * 1024 * 1024
"""Largest JSON alert read: the limit of GCN's Kafka brokers."""

_AVRO_MAGIC = b"Obj\x01"


def parse_notice(
    raw: bytes, *, source: str, topic: str | None = None, received_utc: datetime
) -> Notice:
    """Read one alert packet, whatever its format.

    The format is recognised by the bytes, never by the topic or a file's name: JSON does arrive on
    VOEvent topics, and so do a broker's error texts.

    Args:
        raw: The packet as received.
        source: Which of our sources brought it; trust belongs to the source, not to the packet.
        topic: Kafka or MQTT topic, or None.
        received_utc: When it arrived, aware UTC.

    Raises:
        NoticeError: When the bytes are no alert; the text is one line that says why.
    """
    arrival = Arrival(raw=raw, source=source, topic=topic, received_utc=received_utc)
    if is_map_packet(raw):
        return notice_from_map(
            arrival,
            lambda named: parse_notice(
                named, source=source, topic=topic, received_utc=received_utc
            ),
        )
    head = raw[:256].lstrip()
    if head.startswith((b"{", b"[")):
        return _from_json(arrival)
    if head.startswith(_AVRO_MAGIC):
        raise NoticeError("packet is Avro; subscribe to the same alerts as JSON or VOEvent")
    return notice_from_voevent(arrival)


def _from_json(arrival: Arrival) -> Notice:
    """Read JSON: an LVK alert, a VOEvent written as JSON, or a notice of GCN's schema."""
    raw = arrival.raw
    if len(raw) > MAX_JSON_BYTES:
        raise NoticeError(f"JSON of {len(raw)} bytes; at most {MAX_JSON_BYTES} are read")
    try:
        packet = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NoticeError(f"not well-formed JSON: {str(error)[:200]}") from error
    if not isinstance(packet, dict):
        raise NoticeError(f"JSON {type(packet).__name__}, not an object; no alert looks like that")
    if is_hand_notice(packet):
        return notice_from_hand(packet, arrival)
    if is_lvk(packet):
        return notice_from_lvk(packet, arrival)
    if "ivorn" in packet:
        return notice_from_fields(fields_from_json(packet), arrival, form="voevent-json")
    if is_gcn_notice(packet, arrival.topic):
        return notice_from_gcn(packet, arrival)
    raise NoticeError(
        "JSON object is no alert that is known: it has no ivorn, no superevent_id, "
        "and names no GCN notice schema"
    )
