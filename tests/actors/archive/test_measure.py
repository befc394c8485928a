"""Tests of what is measured of a frame, on stars whose light is known, and of its picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from scipy.special import erf

from actors.archive.measure import FWHM_PER_SIGMA, measure
from actors.archive.preview import stretched, write_preview

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def _field(
    side: int,
    stars: int,
    fwhm_px: float,
    *,
    seed: int = 3,
    log_flux: tuple[float, float] = (3.6, 5.3),
) -> NDArray[np.float32]:
    """Stars integrated over pixels, on a grid with random offsets so that none touch."""
    rng = np.random.default_rng(seed)
    light = np.full((side, side), 800.0)
    sigma = fwhm_px / FWHM_PER_SIGMA
    per_row = int(np.ceil(np.sqrt(stars)))
    spacing = side / max(per_row, 1)
    edges = np.arange(side + 1) - 0.5
    for number in range(stars):
        row, column = divmod(number, per_row)
        y, x = ((i + 0.5) * spacing + rng.uniform(-3, 3) for i in (row, column))
        in_x = np.diff(erf((edges - x) / sigma / np.sqrt(2.0))) / 2.0
        in_y = np.diff(erf((edges - y) / sigma / np.sqrt(2.0))) / 2.0
        light += 10.0 ** rng.uniform(*log_flux) * np.outer(in_y, in_x)
    return (rng.poisson(light) + rng.normal(0.0, 8.0, light.shape)).astype(np.float32)


@pytest.mark.parametrize("fwhm_px", [1.6, 2.0, 3.0, 4.5, 6.0])
def test_width_of_stars_is_found(fwhm_px: float):
    """From undersampled to soft stars the median width is right to 3 %."""
    found = measure(_field(512, 49, fwhm_px), saturation_adu=60_000.0)
    assert found.fwhm_px == pytest.approx(fwhm_px, rel=0.03)
    assert found.stars == pytest.approx(49, abs=1)


def test_background_and_noise_are_found_under_stars():
    """Median and noise of the sky, not of the stars."""
    found = measure(_field(512, 100, 3.0), saturation_adu=None)
    assert found.background_adu == pytest.approx(800.0, abs=2.0)
    assert found.noise_adu == pytest.approx(np.sqrt(800.0 + 64.0), rel=0.05)


def test_empty_sky_has_no_stars():
    """Noise alone, over a quarter of a million pixels, makes at most one false star."""
    found = measure(_field(512, 0, 3.0), saturation_adu=None)
    assert found.stars <= 1
    assert found.fwhm_px is None


def test_hot_pixels_and_saturated_stars_do_not_count_as_width():
    """A hot pixel is no star; a flat-topped star is one and has no width."""
    pixels = _field(512, 25, 3.0)
    rng = np.random.default_rng(5)
    for row, column in rng.integers(20, 490, (60, 2)):
        pixels[row, column] += 20_000.0
    y, x = np.mgrid[:512, :512]
    for row, column in ((100, 52), (300, 462), (410, 205)):
        pixels += 4e5 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 18.0).astype(np.float32)
    found = measure(np.minimum(pixels, 60_000.0), saturation_adu=60_000.0)
    assert found.fwhm_px == pytest.approx(3.0, rel=0.05)
    assert 25 <= found.stars <= 40


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((5, 5), np.float32),
        np.full((64, 64), 65535.0, np.float32),
        np.ones((1, 1), np.float32),
        np.eye(30, dtype=np.float32) * 1e30,
    ],
    ids=["zeros", "saturated", "pixel", "huge"],
)
def test_odd_frames_are_measured_without_complaint(pixels: NDArray[np.float32], tmp_path: Path):
    """Dead, saturated and tiny frames give numbers and pictures, never an exception or warning."""
    found = measure(pixels, saturation_adu=60_000.0)
    assert np.isfinite(found.background_adu)
    write_preview(pixels, tmp_path / "p.png", longest_px=512)
    assert (tmp_path / "p.png").stat().st_size > 0


def test_preview_shows_north_up_as_the_frame_does():
    """FITS rows count upwards, pictures downwards: the first row is at the bottom."""
    pixels = np.full((40, 60), 100.0, np.float32)
    pixels[2:5, 50:53] = 5000.0
    grey = stretched(pixels + np.random.default_rng(1).normal(0, 5, (40, 60)), 512)
    assert grey.shape == (40, 60)
    row, column = np.unravel_index(np.argmax(grey), grey.shape)
    assert 35 <= row <= 37
    assert 50 <= column <= 52


@pytest.mark.parametrize(
    ("shape", "size"),
    [((512, 512), (512, 512)), ((1030, 700), (343, 233)), ((4096, 2048), (512, 256))],
)
def test_preview_is_never_larger_than_asked(shape: tuple[int, int], size: tuple[int, int]):
    """Large frames are averaged over blocks, whatever their shape."""
    assert stretched(np.zeros(shape, np.float32), 512).shape == size


def test_preview_shows_faint_stars_on_a_dark_sky(tmp_path: Path):
    """The sky is dark grey, a star of ten times its noise is clearly lighter, no colours."""
    pixels = _field(256, 0, 3.0)
    pixels[100:104, 60:64] += 300.0
    write_preview(pixels, tmp_path / "p.png", longest_px=512)
    with Image.open(tmp_path / "p.png") as picture:
        assert picture.mode == "L"
        grey = np.asarray(picture)[::-1].astype(float)
    assert 30 <= np.median(grey) <= 110
    assert grey[101:103, 61:63].mean() > np.median(grey) + 50
    assert list(tmp_path.iterdir()) == [tmp_path / "p.png"]
