"""Point sources on pixels: Moffat profiles, stamped onto an image many at a time.

A Moffat profile with exponent 3 has wings like real seeing's (Trujillo et al. 2001, MNRAS 328, 977
give 2.5 to 4.8) and needs no transcendental function. Narrow profiles are sampled several times a
pixel.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Floats = NDArray[np.float64]

EXPONENT: Final = 3
_WIDTH = 2.0 * np.sqrt(2.0 ** (1.0 / EXPONENT) - 1.0)
"""FWHM in units of the profile's radius."""
_HALF_SIZES: Final = (3, 4, 6, 9, 13, 20, 40, 80, 160, 320)
"""Half-widths of stamps in pixels; a star gets the smallest that hides its edge."""
_SAMPLES: Final[tuple[tuple[float, tuple[float, ...]], ...]] = (
    (2.0, (0.0,)),
    (1.3, (-0.5 / 3.0**0.5, 0.5 / 3.0**0.5)),  # Gauss-Legendre
    (0.0, (-1.0 / 3.0, 0.0, 1.0 / 3.0)),
)
"""From which width (FWHM in pixels) a pixel is sampled at which places in each direction; measured
so that fluxes are right to 0.5 per cent and places to 0.01 px."""
_CHUNK = 1 << 19
"""Pixels stamped at once, so that the working set stays in the cache."""


def peak_share(fwhm_px: float) -> float:
    """Share of a star's flux that a pixel at its middle would have if profiles were flat in it."""
    return float((EXPONENT - 1) / (np.pi * (fwhm_px / _WIDTH) ** 2))


def add_stars(
    image: Image,
    x: Floats,
    y: Floats,
    flux: Floats,
    *,
    fwhm_px: float,
    hidden: float,
) -> None:
    """Add stars to an image in place.

    Args:
        image: Electrons, shape (height, width).
        x: Columns, numpy's pixels, shape (n,); stars beside the image still throw their wings in.
        y: Rows.
        flux: Electrons of each star.
        fwhm_px: Full width at half maximum of every star.
        hidden: Electrons per pixel that nobody sees: where a wing has sunk to them, the stamp ends.
    """
    half = _half_sizes(flux, fwhm_px, hidden)
    height, width = image.shape
    near = (x > -0.5 - half) & (x < width - 0.5 + half)
    near &= (y > -0.5 - half) & (y < height - 0.5 + half) & (flux > 0.0)
    for size in _HALF_SIZES:
        chosen = np.flatnonzero(near & (half == size))
        if not len(chosen):
            continue
        if size >= 40:
            for star in chosen:
                _add_one(image, x[star], y[star], flux[star], fwhm_px, size)
        else:
            _add_many(image, x[chosen], y[chosen], flux[chosen], fwhm_px, size)


def _half_sizes(flux: Floats, fwhm_px: float, hidden: float) -> NDArray[np.int64]:
    radius_px = fwhm_px / _WIDTH
    peak = np.maximum(flux, 0.0) * peak_share(fwhm_px) / max(hidden, 1e-3)
    reach = radius_px * np.sqrt(np.maximum(peak ** (1.0 / EXPONENT) - 1.0, 0.0))
    wanted = np.maximum(reach, 1.5 * fwhm_px)
    index = np.minimum(np.searchsorted(_HALF_SIZES, wanted), len(_HALF_SIZES) - 1)
    return np.asarray(np.take(np.asarray(_HALF_SIZES), index))


def _profile(dx: Floats, dy: Floats, fwhm_px: float) -> NDArray[np.float32]:
    """Share of the flux in pixels at offsets `dx` (n, kx) and `dy` (n, ky); shape (n, ky, kx)."""
    inverse2 = np.float32((_WIDTH / fwhm_px) ** 2)
    steps = next(places for width_px, places in _SAMPLES if fwhm_px >= width_px)
    total = np.zeros((dx.shape[0], dy.shape[1], dx.shape[1]), dtype=np.float32)
    for step_y in steps:
        squares_y = ((dy + step_y) ** 2).astype(np.float32)[:, :, None] * inverse2 + np.float32(1.0)
        for step_x in steps:
            squares_x = ((dx + step_x) ** 2).astype(np.float32)[:, None, :] * inverse2
            base = squares_y + squares_x
            total += np.float32(1.0) / (base * base * base)
    total *= np.float32(peak_share(fwhm_px) / len(steps) ** 2)
    return total


def _add_many(image: Image, x: Floats, y: Floats, flux: Floats, fwhm_px: float, half: int) -> None:
    """Stamp stars of one size onto a canvas with a margin, then add its inner part."""
    height, width = image.shape
    margin = 2 * half + 1
    canvas = np.zeros((height + 2 * margin, width + 2 * margin), dtype=np.float32)
    flat, stride = canvas.reshape(-1), canvas.shape[1]
    reach = np.arange(-half, half + 1)
    per_chunk = max(1, _CHUNK // len(reach) ** 2)
    for start in range(0, len(x), per_chunk):
        part = slice(start, start + per_chunk)
        column, row = np.rint(x[part]).astype(np.int64), np.rint(y[part]).astype(np.int64)
        dx = reach[None, :] - (x[part] - column)[:, None]
        dy = reach[None, :] - (y[part] - row)[:, None]
        values = _profile(dx, dy, fwhm_px) * flux[part].astype(np.float32)[:, None, None]
        corner = (row + margin) * stride + column + margin
        index = corner[:, None, None] + reach[None, :, None] * stride + reach[None, None, :]
        np.add.at(flat, index.reshape(-1), values.reshape(-1))
    image += canvas[margin : margin + height, margin : margin + width]


def _add_one(image: Image, x: float, y: float, flux: float, fwhm_px: float, half: int) -> None:
    """Stamp one bright star, cut to the image."""
    height, width = image.shape
    left, right = max(0, int(x) - half), min(width, int(x) + half + 1)
    low, high = max(0, int(y) - half), min(height, int(y) + half + 1)
    if left >= right or low >= high:
        return
    dx = np.arange(left, right, dtype=float)[None, :] - x
    dy = np.arange(low, high, dtype=float)[None, :] - y
    image[low:high, left:right] += _profile(dx, dy, fwhm_px)[0] * np.float32(flux)
