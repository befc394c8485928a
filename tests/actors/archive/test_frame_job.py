"""Tests of archiving one frame, and of names and places, without any actor."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.io import fits
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.archive import layout
from actors.archive.circumstances import Circumstances, Surroundings
from actors.archive.close_request import close_directories
from actors.archive.frame_job import FrameJob, archive_frame
from actors.archive.sky_values import bjd_tdb, sky_at
from actors.weather_source.messages import WeatherReport
from actors.weather_verdict.messages import WeatherVerdict
from protocols.fits_facts import Weather
from pyros.domain.device import DeviceKind, DeviceState, Quality, Reading
from pyros.domain.verdict import Safety, Verdict
from pyros.sky import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("installed_tables")
NOW_UTC = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
SITE = Site(latitude_deg=43.93, longitude_deg=5.71, height_m=650.0, name="demo")


@pytest.fixture
def installed_tables() -> Iterator[None]:
    """Astropy takes Earth orientation from the installed tables, however old they are."""
    with iers.conf.set_temp("auto_max_age", None), iers.conf.set_temp("auto_download", False):
        yield


def _nothing_known() -> Circumstances:
    return Circumstances(telescope={}, camera={}, focuser={}, dome={}, weather=Weather())


def test_frame_archived_twice_is_the_same_file(archive_of, camera, data_dir):
    """A crash between the rename and the end of the spool file costs nothing: same bytes."""
    frame = camera.expose(alert_id="grb")
    job = FrameJob(frame=frame, circumstances=_nothing_known(), written_utc=NOW_UTC)
    first = archive_frame(archive_of(durable=True), job)
    again = archive_frame(archive_of(durable=False), job)
    assert again == first
    names = [path.name for path in (data_dir / first.path).parent.iterdir()]
    assert names == [(data_dir / first.path).name]


def test_pixels_are_those_of_the_camera(archive_of, camera, data_dir, starry):
    """Not a count is changed on the way from the spool."""
    pixels = starry((33, 47))
    frame = camera.expose(pixels=pixels)
    job = FrameJob(frame=frame, circumstances=_nothing_known(), written_utc=NOW_UTC)
    done = archive_frame(archive_of(), job)
    assert np.array_equal(fits.getdata(data_dir / done.path), pixels)


def test_header_astropy_agrees_with_is_written(archive_of, camera, data_dir):
    """Altitude, azimuth, sidereal time and barycentric date are astropy's within their digits."""
    frame = camera.expose(exposure_s=60.0)
    job = FrameJob(frame=frame, circumstances=_nothing_known(), written_utc=NOW_UTC)
    done = archive_frame(archive_of(), job)
    header = fits.getheader(data_dir / done.path)
    where = EarthLocation(5.71 * u.deg, 43.93 * u.deg, 650.0 * u.m)
    when = Time(header["DATE-AVG"], scale="utc", location=where)
    target = SkyCoord(header["RA"] * u.deg, header["DEC"] * u.deg)
    seen = target.transform_to(AltAz(obstime=when, location=where))
    assert header["ALTITUDE"] == pytest.approx(seen.alt.deg, abs=1e-4)
    assert header["AZIMUTH"] == pytest.approx(seen.az.deg, abs=1e-4)
    assert header["LST"] == pytest.approx(when.sidereal_time("apparent").deg, abs=1e-4)
    tdb = when.tdb + when.light_travel_time(target)
    assert abs(header["BJD-TDB"] - tdb.jd) * 86400.0 < 0.002


@pytest.mark.parametrize("month", [1, 4, 7, 10])
def test_barycentric_date_is_right_to_two_milliseconds(month: int):
    """Over the year and in any direction, against astropy's light travel time."""
    when_utc = datetime(2026, month, 11, 3, 7, 9, tzinfo=UTC)
    where = EarthLocation(5.71 * u.deg, 43.93 * u.deg, 650.0 * u.m)
    for ra_deg, dec_deg in ((0.0, 0.0), (123.0, 66.0), (270.0, -60.0)):
        when = Time(when_utc, location=where)
        expected = when.tdb + when.light_travel_time(SkyCoord(ra_deg * u.deg, dec_deg * u.deg))
        got = bjd_tdb(SITE, ra_deg, dec_deg, when_utc)
        assert abs(got - expected.jd) * 86400.0 < 0.002


def test_sky_below_the_horizon_has_no_airmass():
    """A frame taken at a wall has an altitude and no air mass."""
    sky = sky_at(SITE, (sky_at(SITE, None, NOW_UTC).sidereal_deg or 0.0, -80.0), NOW_UTC)
    assert sky.altitude_deg is not None
    assert sky.altitude_deg < 0.0
    assert sky.airmass is None


def test_name_sorts_by_time_and_tells_what_it_is(camera):
    """Two frames of one sequence never share a name."""
    frame = camera.expose()
    later = replace(frame, start_utc=frame.start_utc + timedelta(milliseconds=1))
    names = [layout.frame_name(frame), layout.frame_name(later)]
    assert names == sorted(set(names))
    dark = replace(frame, kind="dark", context=replace(frame.context, request_id=None))
    assert layout.frame_name(dark).endswith("_tel1_cam-vis_dark_30s_0001.fits")


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=200)
def test_any_name_is_one_safe_part_of_a_path(text: str):
    """Whatever users call things, they cannot leave the directory or hide a file."""
    word = layout.path_word(text)
    assert word
    assert "/" not in word
    assert not word.startswith((".", "-"))
    assert word.isascii()
    assert word.isprintable()


def test_request_ids_are_read_back_from_active_directories():
    """Only directories of open requests count."""
    assert layout.request_id_of("routine_agn-1_active") == "agn-1"
    assert layout.request_id_of("alert_grb_active_active") == "grb_active"
    for name in ("routine_agn-1", "calibrations_2026-11-23", "set_aside", "x_active"):
        assert layout.request_id_of(name) is None


def test_reopened_request_is_merged_when_it_closes_again(data_dir: Path):
    """A finished directory takes in what came later; nothing is overwritten or left."""
    for name, file in (("routine_a", "s1/old.fits"), ("routine_a_active", "s1/new.fits")):
        path = data_dir / "PRODUCED_DATA" / name / file
        path.parent.mkdir(parents=True)
        path.write_text(name)
    assert close_directories(data_dir, "a") == [
        ("PRODUCED_DATA/routine_a_active", "PRODUCED_DATA/routine_a")
    ]
    left = sorted(p.relative_to(data_dir).as_posix() for p in data_dir.rglob("*.fits"))
    assert left == ["PRODUCED_DATA/routine_a/s1/new.fits", "PRODUCED_DATA/routine_a/s1/old.fits"]
    assert close_directories(data_dir, "a") == []


def _reading(value: float, quality: Quality = Quality.GOOD) -> Reading:
    return Reading(value=value, unit="", time_utc=NOW_UTC, quality=quality)


def test_weather_is_the_fused_one_and_then_any_good_station():
    """What the verdict trusts comes first; the rest a good station tells, a bad one never."""
    around = Surroundings()
    for station, wind, quality in (
        ("meteo-2", 9.0, Quality.GOOD),
        ("meteo-1", 8.0, Quality.STALE),
    ):
        around.take_report(
            WeatherReport(
                station=station,
                state=DeviceState.READY,
                readings={
                    "wind_m_s": _reading(wind, quality),
                    "pressure_hPa": _reading(900.0 + wind, quality),
                },
                time_utc=NOW_UTC,
            )
        )
    around.take_verdict(
        WeatherVerdict(
            verdict=Verdict(safety=Safety.SAFE, reasons=(), time_utc=NOW_UTC),
            votes=(),
            fused={"wind_m_s": 7.5, "rain": False},
        )
    )
    weather = around.now("tel1", "cam-vis").weather
    assert (weather.wind_m_s, weather.pressure_hpa) == (7.5, 909.0)
    assert weather.seeing_arcsec is None


def test_shared_dome_belongs_to_every_telescope(camera):
    """A unit's own device comes first, the site's when it has none."""
    around = Surroundings()
    around.take_status(camera.status(DeviceKind.DOME, "dome", unit="site", azimuth_deg=1.0))
    assert around.now("tel1", "cam-vis").dome["azimuth_deg"].value == 1.0
    around.take_status(camera.status(DeviceKind.DOME, "dome", unit="tel1", azimuth_deg=2.0))
    assert around.now("tel1", "cam-vis").dome["azimuth_deg"].value == 2.0
    assert around.now("tel2", "cam-vis").dome["azimuth_deg"].value == 1.0
    assert around.now("tel1", "cam-nir").camera == {}
