"""Probability on the sky as a table of HEALPix cells, from a sky map or from an error circle.

Each cell is a range of nested indices at order 29, sorted, with cumulative sums: the probability
within any set of ranges is a difference of two sums.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.coordinates import Latitude, Longitude
from astropy.units import Quantity
from mocpy import MOC

from pyros.domain.alert.healpix import nested_centres
from pyros.errors import PermanentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyros.domain.alert.localisation import Place

_DEEPEST = 29
_SPHERE_DEG2 = 360.0**2 / math.pi
_CELL_SIDE_DEG = 58.6
_NEARLY_ALL = 0.999
_CIRCLE_CELLS = 12  # across the 3 sigma radius of a circular region


class TilingError(PermanentError):
    """A sky map or a field cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class SkyDensity:
    """Probability on the sky.

    Attributes:
        first: Start of each cell's range of order-29 nested indices, increasing, shape (n,).
        length: Length of each range, shape (n,).
        probability: Probability of each cell, shape (n,); sums to 1.
        before: Cumulative probability before each cell, shape (n + 1,).
    """

    first: NDArray[np.int64]
    length: NDArray[np.int64]
    probability: NDArray[np.float64]
    before: NDArray[np.float64]

    def below(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probability of all order-29 indices below each of `index`, any shape."""
        at = np.clip(np.searchsorted(self.first, index, side="right") - 1, 0, None)
        part = np.clip((index - self.first[at]) / self.length[at], 0.0, 1.0)
        inside: NDArray[np.float64] = self.before[at] + part * self.probability[at]
        return inside

    def credible_area_deg2(self, contour: float) -> float:
        """Area in square degrees of the smallest region that holds `contour` of the probability."""
        area = self.length * (_SPHERE_DEG2 / (12 * 4**_DEEPEST))
        order = np.argsort(-self.probability / self.length, kind="stable")
        within = np.searchsorted(np.cumsum(self.probability[order]), contour * (1 - 1e-12)) + 1
        return float(np.sum(area[order[:within]]))

    def peak_deg(self) -> tuple[float, float]:
        """Right ascension and declination of the densest cell's centre, in degrees."""
        best = int(np.argmax(self.probability / self.length))
        order = np.array([_DEEPEST - round(math.log(int(self.length[best]), 4))])
        cell = self.first[best : best + 1] >> (2 * (_DEEPEST - order))
        ra_deg, dec_deg = nested_centres(order, cell)
        return float(ra_deg[0]), float(dec_deg[0])

    def densest(
        self, area_deg2: float, spacing_deg: float, most: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points spread evenly over the densest sky, the densest first.

        Args:
            area_deg2: About how much of the sky; less when less holds nearly all the probability.
            spacing_deg: Largest distance between neighbours.
            most: Most points.

        Returns:
            Right ascension and declination in degrees, each of shape (n,).
        """
        level = min(max(math.ceil(math.log2(_CELL_SIDE_DEG / spacing_deg)), 0), _DEEPEST)
        by_density = np.argsort(-self.probability / self.length, kind="stable")
        area = self.length[by_density] * (_SPHERE_DEG2 / (12 * 4**_DEEPEST))
        share = np.cumsum(self.probability[by_density])
        within = int(np.searchsorted(np.cumsum(area), area_deg2)) + 1
        enough = int(np.searchsorted(share, _NEARLY_ALL)) + 1
        chosen = by_density[: min(within, enough)]
        size = np.int64(1) << np.int64(2 * (_DEEPEST - level))
        parts = np.maximum(self.length[chosen] // size, 1)
        upto = int(np.searchsorted(np.cumsum(parts), most)) + 1
        chosen, parts = chosen[:upto], parts[:upto]
        starts = np.repeat(self.first[chosen] // size, parts)
        offsets = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
        cells = (starts + offsets)[:most]
        return nested_centres(np.full(cells.shape, level, dtype=np.int64), cells)


def density_from_uniq(uniq: NDArray[np.int64], density_per_sr: NDArray[np.float64]) -> SkyDensity:
    """The density of a multi-order sky map.

    Args:
        uniq: NUNIQ index of each cell, shape (n,).
        density_per_sr: Probability density of each cell per steradian, shape (n,).

    Raises:
        TilingError: When indices are no cells, overlap, or the densities are no probability.
    """
    uniq = np.asarray(uniq, dtype=np.int64)
    density = np.asarray(density_per_sr, dtype=np.float64)
    if uniq.ndim != 1 or uniq.shape != density.shape or uniq.size == 0:
        raise TilingError(f"sky map has {uniq.size} cells and {density.size} densities")
    if uniq.min() < 4 or not np.all(np.isfinite(density)) or density.min() < 0:
        raise TilingError("sky map has impossible cells or densities")
    order = (np.floor(np.log2(uniq.astype(np.float64))).astype(np.int64) - 2) // 2
    cell = uniq - np.left_shift(np.int64(4), 2 * order)
    if order.max() > _DEEPEST or np.any(cell >= 12 * np.left_shift(np.int64(1), 2 * order)):
        raise TilingError("sky map has cells beyond order 29 or outside of the sphere")
    shift = 2 * (_DEEPEST - order)
    return _density(
        cell << shift,
        np.left_shift(np.int64(1), shift),
        density * (4 * math.pi / 12) * np.exp2(-2.0 * order),
    )


def density_from_place(place: Place) -> SkyDensity:
    """The density of a calibrated position, its uniform floor left out.

    Cells are small against the width, out to where 1e-4 of the probability is left.
    """
    widest = max(math.degrees(sigma) for _, sigma in place.widths_rad())
    narrowest = min(math.degrees(sigma) for _, sigma in place.widths_rad())
    reach_deg = min(4.3 * widest, 170.0)
    wanted_deg = max(narrowest * 3 / _CIRCLE_CELLS, reach_deg / 200)
    order = min(max(math.ceil(math.log2(58.6 / wanted_deg)), 0), 27)
    cells = MOC.from_cone(
        lon=longitude(place.ra_deg),
        lat=latitude(place.dec_deg),
        radius=degrees(reach_deg),
        max_depth=order,
    ).flatten()
    cell = np.asarray(cells, dtype=np.int64)
    ra_deg, dec_deg = nested_centres(np.full(cell.shape, order, dtype=np.int64), cell)
    half = (
        np.sin(np.radians(dec_deg - place.dec_deg) / 2) ** 2
        + np.cos(np.radians(dec_deg))
        * math.cos(math.radians(place.dec_deg))
        * np.sin(np.radians(ra_deg - place.ra_deg) / 2) ** 2
    )
    weight = np.zeros(cell.shape)
    for share, sigma in place.widths_rad():
        k = sigma**-2
        weight += share * k / (2 * math.pi * -math.expm1(-2 * k)) * np.exp(-2 * k * half)
    if not weight.sum() > 0:  # the whole circle is within one cell
        weight = np.ones(cell.shape)
    shift = 2 * (_DEEPEST - order)
    return _density(cell << shift, np.full(cell.shape, 1 << shift, dtype=np.int64), weight)


def _density(
    first: NDArray[np.int64], length: NDArray[np.int64], weight: NDArray[np.float64]
) -> SkyDensity:
    """Sort, check and normalise."""
    order = np.argsort(first, kind="stable")
    first, length, weight = first[order], length[order], weight[order]
    if np.any(first[1:] < first[:-1] + length[:-1]):
        raise TilingError("sky map has overlapping cells")
    total = float(weight.sum())
    if not total > 0:
        raise TilingError("sky map holds no probability")
    probability = weight / total
    before = np.concatenate(([0.0], np.cumsum(probability)))
    return SkyDensity(first, length, probability, before)


def degrees(value: float | NDArray[np.float64]) -> Any:
    """An angle of the kind that mocpy takes."""
    return Quantity(value, "deg")


def longitude(value: float | NDArray[np.float64]) -> Any:
    """A right ascension of the kind that mocpy takes."""
    return Longitude(value, "deg")


def latitude(value: float | NDArray[np.float64]) -> Any:
    """A declination of the kind that mocpy takes."""
    return Latitude(value, "deg")
