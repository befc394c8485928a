"""What a VTP subscriber may ask for: a fixed grammar, never an XPath that is evaluated.

Comet evaluates whatever XPath a subscriber sends, in threads; one such expression can hold a
processor for hours. These forms cover what subscribers really ask, and anything else is refused:
`//Param[@name="Packet_Type" and @value="209"]`, `//Param[@name="..."]`, `/*[@role="observation"]`,
`//*[local-name()="VOEvent" and @role="..."]`, `starts-with(/*/@ivorn, "ivo://...")`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.voevent_fields import fields_from_xml
from protocols.voevent_gate import read_xml

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_CHARS = 300
_Q = r"""["']([^"']*)["']"""
_PARAM = re.compile(rf"//Param\[@name={_Q}(?: and @value={_Q})?\]", re.ASCII)
_ROLE = re.compile(
    rf"/{{1,2}}(?:\*|VOEvent)\[(?:local-name\(\)=[\"']VOEvent[\"'] and )?@role={_Q}\]", re.ASCII
)
_IVORN = re.compile(rf"starts-with\(/{{1,2}}(?:\*|VOEvent)?/?@ivorn, ?{_Q}\)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """One subscription; the parts that are None match anything."""

    param: str | None = None
    value: str | None = None
    role: str | None = None
    ivorn_prefix: str | None = None


def parse_filter(text: str) -> EventFilter | None:
    """A filter of the grammar, or None when it is outside of it."""
    squeezed = " ".join(text.split())
    if len(squeezed) > _MAX_CHARS:
        return None
    squeezed = re.sub(r" ?= ?", "=", squeezed)
    if match := _PARAM.fullmatch(squeezed):
        return EventFilter(param=match.group(1), value=match.group(2))
    if match := _ROLE.fullmatch(squeezed):
        return EventFilter(role=match.group(1))
    if match := _IVORN.fullmatch(squeezed):
        return EventFilter(ivorn_prefix=match.group(1))
    return None


def passes(raw: bytes, filters: Sequence[EventFilter]) -> bool:
    """Whether an event matches any of the filters; without filters everything does.

    Raises:
        NoticeError: When the event cannot be read.
    """
    if not filters:
        return True
    fields = fields_from_xml(read_xml(raw))
    for one in filters:
        values = None if one.param is None else fields.values(one.param)
        if values is not None and (
            not values or (one.value is not None and one.value not in values)
        ):
            continue
        if one.role is not None and fields.role != one.role:
            continue
        if one.ivorn_prefix is not None and not (fields.ivorn or "").startswith(one.ivorn_prefix):
            continue
        return True
    return False
