"""From what is known of a frame to its FITS cards: keyword, value, and comment with the unit first.

Pure tables. Keywords follow the FITS standard 4.0 (times, world coordinates) and the habits
of observatories for the rest; units in comments are `[unit]` as section 4.3 of the standard
recommends.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pyros.clock import unix_from_datetime

if TYPE_CHECKING:
    from protocols.fits_facts import FrameFacts, Identity, TangentProjection, Times

CardValue = str | int | float | bool

_MJD_OF_UNIX_EPOCH = 40587.0


@dataclass(frozen=True, slots=True)
class HeaderCard:
    """One card: keyword of at most 8 characters, value, comment."""

    keyword: str
    value: CardValue
    comment: str


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a table: where a value comes from, what its card says, digits after the point."""

    keyword: str
    field: str
    comment: str
    digits: int = 6


IMAGE_TYPES = {"light": "LIGHT", "dark": "DARK", "bias": "BIAS", "flat": "FLAT"}

_IDENTITY = (
    _Row("ORIGIN", "origin", "who made this file"),
    _Row("OBJECT", "object_name", "target"),
    _Row("OBSERVER", "observer", "who asked for it"),
    _Row("PROGRAM", "programme_id", "programme charged"),
    _Row("NIGHT", "night", "night, by the date of its evening"),
    _Row("REQUEST", "request_id", "request id"),
    _Row("SEQUENCE", "sequence_id", "sequence id"),
    _Row("ALERT", "alert_id", "alert event id"),
    _Row("EXPID", "exposure_id", "exposure id"),
    _Row("PLANNO", "plan_index", "number of the plan in its album"),
    _Row("IMAGENO", "image_index", "number of the image in its sequence"),
    _Row("IMAGES", "image_count", "images asked of this channel"),
    _Row("ABORTED", "aborted", "exposure was cut short"),
    _Row("SOFTWARE", "software", "what wrote this file"),
)
_INSTRUMENT = (
    _Row("TELESCOP", "telescope", "telescope"),
    _Row("APTDIA", "aperture_mm", "[mm] diameter of the mirror", 1),
    _Row("FOCALLEN", "focal_length_mm", "[mm] effective focal length", 1),
    _Row("INSTRUME", "instrument", "camera"),
    _Row("DETECTOR", "detector", "detector"),
    _Row("FILTER", "filter_name", "filter in the beam"),
    _Row("GAIN", "gain_e_adu", "[electron/adu]", 4),
    _Row("RDNOISE", "read_noise_e", "[electron] read noise, RMS", 3),
    _Row("SATURATE", "saturation_adu", "[adu] not linear above", 1),
    _Row("XBINNING", "binning", "[pix] binning along x"),
    _Row("YBINNING", "binning", "[pix] binning along y"),
    _Row("XPIXSZ", "pixel_um", "[um] size of an unbinned pixel", 3),
    _Row("YPIXSZ", "pixel_um", "[um] size of an unbinned pixel", 3),
    _Row("PIXSCALE", "pixel_scale_arcsec", "[arcsec/pix] scale of this image", 5),
    _Row("CCD-TEMP", "temperature_deg_c", "[deg_C] detector", 2),
    _Row("SET-TEMP", "setpoint_deg_c", "[deg_C] detector's setpoint", 2),
    _Row("FOCUS", "focus_um", "[um] position of the focuser", 2),
    _Row("FOCTEMP", "focuser_temperature_deg_c", "[deg_C] at the focuser", 2),
    _Row("DOMEAZ", "dome_azimuth_deg", "[deg] slit, from north through east", 2),
)
_POINTING = (
    _Row("RA", "ra_deg", "[deg] ICRS, where the telescope pointed", 7),
    _Row("DEC", "dec_deg", "[deg] ICRS, where the telescope pointed", 7),
    _Row("OBJRA", "object_ra_deg", "[deg] ICRS, asked for", 7),
    _Row("OBJDEC", "object_dec_deg", "[deg] ICRS, asked for", 7),
)
_SKY = (
    _Row("ALTITUDE", "altitude_deg", "[deg] at mid-exposure, no refraction", 5),
    _Row("AZIMUTH", "azimuth_deg", "[deg] from north through east", 5),
    _Row("AIRMASS", "airmass", "Kasten & Young 1989, at mid-exposure", 5),
    _Row("HA", "hour_angle_deg", "[deg] hour angle, west positive", 5),
    _Row("LST", "sidereal_deg", "[deg] local apparent sidereal time", 5),
    _Row("PARANG", "parallactic_deg", "[deg] parallactic angle", 4),
    _Row("MOONDIST", "moon_separation_deg", "[deg] Moon to the pointing", 3),
    _Row("MOONALT", "moon_altitude_deg", "[deg] Moon's altitude", 3),
    _Row("MOONILL", "moon_illumination", "lit fraction of the Moon, 0..1", 4),
    _Row("SUNALT", "sun_altitude_deg", "[deg] Sun's altitude", 3),
)
_WEATHER = (
    _Row("AMBTEMP", "temperature_deg_c", "[deg_C] air", 2),
    _Row("HUMIDITY", "humidity_pct", "[%] relative humidity", 2),
    _Row("DEWPOINT", "dew_point_deg_c", "[deg_C] dew point", 2),
    _Row("PRESSURE", "pressure_hpa", "[hPa] air pressure at the site", 2),
    _Row("WINDSPD", "wind_m_s", "[m/s] wind", 2),
    _Row("WINDGUST", "gust_m_s", "[m/s] gusts", 2),
    _Row("WINDDIR", "wind_from_deg", "[deg] wind comes from, north through east", 1),
    _Row("CLOUD", "cloud_fraction", "cloud cover, 0..1", 3),
    _Row("SKYTEMP", "sky_temperature_deg_c", "[deg_C] sky, infrared sensor", 2),
    _Row("SEEING", "seeing_arcsec", "[arcsec] seeing monitor, zenith", 3),
)
_PLACE = (
    _Row("OBSERVAT", "name", "site"),
    _Row("SITELAT", "latitude_deg", "[deg] north positive, WGS84", 7),
    _Row("SITELONG", "longitude_deg", "[deg] east positive, WGS84", 7),
    _Row("SITEELEV", "height_m", "[m] above the WGS84 ellipsoid", 2),
)


def header_cards(facts: FrameFacts) -> tuple[HeaderCard, ...]:
    """Every card of a frame, in the order in which the header holds them."""
    return (
        *_identity(facts.identity),
        *_times(facts.times),
        *_from_table(facts.place, _PLACE),
        *_from_table(facts.instrument, _INSTRUMENT),
        *_from_table(facts.pointing, _POINTING),
        *_projection(facts.projection),
        *_from_table(facts.sky, _SKY),
        *_from_table(facts.weather, _WEATHER),
        HeaderCard("BUNIT", "adu", "unit of the pixels"),
    )


def ascii_text(text: str) -> str:
    """Text that a header may hold: accents are dropped, what has no ASCII form becomes `?`."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" else "?" for c in plain).strip()


def fits_time(time_utc: datetime) -> str:
    """An instant as the standard writes it: `yyyy-mm-ddThh:mm:ss.sss`, rounded to milliseconds."""
    utc = time_utc.astimezone(UTC).replace(tzinfo=None)
    rounded = utc + timedelta(microseconds=500)
    return rounded.isoformat(timespec="milliseconds")


def modified_julian_day(time_utc: datetime) -> float:
    """MJD in UTC, to 0.1 ms (8 digits after the point are 0.9 ms, 9 are 0.09 ms)."""
    return round(unix_from_datetime(time_utc) / 86400.0 + _MJD_OF_UNIX_EPOCH, 9)


def _from_table(facts: object | None, table: tuple[_Row, ...]) -> list[HeaderCard]:
    cards: list[HeaderCard] = []
    for row in table if facts is not None else ():
        value = getattr(facts, row.field)
        if isinstance(value, str):
            value = ascii_text(value)
        elif isinstance(value, float):
            value = round(value, row.digits) + 0.0 if math.isfinite(value) else None
        if value is not None:
            cards.append(HeaderCard(row.keyword, value, row.comment))
    return cards


def _identity(identity: Identity) -> list[HeaderCard]:
    kind = IMAGE_TYPES.get(identity.kind, identity.kind.upper())
    return [
        HeaderCard("IMAGETYP", kind, "kind of frame"),
        *_from_table(identity, _IDENTITY),
    ]


def _times(times: Times) -> list[HeaderCard]:
    middle = times.start_utc + (times.end_utc - times.start_utc) / 2
    elapsed_s = (times.end_utc - times.start_utc).total_seconds()
    cards = [
        HeaderCard("DATE", fits_time(times.written_utc), "this file was completed (UTC)"),
        HeaderCard("TIMESYS", "UTC", "time scale of DATE-* and MJD-*"),
        HeaderCard("DATE-OBS", fits_time(times.start_utc), "shutter opened"),
        HeaderCard("DATE-BEG", fits_time(times.start_utc), "shutter opened"),
        HeaderCard("DATE-AVG", fits_time(middle), "middle of the exposure"),
        HeaderCard("DATE-END", fits_time(times.end_utc), "shutter closed"),
        HeaderCard("MJD-OBS", modified_julian_day(times.start_utc), "[d] MJD of DATE-OBS"),
        HeaderCard("MJD-BEG", modified_julian_day(times.start_utc), "[d] MJD of DATE-BEG"),
        HeaderCard("MJD-AVG", modified_julian_day(middle), "[d] MJD of DATE-AVG"),
        HeaderCard("MJD-END", modified_julian_day(times.end_utc), "[d] MJD of DATE-END"),
        HeaderCard("EXPTIME", round(times.exposure_s, 6), "[s] shutter open"),
        HeaderCard("XPOSURE", round(times.exposure_s, 6), "[s] shutter open"),
        HeaderCard("TELAPSE", round(elapsed_s, 6), "[s] DATE-END minus DATE-BEG"),
        HeaderCard("TIMEUNIT", "s", "unit of XPOSURE and TELAPSE"),
    ]
    if times.bjd_tdb is not None:
        cards.append(
            HeaderCard("BJD-TDB", round(times.bjd_tdb, 8), "[d] barycentric, TDB, mid-exposure")
        )
    return cards


def _projection(plane: TangentProjection | None) -> list[HeaderCard]:
    if plane is None:
        return []
    turn, scale_deg = math.radians(plane.position_angle_deg), plane.scale_arcsec / 3600.0
    sine, cosine = math.sin(turn) * scale_deg, math.cos(turn) * scale_deg
    hand = 1.0 if plane.mirrored else -1.0
    return [
        HeaderCard("WCSAXES", 2, "number of world axes"),
        HeaderCard("CTYPE1", "RA---TAN", "gnomonic projection"),
        HeaderCard("CTYPE2", "DEC--TAN", "gnomonic projection"),
        HeaderCard("CUNIT1", "deg", "unit of CRVAL1 and CD1_*"),
        HeaderCard("CUNIT2", "deg", "unit of CRVAL2 and CD2_*"),
        HeaderCard("CRPIX1", (plane.width_px + 1) / 2.0, "[pix] middle of the detector"),
        HeaderCard("CRPIX2", (plane.height_px + 1) / 2.0, "[pix] middle of the detector"),
        HeaderCard("CRVAL1", round(plane.ra_deg, 9), "[deg] right ascension at CRPIX"),
        HeaderCard("CRVAL2", round(plane.dec_deg, 9), "[deg] declination at CRPIX"),
        HeaderCard("CD1_1", hand * cosine, "[deg/pix]"),
        HeaderCard("CD1_2", sine, "[deg/pix]"),
        HeaderCard("CD2_1", -hand * sine, "[deg/pix]"),
        HeaderCard("CD2_2", cosine, "[deg/pix]"),
        HeaderCard("RADESYS", "ICRS", "frame of RA, DEC and CRVAL"),
        HeaderCard("EQUINOX", 2000.0, "[a] equinox of RADESYS"),
    ]
