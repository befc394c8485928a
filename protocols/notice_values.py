"""Numbers, instants and positions out of alert packets, each either right or `None`.

Every format goes through these readers, so that "missing", "NaN", "-1 means unknown", "0, 0 means
nowhere" and "2022-01-00" are decided in one place.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import erfa

_MAX_NUMBER_CHARS = 64
_TJD_EPOCH_UTC = datetime(1968, 5, 24, tzinfo=UTC)  # Truncated Julian Day 0 = JD 2440000.5
_MAX_TJD = 60_000
_DAY_S = 86_400.0
_TT_MINUS_TAI_S = 32.184
_TAI_MINUS_GPS_S = 19.0
_WHOLE_SKY_DEG = 180.0
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,12})?(Z|[+-]\d{2}:?\d{2})?", re.ASCII
)
_FRAME = re.compile(r"(UTC|TT|TDB|GPS)-(ICRS|FK5)-(TOPO|GEO|BARY)", re.ASCII)
_DEGREES = frozenset({"deg", "degree", "degrees"})


@dataclass(frozen=True, slots=True)
class Position:
    """A position on the sky as far as a packet gives one.

    Attributes:
        ra_deg: Right ascension [0, 360) or None.
        dec_deg: Declination [-90, 90] or None; None whenever `ra_deg` is.
        error_deg: Radius of the error circle, > 0, or None.
    """

    ra_deg: float | None
    dec_deg: float | None
    error_deg: float | None


NOWHERE = Position(None, None, None)


def number(value: object) -> float | None:
    """A finite number from text or JSON, or None; booleans and "1_0" are no numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            result = float(value)
        except OverflowError:
            return None
    elif isinstance(value, str) and len(value) <= _MAX_NUMBER_CHARS and "_" not in value:
        try:
            result = float(value)
        except ValueError:
            return None
    else:
        return None
    return result if math.isfinite(result) else None


def whole(value: object) -> int | None:
    """An integer of at most 18 digits from text or JSON, or None."""
    result = number(value)
    if result is None or result != int(result) or abs(result) >= 1e18:
        return None
    return int(result)


def truth(value: object) -> bool | None:
    """True or false as packets write them ("true", "1", 0, False), or None."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, str | int) else ""
    if text in {"true", "1", "yes"}:
        return True
    return False if text in {"false", "0", "no"} else None


def text_of(value: object, *, limit: int = 256) -> str | None:
    """A stripped, printable, bounded text, or None when there is none."""
    if type(value) is str and len(value) <= limit:  # nearly every text of nearly every packet
        cleaned = value.strip()
        if cleaned.isprintable():
            return cleaned or None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, int) and abs(value) >= 10**limit:
        return None
    cleaned = str(value)[: 4 * limit].strip()
    if not cleaned.isprintable():
        cleaned = "".join(c if c.isprintable() else " " for c in cleaned).strip()
    return cleaned[:limit] or None


def instant(value: object, *, scale: str = "UTC") -> datetime | None:
    """An ISO 8601 instant in a time scale to aware UTC, or None.

    Args:
        value: Text such as "2026-05-04T09:31:19.287", with or without a zone; without one it is in
            `scale`. A second of 60 (a leap second) is read as the next minute's start.
        scale: "UTC", "TT", "TDB" (taken as TT: they differ by less than 2 ms) or "GPS".
    """
    if not isinstance(value, str):
        return None
    text = value.strip()
    if not _ISO.fullmatch(text):
        return None
    leap = text[17:19] == "60"
    try:
        moment = datetime.fromisoformat(text[:17] + "59" + text[19:] if leap else text)
        if leap:
            moment += timedelta(seconds=1)
        zoned = moment.tzinfo is not None
        moment = moment.astimezone(UTC) if zoned else moment.replace(tzinfo=UTC)
        if not zoned and scale != "UTC":
            moment -= timedelta(seconds=_ahead_of_utc_s(scale, moment))
    except (ValueError, OverflowError):
        return None
    return moment


def _ahead_of_utc_s(scale: str, moment: datetime) -> float:
    """Seconds by which a time scale is ahead of UTC at `moment` (erfa's leap seconds)."""
    tai_s = float(erfa.dat(moment.year, moment.month, moment.day, 0.0))
    return tai_s - _TAI_MINUS_GPS_S if scale == "GPS" else tai_s + _TT_MINUS_TAI_S


def instant_from_tjd(day: object, second_of_day: object) -> datetime | None:
    """GCN's Truncated Julian Day and seconds of that day to aware UTC, or None."""
    tjd, sod_s = whole(day), number(second_of_day)
    if tjd is None or sod_s is None or not 0 < tjd < _MAX_TJD or not 0 <= sod_s <= _DAY_S:
        return None
    return _TJD_EPOCH_UTC + timedelta(days=tjd, seconds=sod_s)


def frame_scale(frame: str | None) -> str | None:
    """Time scale of a VOEvent coordinate system id, or None when the system is not a known one."""
    match = _FRAME.fullmatch(frame or "")
    return match.group(1) if match else None


def position(
    ra: object, dec: object, error: object, *, unit: str = "deg", to_deg: float = 1.0
) -> Position:
    """A position, or `NOWHERE` when the packet has none that can be trusted.

    FK5 J2000 is taken as ICRS: they differ by 25 mas, less than any error circle.

    Args:
        ra: Right ascension in `unit`.
        dec: Declination in `unit`.
        error: Radius of the error circle; -1, 0, "unknown", or a whole sky mean none.
        unit: Unit as written; anything but degrees gives `NOWHERE`.
        to_deg: Factor that takes `error` to degrees.
    """
    if unit.strip().lower() not in _DEGREES:
        return NOWHERE
    ra_deg, dec_deg, radius = number(ra), number(dec), number(error)
    error_deg = None if radius is None else radius * to_deg
    if error_deg is not None and not 0 < error_deg < _WHOLE_SKY_DEG:
        error_deg = None
    if ra_deg is None or dec_deg is None:
        return NOWHERE
    if not 0 <= ra_deg <= 360 or not -90 <= dec_deg <= 90:
        return NOWHERE
    if ra_deg == 0 and dec_deg == 0 and error_deg is None:
        return NOWHERE
    return Position(ra_deg % 360.0, dec_deg, error_deg)


def sha256_of(raw: bytes) -> str:
    """SHA-256 of raw bytes, hexadecimal: the identity of a packet's content."""
    return hashlib.sha256(raw).hexdigest()
