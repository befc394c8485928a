"""Puts together what a frame's header says: who asked, when, where, with what, in which weather."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.archive.circumstances import good_number
from actors.archive.settings import DetectorSettings, OpticsSettings
from actors.archive.sky_values import bjd_tdb, sky_at
from protocols.fits_facts import (
    FrameFacts,
    Identity,
    Instrument,
    Place,
    Pointing,
    TangentProjection,
    Times,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from actors.archive.circumstances import Circumstances
    from actors.archive.settings import ArchiveSettings
    from actors.camera.messages import FrameSpooled
    from pyros.sky import Site


def facts_of(
    frame: FrameSpooled,
    circumstances: Circumstances,
    *,
    header: Mapping[str, Any],
    shape: tuple[int, int],
    site: Site,
    settings: ArchiveSettings,
    written_utc: datetime,
    software: str,
) -> FrameFacts:
    """Everything that is known of a frame.

    Args:
        frame: As spooled.
        circumstances: Readings from when the shutter opened.
        header: What the camera wrote; it knows its gain, noise and binning best.
        shape: (height, width) in pixels.
        site: Where.
        settings: Instruments.
        written_utc: The observatory's time now.
        software: Name and version.
    """
    optics = settings.telescopes.get(frame.unit, OpticsSettings(name=frame.unit))
    detector = optics.cameras.get(frame.camera, DetectorSettings())
    instrument = _instrument(frame, circumstances, header, optics, detector)
    pointing = _pointing(frame, circumstances) if frame.kind == "light" else None
    middle_utc = frame.start_utc + (frame.end_utc - frame.start_utc) / 2
    direction = None if pointing is None else (pointing.ra_deg, pointing.dec_deg)
    return FrameFacts(
        identity=_identity(frame, settings.origin, software),
        times=Times(
            start_utc=frame.start_utc,
            end_utc=frame.end_utc,
            exposure_s=frame.exposure_s,
            written_utc=written_utc,
            bjd_tdb=None if direction is None else bjd_tdb(site, *direction, middle_utc),
        ),
        place=Place(
            name=site.name,
            latitude_deg=site.latitude_deg,
            longitude_deg=site.longitude_deg,
            height_m=site.height_m,
        ),
        instrument=instrument,
        pointing=pointing,
        projection=_projection(pointing, instrument, detector, shape),
        sky=sky_at(site, direction, middle_utc),
        weather=circumstances.weather,
    )


def _identity(frame: FrameSpooled, origin: str, software: str) -> Identity:
    context = frame.context
    return Identity(
        kind=frame.kind,
        object_name=context.object_name,
        observer=context.observer,
        night=context.night,
        exposure_id=frame.exposure_id,
        origin=origin,
        software=software,
        programme_id=context.programme_id,
        request_id=context.request_id,
        sequence_id=context.sequence_id,
        alert_id=context.alert_id,
        plan_index=context.plan_index,
        image_index=context.image_index,
        image_count=context.image_count,
        aborted=frame.aborted,
    )


def _instrument(
    frame: FrameSpooled,
    circumstances: Circumstances,
    header: Mapping[str, Any],
    optics: OpticsSettings,
    detector: DetectorSettings,
) -> Instrument:
    binning = int(header.get("XBINNING", 1))
    scale = detector.pixel_scale_arcsec
    return Instrument(
        telescope=optics.name,
        instrument=frame.camera,
        detector=detector.detector or None,
        filter_name=frame.context.filter_name,
        aperture_mm=optics.aperture_mm,
        focal_length_mm=optics.focal_length_mm,
        gain_e_adu=_number(header, "GAIN", detector.gain_e_adu),
        read_noise_e=_number(header, "RDNOISE", detector.read_noise_e),
        saturation_adu=_number(header, "SATURATE", detector.saturation_adu),
        binning=binning,
        pixel_um=_number(header, "XPIXSZ", detector.pixel_um),
        pixel_scale_arcsec=_number(header, "PIXSCALE", scale * binning if scale else None),
        temperature_deg_c=good_number(circumstances.camera.get("temperature_deg_C")),
        setpoint_deg_c=good_number(circumstances.camera.get("setpoint_deg_C")),
        focus_um=good_number(circumstances.focuser.get("position_um")),
        focuser_temperature_deg_c=good_number(circumstances.focuser.get("temperature_deg_C")),
        dome_azimuth_deg=good_number(circumstances.dome.get("azimuth_deg")),
    )


def _number(header: Mapping[str, Any], keyword: str, otherwise: float | None) -> float | None:
    value = header.get(keyword)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return otherwise


def _pointing(frame: FrameSpooled, circumstances: Circumstances) -> Pointing | None:
    """Where the telescope said it looked; where it was asked to look when it said nothing."""
    context = frame.context
    ra_deg = good_number(circumstances.telescope.get("ra_deg"))
    dec_deg = good_number(circumstances.telescope.get("dec_deg"))
    if ra_deg is None or dec_deg is None:
        ra_deg, dec_deg = context.ra_deg, context.dec_deg
    if ra_deg is None or dec_deg is None:
        return None
    return Pointing(
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        object_ra_deg=context.ra_deg,
        object_dec_deg=context.dec_deg,
    )


def _projection(
    pointing: Pointing | None,
    instrument: Instrument,
    detector: DetectorSettings,
    shape: tuple[int, int],
) -> TangentProjection | None:
    if pointing is None or instrument.pixel_scale_arcsec is None:
        return None
    height, width = shape
    return TangentProjection(
        ra_deg=pointing.ra_deg,
        dec_deg=pointing.dec_deg,
        width_px=width,
        height_px=height,
        scale_arcsec=instrument.pixel_scale_arcsec,
        position_angle_deg=detector.position_angle_deg,
        mirrored=detector.mirrored,
    )
