"""The spool: where a simulated camera leaves its frames, complete or not there at all.

A frame is drawn, written as `.tmp` and renamed, off the event loop; its sum goes with it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from protocols.fits_card import card_image
from protocols.fits_header import HeaderCard
from pyros.clock import datetime_from_unix
from simulators.sky_scene.scene import render

if TYPE_CHECKING:
    from pathlib import Path

    from simulators.sky_scene.detector import Detector
    from simulators.sky_scene.scene import Optics, Scene, SceneResult

_BLOCK_BYTES = 2880
_ZERO = 32768
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledFrame:
    """A frame that lies in the spool."""

    path: Path
    sha256: str
    bytes: int


def spool_frame(
    directory: Path, name: str, scene: Scene, optics: Optics, detector: Detector, camera: str
) -> SpooledFrame:
    """Draw an exposure and leave it in the spool as FITS.

    Args:
        directory: The spool, made when missing.
        name: File name without suffix; unsafe characters are replaced.
        scene: What the light was.
        optics: What it passed.
        detector: What it fell on.
        camera: `{unit}/{device}`, for the header.

    Raises:
        OSError: When the spool cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    raw = fits_bytes(scene, render(scene, optics, detector), detector, camera)
    path = directory / f"{_UNSAFE.sub('_', name)}.fits"
    unfinished = path.with_suffix(".fits.tmp")
    unfinished.write_bytes(raw)
    unfinished.replace(path)
    return SpooledFrame(path=path, sha256=hashlib.sha256(raw).hexdigest(), bytes=len(raw))


def fits_bytes(scene: Scene, result: SceneResult, detector: Detector, camera: str) -> bytes:
    """The frame as a FITS file, with the cards that the camera itself knows.

    Written here: astropy takes 20 ms for it, and a simulated night has five hundred frames.
    """
    settings = detector.settings
    unit, device = camera.split("/", 1)
    cards: dict[str, tuple[float | int | str | bool, str]] = {
        "DATE-OBS": (_iso(scene.start_unix_s), "UTC at the start of the exposure"),
        "MJD-OBS": (scene.start_unix_s / 86400.0 + 40587.0, "[d] DATE-OBS as modified Julian date"),
        "TIMESYS": ("UTC", "scale of DATE-OBS"),
        "EXPTIME": (scene.exposure_s, "[s] exposure time"),
        "IMAGETYP": (scene.kind, "light, dark, bias or flat"),
        "FILTER": (scene.passband.name, "filter in the beam"),
        "TELESCOP": (unit, "telescope id"),
        "INSTRUME": (device, "camera id"),
        "EXPID": (scene.exposure_id.split("/", 2)[-1], "exposure id"),
        "XBINNING": (detector.binning, "pixels joined in x"),
        "YBINNING": (detector.binning, "pixels joined in y"),
        "GAIN": (settings.gain_e_adu, "[electron/adu]"),
        "RDNOISE": (settings.read_noise_e, "[electron] rms"),
        "SATURATE": (
            min(65535, round(settings.bias_adu + settings.full_well_e / settings.gain_e_adu)),
            "[adu] above which pixels are full",
        ),
        "CCD-TEMP": (scene.sensor_temperature_deg_C, "[deg_C] temperature of the detector"),
        "PIXSCALE": (result.plane.scale_arcsec, "[arcsec/px]"),
        "BUNIT": ("adu", "unit of the pixels"),
        "SIMULATE": (True, "drawn by a simulated camera"),
    }
    if scene.shutter_open:
        cards |= result.plane.cards()
    rows, columns = result.counts.shape
    start = [
        HeaderCard("SIMPLE", True, "FITS standard"),  # noqa: FBT003 - the card's value
        HeaderCard("BITPIX", 16, "two bytes per pixel"),
        HeaderCard("NAXIS", 2, "an image"),
        HeaderCard("NAXIS1", columns, "columns"),
        HeaderCard("NAXIS2", rows, "rows"),
        HeaderCard("BSCALE", 1, "adu per stored unit"),
        HeaderCard("BZERO", _ZERO, "stored as signed: adu less this"),
    ]
    start += [HeaderCard(keyword, *card) for keyword, card in cards.items()]
    header = "".join(card_image(card) for card in start) + f"{'END':<80}"
    # Less 32768 is the highest bit turned over: the standard's way to store unsigned counts.
    data = (result.counts ^ np.uint16(_ZERO)).astype(">u2").tobytes()
    return _padded(header.encode("ascii"), b" ") + _padded(data, b"\0")


def _padded(part: bytes, filler: bytes) -> bytes:
    """Whole blocks, as the standard has it."""
    return part + filler * (-len(part) % _BLOCK_BYTES)


def _iso(unix_s: float) -> str:
    return datetime_from_unix(unix_s).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
