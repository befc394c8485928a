"""The simulated sky has the real bright stars, realistic counts below, and never changes."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.sky_scene.star_counts import stars_per_deg2
from simulators.sky_scene.stars import catalogued_stars, stars_around, synthetic_stars

NIGHT_UNIX_S = 1_795_503_600.0  # 2026-11-24


@pytest.mark.parametrize(
    ("name", "ra_deg", "dec_deg", "v_mag"),
    [
        # ICRS, epoch and equinox J2000, from SIMBAD.
        ("Vega", 279.234735, 38.783689, 0.03),
        ("Polaris", 37.954561, 89.264109, 2.02),
        ("Canopus", 95.987958, -52.695661, -0.74),
    ],
)
def test_stars_bright_ones_are_where_they_are(name, ra_deg, dec_deg, v_mag):
    """Slow bright stars lie within an arcsecond of their catalogue place."""
    del name
    stars = catalogued_stars(ra_deg, dec_deg, 0.01, 946_728_000.0)
    brightest = int(np.argmin(stars.v_mag))
    assert stars.v_mag[brightest] == pytest.approx(v_mag, abs=0.15)
    assert stars.dec_deg[brightest] == pytest.approx(dec_deg, abs=1.0 / 3600.0)
    east = (stars.ra_deg[brightest] - ra_deg) * np.cos(np.radians(dec_deg))
    assert east == pytest.approx(0.0, abs=1.0 / 3600.0)


def test_stars_proper_motion_carries_barnards_star():
    """Barnard's star (17 57 48.50 +04 41 36.1, -0.80 / +10.36 arcsec a year) has moved by 2026."""
    years = (NIGHT_UNIX_S - 946_728_000.0) / (365.25 * 86400.0)
    dec_deg = 4.693364 + 10.362 * years / 3600.0
    ra_deg = 269.452083 - 0.8028 * years / 3600.0 / np.cos(np.radians(4.69))
    stars = catalogued_stars(ra_deg, dec_deg, 10.0 / 3600.0, NIGHT_UNIX_S)
    assert len(stars) == 1
    assert stars.v_mag[0] == pytest.approx(9.5, abs=0.2)


@pytest.mark.parametrize(("ra_deg", "dec_deg"), [(10.0, 41.0), (359.99, -20.0), (123.0, 89.7)])
def test_stars_field_is_the_same_from_any_pointing(ra_deg, dec_deg):
    """What two overlapping circles share is the same star for star, at 0 h and at the pole too."""
    wide = synthetic_stars(ra_deg, dec_deg, 0.4, faintest_mag=19.0)
    aside = synthetic_stars(ra_deg + 0.15, dec_deg - 0.1, 0.3, faintest_mag=19.0)
    inner = synthetic_stars(ra_deg, dec_deg, 0.1, faintest_mag=19.0)
    assert len(inner) > 10
    keys = {
        (float(r), float(d), float(v))
        for r, d, v in zip(wide.ra_deg, wide.dec_deg, wide.v_mag, strict=True)
    }
    for few in (aside, inner):
        near = few.where(separations(few, ra_deg, dec_deg) < 0.1)
        assert len(near) > 10
        for r, d, v in zip(near.ra_deg, near.dec_deg, near.v_mag, strict=True):
            assert (float(r), float(d), float(v)) in keys
    assert len(keys) == len(wide)


def separations(stars, ra_deg, dec_deg):
    """Degrees from a direction, flat enough for a test."""
    east = (stars.ra_deg - ra_deg + 180.0) % 360.0 - 180.0
    return np.hypot(east * np.cos(np.radians(stars.dec_deg)), stars.dec_deg - dec_deg)


def test_stars_circle_is_evenly_filled():
    """No seams: counts in quadrants of a wide circle agree within Poisson noise."""
    stars = synthetic_stars(200.0, -35.0, 1.0, faintest_mag=20.0)
    north = stars.dec_deg > -35.0
    east = stars.ra_deg > 200.0
    quadrants = [np.sum(north & east), np.sum(north & ~east), np.sum(~north & east)]
    mean = len(stars) / 4.0
    assert all(abs(count - mean) < 5.0 * np.sqrt(mean) for count in quadrants)


def test_stars_counts_match_the_model_and_its_paper():
    """Drawn counts follow the formula, and the formula its own table."""
    ra_deg, dec_deg, radius_deg = 192.86, 27.13, 1.2  # the north galactic pole
    stars = synthetic_stars(ra_deg, dec_deg, radius_deg, faintest_mag=20.0)
    area_deg2 = 2.0 * np.pi * (1.0 - np.cos(np.radians(radius_deg))) * np.degrees(1.0) ** 2
    expected = area_deg2 * float(np.diff(stars_per_deg2([10.0, 20.0], 0.0, 90.0))[0])
    assert len(stars) == pytest.approx(expected, abs=5.0 * np.sqrt(expected))
    brighter = np.sum(stars.v_mag < 17.0)
    share = np.diff(stars_per_deg2([10.0, 17.0], 0.0, 90.0))[0] * area_deg2
    assert brighter == pytest.approx(share, abs=5.0 * np.sqrt(share))


def test_stars_are_fewer_towards_the_pole():
    """Counts grow with magnitude and towards the plane; near it they are held."""
    latitudes = [90.0, 60.0, 40.0, 20.0]
    counts = [float(stars_per_deg2(20.0, 90.0, b)) for b in latitudes]
    assert counts == sorted(counts)
    assert float(stars_per_deg2(20.0, 90.0, 3.0)) == float(stars_per_deg2(20.0, 90.0, 13.0))
    assert np.all(np.diff(stars_per_deg2(np.arange(8.0, 23.0), 120.0, -45.0)) > 0.0)


@pytest.mark.parametrize(("limit_mag", "per_deg2"), [(14.0, 417.3), (16.0, 2154.9)])
def test_stars_mean_over_the_sky_is_the_real_one(limit_mag, per_deg2):
    """So many per square degree are in Tycho-2 and UCAC4 (hnsky.org/star_count.htm)."""
    rng = np.random.default_rng(1)
    latitudes = np.degrees(np.arcsin(rng.uniform(-1.0, 1.0, 2000)))
    longitudes = rng.uniform(0.0, 360.0, 2000)
    drawn = [
        float(stars_per_deg2(limit_mag, lon, lat))
        for lon, lat in zip(longitudes, latitudes, strict=True)
    ]
    assert np.mean(drawn) == pytest.approx(per_deg2, rel=0.45)


def test_stars_join_catalogue_and_synthesis_at_their_limit():
    """Above V = 10 all are real, below all are drawn, to the limit asked for."""
    stars = stars_around(80.0, 20.0, 1.5, NIGHT_UNIX_S, faintest_mag=17.0)
    assert np.all(stars.v_mag[~stars.synthetic] < 10.0)
    assert np.all(stars.v_mag[stars.synthetic] >= 10.0)
    assert stars.v_mag.max() <= 17.0
    assert 30 < np.sum(~stars.synthetic) < 200
