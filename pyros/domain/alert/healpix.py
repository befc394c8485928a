"""Centres of HEALPix cells in the nested scheme, vectorised (Gorski et al. 2005, ApJ 622, 759).

Sky maps are tables of nested cells; mocpy works on sets of cells and gives no centres, so this is
here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Ring and longitude of the lowest corner of each of the twelve base cells (the paper's F1 and F2).
_RING = np.array([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4], dtype=np.int64)
_PHASE = np.array([1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7], dtype=np.int64)


def nested_centres(
    order: NDArray[np.int64], cell: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of nested cells.

    Args:
        order: Order of each cell, 0 to 29, shape (n,).
        cell: Nested index of each cell at its order, shape (n,).

    Returns:
        Right ascension [0, 360) and declination in degrees, each of shape (n,).
    """
    nside = np.left_shift(np.int64(1), order)
    ring, from_pole, place, shifted = _on_ring(nside, order, cell)
    north, south = ring < nside, ring > 3 * nside
    size = nside.astype(np.float64)
    cap = from_pole / size
    z = np.where(
        north, 1 - cap**2 / 3, np.where(south, cap**2 / 3 - 1, (2 * nside - ring) * 2 / (3 * size))
    )
    # In the caps 1 - |z| is small: its cosine is taken from cap, not from z, to keep precision.
    sine = np.where(north | south, cap * np.sqrt((2 - cap**2 / 3) / 3), np.sqrt(1 - z**2))
    offset = np.where(north | south, 0.5, 0.5 * (shifted + 1))
    phi = (place - offset) * (np.pi / 2) / from_pole
    return np.degrees(phi) % 360.0, np.degrees(np.arctan2(z, sine))


def ring_index(order: int, cell: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index in the ring scheme of nested cells of one order.

    Args:
        order: Their order, 0 to 29.
        cell: Nested indices, shape (n,).
    """
    nside = np.int64(1) << np.int64(order)
    ring, from_pole, place, _ = _on_ring(nside, np.int64(order), cell)
    before = np.where(
        ring < nside,
        2 * ring * (ring - 1),
        np.where(
            ring > 3 * nside,
            12 * nside * nside - 2 * from_pole * (from_pole + 1),
            2 * nside * (nside - 1) + (ring - nside) * 4 * nside,
        ),
    )
    found: NDArray[np.int64] = before + place - 1
    return found


def _on_ring(
    nside: Any, order: Any, cell: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where nested cells lie: ring, a quarter of its cells, place on it, and whether it is shifted.

    Rings are counted from the north pole, 1 to 4 nside - 1, places eastwards from 1.
    """
    face = cell >> (2 * order)
    within = cell & (nside * nside - 1)
    x, y = _even_bits(within), _even_bits(within >> 1)
    ring = _RING[face] * nside - x - y - 1
    north, south = ring < nside, ring > 3 * nside
    from_pole = np.where(north, ring, np.where(south, 4 * nside - ring, nside))
    shifted = np.where(north | south, 0, (ring - nside) & 1)
    place = (_PHASE[face] * from_pole + x - y + 1 + shifted) // 2
    place = np.where(place > 4 * from_pole, place - 4 * from_pole, place)
    place = np.where(place < 1, place + 4 * from_pole, place)
    return ring, from_pole, place, shifted


def _even_bits(value: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every second bit of each value, packed: undoes the interleaving of x and y."""
    bits = value & 0x5555555555555555
    for shift, mask in (
        (1, 0x3333333333333333),
        (2, 0x0F0F0F0F0F0F0F0F),
        (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF),
        (16, 0x00000000FFFFFFFF),
    ):
        bits = (bits | (bits >> shift)) & mask
    return bits
