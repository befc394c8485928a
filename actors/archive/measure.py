"""How good a frame is, at a glance: background, number of stars, and their width.

A star is a local maximum of the frame smoothed over 3 x 3 pixels that stands 5 standard deviations
over the background and is wider than a hot pixel. Widths are second moments under a matching
Gaussian weight, iterated, which is right for a Gaussian and stable for seeing-limited stars with
wings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLD_SIGMA = 5.0
WIDTHS_FROM = 60
"""The brightest stars, saturated ones left out, from which the width is taken."""
STAMP = 10
"""Half the side of the square in which a star is measured, pixels."""
FWHM_PER_SIGMA = 2.0 * float(np.sqrt(2.0 * np.log(2.0)))
_SAMPLE = 40_000
_ITERATIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameQuality:
    """What a frame shows.

    Attributes:
        background_adu: Median count.
        noise_adu: Standard deviation of the background, from the median absolute deviation.
        stars: Stars found.
        fwhm_px: Median full width at half maximum, pixels; None with fewer than 3 good stars.
    """

    background_adu: float
    noise_adu: float
    stars: int
    fwhm_px: float | None


def background(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """(median, standard deviation) of the background in counts."""
    step = max(int(np.sqrt(pixels.size / _SAMPLE)), 1)
    sample = pixels[::step, ::step]
    median = float(np.median(sample))
    return median, max(1.4826 * float(np.median(np.abs(sample - median))), 1e-6)


def measure(pixels: NDArray[np.float32], *, saturation_adu: float | None) -> FrameQuality:
    """Measure a frame of shape (height, width) in counts."""
    median, noise = background(pixels)
    smooth = ndimage.uniform_filter(pixels, 3) - np.float32(median)
    rows, columns = _peaks(smooth, THRESHOLD_SIGMA * noise / 3.0)
    rows, columns = _without_hot(pixels - np.float32(median), smooth, rows, columns)
    return FrameQuality(
        background_adu=median,
        noise_adu=noise,
        stars=len(rows),
        fwhm_px=_fwhm_px(pixels, median, rows, columns, saturation_adu),
    )


def _peaks(smooth: NDArray[np.float32], limit: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Local maxima above a limit, brightest first, the frame's edge left out."""
    rows, columns = np.nonzero(smooth[1:-1, 1:-1] > limit)
    rows, columns = rows + 1, columns + 1
    values = smooth[rows, columns]
    highest = np.ones(len(rows), dtype=bool)
    for up, right in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
        beside = smooth[rows + up, columns + right]
        highest &= (values >= beside) if (up, right) > (0, 0) else (values > beside)
    rows, columns, values = rows[highest], columns[highest], values[highest]
    order = np.argsort(-values, kind="stable")
    return rows[order], columns[order]


def _without_hot(
    excess: NDArray[np.float32],
    smooth: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Drop peaks of which one pixel holds nearly all the light of its 3 x 3 surroundings."""
    brightest = np.full(len(rows), -np.inf, dtype=np.float32)
    for up in (-1, 0, 1):
        for right in (-1, 0, 1):
            brightest = np.maximum(brightest, excess[rows + up, columns + right])
    wide = brightest < 0.8 * 9.0 * smooth[rows, columns]
    return rows[wide], columns[wide]


def _fwhm_px(
    pixels: NDArray[np.float32],
    median: float,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    saturation_adu: float | None,
) -> float | None:
    height, width = pixels.shape
    inside = (
        (rows >= STAMP) & (rows < height - STAMP) & (columns >= STAMP) & (columns < width - STAMP)
    )
    if saturation_adu is not None:
        inside &= pixels[rows, columns] < 0.9 * saturation_adu
    rows, columns = rows[inside][:WIDTHS_FROM], columns[inside][:WIDTHS_FROM]
    if len(rows) < 3:
        return None
    steps = np.arange(-STAMP, STAMP + 1)
    stamps = pixels[
        rows[:, None, None] + steps[None, :, None], columns[:, None, None] + steps[None, None, :]
    ].astype(np.float64)
    sigma = _gaussian_sigma(stamps - median, steps.astype(np.float64))
    sigma = sigma[np.isfinite(sigma)]
    return float(np.median(sigma)) * FWHM_PER_SIGMA if len(sigma) >= 3 else None


def _gaussian_sigma(stamps: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of each star in pixels, shape (n,); NaN where there is no solution.

    The moment under a Gaussian weight of width s of a Gaussian of width g is g²s²/(g²+s²), from
    which g follows; the weight's width and centre are then set to what was found.
    """
    count = len(stamps)
    s2, x0, y0 = np.full(count, 4.0), np.zeros(count), np.zeros(count)
    found = np.full(count, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(_ITERATIONS):
            dx = steps[None, None, :] - x0[:, None, None]
            dy = steps[None, :, None] - y0[:, None, None]
            weighted = stamps * np.exp(-0.5 * (dx**2 + dy**2) / s2[:, None, None])
            total = weighted.sum(axis=(1, 2))
            x0 = x0 + 2.0 * (weighted * dx).sum(axis=(1, 2)) / total
            y0 = y0 + 2.0 * (weighted * dy).sum(axis=(1, 2)) / total
            x0, y0 = (np.clip(np.nan_to_num(v), -STAMP, STAMP) for v in (x0, y0))
            moment = (weighted * (dx**2 + dy**2)).sum(axis=(1, 2)) / (2.0 * total)
            found = 1.0 / (1.0 / moment - 1.0 / s2)
            s2 = np.clip(np.nan_to_num(found, nan=4.0), 0.25, float(STAMP**2))
        good = (found > 0.09) & (found < (STAMP / 2.0) ** 2)
        return np.where(good, np.sqrt(found - 1.0 / 12.0), np.nan)
