"""Where the Sun, the Moon and the planets are: JPL DE421 from a package, or erfa's series.

DE421 (1899-2053) comes with the package `skyfield-data` and is read through `jplephem`; the
analytic series in erfa (epv00, moon98, plan94) take over when the file is missing or the date is
outside it: the Moon is then wrong by up to 10 arcsec, the outer planets by up to 100, never an
exception.
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import erfa
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Vectors = NDArray[np.float64]

AU_KM = 149597870.7
LIGHT_KM_PER_DAY = 299792.458 * 86400.0
PLANETS = ("mercury", "venus", "mars", "jupiter", "saturn", "uranus", "neptune")
BODIES = ("sun", "moon", *PLANETS)

_SPK_PATHS: dict[str, tuple[tuple[int, int], ...]] = {
    "sun": ((0, 10),),
    "moon": ((0, 3), (3, 301)),
    "earth": ((0, 3), (3, 399)),
    "mercury": ((0, 1), (1, 199)),
    "venus": ((0, 2), (2, 299)),
    "mars": ((0, 4), (4, 499)),
    "jupiter": ((0, 5),),
    "saturn": ((0, 6),),
    "uranus": ((0, 7),),
    "neptune": ((0, 8),),
}
_PLAN94_NUMBER = dict(zip(PLANETS, (1, 2, 4, 5, 6, 7, 8), strict=True))
_DE421_FIRST_JD, _DE421_LAST_JD = 2414864.5, 2471184.5


class Ephemeris(Protocol):
    """Barycentric positions of bodies."""

    def barycentric_km(self, body: str, jd1: Vectors, jd2: Vectors) -> Vectors:
        """ICRS position of `body` (one of BODIES, or "earth") in km.

        Args:
            body: Lower-case name.
            jd1: First part of the TDB Julian date, shape (n,).
            jd2: Second part, shape (n,).

        Returns:
            Shape (n, 3).
        """
        ...


class AnalyticEphemeris:
    """The series built into erfa: no file at all."""

    def barycentric_km(self, body: str, jd1: Vectors, jd2: Vectors) -> Vectors:
        """See `Ephemeris.barycentric_km`; moon98 and plan94 are good to 10-100 arcsec."""
        helio, bary = erfa.epv00(jd1, jd2)
        earth, sun = bary["p"] * AU_KM, (bary["p"] - helio["p"]) * AU_KM
        if body == "earth":
            return np.asarray(earth)
        if body == "sun":
            return np.asarray(sun)
        if body == "moon":
            return np.asarray(earth + erfa.moon98(jd1, jd2)["p"] * AU_KM)
        return np.asarray(sun + erfa.plan94(jd1, jd2, _PLAN94_NUMBER[body])["p"] * AU_KM)


class SpkEphemeris:
    """A JPL ephemeris file (SPK).

    Args:
        kernel: An open `jplephem.spk.SPK` with DE421's segments.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._fallback = AnalyticEphemeris()

    def barycentric_km(self, body: str, jd1: Vectors, jd2: Vectors) -> Vectors:
        """See `Ephemeris.barycentric_km`; dates outside the file are served by the series."""
        if np.min(jd1) < _DE421_FIRST_JD or np.max(jd1) > _DE421_LAST_JD:
            return self._fallback.barycentric_km(body, jd1, jd2)
        total = np.zeros((3, np.size(jd1)))
        for segment in _SPK_PATHS[body]:
            total += self._kernel[segment].compute(jd1, jd2)
        return total.T


def de421_path() -> Path | None:
    """Where the package `skyfield-data` keeps de421.bsp, or None when it is not installed.

    The package is located and not imported: its import warns about another file that we never use.
    """
    found = importlib.util.find_spec("skyfield_data")
    roots: Sequence[str] = list(found.submodule_search_locations or ()) if found else ()
    for root in roots:
        path = Path(root) / "data" / "de421.bsp"
        if path.is_file():
            return path
    return None


@lru_cache(maxsize=1)
def default_ephemeris() -> Ephemeris:
    """DE421 when it is installed, else the analytic series; opened once per process."""
    path = de421_path()
    if path is None or importlib.util.find_spec("jplephem") is None:
        return AnalyticEphemeris()
    spk = importlib.import_module("jplephem.spk")  # optional: the series serve without it
    return SpkEphemeris(spk.SPK.open(str(path)))
