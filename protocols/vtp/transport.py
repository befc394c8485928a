"""VTP's own messages: iamalive, authenticate, ack and nak, read from any of their namespaces."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lxml import etree

from protocols.notice_values import text_of
from protocols.voevent_gate import local_name, read_xml
from pyros.domain.alert.notice import NoticeError

if TYPE_CHECKING:
    from datetime import datetime

NAMESPACE = "http://www.telescope-networks.org/xml/Transport/v1.1"
"""The namespace that is sent; three are in use and all are read."""

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_LOCATION = (
    "http://telescope-networks.org/schema/Transport/v1.1 "
    "http://www.telescope-networks.org/schema/Transport-v1.1.xsd"
)
_MAX_FILTERS = 20


class Role(StrEnum):
    """Roles of a transport message."""

    IAMALIVE = "iamalive"
    AUTHENTICATE = "authenticate"
    ACK = "ack"
    NAK = "nak"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """One transport message.

    Attributes:
        role: What it says.
        origin: Whose message, or the ivorn of the event that is acknowledged.
        response: Who answers, None in what is no answer.
        result: Why an event was refused.
        filters: Subscriptions of an `authenticate` answer.
    """

    role: Role
    origin: str
    response: str | None = None
    result: str | None = None
    filters: tuple[str, ...] = ()

    def encode(self, now_utc: datetime) -> bytes:
        """The message's XML, its parts in the order of the schema."""
        root = etree.Element(f"{{{NAMESPACE}}}Transport", nsmap={"trn": NAMESPACE, "xsi": _XSI})
        root.set("version", "1.0")
        root.set("role", self.role.value)
        root.set(f"{{{_XSI}}}schemaLocation", _LOCATION)
        etree.SubElement(root, "Origin").text = self.origin
        if self.response is not None:
            etree.SubElement(root, "Response").text = self.response
        etree.SubElement(root, "TimeStamp").text = now_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.result is not None or self.filters:
            meta = etree.SubElement(root, "Meta")
            for text in self.filters:
                etree.SubElement(meta, "Param", name="xpath-filter", value=text)
            if self.result is not None:
                etree.SubElement(meta, "Result").text = text_of(self.result, limit=500) or "refused"
        encoded: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
        return encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFrame:
    """A frame that is no transport message but, as its root says, an event.

    Attributes:
        raw: Its bytes.
        ivorn: Its ivorn as written; empty when it has none.
    """

    raw: bytes
    ivorn: str


def decode(raw: bytes) -> Transport | EventFrame:
    """What a frame is.

    Raises:
        NoticeError: When it is no safe XML, or neither a transport message nor an event.
    """
    root = read_xml(raw)
    name, role = local_name(root), root.get("role")
    if name == "VOEvent":
        return EventFrame(raw=raw, ivorn=text_of(root.get("ivorn")) or "")
    if name != "Transport" or role not in set(Role):
        raise NoticeError(f"frame is neither VOEvent nor transport: {name[:40]} role {role!r:.40}")
    parts = {local_name(child): child for child in root.iterchildren()}
    filters: list[str] = []
    result = None
    meta = parts.get("Meta")
    for element in () if meta is None else meta.iterchildren():
        kind = local_name(element)
        if kind == "Result":
            result = text_of(element.text)
        elif kind == "Param" and element.get("name") == "xpath-filter":
            filters.append(element.get("value") or "")
        elif kind == "filter" and element.get("type") == "xpath":
            filters.append(element.text or "")
    return Transport(
        role=Role(role),
        origin=_text(parts.get("Origin")) or "",
        response=_text(parts.get("Response")),
        result=result,
        filters=tuple(filters[:_MAX_FILTERS]),
    )


def _text(element: object) -> str | None:
    """An element's bounded text."""
    return text_of(getattr(element, "text", None))
