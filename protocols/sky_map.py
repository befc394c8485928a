"""Multi-order sky maps: bytes of a FITS table to cells and densities; the bytes are not trusted."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from pyros.domain.alert.notice import NoticeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_ROWS = 2_000_000
"""Most cells read; public maps have about 20,000."""


@dataclass(frozen=True, slots=True)
class SkyMapTable:
    """A sky map's cells.

    Attributes:
        uniq: NUNIQ index of each cell, shape (n,).
        density_per_sr: Probability density of each cell per steradian, shape (n,).
        distance_mpc: Mean distance in Mpc, or None.
        distance_error_mpc: Its standard deviation in Mpc, or None.
    """

    uniq: NDArray[np.int64]
    density_per_sr: NDArray[np.float64]
    distance_mpc: float | None = None
    distance_error_mpc: float | None = None


def read_sky_map(raw: bytes) -> SkyMapTable:
    """Read a multi-order sky map (LVK's format, also Fermi GBM's and IceCube's newer ones).

    Takes milliseconds: call it in a worker.

    Args:
        raw: The FITS file's bytes.

    Raises:
        NoticeError: When it is no FITS, has no `UNIQ` and `PROBDENSITY`, or too many rows.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(raw), memmap=False) as files:
                return _table(files)
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        # astropy raises what its internals happen to: of hostile bytes nothing better is known.
        raise NoticeError(f"sky map cannot be read: {str(error)[:200]}") from error


def _table(files: Any) -> SkyMapTable:
    """The first table's columns, when they are a sky map's."""
    table = next((unit for unit in files if isinstance(unit, fits.BinTableHDU)), None)
    if table is None:
        raise NoticeError("sky map has no table")
    rows = table.header.get("NAXIS2", 0)
    if rows > MAX_ROWS:
        raise NoticeError(f"sky map of {rows} rows, at most {MAX_ROWS}")
    names = {name.upper() for name in table.columns.names}
    if not {"UNIQ", "PROBDENSITY"} <= names:
        raise NoticeError(f"sky map has {', '.join(sorted(names))}; UNIQ, PROBDENSITY are needed")
    return SkyMapTable(
        uniq=np.ascontiguousarray(table.data["UNIQ"], dtype=np.int64),
        density_per_sr=np.ascontiguousarray(table.data["PROBDENSITY"], dtype=np.float64),
        distance_mpc=_number(table.header.get("DISTMEAN")),
        distance_error_mpc=_number(table.header.get("DISTSTD")),
    )


def _number(value: object) -> float | None:
    """A finite number of the header."""
    if isinstance(value, int | float) and np.isfinite(value) and value > 0:
        return float(value)
    return None
