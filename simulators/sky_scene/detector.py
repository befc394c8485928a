"""The detector: what turns electrons into counts, with all that is wrong with real ones.

Pixel response, vignetting and dust (in `flat`), bias level and column pattern, dark current, hot
pixels, shot and read noise, cosmic rays, full well and digitisation. The fixed patterns follow
from the seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Counts = NDArray[np.uint16]
MAX_ADU = 65535


class DetectorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One detector; the defaults are those of a binned COLIBRI-like visible channel."""

    width_px: int = 512
    """Columns of unbinned pixels."""
    height_px: int = 512
    """Rows of unbinned pixels."""
    pixel_um: float = 15.0
    """Side of a pixel, micrometres."""
    gain_e_adu: float = 1.5
    """Electrons per count."""
    read_noise_e: float = 8.0
    """Rms electrons per readout."""
    bias_adu: float = 1000.0
    """Counts without light or time."""
    full_well_e: float = 95_000.0
    """Electrons at which a pixel is full."""
    dark_e_s: float = 0.002
    """Dark current at `dark_at_deg_C`, electrons per second and pixel."""
    dark_at_deg_C: float = -100.0  # noqa: N815 - the unit is written degC
    """Temperature for which `dark_e_s` is given."""
    dark_doubling_K: float = 7.0  # noqa: N815 - the unit is K
    """Warming that doubles the dark current."""
    hot_pixel_share: float = 2e-4
    """Share of pixels with 50 to 5000 times the dark current."""
    response_rms: float = 0.008
    """Relative rms of the pixels' response."""
    vignetting: float = 0.10
    """Light lost in the corners, relative to the middle."""
    dust_grains: int = 4
    """Dust rings that darken the flat field."""
    cosmic_rays_cm2_min: float = 1.0
    """Cosmic-ray hits per square centimetre and minute."""

    def faults(self) -> list[str]:
        """What is wrong with the numbers, one line per fault."""
        limits: tuple[tuple[str, float, float, float], ...] = (
            ("width_px", self.width_px, 16, 16384),
            ("height_px", self.height_px, 16, 16384),
            ("gain_e_adu", self.gain_e_adu, 0.01, 1000.0),
            ("read_noise_e", self.read_noise_e, 0.0, 1000.0),
            ("vignetting", self.vignetting, 0.0, 0.95),
        )
        return [
            f"detector: {name} = {value:g} is outside {low:g}..{high:g}"
            for name, value, low, high in limits
            if not low <= value <= high
        ]


@dataclass(frozen=True, eq=False)
class Detector:
    """One detector at one binning.

    Args:
        settings: What it is.
        seed: Of its fixed patterns.
        binning: Pixels joined on the chip in each direction.
    """

    settings: DetectorSettings
    seed: int
    binning: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) read out."""
        return (
            self.settings.height_px // self.binning,
            self.settings.width_px // self.binning,
        )

    @cached_property
    def flat(self) -> Image:
        """Response to even light, 1 in the middle without dust; shape (rows, columns)."""
        rng = np.random.default_rng([self.seed, 1])
        rows, columns = self.shape
        y = np.linspace(-1.0, 1.0, rows, dtype=np.float32)[:, None]
        x = np.linspace(-1.0, 1.0, columns, dtype=np.float32)[None, :]
        rms = np.float32(self.settings.response_rms / self.binning)
        flat = rng.standard_normal(self.shape, dtype=np.float32)
        flat *= rms
        flat += np.float32(1.0)
        flat *= np.float32(1.0) - np.float32(self.settings.vignetting / 2.0) * (x**2 + y**2)
        for _ in range(self.settings.dust_grains):
            self._add_dust(flat, rng)
        return flat

    def _add_dust(self, flat: Image, rng: np.random.Generator) -> None:
        rows, columns = self.shape
        row, column = rng.uniform(0, rows), rng.uniform(0, columns)
        outer = rng.uniform(0.03, 0.05) * columns
        depth = rng.uniform(0.01, 0.03)
        low, left = max(0, int(row - outer)), max(0, int(column - outer))
        part = flat[low : int(row + outer) + 2, left : int(column + outer) + 2]
        y = np.arange(low, low + part.shape[0])[:, None] - row
        x = np.arange(left, left + part.shape[1])[None, :] - column
        radius = np.hypot(y, x) / outer
        ring = np.clip((1.0 - radius) * 8.0, 0.0, 1.0) * np.clip((radius - 0.4) * 8.0, 0.0, 1.0)
        part *= (1.0 - depth * ring).astype(np.float32)

    @cached_property
    def bias(self) -> Image:
        """Counts of no light and no time, shape (rows, columns)."""
        rng = np.random.default_rng([self.seed, 2])
        rows, columns = self.shape
        pattern = rng.normal(0.0, 1.0, columns).astype(np.float32)[None, :]
        slope = np.linspace(0.0, 3.0, rows, dtype=np.float32)[:, None]
        return np.float32(self.settings.bias_adu) + pattern + slope

    @cached_property
    def hot_pixels(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Flat indices of hot pixels, and how many times the dark current each has."""
        rng = np.random.default_rng([self.seed, 3])
        pixels = self.shape[0] * self.shape[1]
        number = round(pixels * self.settings.hot_pixel_share)
        where = np.sort(rng.choice(pixels, size=number, replace=False))
        return where, (10.0 ** rng.uniform(1.7, 3.7, number)).astype(np.float32)

    def dark_e(self, exposure_s: float, temperature_deg_C: float) -> float:  # noqa: N803 - unit
        """Electrons of dark current per (binned) pixel."""
        warmer_k = temperature_deg_C - self.settings.dark_at_deg_C
        rate = self.settings.dark_e_s * 2.0 ** (warmer_k / self.settings.dark_doubling_K)
        return float(rate * exposure_s * self.binning**2)

    def read_out(
        self,
        light_e: Image | None,
        *,
        exposure_s: float,
        temperature_deg_C: float,  # noqa: N803 - unit
        rng: np.random.Generator,
    ) -> Counts:
        """The counts of one exposure; `light_e` (modified) is what light freed, None for none."""
        signal = np.zeros(self.shape, dtype=np.float32) if light_e is None else light_e
        dark_e = self.dark_e(exposure_s, temperature_deg_C)
        if dark_e > 0.0:
            signal += np.float32(dark_e)
            where, times = self.hot_pixels
            signal.reshape(-1)[where] += times * np.float32(dark_e)
        self._add_cosmic_rays(signal, exposure_s, rng)
        np.minimum(signal, np.float32(self.settings.full_well_e * self.binning**2), out=signal)
        noise = rng.standard_normal(self.shape, dtype=np.float32)
        noise *= np.sqrt(signal + np.float32(self.settings.read_noise_e**2))
        signal += noise
        signal *= np.float32(1.0 / self.settings.gain_e_adu)
        signal += self.bias + np.float32(0.5)
        np.clip(signal, 0.0, float(MAX_ADU), out=signal)
        return signal.astype(np.uint16)

    def _add_cosmic_rays(self, signal: Image, exposure_s: float, rng: np.random.Generator) -> None:
        rows, columns = self.shape
        side_cm = self.settings.pixel_um * self.binning * 1e-4
        mean = self.settings.cosmic_rays_cm2_min * rows * columns * side_cm**2 * exposure_s / 60.0
        for _ in range(int(rng.poisson(mean))):
            length, angle = rng.exponential(3.0) + 1.0, rng.uniform(0.0, math.tau)
            steps = np.arange(0.0, length, 0.7)
            row = (rng.uniform(0, rows) + steps * math.sin(angle)).astype(np.int64)
            column = (rng.uniform(0, columns) + steps * math.cos(angle)).astype(np.int64)
            inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
            signal[row[inside], column[inside]] += np.float32(rng.lognormal(7.0, 0.7))


@lru_cache(maxsize=16)
def detector_for(settings: DetectorSettings, seed: int, binning: int = 1) -> Detector:
    """A shared detector: its patterns are made once per process."""
    return Detector(settings=settings, seed=seed, binning=binning)
