"""A small grey picture of a frame, stretched so that faint stars show on a dark sky."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BLACK_SIGMA = 3.0
"""Black lies this many standard deviations of the background below its median."""
WHITE_SIGMA = 200.0
"""White lies this many above; between them the scale is an inverse hyperbolic sine."""
SOFTENING_SIGMA = 3.0
"""Below this many standard deviations the scale is linear."""
GREYS = 0xFC
"""64 greys: nobody sees more, and noise packs a quarter better."""
_SAMPLE = 20_000
_HUFFMAN_ONLY = 2  # zlib's strategy: noise has no strings worth looking for


def stretched(pixels: NDArray[np.float32], longest_px: int) -> NDArray[np.uint8]:
    """Grey levels, shape at most (longest_px, longest_px), top row first.

    Larger frames are averaged over whole blocks of pixels, so that noise falls and stars stay.

    Args:
        pixels: Counts, shape (height, width), bottom row first as in FITS.
        longest_px: Longest side of the picture.
    """
    block = -(-max(pixels.shape) // longest_px)
    if block > 1:
        height, width = (size // block * block for size in pixels.shape)
        blocks = pixels[:height, :width].reshape(height // block, block, width // block, block)
        pixels = blocks.mean(axis=(1, 3), dtype=np.float32)
    sample = pixels.ravel()[:: max(pixels.size // _SAMPLE, 1)]
    median = float(np.median(sample))
    sigma = max(1.4826 * float(np.median(np.abs(sample - median))), 1e-3)
    steps = (pixels - np.float32(median)) / np.float32(SOFTENING_SIGMA * sigma)
    low, high = (np.arcsinh(s / SOFTENING_SIGMA) for s in (-BLACK_SIGMA, WHITE_SIGMA))
    levels = (np.arcsinh(steps) - np.float32(low)) * np.float32(255.0 / (high - low))
    greys: NDArray[np.uint8] = np.clip(levels, 0.0, 255.0).astype(np.uint8)
    return greys[::-1] & np.uint8(GREYS)


def write_preview(pixels: NDArray[np.float32], target: Path, *, longest_px: int) -> None:
    """Write the picture as a PNG, whole or not at all.

    Raises:
        OSError: When it cannot be written.
    """
    partial = target.with_name(target.name + ".tmp")
    Image.fromarray(stretched(pixels, longest_px)).save(
        partial, format="PNG", compress_level=1, compress_type=_HUFFMAN_ONLY
    )
    partial.replace(target)
