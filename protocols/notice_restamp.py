"""Makes today's alert out of a recorded one: new time, new ids, a position that is in view.

Recorded packets are months or years old and rightly ignored for it. Bench, demonstrations and
drills need them young. All instants move by the same amount, so that the delays between burst and
notice stay the real ones; ids get a serial, the same for all packets of one chain so that they
still belong together.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
from lxml import etree

from protocols import notice_values as values
from protocols.notice_parser import parse_notice
from protocols.voevent import SKY_MAP_PARAMS
from protocols.voevent_gate import local_name, read_xml
from pyros.domain.alert.notice import NoticeError

if TYPE_CHECKING:
    from collections.abc import Callable

_ID_NAMES = frozenset({"TrigID", "Burst_Id", "GraceID", "AMON_ID", "Trigger_Number", "Trans_Num"})
_ID_KEYS = ("id", "superevent_id")
_INSTANT_KEYS = ("trigger_time", "alert_datetime", "time_created", "time")
_SVOM_ID = re.compile(r"sb\d{6}(\d{2,})", re.ASCII)
_LVK_ID = re.compile(r"(M?S)\d{6}([a-z]{1,4})", re.ASCII)
_GECAM_LARGEST_REAL = 99_999_999
_TJD_EPOCH_UTC = datetime(1968, 5, 24, tzinfo=UTC)


def restamp(
    raw: bytes,
    *,
    time_utc: datetime,
    ra_deg: float | None = None,
    dec_deg: float | None = None,
    serial: int,
) -> bytes:
    """A packet like `raw` whose burst happened at `time_utc`.

    Args:
        raw: A VOEvent (XML), or a notice of GCN's schema or an LVK alert (JSON).
        time_utc: The new T0, aware UTC.
        ra_deg: New right ascension, None to keep the position. Sky maps in the packet are not
            moved; with a new position, addresses of maps are left out.
        dec_deg: New declination, given with `ra_deg`.
        serial: What makes the ids new; equal for the packets of one chain.

    Returns:
        The new packet's bytes, in the format of the old.

    Raises:
        NoticeError: When `raw` is no alert, or says no time of its burst.
    """
    notice = parse_notice(raw, source="restamp", received_utc=time_utc)
    if notice.t0_utc is None:
        raise NoticeError(f"{notice.notice_id} states no T0, so it cannot be given a new one")
    shift = time_utc - notice.t0_utc
    place = None
    if ra_deg is not None and dec_deg is not None and notice.has_position:
        place = (ra_deg, dec_deg)
    renew = _id_maker(notice.stream, time_utc, serial)
    if notice.format.startswith("voevent") and notice.format != "voevent-json":
        return _restamp_xml(raw, shift, place, renew, serial)
    return _restamp_json(raw, shift, place, renew, serial)


def _id_maker(stream: str, time_utc: datetime, serial: int) -> Callable[[str], str]:
    """How a mission's ids are renewed so that they still look like that mission's."""

    def renew(old: str) -> str:
        day = f"{time_utc:%y%m%d}"
        if match := _SVOM_ID.fullmatch(old):
            return f"sb{day}{serial % 10**6:06d}{match.group(1)}"
        if match := _LVK_ID.fullmatch(old):
            return f"{match.group(1)}{day}{match.group(2)}{serial}"
        if old.isdigit():
            number = int(old) + serial * 1_009
            # GECAM's tests are numbered from a hundred million: a real one must stay below.
            real_gecam = stream == "gecam" and int(old) <= _GECAM_LARGEST_REAL
            return str(number % (_GECAM_LARGEST_REAL if real_gecam else 10**14))
        return f"{old}-{serial}"

    return renew


def _restamp_xml(
    raw: bytes,
    shift: timedelta,
    place: tuple[float, float] | None,
    renew: Callable[[str], str],
    serial: int,
) -> bytes:
    """Renew a VOEvent's tree."""
    root = read_xml(raw)
    root.set("ivorn", f"{root.get('ivorn')}_r{serial}")
    for element in root.iter():
        name = local_name(element)
        if name in {"ISOTime", "Date"}:
            element.text = _shifted(element.text, shift)
        elif name == "EventIVORN" and element.text:
            element.text = f"{element.text.strip()}_r{serial}"
        elif name in {"C1", "C2"} and place is not None:
            element.text = f"{place[0 if name == 'C1' else 1]:.4f}"
        elif name == "Param" and element.get("value") is not None:
            value = element.get("value")
            if place is not None and element.get("name") in SKY_MAP_PARAMS:
                element.set("value", "")  # that map is of the old place
                continue
            new = renew(value) if element.get("name") in _ID_NAMES else _shifted(value, shift)
            element.set("value", new)
    _shift_tjd(root, shift)
    encoded: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return encoded


def _shift_tjd(root: Any, shift: timedelta) -> None:
    """Move the pairs of Truncated Julian Day and second of day."""
    params = {e.get("name"): e for e in root.iter() if local_name(e) == "Param" and e.get("name")}
    for name, day in params.items():
        second = params.get(name.removesuffix("_TJD") + "_SOD") if name.endswith("_TJD") else None
        if second is None:
            continue
        moment = values.instant_from_tjd(day.get("value"), second.get("value"))
        if moment is not None:
            since = moment + shift - _TJD_EPOCH_UTC
            day.set("value", str(since.days))
            second.set("value", f"{since.seconds + since.microseconds / 1e6:.2f}")


def _restamp_json(
    raw: bytes,
    shift: timedelta,
    place: tuple[float, float] | None,
    renew: Callable[[str], str],
    serial: int,
) -> bytes:
    """Renew a JSON alert."""
    packet: dict[str, Any] = orjson.loads(raw)
    if "ivorn" in packet:
        raise NoticeError("a VOEvent written as JSON is not restamped; use its XML")
    event = packet.get("event")
    for holder in (packet, event if isinstance(event, dict) else {}):
        for key in _INSTANT_KEYS:
            if isinstance(holder.get(key), str):
                holder[key] = _shifted(holder[key], shift)
    for key in _ID_KEYS:
        old = packet.get(key)
        if isinstance(old, list):
            packet[key] = [renew(str(one)) for one in old]
        elif isinstance(old, str | int):
            packet[key] = renew(str(old))
    packet.setdefault("id", [f"r{serial}"])
    if place is not None and "ra" in packet and "dec" in packet:
        packet["ra"], packet["dec"] = place
        packet.pop("healpix_url", None)  # that map is of the old place
    return orjson.dumps(packet)


def _shifted(text: str | None, shift: timedelta) -> str:
    """An instant moved, in the form it was written; any other text as it is."""
    moment = values.instant(text)
    if moment is None or text is None:
        return text or ""
    moved = (moment + shift).replace(tzinfo=None)
    zone = "Z" if text.strip().endswith("Z") else "+00:00" if "+00" in text else ""
    return moved.isoformat() + zone
