"""Tests of the cards of a header against astropy and the standard."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.fits_facts import (
    FrameFacts,
    Identity,
    Instrument,
    Place,
    Pointing,
    Sky,
    TangentProjection,
    Times,
    Weather,
)
from protocols.fits_header import ascii_text, fits_time, header_cards, modified_julian_day

START_UTC = datetime(2026, 11, 23, 20, 0, 0, 123_456, tzinfo=UTC)

LIGHT = FrameFacts(
    identity=Identity(
        kind="light",
        object_name="NGC 7469",
        observer="Ana",
        night="2026-11-23",
        exposure_id="tel1-cam-vis-b1-7",
        origin="PyROS",
        software="PyROS 0.1.0",
        programme_id="agn",
        request_id="agn-1",
        sequence_id="agn-1-s1",
        alert_id="grb261123a",
        plan_index=2,
        image_index=3,
        image_count=6,
    ),
    times=Times(
        start_utc=START_UTC,
        end_utc=START_UTC + timedelta(seconds=90.004),
        exposure_s=90.0,
        written_utc=START_UTC + timedelta(seconds=95),
        bjd_tdb=2461368.339125,
    ),
    place=Place(name="demo", latitude_deg=43.93, longitude_deg=5.71, height_m=650.0),
    instrument=Instrument(
        telescope="tel1",
        instrument="cam-vis",
        filter_name="g",
        detector="E2V 231-84",
        aperture_mm=1300.0,
        focal_length_mm=8124.0,
        gain_e_adu=1.5,
        read_noise_e=8.0,
        saturation_adu=60_000.0,
        binning=2,
        pixel_um=15.0,
        pixel_scale_arcsec=0.76,
        temperature_deg_c=-99.8,
        setpoint_deg_c=-100.0,
        focus_um=4200.0,
        focuser_temperature_deg_c=7.25,
        dome_azimuth_deg=181.0,
    ),
    pointing=Pointing(
        ra_deg=345.81512, dec_deg=8.87395, object_ra_deg=345.8151, object_dec_deg=8.874
    ),
    projection=TangentProjection(
        ra_deg=345.81512, dec_deg=8.87395, width_px=512, height_px=400, scale_arcsec=0.76
    ),
    sky=Sky(
        altitude_deg=54.8,
        azimuth_deg=181.2,
        airmass=1.222,
        hour_angle_deg=1.1,
        sidereal_deg=346.9,
        parallactic_deg=0.9,
        moon_separation_deg=61.0,
        moon_altitude_deg=40.0,
        moon_illumination=0.987,
        sun_altitude_deg=-42.0,
    ),
    weather=Weather(
        temperature_deg_c=6.5,
        humidity_pct=55.0,
        dew_point_deg_c=-1.9,
        pressure_hpa=941.2,
        wind_m_s=3.4,
        gust_m_s=5.1,
        wind_from_deg=310.0,
        cloud_fraction=0.05,
        sky_temperature_deg_c=-18.0,
        seeing_arcsec=1.1,
    ),
)


def _header(facts: FrameFacts) -> fits.Header:
    header = fits.Header()
    for card in header_cards(facts):
        header[card.keyword] = (card.value, card.comment)
    return header


def test_header_is_complete():
    """Everything that is known of a frame is in its header, each keyword once."""
    cards = header_cards(LIGHT)
    keywords = [card.keyword for card in cards]
    assert len(keywords) == len(set(keywords))
    values: dict[str, Any] = {card.keyword: card.value for card in cards}
    assert values["IMAGETYP"] == "LIGHT"
    expected = {
        "OBJECT": "NGC 7469",
        "OBSERVER": "Ana",
        "PROGRAM": "agn",
        "REQUEST": "agn-1",
        "SEQUENCE": "agn-1-s1",
        "ALERT": "grb261123a",
        "NIGHT": "2026-11-23",
        "TIMESYS": "UTC",
        "EXPTIME": 90.0,
        "TELAPSE": 90.004,
        "SITELAT": 43.93,
        "SITELONG": 5.71,
        "SITEELEV": 650.0,
        "TELESCOP": "tel1",
        "INSTRUME": "cam-vis",
        "DETECTOR": "E2V 231-84",
        "FILTER": "g",
        "GAIN": 1.5,
        "RDNOISE": 8.0,
        "XBINNING": 2,
        "CCD-TEMP": -99.8,
        "FOCUS": 4200.0,
        "RA": 345.81512,
        "DEC": 8.87395,
        "OBJRA": 345.8151,
        "RADESYS": "ICRS",
        "EQUINOX": 2000.0,
        "ALTITUDE": 54.8,
        "AIRMASS": 1.222,
        "HA": 1.1,
        "LST": 346.9,
        "MOONDIST": 61.0,
        "MOONILL": 0.987,
        "SUNALT": -42.0,
        "AMBTEMP": 6.5,
        "HUMIDITY": 55.0,
        "PRESSURE": 941.2,
        "WINDSPD": 3.4,
        "SEEING": 1.1,
        "CLOUD": 0.05,
        "SOFTWARE": "PyROS 0.1.0",
        "BJD-TDB": 2461368.339125,
        "ABORTED": False,
        "IMAGENO": 3,
    }
    assert {key: values.get(key) for key in expected} == expected


def test_header_obeys_the_standard():
    """Every card passes astropy's strict verification and fits its 80 columns with its comment."""
    header = _header(LIGHT)
    for card in header.cards:
        card.verify("exception")
        assert len(card.keyword) <= 8
        assert len(card.image) == 80, f"{card.keyword} does not fit one card"
        assert card.comment, f"{card.keyword} says nothing"


def test_header_units_are_known_units():
    """What stands in brackets is a unit that astropy can read."""
    units = re.compile(r"\[([^]]+)\]")
    found = [units.match(card.comment) for card in header_cards(LIGHT)]
    names = [match[1] for match in found if match]
    assert len(names) > 30
    for name in names:
        u.Unit(name)


def test_header_times_are_what_astropy_reads():
    """DATE-* and MJD-* agree with astropy's time scale arithmetic to half a millisecond."""
    header = _header(LIGHT)
    scale = header["TIMESYS"].lower()
    start = Time(START_UTC)
    for date, mjd, offset_s in (
        ("DATE-OBS", "MJD-OBS", 0.0),
        ("DATE-BEG", "MJD-BEG", 0.0),
        ("DATE-AVG", "MJD-AVG", 45.002),
        ("DATE-END", "MJD-END", 90.004),
    ):
        expected = start + offset_s * u.s
        assert abs((Time(header[date], scale=scale) - expected).to_value(u.s)) <= 0.0005001
        assert abs((Time(header[mjd], format="mjd", scale=scale) - expected).to_value(u.s)) < 1e-4


@given(
    st.datetimes(
        datetime(2017, 1, 1),  # noqa: DTZ001 - naive bounds; the last leap second
        datetime(2060, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
        timezones=st.just(UTC),
    )
)
@settings(deadline=None, max_examples=50)
def test_fits_time_rounds_and_never_spills(moment: datetime):
    """Three digits of seconds, never `.1000` or second 60, within half a millisecond."""
    text = fits_time(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:[0-5]\d:[0-5]\d\.\d{3}", text)
    read = datetime.fromisoformat(text).replace(tzinfo=UTC)
    assert abs((read - moment).total_seconds()) <= 0.0005
    assert abs(modified_julian_day(moment) - Time(moment).utc.mjd) < 1e-9


@given(
    ra=st.floats(0.0, 360.0, exclude_max=True),
    dec=st.floats(-85.0, 85.0),
    angle=st.floats(-180.0, 180.0),
    mirrored=st.booleans(),
)
@settings(deadline=None, max_examples=50)
def test_projection_makes_the_round_trip_through_astropy(
    ra: float, dec: float, angle: float, mirrored: bool
):
    """The middle pixel is the pointing; north, east and scale are where the angle says."""
    plane = TangentProjection(
        ra_deg=ra,
        dec_deg=dec,
        width_px=512,
        height_px=400,
        scale_arcsec=0.76,
        position_angle_deg=angle,
        mirrored=mirrored,
    )
    wcs = WCS(_header(replace(LIGHT, projection=plane)))
    middle = wcs.pixel_to_world(255.5, 199.5)
    assert middle.separation(_sky(ra, dec)).arcsec < 1e-3
    up = wcs.pixel_to_world(255.5, 299.5)
    assert middle.separation(up).arcsec == pytest.approx(76.0, rel=1e-5)
    turned = (middle.position_angle(up).deg - angle + 180.0) % 360.0 - 180.0
    assert turned == pytest.approx(0.0, abs=0.3)  # 0.02 deg at 100 pixels, more near the pole
    right = wcs.pixel_to_world(355.5, 199.5)
    hand = -90.0 if not mirrored else 90.0
    beside = (middle.position_angle(right).deg - angle - hand + 180.0) % 360.0 - 180.0
    assert beside == pytest.approx(0.0, abs=0.3)
    x, y = wcs.world_to_pixel(wcs.pixel_to_world(12.0, 371.0))
    assert np.allclose([x, y], [12.0, 371.0], atol=1e-6)


def _sky(ra: float, dec: float) -> Any:
    return SkyCoord(ra * u.deg, dec * u.deg, frame="icrs")


def test_unknown_values_have_no_cards():
    """A dark looks nowhere, and a dead station measures nothing: no card, never a guess."""
    dark = replace(
        LIGHT,
        identity=Identity(
            kind="dark",
            object_name="dark",
            observer="PyROS",
            night="2026-11-23",
            exposure_id="d1",
            origin="PyROS",
            software="PyROS",
        ),
        pointing=None,
        projection=None,
        sky=Sky(sun_altitude_deg=-10.0, airmass=float("nan")),
        weather=Weather(wind_m_s=float("inf")),
    )
    keywords = {card.keyword for card in header_cards(dark)}
    assert not keywords & {"RA", "CRVAL1", "AIRMASS", "WINDSPD", "REQUEST", "ALERT", "AMBTEMP"}
    assert {"IMAGETYP", "DATE-OBS", "SUNALT", "SITELAT"} <= keywords


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("René Thomé", "Rene Thome"),
        ("κ Cygni", "? Cygni"),
        ("tab\there", "tab?here"),
        ("  NGC 1  ", "NGC 1"),
        ("line\nbreak", "line?break"),
    ],
)
def test_header_text_is_plain_ascii(text: str, plain: str):
    """Names lose their accents, not their letters; nothing breaks a card."""
    assert ascii_text(text) == plain


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=50)
def test_any_text_fits_a_header(text: str):
    """Whatever a user calls a target, the header stays valid and can be read back."""
    header = _header(replace(LIGHT, identity=replace(LIGHT.identity, object_name=text)))
    again = fits.Header.fromstring(header.tostring())
    assert again["OBJECT"].rstrip() == ascii_text(text).rstrip()
