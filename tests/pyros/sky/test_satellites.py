"""Satellites: element faults, age and passes."""

from __future__ import annotations

import numpy as np
import pytest
from skyfield.api import EarthSatellite, wgs84

from pyros.sky import Constraints, Night, Satellite, SatelliteTarget, Site, SkyGrid, passes, windows
from pyros.sky.earth_rotation import tt_jd
from pyros.sky.satellites import timescale

SITE = Site(latitude_deg=31.044, longitude_deg=-115.464, height_m=2830.0)
NIGHT = Night(SITE, "2026-11-23")


def with_checksum(line: str) -> str:
    """A TLE line with its last digit set right."""
    total = sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10
    return f"{line[:68]}{total}"


STATION = Satellite(
    with_checksum("1 25544U 98067A   26326.51782528  .00016717  00000-0  10270-3 0  9009"),
    with_checksum("2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563530"),
    "station",
)


def test_good_elements_have_no_fault():
    """Length, line numbers and checksums are right."""
    assert STATION.faults() == []


def test_wrong_checksum_and_short_line_are_both_reported():
    """One line per fault, all at once."""
    broken = Satellite(STATION.line1[:68] + str((int(STATION.line1[68]) + 1) % 10), "2 25544", "x")
    first, second = broken.faults()
    assert "checksum of line 1" in first
    assert "line 2 must have 69 characters" in second


def test_old_elements_are_called_old():
    """Two days are fine, two years are not."""
    assert STATION.staleness(NIGHT.start_unix_s) is None
    old = STATION.staleness(NIGHT.start_unix_s + 730 * 86400.0)
    assert old is not None
    assert "days old" in old


def test_passes_are_what_sampling_shows():
    """Each pass is above the limit inside and below it just outside, and none is missed."""
    found = passes(SITE, STATION, NIGHT.start_unix_s, NIGHT.end_unix_s, min_altitude_deg=10.0)
    times = np.arange(NIGHT.start_unix_s, NIGHT.end_unix_s, 20.0)
    orbit = EarthSatellite(STATION.line1, STATION.line2, None, timescale())
    ground = wgs84.latlon(SITE.latitude_deg, SITE.longitude_deg, elevation_m=SITE.height_m)
    altitude = (orbit - ground).at(timescale().tt_jd(*tt_jd(times))).altaz()[0].degrees
    inside = np.zeros(times.shape, dtype=bool)
    for start, end in found:
        inside |= (times > start) & (times < end)
    assert 2 <= len(found) <= 12
    assert np.array_equal(inside, altitude > 10.0) or np.sum(inside != (altitude > 10.0)) <= len(
        found
    )


def test_passes_and_windows_of_a_satellite_agree():
    """The general windows (fine grid) give the same spans within a second."""
    grid = SkyGrid(NIGHT.engine, NIGHT.start_unix_s, NIGHT.start_unix_s + 14000.0, 10.0)
    limits = Constraints(
        min_altitude_deg=10.0,
        max_sun_altitude_deg=None,
        min_moon_separation_deg=None,
        min_sky_mag=None,
    )
    expected = passes(SITE, STATION, grid.start_unix_s, grid.end_unix_s)
    found = windows(grid, SatelliteTarget(STATION), limits)
    assert len(found) >= 1
    assert np.allclose(found, expected, atol=1.0)


def test_at_most_the_asked_number_of_passes_is_given():
    """The list ends at the limit."""
    assert len(passes(SITE, STATION, NIGHT.start_unix_s, NIGHT.end_unix_s + 5e5, max_passes=3)) == 3


def test_reversed_times_are_refused():
    """The message has both times."""
    with pytest.raises(ValueError, match="is not after"):
        passes(SITE, STATION, 10.0, 5.0)
