"""Sun, Moon and planets against astropy with DE421, and against printed examples."""

from __future__ import annotations

import erfa
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, get_body, solar_system_ephemeris
from astropy.time import Time
from astropy.utils import iers

from pyros.sky import (
    Site,
    SkyEngine,
    body_now,
    local_sidereal_deg,
    moon_now,
    separation_deg,
    sun_altaz,
    track,
)
from pyros.sky.bodies import geocentric_km
from pyros.sky.earth_rotation import tt_jd, unix_from_tt_jd
from pyros.sky.ephemeris import AnalyticEphemeris, de421_path

LIMITS_ARCSEC = {"sun": 1.0, "moon": 5.0, "venus": 0.2, "jupiter": 0.2, "neptune": 0.2}


@pytest.mark.parametrize(
    ("latitude", "longitude", "date"),
    [
        (31.04, -115.46, "2026-11-24T08:00:00"),
        (-29.26, -70.74, "2020-06-21T00:00:00"),
        (90.0, 0.0, "2033-03-20T12:00:00"),
        (-89.99, 179.99, "2035-12-31T20:00:00"),
        (10.0, 180.0, "2029-01-01T11:00:00"),
    ],
)
def test_bodies_agree_with_astropy_and_de421(latitude, longitude, date):
    """The Sun is within 1 arcsec, the Moon within 5, planets within 0.2."""
    site = Site(latitude_deg=latitude, longitude_deg=longitude, height_m=2800.0)
    middle = Time(date).unix
    engine = SkyEngine(site, middle)
    times = middle + np.linspace(-12.0, 12.0, 9) * 3600.0
    moments = Time(times, format="unix")
    moments.delta_ut1_utc = engine.earth[0]
    where = EarthLocation.from_geodetic(longitude, latitude, 2800.0)
    with (
        iers.conf.set_temp("auto_download", False),
        iers.conf.set_temp("auto_max_age", None),
        solar_system_ephemeris.set(str(de421_path())),
    ):
        frame = AltAz(obstime=moments, location=where)
        for body, limit in LIMITS_ARCSEC.items():
            expected = get_body(body, moments, where).transform_to(frame)
            seen = track(engine, body, times)
            error = separation_deg(
                expected.az.deg, expected.alt.deg, seen.azimuth_deg, seen.altitude_deg
            )
            assert error.max() * 3600.0 <= limit, body


def apparent_of_date(body: str, tt: float) -> tuple[float, float]:
    """Geocentric apparent (ra, dec) in degrees, true equator and equinox of date."""
    unix_s = float(unix_from_tt_jd(np.floor(tt - 0.5) + 0.5, tt - np.floor(tt - 0.5) - 0.5))
    engine = SkyEngine(Site(latitude_deg=0.0, longitude_deg=0.0), unix_s)
    vector = geocentric_km(engine, body, unix_s)
    seen = engine.aberrated(vector / np.linalg.norm(vector), [unix_s])[0]
    equation_of_origins = erfa.apci13(*tt_jd(unix_s))[1]
    ra, dec = erfa.c2s(seen)
    return float(np.degrees(ra - equation_of_origins)) % 360.0, float(np.degrees(dec))


def test_sun_is_where_meeus_prints_it():
    """Astronomical Algorithms (2nd ed.) example 25.b: 1992 October 13.0 TD, VSOP87."""
    ra, dec = apparent_of_date("sun", 2448908.5)
    assert ra == pytest.approx(198.378178, abs=0.0003)
    assert dec == pytest.approx(-7.783871, abs=0.0003)


def test_moon_is_where_meeus_prints_it():
    """Astronomical Algorithms example 47.a: 1992 April 12.0 TD, 134.688470, +13.768368."""
    ra, dec = apparent_of_date("moon", 2448724.5)
    assert ra == pytest.approx(134.688470, abs=0.004)
    assert dec == pytest.approx(13.768368, abs=0.004)


def test_moon_illumination_is_what_meeus_prints():
    """Astronomical Algorithms example 48.a: 1992 April 12.0 TD, 0.6786 of the disc is lit.

    Meeus looks from the Earth's centre, so the site is the one that has the Moon in its zenith.
    """
    unix_s = float(unix_from_tt_jd(2448724.5, 0.0))
    greenwich = Site(latitude_deg=0.0, longitude_deg=0.0)
    beneath = 134.688470 - local_sidereal_deg(greenwich, unix_s)
    moon = moon_now(Site(latitude_deg=13.77, longitude_deg=beneath), unix_s)
    assert moon.altitude_deg > 89.5
    assert moon.illumination == pytest.approx(0.6786, abs=0.0005)
    assert 0.0 < moon.phase_deg < 180.0


def test_venus_stands_where_meeus_prints_it():
    """Astronomical Algorithms example 13.b: Venus from the US Naval Observatory, 1987 April 10.

    19:21:00 UT, azimuth 68.0337 degrees counted from the south, altitude 15.1249 degrees.
    """
    site = Site(latitude_deg=38 + 55 / 60 + 17 / 3600, longitude_deg=-(77 + 3 / 60 + 56 / 3600))
    seen = body_now(site, "venus", Time("1987-04-10T19:21:00").unix)
    assert float(seen.azimuth_deg[0]) == pytest.approx(248.0337, abs=0.004)
    assert float(seen.altitude_deg[0]) == pytest.approx(15.1249, abs=0.004)


def test_series_without_a_file_stay_within_their_bounds():
    """Without DE421 the Sun is within 2 arcsec, the Moon within 15, Jupiter within 2 arcmin."""
    site = Site(latitude_deg=31.0, longitude_deg=-115.5)
    times = 1.795e9 + np.arange(0, 40000, 10000.0)
    exact = SkyEngine(site, 1.795e9 + 20000.0)
    series = SkyEngine(site, 1.795e9 + 20000.0, ephemeris=AnalyticEphemeris())
    for body, limit in (("sun", 2.0), ("moon", 15.0), ("jupiter", 120.0)):
        a, b = track(exact, body, times), track(series, body, times)
        error = separation_deg(a.azimuth_deg, a.altitude_deg, b.azimuth_deg, b.altitude_deg)
        assert 0.0 < error.max() * 3600.0 < limit


def test_a_body_asked_far_from_the_engine_is_refused():
    """Beyond the polynomial's reach there is a sentence, not a wild position."""
    engine = SkyEngine(Site(latitude_deg=0.0, longitude_deg=0.0), 1.795e9)
    with pytest.raises(ValueError, match="make an engine nearer"):
        track(engine, "moon", 1.795e9 + 60000.0)
    with pytest.raises(ValueError, match="unknown body 'pluto'"):
        track(engine, "pluto", 1.795e9)


def test_sun_now_does_not_depend_on_what_was_asked_before():
    """The engine of an instant is chosen by the instant alone."""
    site = Site(latitude_deg=31.0, longitude_deg=-115.5)
    first = sun_altaz(site, 1.795e9)
    sun_altaz(site, 1.7951e9)
    assert sun_altaz(site, 1.795e9) == first
