"""Writes VOEvent 2.0: the observatory's own alerts, test and injected, valid against the schema.

voevent-parse builds the packet and carries the schema it is checked against. It is not available on
Python 3.12 and later; there, writing is refused with the reason and everything else works.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lxml import etree

from pyros.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyros.domain.alert.notice import Citation

ROLES = frozenset({"observation", "prediction", "utility", "test"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who writes: `ivo` without "ivo://" ("org.example/pyros"), a title, and a contact."""

    ivo: str
    title: str = "PyROS"
    contact_name: str | None = None
    contact_email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingVoEvent:
    """What an outgoing VOEvent says.

    Attributes:
        stream: The author's stream, the part of the ivorn before "#" after the authority.
        local_id: The part of the ivorn after "#"; unique for the author.
        role: "observation", "prediction", "utility" or "test".
        written_utc: When it is written, aware UTC.
        time_utc: T0, aware UTC.
        ra_deg: ICRS right ascension in degrees, None for no position.
        dec_deg: ICRS declination in degrees.
        error_deg: Error radius in degrees.
        params: Top-level parameters by name, in order.
        cites: Notices referred to.
        description: One sentence for people.
    """

    stream: str
    local_id: str
    role: str
    written_utc: datetime
    time_utc: datetime
    ra_deg: float | None = None
    dec_deg: float | None = None
    error_deg: float | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    cites: tuple[Citation, ...] = ()
    description: str = ""


def write_voevent(event: OutgoingVoEvent, author: Author) -> bytes:
    """A VOEvent's bytes.

    Raises:
        PermanentError: When the role is none of the four, the packet is not valid, or voevent-parse
            is not installed.
    """
    if event.role not in ROLES:
        raise PermanentError(f"VOEvent role {event.role!r}; use one of {', '.join(sorted(ROLES))}")
    vp = _voeventparse()
    packet = vp.Voevent(
        stream=f"{author.ivo}/{event.stream}", stream_id=event.local_id, role=event.role
    )
    vp.set_who(packet, date=event.written_utc.replace(tzinfo=None), author_ivorn=author.ivo)
    vp.set_author(
        packet,
        title=author.title,
        contactName=author.contact_name,
        contactEmail=author.contact_email,
    )
    for name, value in event.params.items():
        packet.What.append(vp.Param(name, value=value))
    _add_where(vp, packet, event)
    if event.description:
        packet.Description = event.description
    if event.cites:
        # vp.add_citations fails on Python 3.10 and later: it looks for collections.Iterable.
        citations = etree.SubElement(packet, "Citations")
        for cite in event.cites:
            citations.append(vp.EventIvorn(cite.ivorn, cite_type=cite.kind))
    if not vp.valid_as_v2_0(packet):
        first = vp.voevent_v2_0_schema.error_log.last_error
        raise PermanentError(
            f"VOEvent {event.local_id} is not valid against the 2.0 schema: {first}"
        )
    written: bytes = vp.dumps(packet)
    return written


def _add_where(vp: Any, packet: Any, event: OutgoingVoEvent) -> None:
    """Add time and, when there is one, the position."""
    placed = event.ra_deg is not None and event.dec_deg is not None
    vp.add_where_when(
        packet,
        coords=vp.Position2D(
            ra=event.ra_deg if placed else 0.0,
            dec=event.dec_deg if placed else 0.0,
            err=event.error_deg if placed and event.error_deg is not None else 0.0,
            units="deg",
            system="UTC-ICRS-GEO",
        ),
        obs_time=event.time_utc,
        observatory_location="GEOSURFACE",
    )
    if not placed:
        for element in packet.xpath(".//Position2D"):
            element.getparent().remove(element)


def _voeventparse() -> Any:
    """The library, or the reason why there is none."""
    if importlib.util.find_spec("voeventparse") is None:
        raise PermanentError(
            "writing VOEvents needs voevent-parse, which installs on Python 3.11 only; "
            "run PyROS on 3.11 to send alerts"
        )
    return importlib.import_module("voeventparse")
