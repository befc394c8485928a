"""Sky maps for tests: a spot on the sky in each of the layouts that are read."""

from __future__ import annotations

import io

import numpy as np
from astropy.io import fits

from pyros.domain.alert.healpix import nested_centres, ring_index


def spot(ra_deg: float, dec_deg: float, sigma_deg: float, order: int) -> np.ndarray:
    """Probability of each nested cell of a round spot; sums to one."""
    cell = np.arange(12 * 4**order, dtype=np.int64)
    ra, dec = (np.radians(one) for one in nested_centres(np.full(cell.shape, order), cell))
    half = (
        np.sin((dec - np.radians(dec_deg)) / 2) ** 2
        + np.cos(dec) * np.cos(np.radians(dec_deg)) * np.sin((ra - np.radians(ra_deg)) / 2) ** 2
    )
    density = np.exp(-2 * half / np.radians(sigma_deg) ** 2)
    return density / density.sum()


def flat_map(
    ra_deg: float,
    dec_deg: float,
    sigma_deg: float,
    *,
    order: int = 6,
    ordering: str = "NESTED",
    column: str = "PROBABILITY",
    per_row: int = 1,
) -> bytes:
    """A flat map as Fermi GBM's pipeline or healpy writes it."""
    probability = spot(ra_deg, dec_deg, sigma_deg, order)
    if ordering == "RING":
        in_ring = np.empty_like(probability)
        in_ring[ring_index(order, np.arange(probability.size, dtype=np.int64))] = probability
        probability = in_ring
    values = probability.reshape(-1, per_row) if per_row > 1 else probability
    table = fits.BinTableHDU.from_columns(
        [fits.Column(name=column, format=f"{per_row}D", array=values)]
    )
    table.header["PIXTYPE"] = "HEALPIX"
    table.header["ORDERING"] = ordering
    table.header["NSIDE"] = 2**order
    return _bytes(table)


def multi_order_map(ra_deg: float, dec_deg: float, sigma_deg: float, *, order: int = 6) -> bytes:
    """A multi-order map as LVK's pipelines write it."""
    probability = spot(ra_deg, dec_deg, sigma_deg, order)
    uniq = np.arange(probability.size, dtype=np.int64) + 4 ** (order + 1)
    density = probability * probability.size / (4 * np.pi)
    return _bytes(
        fits.BinTableHDU.from_columns(
            [
                fits.Column(name="UNIQ", format="K", array=uniq),
                fits.Column(name="PROBDENSITY", format="D", array=density),
            ]
        )
    )


def _bytes(table: fits.BinTableHDU) -> bytes:
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(stream)
    return stream.getvalue()
