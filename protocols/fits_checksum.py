"""The FITS checksum: the 32-bit ones' complement sum of a unit, and its sixteen letters.

FITS standard 4.0, section 4.4.2.7 and appendix J. Written here because the sum over a frame then
costs one pass of numpy, and because the card's comment must not hold the computer's date.
"""

from __future__ import annotations

import numpy as np

_PUNCTUATION = frozenset(range(0x3A, 0x41)) | frozenset(range(0x5B, 0x61))
"""Characters between digits and capitals, and between capitals and small letters: never used."""

BLANK = "0" * 16
"""What the CHECKSUM card holds while the sum is taken."""


def ones_complement_sum(data: bytes | memoryview, start: int = 0) -> int:
    """Sum of big-endian 32-bit words with the carries added back, continued from `start`.

    Args:
        data: Whole 2880-byte blocks (any multiple of four bytes).
        start: The sum of what came before.
    """
    total = start + int(np.frombuffer(data, dtype=">u4").sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def checksum_text(total: int) -> str:
    """The sixteen letters that make the sum of the whole unit all ones.

    Args:
        total: Sum of header and data while CHECKSUM is `BLANK`.
    """
    complement = 0xFFFFFFFF - total
    letters = [0] * 16
    for position in range(4):
        quotient, remainder = divmod((complement >> (24 - 8 * position)) & 0xFF, 4)
        four = [quotient + 0x30] * 4
        four[0] += remainder
        while any(code in _PUNCTUATION for code in four):
            for pair in (0, 2):
                if four[pair] in _PUNCTUATION or four[pair + 1] in _PUNCTUATION:
                    four[pair] += 1
                    four[pair + 1] -= 1
        for row in range(4):
            letters[4 * row + position] = four[row]
    text = "".join(map(chr, letters))
    return text[-1] + text[:-1]
