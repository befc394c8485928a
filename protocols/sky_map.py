"""Sky maps: bytes of a FITS table to cells and densities; the bytes are not trusted.

Read are multi-order maps (LVK's format, newer ones of Fermi GBM and IceCube) and flat ones of one
resolution in nested or ring order (Fermi GBM's, and what healpy writes), plain or compressed.
"""

from __future__ import annotations

import io
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from pyros.domain.alert.healpix import ring_index
from pyros.domain.alert.notice import NoticeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_ROWS = 2_000_000
"""Most cells read of a multi-order map; public maps have about 20,000."""
MAX_ORDER = 10
"""Finest order read of a flat map: twelve million cells."""
KEPT_ORDER = 8
"""Finest order kept of a flat map, cells of 0.23 degrees: what is finer comes as multi-order."""
MAX_UNPACKED_BYTES = 128 * 1024 * 1024
"""Largest file after decompression."""
_GZIP = b"\x1f\x8b"
_FLAT_COLUMNS = ("PROBDENSITY", "PROB", "PROBABILITY")


@dataclass(frozen=True, slots=True)
class SkyMapTable:
    """A sky map's cells.

    Attributes:
        uniq: NUNIQ index of each cell, shape (n,).
        density_per_sr: Probability density of each cell per steradian, shape (n,).
        distance_mpc: Mean distance in Mpc, or None.
    """

    uniq: NDArray[np.int64]
    density_per_sr: NDArray[np.float64]
    distance_mpc: float | None = None


def read_sky_map(raw: bytes) -> SkyMapTable:
    """Read a sky map.

    Takes milliseconds, a large flat map a second: call it in a worker.

    Args:
        raw: The FITS file's bytes, or those compressed with gzip.

    Raises:
        NoticeError: When it is no FITS, has no such table, or too many cells.
    """
    if raw.startswith(_GZIP):
        raw = _unpacked(raw)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(raw), memmap=False) as files:
                return _table(files)
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        # astropy raises what its internals happen to: of hostile bytes nothing better is known.
        raise NoticeError(f"sky map cannot be read: {str(error)[:200]}") from error


def _unpacked(raw: bytes) -> bytes:
    """Decompress; a bomb is given up at the limit."""
    unpack = zlib.decompressobj(wbits=31)
    try:
        found = unpack.decompress(raw, MAX_UNPACKED_BYTES)
    except zlib.error as error:
        raise NoticeError(f"sky map cannot be decompressed: {error}") from error
    if unpack.unconsumed_tail or not unpack.eof:
        raise NoticeError(
            f"sky map is cut short, or larger than {MAX_UNPACKED_BYTES} bytes decompressed"
        )
    return found


def _table(files: Any) -> SkyMapTable:
    """The first table's columns, when they are a sky map's."""
    table = next((unit for unit in files if isinstance(unit, fits.BinTableHDU)), None)
    if table is None:
        raise NoticeError("sky map has no table")
    names = {name.upper() for name in table.columns.names}
    if {"UNIQ", "PROBDENSITY"} <= names:
        return _multi_order(table)
    column = next((name for name in _FLAT_COLUMNS if name in names), None)
    if column is None or "PIXEL" in names:
        raise NoticeError(
            f"sky map has {', '.join(sorted(names))[:200]}; UNIQ and PROBDENSITY are needed, "
            f"or one of {', '.join(_FLAT_COLUMNS)} for every cell of the sphere"
        )
    return _flat(table, column)


def _multi_order(table: Any) -> SkyMapTable:
    rows = table.header.get("NAXIS2", 0)
    if rows > MAX_ROWS:
        raise NoticeError(f"sky map of {rows} rows, at most {MAX_ROWS}")
    return SkyMapTable(
        uniq=np.ascontiguousarray(table.data["UNIQ"], dtype=np.int64),
        density_per_sr=np.ascontiguousarray(table.data["PROBDENSITY"], dtype=np.float64),
        distance_mpc=_number(table.header.get("DISTMEAN")),
    )


def _flat(table: Any, column: str) -> SkyMapTable:
    """A map of cells of one order; cells finer than are kept are added up."""
    values = np.ascontiguousarray(table.data[column], dtype=np.float64).ravel()
    order = round(np.log2(max(values.size / 12, 1.0)) / 2)
    if values.size != 12 * 4**order or order > MAX_ORDER:
        raise NoticeError(
            f"sky map of {values.size} cells, which is 12 x 4^n for no n up to {MAX_ORDER}"
        )
    ordering = str(table.header.get("ORDERING", "")).strip().upper()
    if ordering == "RING":
        values = values[ring_index(order, np.arange(values.size, dtype=np.int64))]
    elif ordering != "NESTED":
        raise NoticeError(f"sky map with ORDERING {ordering[:20]!r}; NESTED or RING is needed")
    if order > KEPT_ORDER:
        values = values.reshape(-1, 4 ** (order - KEPT_ORDER)).mean(axis=1)
        order = KEPT_ORDER
    # Probability and density differ by a factor that is the same for all cells.
    total = float(values.sum())
    if not (np.all(np.isfinite(values)) and values.min() >= 0 and total > 0):
        raise NoticeError("sky map with cells that are no probability")
    return SkyMapTable(
        uniq=np.arange(values.size, dtype=np.int64) + 4 ** (order + 1),
        density_per_sr=values / total * (values.size / (4 * np.pi)),
        distance_mpc=_number(table.header.get("DISTMEAN")),
    )


def _number(value: object) -> float | None:
    """A finite number of the header."""
    if isinstance(value, int | float) and np.isfinite(value) and value > 0:
        return float(value)
    return None
