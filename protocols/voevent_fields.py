"""What a VOEvent says, before anyone interprets it: the same fields from XML and from JSON.

XML is read by local names, so that namespaces 1.1, 2.0, 2.1 and none are all the same packet. The
JSON form is the one that SCiMMA's brokers and several peers write (attributes and children as
keys).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from protocols.notice_values import text_of
from protocols.voevent_gate import local_name
from pyros.domain.alert.notice import Citation, NoticeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PARAMS = 2_000
"""Most parameters read; the longest real packets have about 120."""

_MAX_DEPTH = 12
_MAX_CITES = 200


class Param(NamedTuple):
    """One `Param` of the `What` section; `group` is empty at the top level."""

    group: str
    name: str
    value: str


@dataclass(slots=True, kw_only=True)
class VoEventFields:
    """The fields of one VOEvent as text; absent ones are None."""

    ivorn: str | None = None
    role: str | None = None
    version: str | None = None
    date: str | None = None
    system: str | None = None
    iso_time: str | None = None
    unit: str | None = None
    names: tuple[str | None, str | None] = (None, None)
    c1: str | None = None
    c2: str | None = None
    error: str | None = None
    locations: int = 0
    params: list[Param] = field(default_factory=list)
    cites: list[Citation] = field(default_factory=list)
    by_name: dict[str, list[str]] = field(default_factory=dict)

    def values(self, *names: str) -> list[str]:
        """Every value given for any of these parameter names, whatever the group and the case."""
        return [value for name in names for value in self.by_name.get(name.lower(), ())]

    def first(self, *names: str) -> str | None:
        """The first value of the first of these names that is present."""
        for name in names:
            found = self.by_name.get(name.lower())
            if found:
                return found[0]
        return None


def fields_from_xml(root: Any) -> VoEventFields:
    """The fields of a VOEvent's XML tree.

    Raises:
        NoticeError: When the root is no VOEvent or has more parameters than any alert.
    """
    if local_name(root) != "VOEvent":
        raise NoticeError(f"root element is {local_name(root)[:60]!r}, not VOEvent")
    found = VoEventFields(
        ivorn=text_of(root.get("ivorn")),
        role=text_of(root.get("role")),
        version=text_of(root.get("version")),
    )
    for section in root.iterchildren():
        match local_name(section):
            case "Who":
                for child in section.iterchildren():
                    if local_name(child) == "Date":
                        found.date = text_of(child.text)
            case "What":
                _xml_params(section, "", found, 0)
            case "WhereWhen":
                _xml_where(section, found)
            case "Citations":
                for child in section.iterchildren():
                    if local_name(child) == "EventIVORN":
                        _add_cite(found, child.get("cite"), child.text)
            case _:
                pass
    return found


def _xml_params(element: Any, group: str, found: VoEventFields, depth: int) -> None:
    """Collect the parameters beneath an element."""
    for child in element.iterchildren():
        name = local_name(child)
        if name == "Param":
            value = child.get("value")
            if value is None:
                value = next(
                    (c.text for c in child.iterchildren() if local_name(c) == "Value"), None
                )
            _add_param(found, group, child.get("name"), value)
        elif name == "Group" and depth < _MAX_DEPTH:
            _xml_params(child, text_of(child.get("name")) or "", found, depth + 1)


def _xml_where(section: Any, found: VoEventFields) -> None:
    """Read the first observation location; more than one is counted, not read."""
    for coords in section.iter():
        if local_name(coords) != "AstroCoords":
            continue
        found.locations += 1
        if found.locations > 1:
            continue
        found.system = text_of(coords.get("coord_system_id"))
        names: list[str | None] = [None, None]
        for element in coords.iter():
            match local_name(element):
                case "ISOTime":
                    found.iso_time = found.iso_time or text_of(element.text)
                case "Position2D":
                    found.unit = text_of(element.get("unit")) or "deg"
                case "Name1":
                    names[0] = text_of(element.text)
                case "Name2":
                    names[1] = text_of(element.text)
                case "C1":
                    found.c1 = text_of(element.text)
                case "C2":
                    found.c2 = text_of(element.text)
                case "Error2Radius":
                    found.error = text_of(element.text)
                case _:
                    pass
        found.names = (names[0], names[1])
    if found.system is None:
        for element in section.iter():
            if local_name(element) == "AstroCoordSystem":
                found.system = text_of(element.get("id"))


def fields_from_json(packet: Mapping[str, Any]) -> VoEventFields:
    """The fields of a VOEvent written as JSON.

    Raises:
        NoticeError: When it has more parameters than any alert.
    """
    found = VoEventFields(
        ivorn=text_of(packet.get("ivorn")),
        role=text_of(packet.get("role")),
        version=text_of(packet.get("version")),
    )
    found.date = text_of(_mapping(packet.get("Who")).get("Date"))
    _json_params(_mapping(packet.get("What")), "", found, 0)
    _json_where(_mapping(packet.get("WhereWhen")), found)
    for cite in _items(_mapping(packet.get("Citations")).get("EventIVORN")):
        if isinstance(cite, str):
            _add_cite(found, None, cite)
        else:
            cited = _mapping(cite)
            ivorn = next(
                (cited[k] for k in ("value", "ivorn", "text", "#text") if k in cited), None
            )
            _add_cite(found, cited.get("cite"), ivorn)
    return found


def _json_params(what: Mapping[str, Any], group: str, found: VoEventFields, depth: int) -> None:
    """Collect the parameters beneath a JSON object."""
    for item in _items(what.get("Param")):
        param = _mapping(item)
        _add_param(found, group, param.get("name"), param.get("value", param.get("Value")))
    if depth < _MAX_DEPTH:
        for item in _items(what.get("Group")):
            inner = _mapping(item)
            _json_params(inner, text_of(inner.get("name")) or "", found, depth + 1)


def _json_where(where: Mapping[str, Any], found: VoEventFields) -> None:
    """Read the first observation location of a JSON packet."""
    locations = list(_items(where.get("ObsDataLocation")))
    found.locations = len(locations)
    if not locations:
        return
    location = _mapping(_mapping(locations[0]).get("ObservationLocation"))
    coords = _mapping(next(_items(location.get("AstroCoords")), None))
    found.system = text_of(coords.get("coord_system_id")) or text_of(
        _mapping(location.get("AstroCoordSystem")).get("id")
    )
    found.iso_time = text_of(
        _mapping(_mapping(coords.get("Time")).get("TimeInstant")).get("ISOTime")
    )
    where2d = _mapping(coords.get("Position2D"))
    found.unit = text_of(where2d.get("unit")) or "deg"
    found.names = (text_of(where2d.get("Name1")), text_of(where2d.get("Name2")))
    value = _mapping(where2d.get("Value2"))
    found.c1, found.c2 = text_of(value.get("C1")), text_of(value.get("C2"))
    found.error = text_of(where2d.get("Error2Radius"))


def _add_param(found: VoEventFields, group: str, name: object, value: object) -> None:
    """Add one parameter, refusing floods."""
    if len(found.params) >= MAX_PARAMS:
        raise NoticeError(f"more than {MAX_PARAMS} parameters; no alert has so many")
    clean = text_of(name)
    if clean is not None:
        written = str(value).lower() if isinstance(value, bool) else text_of(value, limit=1024)
        found.params.append(Param(group, clean, written or ""))
        found.by_name.setdefault(clean.lower(), []).append(written or "")


def _add_cite(found: VoEventFields, kind: object, ivorn: object) -> None:
    """Add one citation; the kind is "followup" when not written, as the standard has it."""
    target = text_of(ivorn)
    if target is not None and len(found.cites) < _MAX_CITES:
        found.cites.append(Citation(ivorn=target, kind=(text_of(kind) or "followup").lower()))


def _mapping(value: object) -> Mapping[str, Any]:
    """A JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def _items(value: object) -> Iterator[Any]:
    """The items of a JSON list, or the one value that a list of one was written as."""
    if isinstance(value, list):
        yield from value
    elif value is not None:
        yield value
