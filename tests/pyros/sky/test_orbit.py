"""Kepler orbits obey mechanics, whatever their eccentricity."""

from __future__ import annotations

import numpy as np
import pytest

from pyros.sky.ephemeris import AU_KM
from pyros.sky.orbit import GAUSS_K, Orbit, heliocentric_km


@pytest.mark.parametrize("eccentricity", [0.0, 0.2, 0.97, 1.0, 1.3, 3.36])
def test_orbit_conserves_energy_and_angular_momentum(eccentricity):
    """Circle, ellipse, parabola and hyperbola: vis-viva and constant areal speed."""
    orbit = Orbit(
        perihelion_au=0.6, eccentricity=eccentricity, inclination_deg=122.7, node_deg=24.6,
        argument_deg=241.8, perihelion_tt_jd=2461000.5,
    )  # fmt: skip
    days = np.linspace(-400.0, 400.0, 41)
    jd = np.full(days.shape, 2461000.5)
    step = 0.01
    position = heliocentric_km(orbit, jd, days) / AU_KM
    velocity = (
        heliocentric_km(orbit, jd, days + step) - heliocentric_km(orbit, jd, days - step)
    ) / (2.0 * step * AU_KM)
    radius = np.linalg.norm(position, axis=1)
    energy = np.sum(velocity**2, axis=1) / 2.0 - GAUSS_K**2 / radius
    expected = -(GAUSS_K**2) * (1.0 - eccentricity) / (2.0 * 0.6)
    assert np.allclose(energy, expected, atol=2e-9)
    momentum = np.cross(position, velocity)
    assert np.allclose(momentum, momentum[0], rtol=1e-5, atol=1e-9)
    assert radius.min() == pytest.approx(0.6, abs=1e-9)


def test_orbit_lies_in_its_plane():
    """The pole of the orbit is tilted by the inclination from the ecliptic's."""
    orbit = Orbit(
        perihelion_au=2.0, eccentricity=0.1, inclination_deg=30.0, node_deg=50.0,
        argument_deg=10.0, perihelion_tt_jd=2461000.5,
    )  # fmt: skip
    jd = np.full(2, 2461000.5)
    a, b = heliocentric_km(orbit, jd, np.array([0.0, 100.0]))
    pole = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
    tilt = np.radians(84381.448 / 3600.0)
    ecliptic_pole = np.array([0.0, -np.sin(tilt), np.cos(tilt)])
    assert np.degrees(np.arccos(pole @ ecliptic_pole)) == pytest.approx(30.0, abs=1e-6)


def test_mean_anomaly_gives_the_time_of_perihelion():
    """Half a period after perihelion the mean anomaly is 180 degrees."""
    period = 2.0 * np.pi / GAUSS_K * 2.77**1.5
    orbit = Orbit.from_mean_anomaly(
        semi_major_au=2.77, eccentricity=0.08, inclination_deg=1.0, node_deg=0.0, argument_deg=0.0,
        mean_anomaly_deg=90.0, epoch_tt_jd=2461000.5,
    )  # fmt: skip
    assert orbit.perihelion_tt_jd == pytest.approx(2461000.5 - period / 4.0)


def test_impossible_elements_are_named():
    """Negative perihelion and eccentricity, and no number, each get a line."""
    bad = Orbit(
        perihelion_au=-1.0, eccentricity=-0.1, inclination_deg=0.0, node_deg=0.0,
        argument_deg=0.0, perihelion_tt_jd=2461000.5,
    )  # fmt: skip
    assert len(bad.faults()) == 2
