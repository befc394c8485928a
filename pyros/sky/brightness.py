"""How bright the sky is behind a target: night glow, scattered moonlight and twilight.

Moonlight and the dark sky follow Krisciunas & Schaefer 1991 (PASP 103, 1033; V band); twilight
follows the zenith fit of Patat, Ugolnikov & Postylyakov 2006 (A&A 455, 385, table 1, V band),
taken for every direction. Brightness is in nanolambert (nL) inside, magnitudes per square
arcsecond outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

DARK_ZENITH_MAG = 21.587
"""V of the dark zenith in the 1991 paper (79 nL)."""
EXTINCTION_MAG = 0.172
"""V extinction per air mass in the 1991 paper (Mauna Kea)."""
_PATAT_V = (11.84, 1.518, -0.057)
_TABLE = 4096


def nanolambert(mag_arcsec2: ArrayLike) -> Floats:
    """V magnitudes per square arcsecond to nL (1991, eq. 1)."""
    return np.asarray(34.08 * np.exp(20.7233 - 0.92104 * np.asarray(mag_arcsec2, dtype=float)))


def magnitude(nl: ArrayLike) -> Floats:
    """NL to V magnitudes per square arcsecond (1991, eq. 1)."""
    return np.asarray((20.7233 - np.log(np.asarray(nl, dtype=float) / 34.08)) / 0.92104)


def optical_path(sin_altitude: ArrayLike) -> Floats:
    """Path through the glowing and scattering layer in units of the zenith's (1991, eq. 3)."""
    return np.asarray(1.0 / np.sqrt(0.04 + 0.96 * np.asarray(sin_altitude, dtype=float) ** 2))


def dark_nl(
    sin_altitude: ArrayLike, *, dark_mag: float = DARK_ZENITH_MAG, k_mag: float = EXTINCTION_MAG
) -> Floats:
    """The moonless, twilightless sky in nL (1991, eq. 2)."""
    path = optical_path(sin_altitude)
    return np.asarray(nanolambert(dark_mag) * path * 10.0 ** (-0.4 * k_mag * (path - 1.0)))


def moon_source(
    moon_altitude_deg: ArrayLike, phase_angle_deg: ArrayLike, *, k_mag: float = EXTINCTION_MAG
) -> Floats:
    """The Moon's illuminance after extinction, 0 below the horizon (1991, eq. 20 and 21).

    Args:
        moon_altitude_deg: Altitude of the Moon.
        phase_angle_deg: Angle Sun-Moon-Earth, 0 at full Moon.
        k_mag: Extinction per air mass.
    """
    alpha = np.abs(phase_angle_deg)
    illuminance = 10.0 ** (-0.4 * (3.84 + 0.026 * alpha + 4e-9 * alpha**4))
    sine = np.sin(np.radians(moon_altitude_deg))
    dimmed = illuminance * 10.0 ** (-0.4 * k_mag * optical_path(np.maximum(sine, 0.0)))
    return np.asarray(np.where(sine > 0.0, dimmed, 0.0))


def scattering(cos_separation: ArrayLike) -> Floats:
    """Rayleigh and Mie scattering against the distance from the Moon (1991, eq. 16 to 21)."""
    cosine = np.clip(cos_separation, -1.0, 1.0)
    rho = np.degrees(np.arccos(cosine))
    aureole = np.where(rho < 10.0, 6.2e7 / np.maximum(rho, 0.25) ** 2, 10.0 ** (6.15 - rho / 40.0))
    return np.asarray(10.0**5.36 * (1.06 + cosine**2) + aureole)


def scattered_share(sin_altitude: ArrayLike, *, k_mag: float = EXTINCTION_MAG) -> Floats:
    """Share of moonlight scattered along the line of sight (1991, eq. 15)."""
    return np.asarray(1.0 - 10.0 ** (-0.4 * k_mag * optical_path(sin_altitude)))


def twilight_nl(sun_altitude_deg: ArrayLike, *, dark_mag: float = DARK_ZENITH_MAG) -> Floats:
    """What twilight adds to the dark sky, in nL; nothing below -18 degrees.

    The fit holds for Sun altitudes from -15 to -5 degrees; it is continued with its slope above,
    and fades out linearly between -15 and -18 below.
    """
    phi = -np.asarray(sun_altitude_deg, dtype=float) - 5.0
    a0, a1, a2 = _PATAT_V
    inside = np.clip(phi, 0.0, 10.0)
    mag = a0 + a1 * inside + a2 * inside**2 + a1 * np.minimum(phi, 0.0)
    added = np.maximum(nanolambert(mag) - nanolambert(dark_mag), 0.0)
    at_end = max(float(nanolambert(a0 + 10.0 * a1 + 100.0 * a2) - nanolambert(dark_mag)), 0.0)
    fading = at_end * np.clip((13.0 - phi) / 3.0, 0.0, 1.0)
    return np.asarray(np.where(phi <= 10.0, added, fading))


def sky_brightness_mag(
    altitude_deg: ArrayLike,
    *,
    sun_altitude_deg: ArrayLike,
    moon_altitude_deg: ArrayLike,
    moon_separation_deg: ArrayLike,
    moon_phase_angle_deg: ArrayLike,
    dark_mag: float = DARK_ZENITH_MAG,
    k_mag: float = EXTINCTION_MAG,
) -> Floats:
    """V magnitude per square arcsecond of the sky in a direction above the horizon, broadcast."""
    sine = np.sin(np.radians(altitude_deg))
    moon = moon_source(moon_altitude_deg, moon_phase_angle_deg, k_mag=k_mag)
    moonlight = moon * scattering(np.cos(np.radians(moon_separation_deg)))
    total = (
        dark_nl(sine, dark_mag=dark_mag, k_mag=k_mag)
        + moonlight * scattered_share(sine, k_mag=k_mag)
        + twilight_nl(sun_altitude_deg, dark_mag=dark_mag)
    )
    return magnitude(total)


@dataclass(frozen=True, slots=True)
class BrightnessTables:
    """The functions of altitude and of Moon distance, tabulated for grids.

    Args:
        dark: `dark_nl` at sin(altitude) = i / 4095.
        share: `scattered_share` at the same.
        scatter: `scattering` at cos(separation) = 2 i / 4095 - 1.
    """

    dark: Floats
    share: Floats
    scatter: Floats


@lru_cache(maxsize=8)
def brightness_tables(
    dark_mag: float = DARK_ZENITH_MAG, k_mag: float = EXTINCTION_MAG
) -> BrightnessTables:
    """Tables for one sky; steps of 0.00024 in sine and 0.0005 in cosine (below 0.01 mag)."""
    sine = np.linspace(0.0, 1.0, _TABLE)
    return BrightnessTables(
        dark=dark_nl(sine, dark_mag=dark_mag, k_mag=k_mag),
        share=scattered_share(sine, k_mag=k_mag),
        scatter=scattering(np.linspace(-1.0, 1.0, _TABLE)),
    )
