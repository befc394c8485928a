"""A drawn frame has its stars where its WCS says, as bright as its zero point says."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import msgspec
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from simulators.sky_scene import PASSBANDS, DetectorSettings, Optics, Scene, Transient, render
from simulators.sky_scene.detector import Detector
from simulators.sky_scene.scene import star_electrons
from simulators.sky_scene.stars import stars_around
from simulators.spool import fits_bytes

CLEAN = DetectorSettings(
    width_px=900,
    height_px=800,
    response_rms=0.0,
    vignetting=0.0,
    dust_grains=0,
    hot_pixel_share=0.0,
    cosmic_rays_cm2_min=0.0,
)
OPTICS = Optics(scale_arcsec=0.6, f_ratio=6.25, pixel_um=15.0)
START_UNIX_S = 1_795_503_600.0


def scene(**changes) -> Scene:
    base = Scene(
        exposure_id="t1/cam-vis/e1",
        kind="light",
        start_unix_s=START_UNIX_S,
        exposure_s=60.0,
        ra_deg=200.0,
        dec_deg=-35.0,
        altitude_deg=60.0,
        passband=PASSBANDS["r"],
        seeing_arcsec=1.2,
        faintest_mag=17.0,
        seed=3,
    )
    return replace(base, **changes)


def aperture(data, x, y, radius_px):
    """Counts around a place above those of a ring around it, and their centre of light."""
    left, low = int(x - 1.6 * radius_px) - 1, int(y - 1.6 * radius_px) - 1
    size = int(3.2 * radius_px) + 4
    part = data[low : low + size, left : left + size]
    rows, columns = np.indices(part.shape) + np.array([low, left])[:, None, None]
    distance = np.hypot(columns - x, rows - y)
    ring = part[(distance > 1.3 * radius_px) & (distance < 1.6 * radius_px)]
    ring = ring[np.abs(ring - np.median(ring)) < 3.0 * ring.std()]
    background = ring.mean()
    light = np.where(distance <= radius_px, part - background, 0.0)
    total = light.sum()
    return total, (light * columns).sum() / total, (light * rows).sum() / total


def lonely(stars, plane, margin_px=30.0, apart_px=30.0):
    """Indices of stars well inside a frame and away from others, brightest first."""
    x, y = plane.pixels(stars.ra_deg, stars.dec_deg)
    chosen = []
    for index in np.argsort(stars.v_mag):
        inside = margin_px < x[index] < plane.width_px - margin_px
        inside = inside and margin_px < y[index] < plane.height_px - margin_px
        far = np.sort(np.hypot(x - x[index], y - y[index]))[1] > apart_px
        if inside and far and 12.5 < stars.v_mag[index] < 16.8:
            chosen.append(int(index))
    return chosen


@pytest.mark.filterwarnings("error")
def test_scene_file_is_standard_fits():
    """Astropy verifies the file without a word and reads the counts as they were drawn."""
    detector = Detector(settings=CLEAN, seed=1)
    shown = scene()
    result = render(shown, OPTICS, detector)
    raw = fits_bytes(shown, result, detector, "t1/cam-vis")
    assert len(raw) % 2880 == 0
    with fits.open(BytesIO(raw)) as hdus:
        hdus.verify("exception")
        assert np.array_equal(hdus[0].data, result.counts)
        assert hdus[0].header["EXPTIME"] == shown.exposure_s


@pytest.mark.parametrize("position_angle_deg", [0.0, 37.0])
@pytest.mark.parametrize("dec_deg", [-35.0, 84.0])
def test_scene_stars_lie_where_the_wcs_says(position_angle_deg, dec_deg):
    """Centres of light agree with astropy's reading of the header to a tenth of a pixel."""
    optics = replace(OPTICS, position_angle_deg=position_angle_deg)
    detector = Detector(settings=CLEAN, seed=1)
    shown = scene(dec_deg=dec_deg)
    result = render(shown, optics, detector)
    with fits.open(BytesIO(fits_bytes(shown, result, detector, "t1/cam-vis"))) as hdus:
        wcs, data = WCS(hdus[0].header), hdus[0].data.astype(float)
    stars = stars_around(200.0, dec_deg, 0.15, START_UNIX_S, faintest_mag=17.0, seed=3)
    found = lonely(stars, result.plane)
    assert len(found) >= 3
    for index in found[:8]:
        x, y = wcs.world_to_pixel_values(stars.ra_deg[index], stars.dec_deg[index])
        _, x_light, y_light = aperture(data, float(x), float(y), 7.0)
        assert np.hypot(x_light - x, y_light - y) < 0.1


@pytest.mark.parametrize("seeing_arcsec", [0.5, 1.2, 2.5])
@pytest.mark.parametrize("band", ["g", "J"])
def test_scene_stars_are_as_bright_as_the_zero_point_says(seeing_arcsec, band):
    """An aperture's electrons match 10^(-0.4 (m - zero point)) after extinction to 3 per cent."""
    deep = msgspec.structs.replace(CLEAN, gain_e_adu=15.0, full_well_e=1e6)
    detector = Detector(settings=deep, seed=1)
    shown = scene(seeing_arcsec=seeing_arcsec, passband=PASSBANDS[band], dec_deg=-34.9)
    result = render(shown, OPTICS, detector)
    stars = stars_around(200.0, -34.9, 0.15, START_UNIX_S, faintest_mag=17.0, seed=3)
    electrons = star_electrons(shown, stars)
    measured = 0
    for index in lonely(stars, result.plane, apart_px=40.0):
        x, y = result.plane.pixels(stars.ra_deg[index], stars.dec_deg[index])
        data = result.counts.astype(float) - detector.bias
        noise = np.sqrt(1018.0 * (result.sky_e_px + 64.0) + electrons[index])
        if electrons[index] < 60.0 * noise or data[round(float(y)), round(float(x))] > 50_000.0:
            continue
        light, _, _ = aperture(data, float(x), float(y), 18.0)
        assert light * deep.gain_e_adu == pytest.approx(electrons[index], rel=0.04)
        measured += 1
    assert measured >= 1


def test_scene_star_of_known_magnitude():
    """V = 15, B-V = 0.65 in r from above the air: the number worked out by hand."""
    stars = stars_around(200.0, -35.0, 0.05, START_UNIX_S, faintest_mag=17.0)
    one = replace(stars.where(np.arange(len(stars)) == 0), v_mag=np.array([15.0]))
    one = replace(one, bv_mag=np.array([0.65]))
    shown = scene(altitude_deg=90.0, exposure_s=100.0)
    r_mag = 15.0 + 0.11 - 0.42 * 0.65 + 0.10  # colour term, one air mass
    assert star_electrons(shown, one)[0] == pytest.approx(
        100.0 * 10.0 ** (-0.4 * (r_mag - 24.8)), rel=1e-3
    )


def test_scene_widths_follow_seeing_airmass_and_focus():
    """Worse seeing, lower altitude and defocus each widen a star; numbers by formula."""
    zenith = scene(altitude_deg=90.0).fwhm_arcsec(OPTICS)
    assert zenith == pytest.approx(np.hypot(1.2 * (623.0 / 500.0) ** -0.2, 0.5), rel=1e-3)
    low = scene(altitude_deg=30.0).fwhm_arcsec(OPTICS)
    assert low == pytest.approx(np.hypot(1.2 * (623.0 / 500.0) ** -0.2 * 1.994**0.6, 0.5), rel=2e-3)
    assert scene(defocus_um=300.0).fwhm_arcsec(OPTICS) > scene().fwhm_arcsec(OPTICS) + 0.3


def test_scene_sky_is_the_passbands_sky():
    """A moonless dark zenith has the passband's surface brightness; Moon and twilight add."""
    detector = Detector(settings=CLEAN, seed=1)
    dark = scene(altitude_deg=90.0, faintest_mag=10.5)
    counts = render(dark, OPTICS, detector).counts.astype(float)
    expected_e = 60.0 * 0.6**2 * 10.0 ** (-0.4 * (21.1 - 24.8))
    level_e = (np.median(counts) - 1001.5) * CLEAN.gain_e_adu
    assert level_e == pytest.approx(expected_e, rel=0.03)
    moonlit = replace(
        dark, moon_altitude_deg=50.0, moon_separation_deg=60.0, moon_phase_angle_deg=10.0
    )
    twilight = replace(dark, sun_altitude_deg=-8.0)
    assert moonlit.sky_e_s_arcsec2() > 3.0 * dark.sky_e_s_arcsec2()
    assert twilight.sky_e_s_arcsec2() > 20.0 * dark.sky_e_s_arcsec2()


def test_scene_noise_is_photon_and_read_noise():
    """The scatter of an empty frame is sqrt(sky + read noise squared) electrons."""
    detector = Detector(settings=CLEAN, seed=1)
    shown = scene(faintest_mag=10.5, exposure_s=300.0, dec_deg=-35.0)
    result = render(shown, OPTICS, detector)
    counts = result.counts[20:240, 20:280].astype(float)
    counts -= np.median(counts, axis=0)[None, :]
    spread = 1.4826 * np.median(np.abs(counts - np.median(counts))) * CLEAN.gain_e_adu
    assert spread == pytest.approx(np.sqrt(result.sky_e_px + 64.0), rel=0.04)


def test_scene_clouds_dim_stars():
    """Two magnitudes of cloud leave 16 per cent."""
    stars = stars_around(200.0, -35.0, 0.05, START_UNIX_S, faintest_mag=17.0)
    ratio = star_electrons(scene(cloud_extinction_mag=2.0), stars) / star_electrons(scene(), stars)
    assert ratio == pytest.approx(10.0**-0.8)


def test_scene_nothing_comes_through_a_closed_telescope():
    """With no open share a light frame is a dark frame."""
    detector = Detector(settings=CLEAN, seed=1)
    closed = render(scene(open_share=0.0), OPTICS, detector).counts
    dark = render(scene(kind="dark"), OPTICS, detector).counts
    assert np.array_equal(closed, dark)


def test_scene_flat_field_divides_out():
    """Two flats of a flawed detector divided by its response are even."""
    flawed = DetectorSettings(hot_pixel_share=0.0, cosmic_rays_cm2_min=0.0)
    detector = Detector(settings=flawed, seed=9)
    lit = scene(kind="flat", open_share=0.0, lamp_share=1.0, exposure_s=20.0)
    counts = render(lit, OPTICS, detector).counts.astype(float) - detector.bias
    assert counts.std() / counts.mean() > 0.02
    evened = counts / detector.flat
    noise = np.sqrt(evened.mean() * flawed.gain_e_adu + 64.0) / flawed.gain_e_adu
    assert evened.std() == pytest.approx(noise, rel=0.05)


def test_scene_transient_fades_as_one_over_time():
    """Ten times later it is ten times fainter; before the trigger it is not there."""
    source = Transient(ra_deg=200.0, dec_deg=-35.0, t0_unix_s=START_UNIX_S, mag_at_60s=16.0)
    early = source.mean_flux(START_UNIX_S + 100.0, 10.0)
    late = source.mean_flux(START_UNIX_S + 1000.0, 100.0)
    assert early / late == pytest.approx(10.0)
    assert source.mean_flux(START_UNIX_S + 59.0, 2.0) == pytest.approx(10.0**-6.4, rel=1e-3)
    assert source.mean_flux(START_UNIX_S - 100.0, 99.0) == 0.0
    assert source.mean_flux(START_UNIX_S - 100.0, 100.5) > 0.0
    detector = Detector(settings=CLEAN, seed=1)
    shown = scene(start_unix_s=START_UNIX_S + 60.0, faintest_mag=10.5)
    without = render(shown, OPTICS, detector).counts.astype(float)
    with_it = render(replace(shown, transients=(source,)), OPTICS, detector).counts.astype(float)
    light = (with_it - without).sum() * CLEAN.gain_e_adu
    expected = source.mean_flux(START_UNIX_S + 60.0, 60.0) * 60.0
    expected *= 10.0 ** (0.4 * (24.8 - shown.extinction_mag))
    assert light == pytest.approx(expected, rel=0.1)
    antipode = Transient(ra_deg=20.0, dec_deg=35.0, t0_unix_s=START_UNIX_S, mag_at_60s=2.0)
    elsewhere = render(replace(shown, transients=(antipode,)), OPTICS, detector).counts
    assert np.array_equal(elsewhere, without)


def test_scene_is_reproducible_and_noise_is_not_repeated():
    """Same id, same frame; another id or seed, other noise."""
    detector = Detector(settings=DetectorSettings(), seed=1)
    first = render(scene(), OPTICS, detector).counts
    assert np.array_equal(first, render(scene(), OPTICS, detector).counts)
    assert not np.array_equal(
        first, render(scene(exposure_id="t1/cam-vis/e2"), OPTICS, detector).counts
    )
    assert not np.array_equal(first, render(scene(seed=4), OPTICS, detector).counts)


def test_scene_bright_stars_fill_the_well():
    """Vega saturates and stays within 16 bits."""
    detector = Detector(settings=CLEAN, seed=1)
    vega = scene(ra_deg=279.234735, dec_deg=38.783689, altitude_deg=70.0)
    counts = render(vega, OPTICS, detector).counts
    assert counts.max() > 60_000
    assert np.sum(counts > 60_000) > 100


def test_detector_dark_current_doubles_and_hot_pixels_stay():
    """Seven kelvins warmer is twice the dark; hot pixels are where they were."""
    detector = Detector(settings=DetectorSettings(), seed=5)
    assert detector.dark_e(100.0, -93.0) == pytest.approx(2.0 * detector.dark_e(100.0, -100.0))
    long_dark = replace(scene(kind="dark", exposure_s=1000.0), sensor_temperature_deg_C=-60.0)
    one = render(long_dark, OPTICS, detector).counts.reshape(-1).astype(float)
    other = render(replace(long_dark, exposure_id="x"), OPTICS, detector).counts.reshape(-1)
    where, _ = detector.hot_pixels
    assert np.median(one[where]) > np.median(one) + 500.0
    assert np.median(other[where].astype(float)) > np.median(one) + 500.0
