"""Nights: labels, twilights, poles; judged by Skyfield and by a printed almanac."""

from __future__ import annotations

import numpy as np
import pytest
from skyfield import almanac
from skyfield.api import load_file, wgs84

from pyros.sky import Night, Site, night_label, noon_unix_s
from pyros.sky.earth_rotation import unix_from_tt_jd
from pyros.sky.ephemeris import de421_path
from pyros.sky.satellites import timescale
from pyros.sky.twilight import crossings


@pytest.fixture(scope="module")
def kernel():
    """Skyfield's own reading of DE421."""
    opened = load_file(str(de421_path()))
    yield opened
    opened.close()


SITES = [
    Site(latitude_deg=31.044, longitude_deg=-115.464, height_m=2830.0),
    Site(latitude_deg=-29.257, longitude_deg=-70.738, height_m=2347.0),
    Site(latitude_deg=51.477, longitude_deg=0.0),
    Site(latitude_deg=-17.8, longitude_deg=179.9),
]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("label", ["2020-06-20", "2026-11-23", "2034-03-19"])
def test_twilights_are_skyfields(site, label, kernel):
    """Every twilight is within a second of Skyfield's (DE421), found by another method."""
    night = Night(site, label)
    scale = timescale()
    place = wgs84.latlon(site.latitude_deg, site.longitude_deg, elevation_m=site.height_m)
    start, end = (scale.tt_jd(2440587.5 + t / 86400.0 + 69.184 / 86400.0)
                  for t in (night.start_unix_s, night.end_unix_s))  # fmt: skip
    for limit, dusk, dawn in (
        (-0.8333, night.sunset, night.sunrise),
        (-6.0, night.civil_dusk, night.civil_dawn),
        (-12.0, night.nautical_dusk, night.nautical_dawn),
        (-18.0, night.astronomical_dusk, night.astronomical_dawn),
    ):

        def above(t, limit=limit):
            return (kernel["earth"] + place).at(t).observe(kernel["sun"]).apparent().altaz()[
                0
            ].degrees > limit

        above.step_days = 0.04
        times = almanac.find_discrete(start, end, above)[0]
        found = unix_from_tt_jd(times.whole, times.tt_fraction)
        mine = [t for t in (dusk, dawn) if t is not None]
        assert len(found) == len(mine)
        assert np.allclose(found, mine, atol=1.0)


def test_moonrise_and_moonset_are_skyfields(kernel):
    """The Moon's upper limb passes the horizon within 20 s of Skyfield's rising and setting."""
    site = SITES[0]
    night = Night(site, "2026-11-20")
    scale = timescale()
    place = wgs84.latlon(site.latitude_deg, site.longitude_deg, elevation_m=site.height_m)
    start, end = (
        scale.tt_jd(2440587.5 + (t + 69.184) / 86400.0)
        for t in (night.start_unix_s, night.end_unix_s)
    )
    times, rises = almanac.find_discrete(
        start, end, almanac.risings_and_settings(kernel, kernel["moon"], place, radius_degrees=0.26)
    )
    expected = dict(
        zip((bool(r) for r in rises), unix_from_tt_jd(times.whole, times.tt_fraction), strict=True)
    )
    assert night.moonrise == pytest.approx(expected[True], abs=20.0)
    assert night.moonset == pytest.approx(expected[False], abs=20.0)


def test_sunrise_and_sunset_at_greenwich_are_the_almanacs():
    """On 2026-06-21 the Sun rises at Greenwich at 03:43 and sets at 20:21 UT (to the minute)."""
    site = Site(latitude_deg=51.4769, longitude_deg=0.0)
    sunset = Night(site, "2026-06-21").sunset
    sunrise = Night(site, "2026-06-20").sunrise
    midnight = noon_unix_s(site, "2026-06-20") + 43200.0
    assert (sunrise - midnight) / 60.0 == pytest.approx(3 * 60 + 43, abs=1.0)
    assert (sunset - midnight) / 60.0 == pytest.approx(20 * 60 + 21.5, abs=1.0)


def test_poles_have_nights_without_events():
    """The midnight Sun and the polar night are nights with None, not errors."""
    for latitude, label, dark in (
        (90.0, "2026-06-21", False),
        (-90.0, "2026-06-21", True),
        (78.2, "2026-12-21", True),
    ):
        night = Night(Site(latitude_deg=latitude, longitude_deg=20.0), label)
        assert night.sunset is None
        assert night.sunrise is None
        span = night.span(-12.0)
        assert (span == (night.start_unix_s, night.end_unix_s)) if dark and latitude < 0 else True
        assert (span is None) is not dark or latitude == 78.2


def test_night_keeps_its_label_from_noon_to_noon_at_the_date_line():
    """The label changes at local noon only, on both sides of the date line."""
    for longitude in (179.9, -179.9, 0.0, -115.5):
        site = Site(latitude_deg=10.0, longitude_deg=longitude)
        noon = noon_unix_s(site, "2026-11-23")
        assert night_label(site, noon) == "2026-11-23"
        assert night_label(site, noon + 86399.0) == "2026-11-23"
        assert night_label(site, noon - 1.0) == "2026-11-22"
        assert Night.at(site, noon + 40000.0).label == "2026-11-23"


def test_civil_offset_overrules_longitude_for_labels():
    """A site may label its nights by civil time (Kiribati keeps the date west of the line)."""
    site = Site(latitude_deg=1.9, longitude_deg=-157.4, utc_offset_h=14.0)
    assert noon_unix_s(site, "2026-11-23") % 86400.0 == 22.0 * 3600.0


def test_label_that_is_no_date_is_refused_with_an_example():
    """The message says what was given and how to write it."""
    with pytest.raises(ValueError, match="'tonight' is no date; write it as 2026-11-23"):
        Night(SITES[0], "tonight").start_unix_s  # noqa: B018 - the property raises


def test_crossings_find_a_touch_between_two_samples():
    """A dip below zero that lies between two samples is found by its minimum."""
    found = crossings(lambda t: (t - 310.0) ** 2 - 100.0, 0.0, 6000.0, 600.0)
    assert [up for _, up in found] == [False, True]
    assert np.allclose([t for t, _ in found], [300.0, 320.0], atol=0.02)
