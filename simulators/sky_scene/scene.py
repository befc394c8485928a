"""One exposure turned into counts: stars, sky and lamps through the optics to a detector.

`Scene` says what the light was, `Optics` what it passed; both are frozen values, so that a frame
can be drawn on any thread or process and comes out the same.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pyros.sky.airmass import airmass
from pyros.sky.brightness import (
    dark_nl,
    moon_source,
    nanolambert,
    scattered_share,
    scattering,
    twilight_nl,
)
from pyros.sky.brightness import magnitude as magnitude_of_nl
from simulators.sky_scene.projection import TangentPlane
from simulators.sky_scene.psf import add_stars
from simulators.sky_scene.stars import Stars, stars_around

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulators.sky_scene.detector import Counts, Detector, Image
    from simulators.sky_scene.passband import Passband
    from simulators.sky_scene.transient import Transient

FrameKind = Literal["light", "dark", "bias", "flat"]
_LOWEST_ALTITUDE_DEG = 2.0
_SEEING_NM = 500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Optics:
    """What the light passes between the sky and the detector.

    Attributes:
        scale_arcsec: Of an unbinned pixel.
        f_ratio: Focal length over aperture.
        pixel_um: Side of an unbinned pixel.
        image_fwhm_arcsec: Blur of the optics and the guiding alone.
        position_angle_deg: Of the detector's y axis, from north through east.
    """

    scale_arcsec: float
    f_ratio: float
    pixel_um: float
    image_fwhm_arcsec: float = 0.5
    position_angle_deg: float = 0.0

    def defocus_fwhm_arcsec(self, defocus_um: float) -> float:
        """Blur by a detector this far from the focus: 0.6 of the disc's diameter."""
        disc_um = abs(defocus_um) / self.f_ratio
        return 0.6 * disc_um / self.pixel_um * self.scale_arcsec


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the light was during one exposure.

    Attributes:
        exposure_id: Names the exposure; with `seed` it fixes the noise.
        kind: `light` and `flat` open the shutter.
        start_unix_s: Shutter open.
        exposure_s: Seconds open (or integrating, for darks).
        ra_deg: ICRS at the middle of the field.
        dec_deg: ICRS at the middle of the field.
        altitude_deg: Of the middle of the field.
        passband: In the beam.
        open_share: Share of the aperture that sees the sky (cover, dome, slit), 0..1.
        seeing_arcsec: At 500 nm in the zenith.
        cloud_extinction_mag: By clouds.
        defocus_um: Distance of the focuser from its best place.
        sun_altitude_deg: At mid-exposure.
        moon_altitude_deg: At mid-exposure.
        moon_separation_deg: From the field.
        moon_phase_angle_deg: Sun-Moon-Earth, 0 at full Moon.
        lamp_share: Flat-field lamp seen by the aperture, 0..1.
        room_e_s_arcsec2: Light of the dome's lamps on the detector.
        air_temperature_deg_C: Warms the telescope in the near infrared.
        sensor_temperature_deg_C: Of the detector.
        transients: New stars.
        faintest_mag: V down to which stars are drawn.
        seed: Of the sky and the noise.
    """

    exposure_id: str
    kind: FrameKind
    start_unix_s: float
    exposure_s: float
    ra_deg: float
    dec_deg: float
    altitude_deg: float
    passband: Passband
    open_share: float = 1.0
    seeing_arcsec: float = 1.0
    cloud_extinction_mag: float = 0.0
    defocus_um: float = 0.0
    sun_altitude_deg: float = -90.0
    moon_altitude_deg: float = -90.0
    moon_separation_deg: float = 90.0
    moon_phase_angle_deg: float = 180.0
    lamp_share: float = 0.0
    room_e_s_arcsec2: float = 0.0
    air_temperature_deg_C: float = 10.0  # noqa: N815 - the unit is written degC
    sensor_temperature_deg_C: float = -100.0  # noqa: N815 - the unit is written degC
    transients: tuple[Transient, ...] = ()
    faintest_mag: float = 21.5
    seed: int = 0

    @property
    def shutter_open(self) -> bool:
        """Whether light can reach the detector."""
        return self.kind in ("light", "flat") and self.exposure_s > 0.0

    @property
    def airmass(self) -> float:
        """Of the field's middle; held near the horizon."""
        return float(airmass(max(self.altitude_deg, _LOWEST_ALTITUDE_DEG)))

    @property
    def extinction_mag(self) -> float:
        """What air and clouds take."""
        return self.passband.extinction_mag * self.airmass + self.cloud_extinction_mag

    def fwhm_arcsec(self, optics: Optics) -> float:
        """Width of a star: seeing (airmass^0.6, wavelength^-0.2), optics and defocus."""
        colour = (self.passband.wavelength_nm / _SEEING_NM) ** -0.2
        seeing = self.seeing_arcsec * self.airmass**0.6 * colour
        return math.hypot(
            seeing, optics.image_fwhm_arcsec, optics.defocus_fwhm_arcsec(self.defocus_um)
        )

    def sky_e_s_arcsec2(self) -> float:
        """Electrons per second and square arcsecond from sky and telescope, aperture open."""
        band, altitude = self.passband, max(self.altitude_deg, _LOWEST_ALTITUDE_DEG)
        sine, k_mag = math.sin(math.radians(altitude)), 0.172
        glow = dark_nl(sine, dark_mag=0.0) / nanolambert(0.0)
        rate = float(band.electrons_per_s(band.dark_sky_mag) * glow)
        moon = moon_source(self.moon_altitude_deg, self.moon_phase_angle_deg, k_mag=k_mag)
        moonlight = moon * scattering(math.cos(math.radians(self.moon_separation_deg)))
        moonlight = moonlight * scattered_share(sine, k_mag=k_mag)
        scattered = float(moonlight + twilight_nl(self.sun_altitude_deg))
        if scattered > 0.0:
            scattered_mag = float(magnitude_of_nl(scattered)) + band.scattered_mag
            rate += float(band.electrons_per_s(scattered_mag))
        warmth = math.pow(10.0, 0.03 * (self.air_temperature_deg_C - 10.0))
        return rate + band.thermal_e_s_arcsec2 * warmth

    def rng(self) -> np.random.Generator:
        """The noise of this exposure, the same in every process."""
        named = hashlib.sha256(f"{self.seed}/{self.exposure_id}".encode()).digest()
        return np.random.default_rng(np.frombuffer(named, dtype=np.uint32))


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneResult:
    """A drawn exposure: counts of shape (rows, columns) and where they lie on the sky."""

    counts: Counts
    plane: TangentPlane
    fwhm_arcsec: float
    sky_e_px: float


def render(scene: Scene, optics: Optics, detector: Detector) -> SceneResult:
    """Draw one exposure."""
    rows, columns = detector.shape
    plane = TangentPlane(
        ra_deg=scene.ra_deg,
        dec_deg=scene.dec_deg,
        scale_arcsec=optics.scale_arcsec * detector.binning,
        width_px=columns,
        height_px=rows,
        position_angle_deg=optics.position_angle_deg,
    )
    fwhm = scene.fwhm_arcsec(optics)
    light: Image | None = None
    sky_e = 0.0
    if scene.shutter_open:
        sky_e = _even_light_e_s(scene) * plane.scale_arcsec**2 * scene.exposure_s
        light = np.full(detector.shape, np.float32(sky_e), dtype=np.float32)
        if scene.open_share > 0.0 and scene.altitude_deg > 0.0:
            hidden = 0.1 * math.sqrt(sky_e + detector.settings.read_noise_e**2)
            _add_point_sources(light, scene, plane, fwhm / plane.scale_arcsec, hidden)
        light *= detector.flat
    counts = detector.read_out(
        light,
        exposure_s=scene.exposure_s,
        temperature_deg_C=scene.sensor_temperature_deg_C,
        rng=scene.rng(),
    )
    return SceneResult(counts=counts, plane=plane, fwhm_arcsec=fwhm, sky_e_px=sky_e)


def _even_light_e_s(scene: Scene) -> float:
    """Electrons per second and square arcsecond of everything that is not a star."""
    lamp = scene.passband.lamp_e_s_arcsec2 * scene.lamp_share
    sky = scene.sky_e_s_arcsec2() * scene.open_share if scene.open_share > 0.0 else 0.0
    return sky + lamp + scene.room_e_s_arcsec2


def _add_point_sources(
    light: Image, scene: Scene, plane: TangentPlane, fwhm_px: float, hidden: float
) -> None:
    margin_deg = 40.0 * plane.scale_arcsec / 3600.0
    stars = stars_around(
        plane.ra_deg,
        plane.dec_deg,
        plane.radius_deg + margin_deg,
        scene.start_unix_s,
        faintest_mag=scene.faintest_mag,
        seed=scene.seed,
    )
    x, y = plane.pixels(stars.ra_deg, stars.dec_deg)
    flux = star_electrons(scene, stars)
    if scene.transients:
        new_x, new_y, new_flux = _transients(scene, plane)
        x, y = np.concatenate([x, new_x]), np.concatenate([y, new_y])
        flux = np.concatenate([flux, new_flux])
    add_stars(light, x, y, flux, fwhm_px=fwhm_px, hidden=hidden)


def star_electrons(scene: Scene, stars: Stars) -> NDArray[np.float64]:
    """Electrons that each star frees during the exposure, shape (n,)."""
    band = scene.passband
    mags = band.magnitudes(stars.v_mag, stars.bv_mag) + scene.extinction_mag
    return band.electrons_per_s(mags) * scene.exposure_s * scene.open_share


def _transients(
    scene: Scene, plane: TangentPlane
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Places and electrons of the transients in the hemisphere of the field."""
    ra = np.array([source.ra_deg for source in scene.transients])
    dec = np.array([source.dec_deg for source in scene.transients])
    near = np.cos(np.radians(dec - plane.dec_deg)) > 0.5
    near &= np.cos(np.radians(ra - plane.ra_deg)) > 0.0
    flux = [source.mean_flux(scene.start_unix_s, scene.exposure_s) for source in scene.transients]
    rate = scene.passband.electrons_per_s(scene.extinction_mag) * scene.open_share
    x, y = plane.pixels(ra, dec)
    return x, y, np.where(near, np.array(flux) * rate * scene.exposure_s, 0.0)
