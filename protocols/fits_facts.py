"""What is known of a frame, as plain values: the input of `protocols.fits_header`.

Every value that may be unknown is None then, and its card is left out: a header never holds a
guess. Directions are ICRS degrees, instants aware UTC, units are in the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which frame it is, what it is of, and who asked for it.

    Attributes:
        kind: light, dark, bias or flat.
        object_name: Target, or e.g. `dark`.
        observer: Who asked.
        programme_id: Programme charged.
        night: Night label.
        request_id: Request.
        sequence_id: Sequence.
        alert_id: Alert event.
        exposure_id: Id of the exposure.
        plan_index: 1-based number of the plan within the album.
        image_index: 1-based number within the sequence and channel.
        image_count: How many the sequence asks of this channel.
        aborted: Whether it was cut short.
        origin: Organisation or observatory that made the file.
        software: Name and version of what wrote it.
    """

    kind: str
    object_name: str
    observer: str
    night: str
    exposure_id: str
    origin: str
    software: str
    programme_id: str | None = None
    request_id: str | None = None
    sequence_id: str | None = None
    alert_id: str | None = None
    plan_index: int | None = None
    image_index: int | None = None
    image_count: int | None = None
    aborted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When it was taken.

    Attributes:
        start_utc: Shutter open.
        end_utc: Shutter closed.
        exposure_s: Seconds open.
        written_utc: When the file is completed.
        bjd_tdb: Barycentric Julian date (TDB) of the middle at the target, None without a target.
    """

    start_utc: datetime
    end_utc: datetime
    exposure_s: float
    written_utc: datetime
    bjd_tdb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the telescope stands (WGS84)."""

    name: str
    latitude_deg: float
    longitude_deg: float
    height_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """With what it was taken.

    Attributes:
        telescope: Its name.
        instrument: The camera's id, which is the channel.
        detector: The chip.
        filter_name: Filter in the beam.
        aperture_mm: Diameter of the mirror.
        focal_length_mm: Effective focal length.
        gain_e_adu: Electrons per count.
        read_noise_e: Electrons, RMS.
        saturation_adu: Counts above which it is not linear.
        binning: Pixels binned in each direction.
        pixel_um: Size of an unbinned pixel.
        pixel_scale_arcsec: Sky per (binned) pixel.
        temperature_deg_c: Of the detector.
        setpoint_deg_c: What its cooler aims at.
        focus_um: Position of the focuser.
        focuser_temperature_deg_c: Of the tube at the focuser.
        dome_azimuth_deg: Middle of the slit, from north through east.
    """

    telescope: str
    instrument: str
    filter_name: str
    binning: int = 1
    detector: str | None = None
    aperture_mm: float | None = None
    focal_length_mm: float | None = None
    gain_e_adu: float | None = None
    read_noise_e: float | None = None
    saturation_adu: float | None = None
    pixel_um: float | None = None
    pixel_scale_arcsec: float | None = None
    temperature_deg_c: float | None = None
    setpoint_deg_c: float | None = None
    focus_um: float | None = None
    focuser_temperature_deg_c: float | None = None
    dome_azimuth_deg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    """Where it looked.

    Attributes:
        ra_deg: ICRS, where the telescope pointed.
        dec_deg: ICRS, where the telescope pointed.
        object_ra_deg: ICRS, what was asked.
        object_dec_deg: ICRS, what was asked.
    """

    ra_deg: float
    dec_deg: float
    object_ra_deg: float | None = None
    object_dec_deg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TangentProjection:
    """The world coordinates of the detector: gnomonic about its middle, east to the left.

    Attributes:
        ra_deg: ICRS at the middle of the detector.
        dec_deg: ICRS at the middle of the detector.
        width_px: Pixels along x.
        height_px: Pixels along y.
        scale_arcsec: Sky per pixel.
        position_angle_deg: Of the detector's y axis, from north through east.
        mirrored: East to the right instead (an odd number of mirrors).
    """

    ra_deg: float
    dec_deg: float
    width_px: int
    height_px: int
    scale_arcsec: float
    position_angle_deg: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """Circumstances at the middle of the exposure (no refraction).

    Attributes:
        altitude_deg: Of the pointing.
        azimuth_deg: Of the pointing, from north through east.
        airmass: Kasten & Young (1989), None below the horizon.
        hour_angle_deg: Apparent, west positive.
        sidereal_deg: Local apparent sidereal time.
        parallactic_deg: From the pole to the zenith, west positive.
        moon_separation_deg: From the pointing.
        moon_altitude_deg: Of its centre.
        moon_illumination: Lit fraction, 0..1.
        sun_altitude_deg: Of its centre.
    """

    altitude_deg: float | None = None
    azimuth_deg: float | None = None
    airmass: float | None = None
    hour_angle_deg: float | None = None
    sidereal_deg: float | None = None
    parallactic_deg: float | None = None
    moon_separation_deg: float | None = None
    moon_altitude_deg: float | None = None
    moon_illumination: float | None = None
    sun_altitude_deg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The trusted weather when the frame was taken, None where no station has the sensor."""

    temperature_deg_c: float | None = None
    humidity_pct: float | None = None
    dew_point_deg_c: float | None = None
    pressure_hpa: float | None = None
    wind_m_s: float | None = None
    gust_m_s: float | None = None
    wind_from_deg: float | None = None
    cloud_fraction: float | None = None
    sky_temperature_deg_c: float | None = None
    seeing_arcsec: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFacts:
    """All that goes into a header; None where it does not apply (a dark looks nowhere)."""

    identity: Identity
    times: Times
    place: Place
    instrument: Instrument
    pointing: Pointing | None = None
    projection: TangentProjection | None = None
    sky: Sky | None = None
    weather: Weather | None = None
