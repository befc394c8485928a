"""Positions of stars against astropy's full transform, over the Earth and the years."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from pyros.sky import (
    Site,
    SkyEngine,
    airmass,
    altaz_now,
    engine_for,
    hour_angle_deg,
    icrs_from_altaz,
    local_sidereal_deg,
    parallactic_angle_deg,
    separation_deg,
)
from pyros.sky.airmass import altitude_of_airmass_deg
from pyros.sky.engine import thin_product

PLACES = [
    (31.04, -115.46),
    (-29.26, -70.74),
    (90.0, 0.0),
    (-89.99, 45.0),
    (0.0, 180.0),
    (64.1, -21.9),
]
DATES = ["2020-02-29T03:00:00", "2026-11-24T08:00:00", "2035-12-31T20:00:00"]


@pytest.fixture(autouse=True)
def offline_iers():
    """Astropy with its installed tables only, whatever their age."""
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        yield


def astropy_altaz(site: Site, ra_deg, dec_deg, unix_s, dut1_s: float, **motion):
    """(altitude, azimuth) in degrees, shape (n_times, n_targets), with an imposed UT1-UTC."""
    times = Time(np.atleast_1d(unix_s), format="unix")
    times.delta_ut1_utc = dut1_s
    where = EarthLocation.from_geodetic(site.longitude_deg, site.latitude_deg, site.height_m)
    stars = SkyCoord(ra_deg * u.deg, dec_deg * u.deg, **motion)
    if motion:
        stars = stars.apply_space_motion(new_obstime=times[0])
    seen = stars.transform_to(AltAz(obstime=times[:, None], location=where))
    return seen.alt.deg, seen.az.deg


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("date", DATES)
def test_engine_agrees_with_astropy_to_a_fifth_of_an_arcsecond(place, date):
    """Everything above the horizon is within 0.2 arcsec, poles and date line included."""
    site = Site(latitude_deg=place[0], longitude_deg=place[1], height_m=2800.0)
    middle = Time(date).unix
    engine = SkyEngine(site, middle)
    random = np.random.default_rng(7)
    ra = random.uniform(0.0, 360.0, 40)
    dec = np.degrees(np.arcsin(random.uniform(-1.0, 1.0, 40)))
    times = middle + np.linspace(-12.0, 12.0, 7) * 3600.0
    altitude, azimuth = engine.altaz(ra, dec, times)
    expected_alt, expected_az = astropy_altaz(site, ra, dec, times, engine.earth[0])
    assert altitude.shape == (7, 40)
    error = separation_deg(expected_az, expected_alt, azimuth, altitude) * 3600.0
    assert error[expected_alt > 0.0].max() <= 0.2


@pytest.mark.parametrize("place", PLACES)
def test_one_star_at_one_instant_is_where_the_arrays_put_it(place):
    """`altaz_now` in plain floats gives what the vectorised engine gives."""
    site = Site(latitude_deg=place[0], longitude_deg=place[1], height_m=2800.0)
    random = np.random.default_rng(8)
    start = Time(DATES[1]).unix
    for ra, dec, after_s in random.uniform([0, -90, 0], [360, 90, 3e7], (50, 3)):
        altitude, azimuth = engine_for(site, start + after_s).altaz(ra, dec, start + after_s)
        now_alt, now_az = altaz_now(site, ra, dec, start + after_s)
        assert separation_deg(azimuth[0, 0], altitude[0, 0], now_az, now_alt) < 1e-9


def test_engine_moves_stars_with_proper_motion_and_parallax():
    """Barnard's star (Gaia DR3: 10 arcsec a year) is where astropy puts it."""
    site = Site(latitude_deg=31.0, longitude_deg=-115.5, height_m=2800.0)
    middle = Time("2026-07-01T07:00:00").unix
    engine = SkyEngine(site, middle)
    ra, dec, pm_ra, pm_dec, parallax = 269.452077, 4.693391, -801.551, 10362.394, 546.976
    places = engine.places(ra, dec, pm_ra_mas_yr=pm_ra, pm_dec_mas_yr=pm_dec, parallax_mas=parallax)
    altitude, azimuth = engine.altaz_of_places(places, engine.axes(middle))
    expected = astropy_altaz(
        site, np.array([ra]), np.array([dec]), middle, engine.earth[0],
        pm_ra_cosdec=np.array([pm_ra]) * u.mas / u.yr, pm_dec=np.array([pm_dec]) * u.mas / u.yr,
        distance=np.array([1000.0 / parallax]) * u.pc, obstime=Time(2000.0, format="jyear"),
    )  # fmt: skip
    assert separation_deg(expected[1], expected[0], azimuth, altitude)[0, 0] * 3600.0 < 0.05


def test_icrs_from_altaz_inverts_altaz():
    """A direction goes to altitude and azimuth and back within a hundredth of an arcsecond."""
    site = Site(latitude_deg=-30.2, longitude_deg=179.99)
    for ra, dec in ((10.0, -45.0), (200.0, 20.0), (359.99, -89.0)):
        unix_s = 1.79e9
        altitude, azimuth = altaz_now(site, ra, dec, unix_s)
        back = icrs_from_altaz(site, altitude, azimuth, unix_s)
        assert separation_deg(ra, dec, *back) * 3600.0 < 0.01


def test_hour_angle_is_sidereal_time_less_apparent_right_ascension():
    """Two roads (horizontal coordinates, IAU 2006 sidereal time) meet.

    The difference is precession and aberration of the star since J2000, below 0.6 degrees in 2027.
    """
    site = Site(latitude_deg=43.75, longitude_deg=6.92, height_m=1270.0)
    hour = hour_angle_deg(site, 83.8, -5.4, 1.795e9)
    expected = (local_sidereal_deg(site, 1.795e9) - 83.8 + 180.0) % 360.0 - 180.0
    assert abs(hour - expected) < 0.6


def test_sidereal_time_agrees_with_astropy():
    """Apparent sidereal time is astropy's within 0.05 arcsec of angle."""
    site = Site(latitude_deg=31.0, longitude_deg=-115.463611)
    time = Time(1.795e9, format="unix")
    expected = time.sidereal_time("apparent", longitude=site.longitude_deg * u.deg).deg
    assert abs(local_sidereal_deg(site, 1.795e9) - expected) * 3600.0 < 0.05


def test_parallactic_angle_is_zero_on_the_meridian_and_positive_west_of_it():
    """A star south of the zenith has its pole straight up when it culminates."""
    site = Site(latitude_deg=31.0, longitude_deg=0.0)
    unix_s = 1.795e9
    ra = local_sidereal_deg(site, unix_s)
    turned = ra - hour_angle_deg(site, ra, 0.0, unix_s) * -1.0
    assert abs(parallactic_angle_deg(site, turned, 0.0, unix_s)) < 0.5
    assert parallactic_angle_deg(site, turned - 45.0, 0.0, unix_s) > 20.0


def test_airmass_is_pickering_like_at_the_horizon_and_one_at_the_zenith():
    """Kasten & Young: 37.92 at the horizon (their table), 1 overhead, and it inverts."""
    assert float(airmass(0.0)) == pytest.approx(37.92, abs=0.02)
    assert float(airmass(90.0)) == pytest.approx(1.0, abs=1e-3)
    assert np.isnan(airmass(-1.0))
    assert float(airmass(altitude_of_airmass_deg(2.0))) == pytest.approx(2.0, abs=1e-9)


def test_thin_product_is_the_matrix_product():
    """Working in blocks changes nothing."""
    random = np.random.default_rng(1)
    rows, columns = random.normal(size=(1001, 6)), random.normal(size=(6, 333))
    assert np.allclose(thin_product(rows, columns), rows @ columns, rtol=1e-13, atol=1e-13)
