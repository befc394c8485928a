"""Card images: 80 columns of keyword, value and comment (FITS standard 4.0, section 4.2).

Written here because a header of a hundred cards costs astropy ten milliseconds, and a simulated
night has five hundred frames; astropy verifies every card in the tests.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.fits_header import HeaderCard

COLUMNS = 80
_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
_STRING_ROOM = 67
"""Characters of a long string per card: 80 less `CONTINUE  '...&'`."""


def card_image(card: HeaderCard) -> str:
    """The card in one or more lines of 80 columns; a comment that does not fit is cut.

    Raises:
        ValueError: When the keyword or the value has no place in a header.
    """
    if _KEYWORD.fullmatch(card.keyword) is None:
        raise ValueError(f"keyword {card.keyword!r}: give 1 to 8 of A-Z, 0-9, - and _")
    if not (card.comment.isascii() and card.comment.isprintable()):
        raise ValueError(f"{card.keyword}: comment {card.comment!r} is not printable ASCII")
    start = f"{card.keyword:<8}= "
    if isinstance(card.value, str):
        return _string_card(start, card)
    return _line(f"{start}{_number(card):>20}", card.comment)


def _line(start: str, comment: str) -> str:
    text = f"{start} / {comment}" if comment and len(start) < COLUMNS - 3 else start
    return f"{text[:COLUMNS]:<{COLUMNS}}"


def _number(card: HeaderCard) -> str:
    value = card.value
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, int):
        return str(value)
    if not (isinstance(value, float) and math.isfinite(value)):
        raise ValueError(f"{card.keyword}: {value!r} is no finite number, text or truth value")
    text, digits = repr(value), 16
    while len(text) > 20:
        text, digits = f"{value:.{digits}G}", digits - 1
    mantissa, mark, exponent = text.upper().partition("E")
    return (mantissa if "." in mantissa else f"{mantissa}.0") + mark + exponent


def _string_card(start: str, card: HeaderCard) -> str:
    text = str(card.value)
    if not (text.isascii() and (text.isprintable() or not text)):
        raise ValueError(f"{card.keyword}: {text!r} is not printable ASCII")
    quoted = text.replace("'", "''")
    if len(quoted) <= _STRING_ROOM + 1:
        literal = f"'{quoted:<8}'"
        return _line(f"{start}{literal:<20}", card.comment)
    parts = _parts(text)
    lines = [f"{start}'{parts[0]}&'"]
    lines += [f"CONTINUE  '{part}&'" for part in parts[1:]]
    return "".join(_line(line, "") for line in lines) + _line("CONTINUE  ''", card.comment)


def _parts(text: str) -> list[str]:
    """A long string in pieces, quotes doubled, no doubled quote cut in two."""
    parts = [""]
    for letter in text:
        written = "''" if letter == "'" else letter
        if len(parts[-1]) + len(written) > _STRING_ROOM:
            parts.append("")
        parts[-1] += written
    return parts
