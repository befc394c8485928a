"""Packets of fetched sky maps: the notice that named the map, and the map, in one piece of bytes.

They are packets like any other (stored raw, judged, kept in the book of events), so that a map
survives a restart and leads to a decision by the rules that all notices have. The first line is a
JSON header; after it come the notice's own bytes and the FITS file's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from protocols import notice_values as values
from pyros.domain.alert.notice import Notice, NoticeError, SkyMap

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.voevent import Arrival

MAX_MAP_PACKET_BYTES = 32 * 1024 * 1024
"""Largest packet read; what is fetched is limited before."""
_MAGIC = b'{"schema":"pyros:sky-map:1",'
_LONGEST_HEADER = 4096
ID_SUFFIX = "#sky-map"
"""Ends the id of a map's notice; before it is the id of the notice that named the map."""


class _Header(
    msgspec.Struct, tag="pyros:sky-map:1", tag_field="schema", forbid_unknown_fields=True
):
    """The first line."""

    url: str
    notice_bytes: int


def is_map_packet(raw: bytes) -> bool:
    """Whether bytes are a fetched map's packet."""
    return raw.startswith(_MAGIC)


def write_map_packet(notice_raw: bytes, fits: bytes, url: str) -> bytes:
    """The packet of a fetched map.

    Args:
        notice_raw: The packet that named it, as it was received.
        fits: The file as it was fetched, compressed or not.
        url: Where from.
    """
    header = msgspec.json.encode(_Header(url=url, notice_bytes=len(notice_raw)))
    return header + b"\n" + notice_raw + fits


def notice_from_map(arrival: Arrival, parse: Callable[[bytes], Notice]) -> Notice:
    """What a map's packet says: all that its notice says but the position, and the map.

    Args:
        arrival: The packet.
        parse: Reads the notice's own bytes.

    Raises:
        NoticeError: When the header or the notice cannot be read.
    """
    notice_raw, fits = _parts(arrival.raw)
    if is_map_packet(notice_raw):
        raise NoticeError("the packet of a sky map names another one; a notice is needed")
    notice = parse(notice_raw)
    return replace(
        notice,
        notice_id=f"{notice.notice_id}{ID_SUFFIX}",
        ivorn=None if notice.ivorn is None else f"{notice.ivorn}{ID_SUFFIX}",
        packet_name=f"{notice.packet_name} (sky map)",
        ra_deg=None,
        dec_deg=None,
        error_deg=None,
        containment=None,
        sky_map=SkyMap(inline_bytes=len(fits)),
        content_sha256=values.sha256_of(arrival.raw),
    )


def map_fits(raw: bytes) -> bytes:
    """The FITS file in a map's packet, as it was fetched.

    Raises:
        NoticeError: When the header cannot be read.
    """
    return _parts(raw)[1]


def _parts(raw: bytes) -> tuple[bytes, bytes]:
    if len(raw) > MAX_MAP_PACKET_BYTES:
        raise NoticeError(f"sky map packet of {len(raw)} bytes; at most {MAX_MAP_PACKET_BYTES}")
    end = raw.find(b"\n", 0, _LONGEST_HEADER)
    try:
        header = msgspec.json.decode(raw[: max(end, 0)], type=_Header)
    except msgspec.MsgspecError as error:
        raise NoticeError(f"sky map packet without a header: {error}") from error
    start = end + 1 + header.notice_bytes
    if header.notice_bytes <= 0 or start >= len(raw):
        raise NoticeError(
            f"sky map packet says {header.notice_bytes} bytes of notice and has {len(raw)} in all"
        )
    return raw[end + 1 : start], raw[start:]
