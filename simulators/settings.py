"""Settings of the simulated observatory: which devices there are and what they can do."""

from __future__ import annotations

import msgspec

from protocols.topics import SITE_UNIT, checked_id
from simulators.alert_broker import BurstSettings
from simulators.camera import CameraSettings
from simulators.dome import DomeSettings
from simulators.filter_wheel import FilterWheelSettings
from simulators.focuser import FocuserSettings
from simulators.mount import MountSettings
from simulators.plc import PlcSettings
from simulators.sky_scene.detector import DetectorSettings
from simulators.sky_scene.passband import PASSBANDS
from simulators.weather import ClimateSettings
from simulators.weather_station import STATIONS, StationSettings

NEAR_INFRARED = CameraSettings(
    id="cam-nir",
    detector=DetectorSettings(
        pixel_um=18.0,
        gain_e_adu=8.0,
        read_noise_e=20.0,
        full_well_e=450_000.0,
        dark_e_s=0.05,
        dark_at_deg_C=-173.0,
        hot_pixel_share=1e-3,
    ),
    pixel_scale_arcsec=0.9,
    wheel="wheel-nir",
    readout_s=1.5,
    setpoint_deg_C=-173.0,
    coldest_deg_C=-195.0,
)
"""A near-infrared channel whose ramps are fitted on board: one frame each, a deep well."""


class TelescopeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One telescope and everything on and around it."""

    id: str = "t1"
    """Unit id."""
    aperture_m: float = 1.3
    """Diameter of the primary mirror."""
    f_ratio: float = 6.25
    """Focal length over aperture."""
    image_fwhm_arcsec: float = 0.5
    """Blur of the optics and the tracking alone."""
    mount: MountSettings = MountSettings()
    """Mount and mirror cover."""
    dome: DomeSettings | None = DomeSettings()
    """Its building."""
    focuser: FocuserSettings | None = FocuserSettings()
    """Its focuser."""
    wheels: tuple[FilterWheelSettings, ...] = (
        FilterWheelSettings(),
        FilterWheelSettings(id="wheel-nir", filters=("J", "H")),
    )
    """Its filter wheels."""
    cameras: tuple[CameraSettings, ...] = (CameraSettings(), NEAR_INFRARED)
    """Its channels."""

    def faults(self) -> list[str]:
        """What is wrong with it, one line per fault."""
        wheels = {wheel.id: wheel for wheel in self.wheels}
        faults = [f"telescope {self.id}: {fault}" for fault in _id_faults(self.device_ids())]
        for camera in self.cameras:
            where = f"telescope {self.id}, camera {camera.id}"
            faults += [f"{where}: {fault}" for fault in camera.detector.faults()]
            if camera.wheel is not None and camera.wheel not in wheels:
                faults.append(
                    f"{where}: wheel = {camera.wheel!r} is none of its wheels: "
                    f"{', '.join(wheels) or 'none'}"
                )
                continue
            known = {*PASSBANDS, *(band.name for band in camera.passbands)}
            names = (camera.filter,) if camera.wheel is None else wheels[camera.wheel].filters
            faults += [
                f"{where}: filter {name!r} has no passband; known: {', '.join(sorted(known))}"
                for name in names
                if name not in known
            ]
        return faults

    def device_ids(self) -> list[str]:
        """Ids of all its devices."""
        parts = (self.mount, self.dome, self.focuser, *self.wheels, *self.cameras)
        return [part.id for part in parts if part is not None]


class SimulatorsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All simulated devices of a site, in one process."""

    bridge: str = "sim"
    """Id of the process in `bridge/{id}/state`."""
    seed: int = 1
    """Of the weather, the sky below V = 10, detectors and noise."""
    faintest_mag: float = 21.5
    """V down to which stars are drawn."""
    climate: ClimateSettings = ClimateSettings()
    """What weather is usual."""
    stations: tuple[StationSettings, ...] = STATIONS
    """The weather stations."""
    plc: PlcSettings | None = PlcSettings()
    """The site's controller."""
    bursts: BurstSettings = BurstSettings()
    """Bursts that happen by themselves."""
    telescopes: tuple[TelescopeSettings, ...] = (TelescopeSettings(),)
    """The telescopes."""

    def device_keys(self) -> tuple[str, ...]:
        """`{unit}/{device}` of every device, as scenarios name them."""
        site_ids = [station.id for station in self.stations]
        site_ids += [] if self.plc is None else [self.plc.id]
        return (
            *(f"{SITE_UNIT}/{name}" for name in site_ids),
            *(f"{unit.id}/{name}" for unit in self.telescopes for name in unit.device_ids()),
        )

    def faults(self) -> list[str]:
        """What is wrong with the numbers and names, one line per fault."""
        site_ids = [station.id for station in self.stations]
        site_ids += [] if self.plc is None else [self.plc.id]
        faults = _id_faults([self.bridge])
        faults += _id_faults([telescope.id for telescope in self.telescopes])
        faults += [f"site: {fault}" for fault in _id_faults(site_ids)]
        for telescope in self.telescopes:
            faults += telescope.faults()
        return faults


def _id_faults(ids: list[str]) -> list[str]:
    faults = []
    for place, name in enumerate(ids):
        try:
            checked_id(name)
        except ValueError as error:
            faults.append(str(error))
        if name in ids[:place]:
            faults.append(f"id {name!r} is used twice; give each device its own")
    return faults
