"""Targets move as their catalogue says."""

from __future__ import annotations

from datetime import UTC, datetime

import astropy.units as u
import pytest
from astropy.coordinates import Distance, SkyCoord
from astropy.time import Time

from pyros.domain.target import Target, julian_year


@pytest.mark.parametrize(
    ("ra_deg", "dec_deg", "pm_ra", "pm_dec", "epoch"),
    [
        (269.452, 4.693, -801.55, 10362.39, 2000.0),  # Barnard's star
        (0.0001, -60.0, -3000.0, 500.0, 2016.0),  # over 0 h
        (100.0, 89.9, 500.0, -300.0, 1991.25),  # near the pole
    ],
)
def test_position_is_astropys(
    ra_deg: float, dec_deg: float, pm_ra: float, pm_dec: float, epoch: float
) -> None:
    """Forty years on, within a hundredth of an arcsecond of astropy's space motion."""
    target = Target(
        name="star",
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        pm_ra_mas_yr=pm_ra,
        pm_dec_mas_yr=pm_dec,
        epoch_jyear=epoch,
    )
    there = SkyCoord(
        ra=ra_deg * u.deg,
        dec=dec_deg * u.deg,
        pm_ra_cosdec=pm_ra * u.mas / u.yr,
        pm_dec=pm_dec * u.mas / u.yr,
        distance=Distance(parallax=100.0 * u.mas),
        radial_velocity=0.0 * u.km / u.s,
        obstime=Time(epoch, format="jyear"),
    ).apply_space_motion(new_obstime=Time(epoch + 40.0, format="jyear"))
    moved = SkyCoord(*target.position(epoch + 40.0), unit="deg")
    assert moved.separation(SkyCoord(there.ra, there.dec)).arcsec < 0.01


def test_target_without_motion_or_time_stays_to_the_last_bit() -> None:
    """Two slews to one alert must be one command: no rounding on the way."""
    still = Target(name="grb", ra_deg=123.456789, dec_deg=-45.6789)
    assert still.position(2026.9) == (123.456789, -45.6789)
    moving = Target(name="star", ra_deg=1.1, dec_deg=2.2, pm_dec_mas_yr=9.0, epoch_jyear=2016.0)
    assert moving.position(2016.0) == (1.1, 2.2)


def test_julian_year_counts_from_noon_of_2000() -> None:
    """J2000.0 is noon; a Julian year is 365.25 days."""
    assert julian_year(datetime(2000, 1, 1, 12, tzinfo=UTC)) == 2000.0
    assert julian_year(datetime(2026, 1, 1, 0, tzinfo=UTC)) == 2026.0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ra_deg": 360.0}, "ra_deg = 360.0"),
        ({"dec_deg": float("nan")}, "dec_deg = nan"),
        ({"pm_ra_mas_yr": float("inf")}, "not finite"),
        ({"epoch_jyear": 16.0}, "epoch_jyear = 16.0 is outside"),
        ({"epoch_jyear": float("nan")}, "epoch_jyear = nan"),
    ],
)
def test_numbers_that_lead_nowhere_are_refused(wrong: dict[str, float], says: str) -> None:
    """The message names the target, the key and the value."""
    with pytest.raises(ValueError, match=f"target star: .*{says}"):
        Target(**{"name": "star", "ra_deg": 1.0, "dec_deg": 2.0} | wrong)
