"""What light reaches a camera: the sky through slit, cover and filter, or the lamps. Pure geometry.

From the metal at an instant it makes the `Scene` that the sky renderer draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyros.sky.bodies import moon_now, sun_altaz
from pyros.sky.engine import separation_deg
from simulators.kinematics import shortest_turn_deg
from simulators.mount_motion import pointing
from simulators.sky_scene.scene import Scene

if TYPE_CHECKING:
    from simulators.dome import DomeSettings
    from simulators.focuser import FocuserSettings
    from simulators.metal import SiteMetal, TelescopeMetal
    from simulators.mount_motion import Pointing
    from simulators.sky_scene.passband import Passband
    from simulators.sky_scene.scene import FrameKind

ROOM_E_S_ARCSEC2 = 300.0
"""What the dome's lamps put on a detector, electrons per second and square arcsecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LightPathSettings:
    """The parts of a telescope that a camera looks through.

    Attributes:
        aperture_m: Diameter of the primary mirror.
        f_ratio: Focal length over aperture.
        image_fwhm_arcsec: Blur of the optics and the tracking alone.
        dome: Its building; None in the open.
        focuser: Its focuser; None when the focus is fixed and right.
        wheel: Device id of the camera's filter wheel; None for a fixed filter.
        faintest_mag: V down to which stars are drawn.
    """

    aperture_m: float
    f_ratio: float
    image_fwhm_arcsec: float
    dome: DomeSettings | None
    focuser: FocuserSettings | None
    wheel: str | None
    faintest_mag: float


def strip_share(radius_m: float, left_m: float, right_m: float) -> float:
    """Share of a disc around 0 between two lines `left_m` < `right_m` across it."""

    def below(x_m: float) -> float:
        x = max(-1.0, min(1.0, x_m / radius_m))
        return 0.5 + (x * math.sqrt(1.0 - x * x) + math.asin(x)) / math.pi

    return max(0.0, below(right_m) - below(left_m))


def slit_share(
    settings: DomeSettings,
    *,
    aperture_m: float,
    alt_deg: float,
    az_deg: float,
    slit_az_deg: float,
    opening: float,
) -> float:
    """Share of the aperture that looks through the slit.

    The beam crosses the dome beside the slit's middle by radius * cos(alt) * sin(azimuth
    difference); it is in front of the slit, or behind the zenith as far as the slit reaches there.
    """
    if opening <= 0.0:
        return 0.0
    off = math.radians(shortest_turn_deg(slit_az_deg, az_deg))
    alt = math.radians(alt_deg)
    if math.cos(off) < 0.0 and alt_deg < 90.0 - settings.beyond_zenith_deg:
        return 0.0
    beside_m = settings.radius_m * math.cos(alt) * math.sin(off)
    half_m = settings.slit_width_m * opening / 2.0
    return strip_share(aperture_m / 2.0, -half_m - beside_m, half_m - beside_m)


def open_share(
    telescope: TelescopeMetal, settings: LightPathSettings, at: Pointing, unix_s: float
) -> float:
    """Share of the aperture that sees the sky."""
    cover = telescope.mount.cover.position(unix_s)
    if cover <= 0.0 or at.alt_deg <= 0.0:
        return 0.0
    dome = telescope.dome
    if dome is None or settings.dome is None:
        return cover
    return cover * slit_share(
        settings.dome,
        aperture_m=settings.aperture_m,
        alt_deg=at.alt_deg,
        az_deg=at.az_deg,
        slit_az_deg=dome.slit.position(unix_s),
        opening=dome.shutter.position(unix_s),
    )


def scene_at(
    metal: SiteMetal,
    unit: str,
    settings: LightPathSettings,
    passband: Passband,
    *,
    exposure_id: str,
    kind: FrameKind,
    exposure_s: float,
    unix_s: float,
) -> Scene:
    """The scene in front of a camera whose exposure begins now."""
    telescope, site = metal.telescopes[unit], metal.site
    at = pointing(telescope.mount.motion, site, unix_s)
    weather = metal.weather.at(unix_s)
    moon = moon_now(site, unix_s)
    cover = telescope.mount.cover.position(unix_s)
    building = metal.building
    return Scene(
        exposure_id=f"{unit}/{exposure_id}",
        kind=kind,
        start_unix_s=unix_s,
        exposure_s=exposure_s,
        ra_deg=at.ra_deg,
        dec_deg=at.dec_deg,
        altitude_deg=at.alt_deg,
        passband=passband,
        open_share=open_share(telescope, settings, at, unix_s),
        seeing_arcsec=weather.seeing_arcsec,
        cloud_extinction_mag=weather.cloud_extinction_mag,
        defocus_um=defocus_um(telescope, settings, passband, weather.temperature_deg_C, unix_s),
        sun_altitude_deg=sun_altaz(site, unix_s)[0],
        moon_altitude_deg=moon.altitude_deg,
        moon_separation_deg=float(separation_deg(at.ra_deg, at.dec_deg, moon.ra_deg, moon.dec_deg)),
        moon_phase_angle_deg=math.degrees(math.acos(2.0 * moon.illumination - 1.0)),
        lamp_share=cover if building.flat_lamp_on else 0.0,
        room_e_s_arcsec2=ROOM_E_S_ARCSEC2 * cover if building.lights_on else 0.0,
        air_temperature_deg_C=weather.temperature_deg_C,
        transients=tuple(metal.transients),
        faintest_mag=settings.faintest_mag,
        seed=metal.seed,
    )


def scene_over(
    scene: Scene,
    metal: SiteMetal,
    unit: str,
    settings: LightPathSettings,
    *,
    exposure_s: float,
    end_unix_s: float,
) -> Scene:
    """The scene of an exposure that ended now: what changed meanwhile is taken at its mean."""
    telescope = metal.telescopes[unit]
    at = pointing(telescope.mount.motion, metal.site, end_unix_s)
    weather = metal.weather.at(end_unix_s)
    share = open_share(telescope, settings, at, end_unix_s)
    return replace(
        scene,
        exposure_s=exposure_s,
        open_share=(scene.open_share + share) / 2.0,
        cloud_extinction_mag=(scene.cloud_extinction_mag + weather.cloud_extinction_mag) / 2.0,
        seeing_arcsec=(scene.seeing_arcsec + weather.seeing_arcsec) / 2.0,
        transients=tuple(metal.transients),
    )


def defocus_um(
    telescope: TelescopeMetal,
    settings: LightPathSettings,
    passband: Passband,
    air_temperature_deg_C: float,  # noqa: N803 - the unit is written degC
    unix_s: float,
) -> float:
    """Distance of the focuser from the best focus through a filter at a temperature."""
    focuser = settings.focuser
    if focuser is None:
        return 0.0
    best_um = focuser.best_um + passband.thickness_um
    best_um += focuser.best_um_per_K * (air_temperature_deg_C - 10.0)
    return telescope.focusers[focuser.id].position(unix_s) - best_um
