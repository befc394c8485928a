"""Tests of frames on disk: pixels, sums, errors."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from protocols.fits import FrameError, complete_frame, decode_frame, read_checked, sha256_of
from protocols.fits_card import card_image
from protocols.fits_checksum import checksum_text, ones_complement_sum
from protocols.fits_header import HeaderCard

if TYPE_CHECKING:
    from pathlib import Path

CARDS = (
    HeaderCard("OBJECT", "NGC 7469", "target"),
    HeaderCard("GAIN", 9.9, "[electron/adu]"),
    HeaderCard("EXPTIME", 90.0, "[s] shutter open"),
    HeaderCard("CTYPE1", "RA---TAN", "gnomonic projection"),
)


def _spooled(pixels: np.ndarray, **cards: Any) -> bytes:
    file = io.BytesIO()
    fits.PrimaryHDU(pixels, fits.Header(cards)).writeto(file)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["uint16", "int16", "int32", "float32", "uint8"])
@pytest.mark.parametrize("shape", [(48, 64), (3, 5), (1, 1)])
def test_frame_keeps_every_pixel(tmp_path: Path, kind: str, shape: tuple[int, int]):
    """Completing a frame changes its header and not one bit of its pixels, whatever their type."""
    pixels = np.random.default_rng(1).integers(0, 250, shape).astype(kind)
    if kind == "uint16":
        pixels[0, 0] = 65535
    frame = decode_frame(_spooled(pixels), "x.fits")
    assert np.array_equal(frame.pixels, pixels.astype(np.float32))
    assert frame.shape == shape
    done = complete_frame(frame, CARDS, tmp_path / "a.fits", durable=False)
    with fits.open(tmp_path / "a.fits", checksum=True) as hdus:
        hdus.verify("exception")
        assert hdus[0].data.dtype.newbyteorder("=") == np.dtype(kind)
        assert np.array_equal(hdus[0].data, pixels)
    assert done.bytes == (tmp_path / "a.fits").stat().st_size
    assert done.bytes % 2880 == 0
    assert done.sha256 == sha256_of(tmp_path / "a.fits")


def test_sums_are_those_of_astropy(tmp_path: Path):
    """CHECKSUM and DATASUM agree with astropy, which warns when a bit is wrong."""
    pixels = np.random.default_rng(2).integers(0, 60_000, (100, 101)).astype(np.uint16)
    path = tmp_path / "a.fits"
    complete_frame(decode_frame(_spooled(pixels), "x"), CARDS, path, durable=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(path, checksum=True) as hdus:
            assert hdus[0].verify_checksum() == 1
            assert hdus[0].verify_datasum() == 1
    raw = bytearray(path.read_bytes())
    raw[5000] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.warns(fits.verify.AstropyUserWarning), fits.open(path, checksum=True) as hdus:
        assert hdus[0].verify_checksum() == 0


@given(st.binary(max_size=40).map(lambda raw: raw + bytes(-len(raw) % 4)))
@settings(deadline=None, max_examples=50)
def test_checksum_makes_the_sum_all_ones(data: bytes):
    """With its letters in place of zeros a unit sums to minus zero (standard, appendix J)."""
    before = ones_complement_sum(b"0" * 16 + data)
    text = checksum_text(before)
    assert text.isalnum()
    # The rotation by one letter belongs to the card's column; undo it for an aligned field.
    aligned = (text[1:] + text[0]).encode()
    assert ones_complement_sum(aligned + data) == 0xFFFFFFFF


def test_frame_is_the_same_file_each_time(tmp_path: Path):
    """No date of the computer, no random bit: doing it again gives the same bytes."""
    raw = _spooled(np.arange(64, dtype=np.uint16).reshape(8, 8))
    sums = [
        complete_frame(decode_frame(raw, "x"), CARDS, tmp_path / name, durable=False).sha256
        for name in ("a.fits", "b.fits")
    ]
    assert sums[0] == sums[1]


def test_camera_knows_its_own_best(tmp_path: Path):
    """Gain and world coordinates of the camera stay; other cards of it stay beside ours."""
    raw = _spooled(
        np.zeros((8, 8), np.uint16),
        GAIN=1.5,
        CTYPE1="RA---SIN",
        EXPTIME=89.0,
        SERIALNO="7F",
        OBJECT="?",
    )
    complete_frame(decode_frame(raw, "x"), CARDS, tmp_path / "a.fits", durable=False)
    header = fits.getheader(tmp_path / "a.fits")
    assert (header["GAIN"], header["CTYPE1"], header["SERIALNO"]) == (1.5, "RA---SIN", "7F")
    assert (header["EXPTIME"], header["OBJECT"]) == (90.0, "NGC 7469")


def test_changed_file_is_refused(tmp_path: Path):
    """A file whose sum is not the announced one is named, with both sums."""
    path = tmp_path / "s.fits"
    path.write_bytes(b"abc")
    assert read_checked(path, sha256=hashlib.sha256(b"abc").hexdigest()) == b"abc"
    with pytest.raises(FrameError, match=r"s\.fits: SHA-256 is ba7816bf8f01\.\., announced was 00"):
        read_checked(path, sha256="0" * 64)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SIMPLE",
        b"\x00" * 5760,
        _spooled(np.zeros((2, 3, 4), np.uint16)),
        _spooled(np.zeros((64, 64), np.uint16))[:2880],
        _spooled(np.zeros((64, 64), np.uint16))[:-2880],
    ],
    ids=["empty", "short", "zeros", "cube", "header-only", "cut"],
)
def test_what_is_no_frame_is_refused(raw: bytes):
    """Empty, cut, cubic and foreign files are refused by name in one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(FrameError, match=r"spool/x\.fits") as it:
            decode_frame(raw, "spool/x.fits")
    assert "\n" not in str(it.value)


@given(cut=st.integers(0, 20160), flip=st.integers(0, 20159))
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damaged_file_raises_nothing_else(cut: int, flip: int):
    """However a file is damaged, it decodes or is a `FrameError`: the archive must not crash."""
    raw = bytearray(_spooled(np.arange(8192, dtype=np.uint16).reshape(64, 128)))
    raw[flip % len(raw)] ^= 0x5A
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            frame = decode_frame(bytes(raw[: cut or None]), "x")
        except FrameError:
            return
        assert frame.stored.ndim == 2


def test_header_that_breaks_the_standard_is_refused(tmp_path: Path):
    """A card that astropy would not write is an error that names the file."""
    frame = decode_frame(_spooled(np.zeros((8, 8), np.uint16)), "x")
    bad = (HeaderCard("WINDSPD", float("nan"), "[m/s] wind"),)
    with pytest.raises(FrameError, match=r"a\.fits: header"):
        complete_frame(frame, bad, tmp_path / "a.fits", durable=False)


@given(
    st.one_of(
        st.booleans(),
        st.integers(-(10**18), 10**18),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300),
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
)
@settings(deadline=None, max_examples=300)
def test_card_is_read_back_by_astropy(value: Any, comment: str):
    """Any value makes whole lines that astropy verifies and reads as it was, to twelve digits."""
    # astropy 8.0 ends a string at a quote before a slash, in its own cards too (FITS 4.0 §4.2.1).
    assume(not (isinstance(value, str) and re.search(r"' */", value)))
    image = card_image(HeaderCard("ANYKEY", value, comment))
    assert len(image) % 80 == 0
    header = fits.Header.fromstring(image)
    header.cards[0].verify("exception")
    read = header["ANYKEY"]
    if isinstance(value, str):
        assert read == value.rstrip()
    elif isinstance(value, float):
        assert read == pytest.approx(value, rel=1e-12, abs=0.0)
    else:
        assert read == value
        assert type(read) is type(value)


@pytest.mark.parametrize(
    "card",
    [
        HeaderCard("TOOLONGKEY", 1, "x"),
        HeaderCard("lower", 1, "x"),
        HeaderCard("WIND", float("inf"), "x"),
        HeaderCard("OBJECT", "κ Cyg", "x"),
        HeaderCard("OBJECT", "a\nb", "x"),
        HeaderCard("OBJECT", "a", "µm"),
    ],
)
def test_card_that_has_no_place_in_a_header_is_refused(card: HeaderCard):
    """Keywords, values and comments outside the standard are named."""
    with pytest.raises(ValueError, match=card.keyword):
        card_image(card)
