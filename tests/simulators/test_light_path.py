"""What reaches a camera follows from the geometry of slit, shutter, cover and lamps."""

from __future__ import annotations

import math

import pytest

from simulators.dome import DomeSettings
from simulators.focuser import FocuserSettings
from simulators.kinematics import Travel
from simulators.light_path import (
    LightPathSettings,
    defocus_um,
    open_share,
    scene_at,
    scene_over,
    slit_share,
    strip_share,
)
from simulators.mount_motion import Following, Pointing, pointing
from simulators.observatory import site_metal
from simulators.settings import SimulatorsSettings
from simulators.sky_scene import PASSBANDS

DOME = DomeSettings()
SETTINGS = LightPathSettings(
    aperture_m=1.3,
    f_ratio=6.25,
    image_fwhm_arcsec=0.5,
    dome=DOME,
    focuser=FocuserSettings(),
    wheel="wheel-vis",
    faintest_mag=20.0,
)


def share(**changes):
    where = {"alt_deg": 45.0, "az_deg": 100.0, "slit_az_deg": 100.0, "opening": 1.0} | changes
    return slit_share(DOME, aperture_m=1.3, **where)


def test_strip_share_by_geometry():
    """Half a disc, all of it, none of it, and the segment of a 60 degree cap."""
    assert strip_share(1.0, 0.0, 5.0) == pytest.approx(0.5)
    assert strip_share(1.0, -1.0, 1.0) == pytest.approx(1.0)
    assert strip_share(1.0, 1.5, 2.0) == 0.0
    cap = (math.pi / 3.0 - math.sqrt(3.0) / 4.0) / math.pi
    assert strip_share(1.0, 0.5, 2.0) == pytest.approx(cap)


def test_slit_tolerates_small_errors_and_blocks_large_ones():
    """Two degrees off nothing is lost, twelve degrees off some, sixty all; zenith never."""
    assert share(az_deg=102.0) == pytest.approx(1.0)
    assert 0.2 < share(az_deg=112.0) < 1.0
    assert share(az_deg=160.0) == 0.0
    assert share(alt_deg=89.9, az_deg=190.0) == pytest.approx(1.0)
    assert share(az_deg=280.0) == 0.0
    assert share(alt_deg=80.0, az_deg=280.0) == pytest.approx(1.0)


def test_slit_half_open_vignettes():
    """A closed shutter passes nothing, a half open one nearly all of a small beam."""
    assert share(opening=0.0) == 0.0
    assert 0.0 < share(opening=0.2) < share(opening=0.4) < share(opening=1.0)


def test_open_share_needs_cover_dome_and_sky(site, night_unix_s):
    """Everything in the way takes its share."""
    metal = site_metal(SimulatorsSettings(), site)
    telescope = metal.telescopes["t1"]
    up = Pointing(ra_deg=0.0, dec_deg=0.0, alt_deg=50.0, az_deg=180.0)
    assert open_share(telescope, SETTINGS, up, night_unix_s) == 0.0
    telescope.mount.cover = Travel.resting(1.0, telescope.mount.cover.rates)
    assert open_share(telescope, SETTINGS, up, night_unix_s) == 0.0
    telescope.dome.shutter = Travel.resting(1.0, telescope.dome.shutter.rates)
    assert open_share(telescope, SETTINGS, up, night_unix_s) == pytest.approx(1.0)
    down = Pointing(ra_deg=0.0, dec_deg=0.0, alt_deg=-1.0, az_deg=180.0)
    assert open_share(telescope, SETTINGS, down, night_unix_s) == 0.0


def test_scene_of_an_interrupted_view_is_its_mean(site, night_unix_s):
    """A dome that closes during an exposure takes half of its light, once."""
    metal = site_metal(SimulatorsSettings(), site)
    telescope = metal.telescopes["t1"]
    telescope.mount.motion = Following(ra_deg=115.0, dec_deg=35.0)
    telescope.mount.cover = Travel.resting(1.0, telescope.mount.cover.rates)
    azimuth_deg = pointing(telescope.mount.motion, site, night_unix_s).az_deg
    telescope.dome.slit = Travel.resting(azimuth_deg, telescope.dome.slit.rates)
    telescope.dome.shutter = Travel.resting(1.0, telescope.dome.shutter.rates)
    begun = scene_at(
        metal,
        "t1",
        SETTINGS,
        PASSBANDS["r"],
        exposure_id="cam-vis/e1",
        kind="light",
        exposure_s=100.0,
        unix_s=night_unix_s,
    )
    telescope.dome.shutter = Travel.resting(0.0, telescope.dome.shutter.rates)
    ended = scene_over(
        begun, metal, "t1", SETTINGS, exposure_s=60.0, end_unix_s=night_unix_s + 60.0
    )
    assert begun.open_share == pytest.approx(1.0)
    assert ended.open_share == pytest.approx(0.5)
    assert ended.exposure_s == 60.0
    assert (ended.ra_deg, ended.dec_deg) == (begun.ra_deg, begun.dec_deg)


def test_focus_depends_on_filter_and_temperature(site, night_unix_s):
    """The focuser's best place shifts with glass and cold."""
    telescope = site_metal(SimulatorsSettings(), site).telescopes["t1"]
    in_g = defocus_um(telescope, SETTINGS, PASSBANDS["g"], 10.0, night_unix_s)
    in_z = defocus_um(telescope, SETTINGS, PASSBANDS["z"], 10.0, night_unix_s)
    cold = defocus_um(telescope, SETTINGS, PASSBANDS["g"], 0.0, night_unix_s)
    assert in_g == 0.0
    assert in_z == -55.0
    assert cold == -80.0


def test_scene_knows_the_moon_and_the_weather(site, night_unix_s):
    """The full Moon of 2026-11-24 stands beside the Pleiades and lights them."""
    metal = site_metal(SimulatorsSettings(), site)
    metal.telescopes["t1"].mount.motion = Following(ra_deg=56.75, dec_deg=24.12)
    scene = scene_at(
        metal,
        "t1",
        SETTINGS,
        PASSBANDS["r"],
        exposure_id="cam-vis/e1",
        kind="light",
        exposure_s=60.0,
        unix_s=night_unix_s,
    )
    assert scene.moon_separation_deg < 5.0
    assert scene.moon_phase_angle_deg < 8.0
    assert scene.altitude_deg == pytest.approx(82.1, abs=0.2)
    assert scene.sun_altitude_deg < -70.0
    assert scene.seeing_arcsec == metal.weather.at(night_unix_s).seeing_arcsec
    assert scene.exposure_id == "t1/cam-vis/e1"
