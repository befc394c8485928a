"""Stars around a direction: real ones to V = 10, below that a synthetic field that never changes.

The synthetic sky is cut into cells; each cell draws its stars from its own seed, with counts that
follow the galactic latitude, so that the same field looks the same from any pointing and in any
process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import erfa
import numpy as np
from numpy.typing import NDArray

from simulators.sky_scene.star_counts import stars_per_deg2

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = NDArray[np.float64]

CATALOGUE_LIMIT_MAG = 10.0
"""Real stars are drawn to this V magnitude, synthetic ones from here on."""
CELL_DEG = 0.25
"""Height of a cell of the synthetic sky; cells are about as wide."""
J2000_UNIX_S = 946_728_000.0
YEAR_S = 365.25 * 86400.0
_UNKNOWN = -32768
_MAG_STEPS = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Stars:
    """Some stars; every array has the shape (n,).

    Attributes:
        ra_deg: ICRS at the date asked for.
        dec_deg: ICRS at the date asked for.
        v_mag: Johnson V.
        bv_mag: B-V.
        synthetic: Whether a star was drawn rather than catalogued.
    """

    ra_deg: Floats
    dec_deg: Floats
    v_mag: Floats
    bv_mag: Floats
    synthetic: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ra_deg)

    def where(self, mask: NDArray[np.bool_]) -> Stars:
        """Those for which a mask is true."""
        return Stars(
            ra_deg=self.ra_deg[mask],
            dec_deg=self.dec_deg[mask],
            v_mag=self.v_mag[mask],
            bv_mag=self.bv_mag[mask],
            synthetic=self.synthetic[mask],
        )

    @classmethod
    def joined(cls, parts: list[Stars]) -> Stars:
        """All stars of several lists, in order."""
        return cls(
            ra_deg=np.concatenate([part.ra_deg for part in parts]),
            dec_deg=np.concatenate([part.dec_deg for part in parts]),
            v_mag=np.concatenate([part.v_mag for part in parts]),
            bv_mag=np.concatenate([part.bv_mag for part in parts]),
            synthetic=np.concatenate([part.synthetic for part in parts]),
        )


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """The bright stars sorted by declination (degrees, mas/yr, mag)."""

    ra_deg: Floats
    dec_deg: Floats
    pm_ra_mas_yr: Floats
    pm_dec_mas_yr: Floats
    v_mag: Floats
    bv_mag: Floats


@lru_cache(maxsize=1)
def _catalogue() -> _Catalogue:
    source = files("simulators") / "data" / "bright_stars.npz"
    with as_file(source) as path, np.load(path) as data:
        kept = data["v_mmag"] < CATALOGUE_LIMIT_MAG * 1000.0
        arrays = {name: data[name][kept] for name in data.files}
    order = np.argsort(arrays["dec_1e7deg"], kind="stable")
    colour = np.where(arrays["bv_mmag"] == _UNKNOWN, 650, arrays["bv_mmag"])
    return _Catalogue(
        ra_deg=arrays["ra_1e7deg"][order] / 1e7,
        dec_deg=arrays["dec_1e7deg"][order] / 1e7,
        pm_ra_mas_yr=arrays["pm_ra_cosdec_mas_yr"][order].astype(float),
        pm_dec_mas_yr=arrays["pm_dec_mas_yr"][order].astype(float),
        v_mag=arrays["v_mmag"][order] / 1000.0,
        bv_mag=colour[order] / 1000.0,
    )


def catalogued_stars(ra_deg: float, dec_deg: float, radius_deg: float, unix_s: float) -> Stars:
    """Real stars within a circle, at the places to which proper motion has carried them."""
    catalogue = _catalogue()
    reach_deg = radius_deg + 0.15  # what the fastest star moves in fifty years
    first, last = np.searchsorted(catalogue.dec_deg, [dec_deg - reach_deg, dec_deg + reach_deg])
    part = slice(int(first), int(last))
    years = (unix_s - J2000_UNIX_S) / YEAR_S
    dec = catalogue.dec_deg[part] + catalogue.pm_dec_mas_yr[part] * years / 3.6e6
    cosine = np.maximum(np.cos(np.radians(catalogue.dec_deg[part])), 1e-6)
    ra = (catalogue.ra_deg[part] + catalogue.pm_ra_mas_yr[part] * years / 3.6e6 / cosine) % 360.0
    stars = Stars(
        ra_deg=ra,
        dec_deg=dec,
        v_mag=catalogue.v_mag[part],
        bv_mag=catalogue.bv_mag[part],
        synthetic=np.zeros(len(ra), dtype=bool),
    )
    return stars.where(_within(stars.ra_deg, stars.dec_deg, ra_deg, dec_deg, radius_deg))


def synthetic_stars(
    ra_deg: float, dec_deg: float, radius_deg: float, *, faintest_mag: float, seed: int = 0
) -> Stars:
    """Drawn stars within a circle, from the catalogue's limit to `faintest_mag` in V."""
    cells = [
        _cell(band, column, faintest_mag, seed)
        for band, column in _cells_around(ra_deg, dec_deg, radius_deg)
    ]
    stars = Stars.joined(cells)
    return stars.where(_within(stars.ra_deg, stars.dec_deg, ra_deg, dec_deg, radius_deg))


def stars_around(
    ra_deg: float,
    dec_deg: float,
    radius_deg: float,
    unix_s: float,
    *,
    faintest_mag: float = 21.0,
    seed: int = 0,
) -> Stars:
    """All stars within a circle of a few degrees at most.

    Args:
        ra_deg: ICRS middle.
        dec_deg: ICRS middle.
        radius_deg: Of the circle.
        unix_s: Date, for proper motions.
        faintest_mag: V down to which stars are drawn.
        seed: Of the synthetic sky.
    """
    return Stars.joined(
        [
            catalogued_stars(ra_deg, dec_deg, radius_deg, unix_s),
            synthetic_stars(ra_deg, dec_deg, radius_deg, faintest_mag=faintest_mag, seed=seed),
        ]
    )


def _within(
    ra_deg: Floats, dec_deg: Floats, ra0_deg: float, dec0_deg: float, radius_deg: float
) -> NDArray[np.bool_]:
    dec, dec0 = np.radians(dec_deg), np.radians(dec0_deg)
    haversine = np.sin((dec - dec0) / 2.0) ** 2
    haversine += np.cos(dec) * np.cos(dec0) * np.sin(np.radians(ra_deg - ra0_deg) / 2.0) ** 2
    return np.asarray(haversine <= np.sin(np.radians(radius_deg) / 2.0) ** 2)


def _columns(band: int) -> int:
    """How many cells go round the sky in a band."""
    middle_deg = -90.0 + (band + 0.5) * CELL_DEG
    return max(1, round(360.0 * float(np.cos(np.radians(middle_deg))) / CELL_DEG))


def _cells_around(ra_deg: float, dec_deg: float, radius_deg: float) -> Iterator[tuple[int, int]]:
    """(band, column) of every cell that a circle may touch."""
    bands = round(180.0 / CELL_DEG)
    first = max(0, int((dec_deg - radius_deg + 90.0) // CELL_DEG))
    last = min(bands - 1, int((dec_deg + radius_deg + 90.0) // CELL_DEG))
    at_pole = abs(dec_deg) + radius_deg >= 90.0 - CELL_DEG
    for band in range(first, last + 1):
        columns = _columns(band)
        if at_pole:
            yield from ((band, column) for column in range(columns))
            continue
        ratio = np.sin(np.radians(radius_deg)) / np.cos(np.radians(dec_deg))
        half_deg = float(np.degrees(np.arcsin(min(1.0, ratio))))
        west = int((ra_deg - half_deg) / 360.0 * columns // 1.0)
        east = int((ra_deg + half_deg) / 360.0 * columns // 1.0)
        for column in range(west, min(east, west + columns - 1) + 1):
            yield band, column % columns


@lru_cache(maxsize=1024)
def _cell(band: int, column: int, faintest_mag: float, seed: int) -> Stars:
    rng = np.random.default_rng([seed, band, column])
    low_deg, columns = -90.0 + band * CELL_DEG, _columns(band)
    sin_low, sin_high = np.sin(np.radians([low_deg, low_deg + CELL_DEG]))
    width_deg = 360.0 / columns
    area_deg2 = width_deg * np.degrees(sin_high - sin_low)
    middle = np.radians([(column + 0.5) * width_deg, low_deg + CELL_DEG / 2.0])
    longitude, latitude = np.degrees(erfa.icrs2g(*middle))
    mags = np.linspace(CATALOGUE_LIMIT_MAG, faintest_mag, _MAG_STEPS)
    counts = stars_per_deg2(mags, float(longitude), float(latitude))
    number = int(rng.poisson(area_deg2 * (counts[-1] - counts[0])))
    v_mag = np.interp(rng.uniform(counts[0], counts[-1], number), counts, mags)
    dec = np.degrees(np.arcsin(rng.uniform(sin_low, sin_high, number)))
    return Stars(
        ra_deg=(column + rng.uniform(0.0, 1.0, number)) * width_deg,
        dec_deg=dec,
        v_mag=v_mag,
        bv_mag=_colours(v_mag, rng),
        synthetic=np.ones(number, dtype=bool),
    )


def _colours(v_mag: Floats, rng: np.random.Generator) -> Floats:
    """B-V: a blue turn-off and, the fainter the more, a red peak of dwarfs."""
    red_share = np.clip(0.15 + 0.05 * (v_mag - 13.0), 0.15, 0.6)
    red = rng.uniform(size=len(v_mag)) < red_share
    blue_peak = rng.normal(0.62, 0.13, len(v_mag))
    red_peak = rng.normal(1.40, 0.15, len(v_mag))
    return np.where(red, red_peak, blue_peak)
