"""Notices written by hand: an expert's new event, or a better position read from a Circular.

They are packets like any other (stored raw, judged, kept in the book of events), so that nothing an
expert does is lost in a restart or decided by other rules. Only the source `operator` may speak
for their authority; the same bytes from the network are a spoof and refused as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from protocols import notice_values as values
from pyros.domain.alert.notice import OBSERVATION, OPERATOR_STREAM, Citation, Notice, NoticeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from protocols.voevent import Arrival

SCHEMA = "pyros:hand-notice:1"
AUTHORITY = "org.pyros/operator"
MISSION = "operator"


def write_hand_notice(
    *,
    notice_id: str,
    event_id: str,
    t0_utc: datetime,
    written_utc: datetime,
    ra_deg: float,
    dec_deg: float,
    error_deg: float,
    classification: str,
    who: str,
    why: str,
    cites: tuple[str, ...] = (),
) -> bytes:
    """The packet of a notice by hand.

    Args:
        notice_id: Its own id, unique.
        event_id: Id of the burst as its author names it; equal for notices of one burst.
        t0_utc: When it burst, aware UTC.
        written_utc: When the notice is written, aware UTC.
        ra_deg: ICRS right ascension.
        dec_deg: ICRS declination.
        error_deg: Radius that holds 90 %.
        classification: "GRB", "GW", ...
        who: Who says so.
        why: On what grounds ("GCN Circular 41234").
        cites: Ids of notices of the same event.
    """
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "notice_id": notice_id,
            "event_id": event_id,
            "t0_utc": t0_utc.isoformat(),
            "written_utc": written_utc.isoformat(),
            "ra_deg": ra_deg,
            "dec_deg": dec_deg,
            "error_deg": error_deg,
            "classification": classification,
            "who": who,
            "why": why,
            "cites": list(cites),
        }
    )


def is_hand_notice(packet: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a notice by hand."""
    return packet.get("schema") == SCHEMA


def notice_from_hand(packet: Mapping[str, Any], arrival: Arrival) -> Notice:
    """Interpret a notice by hand.

    Raises:
        NoticeError: When id, time or position is missing or impossible.
    """
    notice_id = values.text_of(packet.get("notice_id"))
    event_id = values.text_of(packet.get("event_id"))
    t0_utc = values.instant(packet.get("t0_utc"))
    where = values.position(packet.get("ra_deg"), packet.get("dec_deg"), packet.get("error_deg"))
    if notice_id is None or event_id is None or t0_utc is None or where.ra_deg is None:
        raise NoticeError(
            "notice by hand needs notice_id, event_id, t0_utc, and ra_deg, dec_deg within the sky"
        )
    cites = packet.get("cites")
    cited = [values.text_of(one) for one in cites[:50]] if isinstance(cites, list) else []
    return Notice(
        notice_id=notice_id,
        ivorn=None,
        authority=AUTHORITY,
        format="pyros-hand",
        stream=OPERATOR_STREAM,
        packet_type="update" if cited else "initial",
        packet_name=f"by hand of {values.text_of(packet.get('who'), limit=80) or 'nobody'}",
        mission=MISSION,
        event_id=event_id,
        role=OBSERVATION,
        test=False,
        retraction=False,
        t0_utc=t0_utc,
        notice_utc=values.instant(packet.get("written_utc")),
        received_utc=arrival.received_utc,
        source=arrival.source,
        topic=arrival.topic,
        content_sha256=values.sha256_of(arrival.raw),
        ra_deg=where.ra_deg,
        dec_deg=where.dec_deg,
        error_deg=where.error_deg,
        containment=0.9 if where.error_deg is not None else None,
        frame="ICRS",
        classification=values.text_of(packet.get("classification")),
        cites=tuple(Citation(ivorn=one, kind="followup") for one in cited if one is not None),
    )
