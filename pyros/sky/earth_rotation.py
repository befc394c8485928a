"""Time scales and the Earth's orientation, from tables in installed packages: no network, ever.

The IERS table (finals2000A) comes with `astropy-iers-data`. Past its end the last UT1-UTC is held
and the mean pole is taken: the error grows (UT1-UTC by some tenths of a second in years), it never
becomes an exception. `staleness` says in a sentence when the table no longer covers a date, so
that an operator can upgrade the package.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import erfa
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

UNIX_EPOCH_JD = 2440587.5
UNIX_EPOCH_MJD = 40587.0
TT_MINUS_TAI_S = 32.184
DAY_S = 86400.0
ARCSEC_RAD = np.pi / 648000.0
MEAN_POLE_RAD = (0.035 * ARCSEC_RAD, 0.29 * ARCSEC_RAD)
"""Pole past the table's end: the mean that `astropy.coordinates` takes too."""
EARTH_TURN_RAD_PER_S = 2.0 * np.pi * 1.00273781191135448 / DAY_S
"""Earth rotation angle per UT1 second (IAU 2000; IERS Conventions 2010, eq. 5.15)."""


@lru_cache(maxsize=1)
def leap_second_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(Unix seconds from which each TAI-UTC holds, TAI-UTC in seconds): erfa's own table."""
    table = erfa.leap_seconds.get()
    table = table[table["year"] >= 1972]
    day1, day2 = erfa.cal2jd(table["year"], table["month"], 1)
    return (day1 - UNIX_EPOCH_JD + day2) * DAY_S, np.asarray(table["tai_utc"], dtype=float)


def tai_minus_utc_s(unix_s: ArrayLike) -> NDArray[np.float64]:
    """TAI-UTC in seconds at each instant; 10 s before 1972, the last known value afterwards."""
    starts, values = leap_second_table()
    index = np.searchsorted(starts, np.asarray(unix_s, dtype=float), side="right") - 1
    return np.asarray(values[np.maximum(index, 0)])


def tt_jd(unix_s: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Terrestrial Time as a two-part Julian date, whole half-days first, same shape as `unix_s`."""
    unix = np.asarray(unix_s, dtype=float)
    day = np.floor(unix / DAY_S)
    seconds = unix - day * DAY_S + tai_minus_utc_s(unix) + TT_MINUS_TAI_S
    return UNIX_EPOCH_JD + day, seconds / DAY_S


def unix_from_tt_jd(jd1: ArrayLike, jd2: ArrayLike) -> NDArray[np.float64]:
    """Unix seconds of a two-part Terrestrial Time; the inverse of `tt_jd`."""
    tai = ((np.asarray(jd1) - UNIX_EPOCH_JD) + np.asarray(jd2)) * DAY_S - TT_MINUS_TAI_S
    return np.asarray(tai - tai_minus_utc_s(tai - 37.0))


@dataclass(frozen=True, slots=True)
class EarthOrientation:
    """UT1-UTC and the pole's position by day.

    Args:
        mjd: Increasing Modified Julian Dates (UTC), shape (n_days,).
        ut1_minus_tai_s: UT1-TAI, continuous across leap seconds, shape (n_days,).
        pole_x_rad: Polar motion x, shape (n_days,).
        pole_y_rad: Polar motion y, shape (n_days,).
    """

    mjd: NDArray[np.float64]
    ut1_minus_tai_s: NDArray[np.float64]
    pole_x_rad: NDArray[np.float64]
    pole_y_rad: NDArray[np.float64]

    def at(self, unix_s: float) -> tuple[float, float, float]:
        """(UT1-UTC in s, polar x in rad, polar y in rad); UT1-UTC is held past the ends."""
        mjd = UNIX_EPOCH_MJD + unix_s / DAY_S
        held = min(max(mjd, float(self.mjd[0])), float(self.mjd[-1]))
        ut1_tai = float(np.interp(held, self.mjd, self.ut1_minus_tai_s))
        tai_utc = float(tai_minus_utc_s((held - UNIX_EPOCH_MJD) * DAY_S))
        if mjd > self.mjd[-1]:
            return ut1_tai + tai_utc, *MEAN_POLE_RAD
        pole_x = float(np.interp(held, self.mjd, self.pole_x_rad))
        pole_y = float(np.interp(held, self.mjd, self.pole_y_rad))
        return ut1_tai + tai_utc, pole_x, pole_y

    def staleness(self, unix_s: float) -> str | None:
        """A sentence when the table does not cover the instant, else None."""
        mjd = UNIX_EPOCH_MJD + unix_s / DAY_S
        if mjd > self.mjd[-1]:
            return (
                f"Earth orientation table ends {mjd - float(self.mjd[-1]):.0f} days before this "
                "date, its last UT1-UTC is held; upgrade the package astropy-iers-data"
            )
        if mjd < self.mjd[0]:
            return "date before the Earth orientation table begins (1973), its first day is held"
        return None


def _column(rows: NDArray[np.bytes_], first: int, last: int) -> NDArray[np.float64]:
    """Numbers in the character columns first..last (0-based, end excluded) of fixed-width rows."""
    text = np.ascontiguousarray(rows[:, first:last]).view(f"S{last - first}").ravel()
    return np.array([float(item) if item.strip() else np.nan for item in text.tolist()])


def read_finals2000a(path: Path) -> EarthOrientation:
    """Read an IERS finals2000A file (format: https://maia.usno.navy.mil/ser7/readme.finals2000A).

    Raises:
        ValueError: When the file has no row with UT1-UTC.
    """
    lines = [line for line in path.read_bytes().split(b"\n") if len(line) >= 79]
    if not lines:
        raise ValueError(f"{path} is no finals2000A table: no line of 79 characters or more")
    rows = np.array([line[:79] for line in lines]).view("S1").reshape(len(lines), 79)
    ut1_utc = _column(rows, 58, 68)
    good = np.isfinite(ut1_utc)
    if not good.any():
        raise ValueError(f"{path} is no finals2000A table: no value of UT1-UTC")
    rows = rows[good]
    mjd = _column(rows, 7, 15)
    tai_utc = tai_minus_utc_s((mjd - UNIX_EPOCH_MJD) * DAY_S)
    return EarthOrientation(
        mjd=mjd,
        ut1_minus_tai_s=ut1_utc[good] - tai_utc,
        pole_x_rad=_column(rows, 18, 27) * ARCSEC_RAD,
        pole_y_rad=_column(rows, 37, 46) * ARCSEC_RAD,
    )


@lru_cache(maxsize=1)
def earth_orientation() -> EarthOrientation:
    """The installed table, read once; UT1 = UTC and no polar motion when it cannot be read."""
    try:
        import astropy_iers_data  # noqa: PLC0415 - optional at run time: its absence is a warning

        return read_finals2000a(Path(astropy_iers_data.IERS_A_FILE))
    except (ImportError, OSError, ValueError) as error:
        warnings.warn(
            f"no Earth orientation table ({error}); UT1 = UTC is used, positions may be wrong by "
            "15 arcsec; install the package astropy-iers-data",
            RuntimeWarning,
            stacklevel=2,
        )
        flat = np.zeros(2)
        days = np.array([41684.0, 41685.0])
        tai_utc = tai_minus_utc_s((days - UNIX_EPOCH_MJD) * DAY_S)
        return EarthOrientation(days, -tai_utc, flat, flat)
