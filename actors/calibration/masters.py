"""Builds master frames: the median of darks or of normalised flats, written as FITS with history.

Called in an executor, never on the loop. A flat is first freed of the dark current of its own
exposure time, then scaled to a median of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from pyros.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


class MasterError(PermanentError):
    """Frames cannot be combined; the text names the frame and what differs."""


def combine_darks(paths: Sequence[Path], target: Path) -> Path:
    """The pixel-wise median of darks, in ADU, as float32.

    Raises:
        MasterError: When there are no frames, or their shapes or exposure times differ.
    """
    stack, header = _stack(paths, same=("EXPTIME", "INSTRUME"))
    return _write(np.median(stack, axis=0), header, paths, target, "MASTER DARK", "adu")


def combine_flats(paths: Sequence[Path], master_dark: Path | None, target: Path) -> Path:
    """The pixel-wise median of flats, dark-subtracted and each scaled to a median of 1.

    Raises:
        MasterError: When there are no frames, shapes or filters differ, or a frame has no light.
    """
    stack, header = _stack(paths, same=("FILTER", "INSTRUME"))
    if master_dark is not None:
        stack = stack - np.asarray(fits.getdata(master_dark), dtype=np.float32)
    medians = np.median(stack, axis=(1, 2))
    for path, median in zip(paths, medians, strict=True):
        if not median > 0:
            raise MasterError(
                f"{path.name}: median {median:.1f} adu after dark subtraction; the lamp was off?"
            )
    scaled = stack / medians[:, None, None]
    return _write(np.median(scaled, axis=0), header, paths, target, "MASTER FLAT", "")


def _stack(
    paths: Sequence[Path], *, same: tuple[str, ...]
) -> tuple[NDArray[np.float32], fits.Header]:
    if not paths:
        raise MasterError("no frames to combine")
    layers: list[NDArray[np.float32]] = []
    first: fits.Header | None = None
    for path in paths:
        with fits.open(path, memmap=False) as hdus:
            header, data = hdus[0].header, np.asarray(hdus[0].data, dtype=np.float32)
        if first is None:
            first = header
        for key in same:
            if header.get(key) != first.get(key):
                raise MasterError(
                    f"{path.name}: {key} = {header.get(key)!r} differs from {first.get(key)!r}"
                )
        if layers and data.shape != layers[0].shape:
            raise MasterError(f"{path.name}: shape {data.shape} differs from {layers[0].shape}")
        layers.append(data)
    assert first is not None  # noqa: S101  (paths is not empty)
    return np.stack(layers), first


def _write(
    data: NDArray[np.floating],
    source: fits.Header,
    paths: Sequence[Path],
    target: Path,
    image_type: str,
    unit: str,
) -> Path:
    header = fits.Header()
    header["IMAGETYP"] = (image_type, "kind of frame")
    header["BUNIT"] = (unit, "unit of the pixels")
    for key in ("TELESCOP", "INSTRUME", "FILTER", "EXPTIME", "DATE-OBS", "TIMESYS", "CCD-TEMP"):
        if key in source:
            header[key] = (source[key], source.comments[key])
    header["NCOMBINE"] = (len(paths), "frames combined by median")
    for path in paths:
        header.add_history(f"from {path.name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(target.suffix + ".tmp")
    fits.PrimaryHDU(data.astype(np.float32), header).writeto(partial, overwrite=True, checksum=True)
    partial.replace(target)
    return target
