"""Kepler orbits of comets and minor planets, from the elements that the MPC prints."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyros.sky.ephemeris import AU_KM

Floats = NDArray[np.float64]

GAUSS_K = 0.01720209895
"""Gaussian gravitational constant, au^1.5 per day."""
OBLIQUITY_J2000_RAD = math.radians(84381.448 / 3600.0)
"""Obliquity to which J2000 ecliptic elements refer (IAU 1976)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orbit:
    """Heliocentric osculating elements, ecliptic and equinox J2000.

    Args:
        perihelion_au: Perihelion distance q, positive.
        eccentricity: 0 or more; 1 is a parabola, more a hyperbola.
        inclination_deg: To the ecliptic.
        node_deg: Longitude of the ascending node.
        argument_deg: Argument of perihelion.
        perihelion_tt_jd: Time of perihelion, Julian date (TT).
    """

    perihelion_au: float
    eccentricity: float
    inclination_deg: float
    node_deg: float
    argument_deg: float
    perihelion_tt_jd: float

    @classmethod
    def from_mean_anomaly(
        cls,
        *,
        semi_major_au: float,
        eccentricity: float,
        inclination_deg: float,
        node_deg: float,
        argument_deg: float,
        mean_anomaly_deg: float,
        epoch_tt_jd: float,
    ) -> Orbit:
        """A minor planet's form of the elements: a, e, i, node, argument, M at an epoch."""
        motion = GAUSS_K / semi_major_au**1.5
        anomaly = math.radians((mean_anomaly_deg + 180.0) % 360.0 - 180.0)
        return cls(
            perihelion_au=semi_major_au * (1.0 - eccentricity),
            eccentricity=eccentricity,
            inclination_deg=inclination_deg,
            node_deg=node_deg,
            argument_deg=argument_deg,
            perihelion_tt_jd=epoch_tt_jd - anomaly / motion,
        )

    def faults(self) -> list[str]:
        """What is wrong with the elements, one line per fault."""
        values = (
            self.perihelion_au, self.eccentricity, self.inclination_deg, self.node_deg,
            self.argument_deg, self.perihelion_tt_jd,
        )  # fmt: skip
        if not all(math.isfinite(value) for value in values):
            return ["orbit: an element is not a finite number"]
        found = []
        if self.perihelion_au <= 0.0:
            found.append(f"orbit: perihelion {self.perihelion_au:g} au; give a positive distance")
        if self.eccentricity < 0.0:
            found.append(f"orbit: eccentricity {self.eccentricity:g}; give 0 or more")
        return found


def _in_plane(orbit: Orbit, days: Floats) -> tuple[Floats, Floats]:
    """Coordinates (towards perihelion, across) in au, `days` after perihelion."""
    q, e = orbit.perihelion_au, orbit.eccentricity
    if abs(e - 1.0) < 1e-9:
        # Barker's equation: s + s^3/3 = W with s = tan(half the true anomaly).
        w = 1.5 * GAUSS_K / (q * math.sqrt(2.0 * q)) * days
        y = np.cbrt(w + np.sqrt(w * w + 1.0))
        s = y - 1.0 / y
        return q * (1.0 - s * s), 2.0 * q * s
    a = q / abs(1.0 - e)
    mean = GAUSS_K / a**1.5 * days
    if e < 1.0:
        mean = (mean + np.pi) % (2.0 * np.pi) - np.pi
        ecc = mean + e * np.sin(mean) * (1.0 if e < 0.8 else 0.85)
        ecc = np.where(e < 0.8, ecc, np.copysign(np.pi * (np.abs(mean) / np.pi) ** (1 / 3), mean))
        for _ in range(50):
            step = (ecc - e * np.sin(ecc) - mean) / (1.0 - e * np.cos(ecc))
            ecc = ecc - step
            if np.max(np.abs(step)) < 1e-14:
                break
        return a * (np.cos(ecc) - e), a * math.sqrt(1.0 - e * e) * np.sin(ecc)
    hyp = np.arcsinh(mean / e)
    for _ in range(50):
        step = (e * np.sinh(hyp) - hyp - mean) / (e * np.cosh(hyp) - 1.0)
        hyp = hyp - step
        if np.max(np.abs(step)) < 1e-14:
            break
    return a * (e - np.cosh(hyp)), a * math.sqrt(e * e - 1.0) * np.sinh(hyp)


def heliocentric_km(orbit: Orbit, jd1: Floats, jd2: Floats) -> Floats:
    """Position from the Sun, ICRS axes, km, shape (n_times, 3), for a two-part TT Julian date."""
    days = (np.asarray(jd1) - orbit.perihelion_tt_jd) + np.asarray(jd2)
    x, y = _in_plane(orbit, days)
    node, incl = math.radians(orbit.node_deg), math.radians(orbit.inclination_deg)
    arg, eps = math.radians(orbit.argument_deg), OBLIQUITY_J2000_RAD
    cos_n, sin_n, cos_i, sin_i = math.cos(node), math.sin(node), math.cos(incl), math.sin(incl)
    cos_a, sin_a = math.cos(arg), math.sin(arg)
    towards = np.array(
        [
            cos_n * cos_a - sin_n * sin_a * cos_i,
            sin_n * cos_a + cos_n * sin_a * cos_i,
            sin_a * sin_i,
        ]
    )
    across = np.array(
        [
            -cos_n * sin_a - sin_n * cos_a * cos_i,
            -sin_n * sin_a + cos_n * cos_a * cos_i,
            cos_a * sin_i,
        ]
    )
    tilt = np.array(
        [[1, 0, 0], [0, math.cos(eps), -math.sin(eps)], [0, math.sin(eps), math.cos(eps)]]
    )
    ecliptic = x[:, None] * towards + y[:, None] * across
    return np.asarray(ecliptic @ tilt.T * AU_KM)
