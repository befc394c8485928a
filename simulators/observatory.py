"""The simulated observatory: settings in, a supervisor of all its devices out.

    system = ActorSystem(name="metal", seed=settings.seed)
    await system.spawn(simulated_observatory_spec(system, settings, ...))

The metal it makes belongs to the specification: actors that crash find it as they left it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from protocols.mqtt.session import MqttSession
from pyros.actor import ChildSpec, SupervisorSpec
from pyros.clock import datetime_from_unix
from simulators.alert_broker import AlertBroker
from simulators.camera import CameraSimulator
from simulators.director import Director
from simulators.dome import DomeSimulator
from simulators.filter_wheel import FilterWheelSimulator
from simulators.focuser import FocuserSimulator
from simulators.kinematics import Travel
from simulators.light_path import LightPathSettings
from simulators.metal import Dome, Mount, SiteMetal, TelescopeMetal, Wheel
from simulators.mount import MountSimulator
from simulators.mount_motion import Standing
from simulators.plc import PlcSimulator
from simulators.presence import BridgePresence, presence_will
from simulators.scenario import Scenario
from simulators.severable_link import LinkCutter
from simulators.simulated_device import Wiring
from simulators.weather import WeatherTruth
from simulators.weather_station import WeatherStationSimulator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from protocols.mqtt.connection import MqttLink
    from protocols.mqtt.message import Will
    from protocols.topics import SiteTopics
    from pyros.actor import ActorSystem
    from pyros.sky.site import Site
    from simulators.camera import CameraSettings
    from simulators.settings import SimulatorsSettings, TelescopeSettings

NAME = "metal"
"""Name of the supervisor: devices are `/metal/{unit}/{device}`, the session is `/metal/mqtt`."""
WARM_DEG_C = 15.0


def site_metal(settings: SimulatorsSettings, site: Site) -> SiteMetal:
    """The physical state at the beginning: everything closed, parked and dark."""
    metal = SiteMetal(
        site=site,
        weather=WeatherTruth(
            settings.climate, seed=settings.seed, local_offset_s=site.noon_offset_s
        ),
        seed=settings.seed,
    )
    for telescope in settings.telescopes:
        metal.telescopes[telescope.id] = _telescope_metal(telescope)
    return metal


def _telescope_metal(settings: TelescopeSettings) -> TelescopeMetal:
    mount, dome, focuser = settings.mount, settings.dome, settings.focuser
    parked = Standing(alt_deg=mount.park_altitude_deg, az_deg=mount.park_azimuth_deg, parked=True)
    return TelescopeMetal(
        unit=settings.id,
        mount=Mount(motion=parked, cover=Travel.resting(0.0, mount.cover_rates)),
        dome=None
        if dome is None
        else Dome(
            shutter=Travel.resting(0.0, dome.shutter_rates),
            slit=Travel.resting(dome.home_azimuth_deg, dome.slit_rates),
        ),
        wheels={
            wheel.id: Wheel(turn=Travel.resting(0.0, wheel.rates), filters=wheel.filters)
            for wheel in settings.wheels
        },
        focusers={}
        if focuser is None
        else {focuser.id: Travel.resting(focuser.best_um, focuser.rates)},
        sensors={camera.id: _sensor(camera) for camera in settings.cameras},
    )


def _sensor(camera: CameraSettings) -> Travel:
    start_deg_c = WARM_DEG_C if camera.starts_warm else camera.setpoint_deg_C
    return Travel.resting(start_deg_c, camera.cooler_rates)


def simulated_observatory_spec(
    system: ActorSystem,
    settings: SimulatorsSettings,
    *,
    site: Site,
    topics: SiteTopics,
    make_link: Callable[[Will], MqttLink],
    spool: Path,
    start_unix_s: float,
    scenario: Scenario | None = None,
    alert_packets: tuple[bytes, ...] = (),
    metal: SiteMetal | None = None,
    boot: str | None = None,
    parent: str = "",
) -> SupervisorSpec:
    """Everything simulated at one site, under one supervisor with its own MQTT session.

    Args:
        system: The system that will run it.
        settings: Which devices, and what they can do.
        site: Where.
        topics: The site's MQTT topics.
        make_link: Makes a connection with a last will; its client id must stay the same.
        spool: Directory where cameras leave frames.
        start_unix_s: The observatory's time now.
        scenario: Prescribed weather, faults and transients.
        alert_packets: Recorded packets that simulated bursts are told with.
        metal: Physical state to begin with; closed, parked and dark when None.
        boot: Id of this run of the process; from the start time when None.
        parent: Path of the supervisor's parent, without a slash at the end.
    """
    boot = f"{settings.bridge}-{start_unix_s:.0f}" if boot is None else boot
    physical = site_metal(settings, site) if metal is None else metal
    will = presence_will(
        topics, bridge=settings.bridge, boot=boot, time_utc=datetime_from_unix(start_unix_s)
    )
    cutter = LinkCutter(partial(make_link, will), physical.faults)
    wiring = Wiring(
        topics=topics,
        mqtt=system.ref(f"{parent}/{NAME}/mqtt", MqttSession),
        bridge=settings.bridge,
        boot=boot,
        metal=physical,
    )
    response_topic = topics.response(f"bridge-{settings.bridge}")
    direct = partial(
        Director,
        wiring,
        scenario or Scenario(),
        devices=settings.device_keys(),
        cutter=cutter,
        start_unix_s=start_unix_s,
    )
    return SupervisorSpec(
        name=NAME,
        children=(
            ChildSpec(
                name="mqtt",
                factory=partial(MqttSession, link=cutter, response_topic=response_topic),
            ),
            ChildSpec(name="presence", factory=partial(BridgePresence, wiring)),
            ChildSpec(name="director", factory=direct),
            ChildSpec(
                name="alert-broker",
                factory=partial(AlertBroker, wiring, settings.bursts, alert_packets),
            ),
            SupervisorSpec(name="site", children=_site_devices(wiring, settings)),
            *(
                SupervisorSpec(
                    name=telescope.id,
                    children=_telescope_devices(wiring, settings, telescope, spool),
                )
                for telescope in settings.telescopes
            ),
        ),
    )


def _site_devices(wiring: Wiring, settings: SimulatorsSettings) -> tuple[ChildSpec[Any], ...]:
    stations = tuple(
        ChildSpec(name=station.id, factory=partial(WeatherStationSimulator, wiring, station))
        for station in settings.stations
    )
    if settings.plc is None:
        return stations
    plc = ChildSpec(name=settings.plc.id, factory=partial(PlcSimulator, wiring, settings.plc))
    return (*stations, plc)


def _telescope_devices(
    wiring: Wiring, settings: SimulatorsSettings, telescope: TelescopeSettings, spool: Path
) -> tuple[ChildSpec[Any], ...]:
    unit, mount, dome, focuser = telescope.id, telescope.mount, telescope.dome, telescope.focuser
    children: list[ChildSpec[Any]] = [
        ChildSpec(name=mount.id, factory=partial(MountSimulator, wiring, unit, mount))
    ]
    if dome is not None:
        children.append(ChildSpec(name=dome.id, factory=partial(DomeSimulator, wiring, unit, dome)))
    if focuser is not None:
        children.append(
            ChildSpec(name=focuser.id, factory=partial(FocuserSimulator, wiring, unit, focuser))
        )
    children += [
        ChildSpec(name=wheel.id, factory=partial(FilterWheelSimulator, wiring, unit, wheel))
        for wheel in telescope.wheels
    ]
    for camera in telescope.cameras:
        light_path = LightPathSettings(
            aperture_m=telescope.aperture_m,
            f_ratio=telescope.f_ratio,
            image_fwhm_arcsec=telescope.image_fwhm_arcsec,
            dome=dome,
            focuser=focuser,
            wheel=camera.wheel,
            faintest_mag=settings.faintest_mag,
        )
        make = partial(
            CameraSimulator, wiring, unit, camera, light_path=light_path, spool=spool / unit
        )
        children.append(ChildSpec(name=camera.id, factory=make))
    return tuple(children)
