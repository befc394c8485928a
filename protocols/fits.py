"""FITS files: complete a spooled frame with its header, and read pixels back.

The door to `astropy.io.fits`. Everything here blocks and runs in an executor. Pixels are passed on
bit for bit: integer frames keep their BZERO, nothing is rescaled.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from protocols.fits_card import card_image
from protocols.fits_checksum import BLANK, checksum_text, ones_complement_sum
from protocols.fits_header import HeaderCard
from pyros.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_READ_BYTES = 1 << 20
_BLOCK_BYTES = 2880

_DAMAGED = (OSError, ValueError, TypeError, LookupError, AttributeError, fits.VerifyError)
"""What astropy raises on files that are cut or have wrong bits (`_CorruptedHDU` has no data)."""

PRODUCERS_OWN = frozenset(
    {
        "WCSAXES", "CTYPE1", "CTYPE2", "CUNIT1", "CUNIT2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2",
        "CD1_1", "CD1_2", "CD2_1", "CD2_2", "GAIN", "RDNOISE", "SATURATE", "BUNIT", "DETECTOR",
        "XBINNING", "YBINNING", "XPIXSZ", "YPIXSZ", "PIXSCALE",
    }
)  # fmt: skip
"""Keywords that the camera knows better than its settings: kept when the spooled frame has them."""


class FrameError(PermanentError):
    """A file is no frame that can be completed; the text names the file and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledFrame:
    """A frame as its camera wrote it.

    Attributes:
        stored: Pixels as in the file (big-endian, before BZERO), shape (height, width).
        header: Its header.
    """

    stored: NDArray[Any]
    header: fits.Header

    @property
    def pixels(self) -> NDArray[np.float32]:
        """Counts in adu, shape (height, width), first row at the bottom of the sky."""
        zero = float(self.header.get("BZERO", 0.0))
        scale = float(self.header.get("BSCALE", 1.0))
        values = self.stored.astype(np.float32)
        if scale != 1.0:
            values *= np.float32(scale)
        if zero:
            values += np.float32(zero)
        return values

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.stored.shape
        return height, width


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedFrame:
    """A complete file: its size in bytes and its SHA-256."""

    bytes: int
    sha256: str


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises:
        OSError: When it cannot be read.
    """
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            total.update(block)
    return total.hexdigest()


def read_checked(path: Path, *, sha256: str) -> bytes:
    """The bytes of a file whose sum is known.

    Raises:
        FrameError: When the sum differs: the file changed or was cut.
        OSError: When it cannot be read.
    """
    raw = path.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise FrameError(
            f"{path}: SHA-256 is {found[:12]}.., announced was {sha256[:12]}..: the file was "
            "changed or cut after it was announced; look at the spool's disk"
        )
    return raw


def decode_frame(raw: bytes, where: str) -> SpooledFrame:
    """A two-dimensional frame, not a bit of its pixels changed.

    Args:
        raw: The whole file.
        where: Its path, for errors.

    Raises:
        FrameError: When it is no FITS file, or has no image of two dimensions.
    """
    try:
        with fits.open(
            io.BytesIO(raw), memmap=False, do_not_scale_image_data=True, lazy_load_hdus=False
        ) as hdus:
            stored, header = hdus[0].data, hdus[0].header
    except _DAMAGED as error:
        raise FrameError(
            f"{where}: no FITS frame: {error}; the camera must write it again"
        ) from error
    if stored is None or stored.ndim != 2:
        shape = None if stored is None else stored.shape
        raise FrameError(f"{where}: image of shape {shape}; a frame has two dimensions")
    return SpooledFrame(stored=stored, header=header)


def complete_frame(
    frame: SpooledFrame, cards: Sequence[HeaderCard], target: Path, *, durable: bool
) -> CompletedFrame:
    """Write a frame with its complete header, sums included.

    Cards of the camera that are not ours are kept; of ours, those in `PRODUCERS_OWN` give way.

    Args:
        frame: As read from the spool.
        cards: From `protocols.fits_header`.
        target: Where to write; overwritten. Rename it when this returned.
        durable: Whether to wait until it is on the disk.

    Raises:
        FrameError: When the header breaks the standard.
        OSError: When it cannot be written.
    """
    data = np.ascontiguousarray(frame.stored).reshape(-1).view(np.uint8).data
    padding = bytes(-data.nbytes % _BLOCK_BYTES)
    try:
        datasum = ones_complement_sum(_in_words(data, padding))
        text = _header_bytes(frame.header, cards, datasum)
    except (fits.VerifyError, ValueError) as error:
        raise FrameError(f"{target}: header: {error}") from error
    total = hashlib.sha256()
    with target.open("wb") as file:
        for part in (text, data, padding):
            file.write(part)
            total.update(part)
        file.flush()
        if durable:
            os.fsync(file.fileno())
        size = file.tell()
    return CompletedFrame(bytes=size, sha256=total.hexdigest())


def _in_words(data: memoryview, padding: bytes) -> bytes | memoryview:
    return data if len(data) % 4 == 0 else bytes(data) + padding


def _kept_images(camera: fits.Header, cards: Sequence[HeaderCard]) -> list[str]:
    """Cards of the camera, as it wrote them, beside ours."""
    ours = {card.keyword for card in cards} - PRODUCERS_OWN | {"CHECKSUM", "DATASUM"}
    images = (card.image for card in camera.cards if card.keyword not in ours)
    return [image for image in images if image.isascii() and image.isprintable()]


def _header_bytes(camera: fits.Header, cards: Sequence[HeaderCard], datasum: int) -> bytes:
    """The header's blocks, both sums in place."""
    images = _kept_images(camera, cards)
    images += [
        card_image(card)
        for card in cards
        if card.keyword not in PRODUCERS_OWN or card.keyword not in camera
    ]
    images.append(card_image(HeaderCard("DATASUM", str(datasum), "ones' complement of the data")))
    rest = "".join(images)

    def blocks(checksum: str) -> bytes:
        last = card_image(HeaderCard("CHECKSUM", checksum, "ones' complement of this unit"))
        text = f"{rest}{last}{'END':<80}"
        return (text + " " * (-len(text) % _BLOCK_BYTES)).encode("ascii")

    return blocks(checksum_text(ones_complement_sum(blocks(BLANK), datasum)))
