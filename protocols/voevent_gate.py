"""The hardened door for XML: bytes of unknown origin to an element tree, or a `NoticeError`.

Everything that XML can do beyond text and elements is refused here, before any other parser sees
the
bytes: document type definitions (entities can hide a coordinate, read a file or fill the memory,
and a byte search misses them in UTF-16), processing instructions, foreign encodings, depth, size.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from pyros.domain.alert.notice import NoticeError

MAX_VOEVENT_BYTES = 99_999
"""Largest VOEvent read: ten times the largest of a million real ones, and Comet's own limit."""

MAX_ELEMENTS = 8_000
"""Most elements in a VOEvent; the longest real packets have about 150."""

_ENCODINGS = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1"})

if etree.LXML_VERSION < (5, 0):
    raise ImportError(
        f"lxml {etree.LXML_VERSION} returns the contents of local files from a hostile alert; "
        "install lxml 5 or later"
    )


def read_xml(raw: bytes) -> Any:
    """Parse a packet's bytes to its root element.

    Args:
        raw: The packet as received.

    Returns:
        The `lxml` root element, free of comments and processing instructions.

    Raises:
        NoticeError: When the bytes are empty, too long, not well-formed, carry a DTD, use a foreign
            encoding, or nest or repeat elements beyond reason.
    """
    if not raw.strip():
        raise NoticeError("packet is empty; an alert is XML or JSON")
    if len(raw) > MAX_VOEVENT_BYTES:
        raise NoticeError(
            f"VOEvent of {len(raw)} bytes; at most {MAX_VOEVENT_BYTES} are read, "
            "raise MAX_VOEVENT_BYTES if a mission really sends more"
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        remove_blank_text=False,
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NoticeError(f"not well-formed XML: {_first_line(error)}") from error
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.externalDTD is not None:
        raise NoticeError("XML has a DOCTYPE; alerts have none, so the packet is hostile or broken")
    encoding = (info.encoding or "utf-8").lower()
    if encoding not in _ENCODINGS:
        raise NoticeError(f"XML encoding {encoding!r}; alerts are UTF-8")
    if sum(1 for _ in zip(root.iter(), range(MAX_ELEMENTS + 1), strict=False)) > MAX_ELEMENTS:
        raise NoticeError(f"more than {MAX_ELEMENTS} elements; no alert has so many")
    return root


def local_name(element: Any) -> str:
    """An element's name without its namespace; empty for what is no element."""
    tag = element.tag
    if not isinstance(tag, str):
        return ""
    return tag.rpartition("}")[2] if tag[:1] == "{" else tag


def _first_line(error: Exception) -> str:
    """The first line of an error, bounded: hostile packets choose its text."""
    lines = str(error).splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
