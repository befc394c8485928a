"""The observatory's settings: composes what each part declares, and checks them as a whole.

Node > site > telescope > channel, as the observatory is built. Every field is documented where it
is declared; `pyros check` explains a file without starting anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from actors.advocates.settings import NotifySettings
from actors.alert_handler.settings import AlertHandlerSettings
from actors.alert_source.settings import AlertSourceSettings
from actors.archive.settings import ArchiveSettings, DetectorSettings, OpticsSettings
from actors.calibration.settings import CalibrationSettings
from actors.camera.settings import CameraSettings
from actors.dome.settings import DomeSettings
from actors.filter_wheel.settings import FilterWheelSettings
from actors.focuser.settings import FocuserSettings
from actors.journal.settings import JournalSettings, RecorderSettings
from actors.majordome.settings import MajordomeSettings
from actors.plc.settings import PlcSettings
from actors.safety.settings import SafetySettings
from actors.scheduler.settings import SchedulerSettings
from actors.sequencer.settings import SequencerSettings
from actors.telescope.settings import TelescopeSettings
from actors.weather_source.settings import WeatherSourceSettings
from actors.weather_verdict.settings import WeatherSettings
from actors.web_gateway.settings import WebGatewaySettings
from protocols.topics import checked_id
from pyros.app.toml_file import load_toml
from pyros.domain.sequence import ChannelTimes
from pyros.errors import ConfigurationError
from pyros.sky.horizon import HorizonMask
from pyros.sky.site import Site
from pyros.store.settings import StoreSettings
from simulators.scenario import Scenario
from simulators.settings import SimulatorsSettings
from web.settings import WebSettings

if TYPE_CHECKING:
    from collections.abc import Iterator


class NodeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[node]`: the group of sites that this one belongs to."""

    id: str = "node"
    """Short id, `[a-z0-9-]`."""
    name: str = ""
    """Full name."""


class SiteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[site]`: where the telescopes stand."""

    id: str
    """Short id, `[a-z0-9-]`; part of every MQTT topic."""
    name: str = ""
    """Full name."""
    latitude_deg: float
    """Geodetic latitude, north positive."""
    longitude_deg: float
    """Longitude, east positive."""
    height_m: float
    """Height above the ellipsoid, metres."""
    utc_offset_h: float | None = None
    """Civil time minus UTC, used to name nights; the mean solar time when left out."""
    horizon: tuple[tuple[float, float], ...] = ()
    """Obstacles as (azimuth, altitude) points in degrees; a free horizon when left out."""

    def sky_site(self) -> Site:
        """The same for the sky engine."""
        return Site(
            latitude_deg=self.latitude_deg,
            longitude_deg=self.longitude_deg,
            height_m=self.height_m,
            name=self.name or self.id,
            horizon=HorizonMask.from_points(self.horizon) if self.horizon else None,
            utc_offset_h=self.utc_offset_h,
        )


class MqttSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[mqtt]`: the broker."""

    url: str = "embedded"
    """`embedded` starts PyROS's own broker; `mqtt://host:port` names another, e.g. Mosquitto."""


class ChannelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[telescope.channel]]`: a detector with its filter wheel; its id names the channel."""

    id: str
    """Device id of the camera, `[a-z0-9-]`."""
    camera: CameraSettings = CameraSettings()
    """The camera."""
    wheel_id: str | None = None
    """Device id of its filter wheel; none when it has a fixed filter."""
    wheel: FilterWheelSettings = FilterWheelSettings()
    """The wheel, with the filters it holds."""
    filter: str = ""
    """Its fixed filter, for a channel without a wheel."""
    readout_s: float = 5.0
    """Seconds per image beside the exposure, for plans."""
    filter_change_s: float = 5.0
    """Seconds per filter change, for plans."""
    detector: DetectorSettings = DetectorSettings()
    """What frame headers say of the detector."""

    @property
    def filters(self) -> tuple[str, ...]:
        """Filters that may be asked for."""
        return self.wheel.filters if self.wheel_id is not None else (self.filter,)


class UnitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[telescope]]`: one telescope with its dome and channels."""

    id: str
    """Unit id, `[a-z0-9-]`."""
    name: str = ""
    """Full name."""
    aperture_mm: float | None = None
    """Diameter of the mirror, for headers."""
    focal_length_mm: float | None = None
    """Effective focal length, for headers."""
    mount_id: str = "telescope"
    """Device id of the mount."""
    mount: TelescopeSettings = TelescopeSettings()
    """Mount and mirror cover."""
    dome_id: str = "dome"
    """Device id of the dome."""
    dome: DomeSettings = DomeSettings()
    """The dome."""
    focuser_id: str | None = "focuser"
    """Device id of the focuser; none when there is none."""
    focuser: FocuserSettings = FocuserSettings()
    """The focuser."""
    channel: tuple[ChannelSettings, ...]
    """At least one."""
    majordome: MajordomeSettings = MajordomeSettings()
    """When it opens and how it retries."""
    scheduler: SchedulerSettings = SchedulerSettings()
    """How its nights are planned."""
    sequencer: SequencerSettings = SequencerSettings()
    """How its sequences are executed."""
    calibration: CalibrationSettings = CalibrationSettings()
    """What is taken at the end of a night."""

    def channel_times(self) -> dict[str, ChannelTimes]:
        """Overheads of each channel, for plans."""
        return {
            channel.id: ChannelTimes(
                readout_s=channel.readout_s, filter_change_s=channel.filter_change_s
            )
            for channel in self.channel
        }

    def optics(self) -> OpticsSettings:
        """What headers say of this telescope."""
        return OpticsSettings(
            name=self.name or self.id,
            aperture_mm=self.aperture_mm,
            focal_length_mm=self.focal_length_mm,
            cameras={channel.id: channel.detector for channel in self.channel},
        )

    def device_ids(self) -> Iterator[str]:
        """Ids of all its devices."""
        yield from (self.mount_id, self.dome_id)
        if self.focuser_id is not None:
            yield self.focuser_id
        for channel in self.channel:
            yield channel.id
            if channel.wheel_id is not None:
                yield channel.wheel_id


class AlertsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[alerts]`: how they come in and what is done with them."""

    sources: AlertSourceSettings = AlertSourceSettings()
    """Ways in."""
    handler: AlertHandlerSettings = AlertHandlerSettings()
    """Rules, programme, fields."""
    notify: NotifySettings = NotifySettings()
    """Burst advocates that are told of decision, first image and outcome."""
    templates: str = "alert_templates"
    """Folder of recorded packets that test alerts are made of; relative to this file."""
    telescope: str | None = None
    """Unit that follows bursts up; the first one when left out."""


class ObservatorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    node: NodeSettings = NodeSettings()
    """The group of sites."""
    site: SiteSettings
    """Where."""
    seed: int = 0
    """Seed of all random streams of control."""
    requests: str = "requests.toml"
    """File of programmes and requests; relative to this file."""
    mqtt: MqttSettings = MqttSettings()
    """The broker."""
    web: WebSettings = WebSettings()
    """The page."""
    gateway: WebGatewaySettings = WebGatewaySettings()
    """The live model behind the page."""
    store: StoreSettings = StoreSettings()
    """The database."""
    journal: JournalSettings = JournalSettings()
    """The journal."""
    recorder: RecorderSettings = RecorderSettings()
    """Telemetry on disk."""
    archive: ArchiveSettings = ArchiveSettings()
    """Frames on disk; its `telescopes` are filled from `[[telescope]]`."""
    safety: SafetySettings = SafetySettings()
    """When to close."""
    weather: WeatherSettings = WeatherSettings()
    """Limits of the weather."""
    station: dict[str, WeatherSourceSettings] = {}
    """`[station.ID]`: the weather stations."""
    plc_id: str | None = "plc"
    """Device id of the site's PLC; none when there is none."""
    plc: PlcSettings = PlcSettings()
    """The PLC."""
    telescope: tuple[UnitSettings, ...]
    """At least one."""
    alerts: AlertsSettings = AlertsSettings()
    """Alerts."""
    simulators: SimulatorsSettings | None = None
    """The simulated devices; left out where the devices are real."""
    scenario: Scenario | None = None
    """What happens to the simulated devices."""

    def filters_by_channel(self) -> dict[str, tuple[str, ...]]:
        """Filters of each channel of the site."""
        return {channel.id: channel.filters for unit in self.telescope for channel in unit.channel}

    def channel_times(self) -> dict[str, ChannelTimes]:
        """Overheads of each channel of the site."""
        return {
            name: times for unit in self.telescope for name, times in unit.channel_times().items()
        }

    def channels_by_unit(self) -> dict[str, tuple[str, ...]]:
        """Channels of each telescope, in the order of the file."""
        return {unit.id: tuple(channel.id for channel in unit.channel) for unit in self.telescope}

    def faults(self) -> list[str]:
        """What is wrong beyond single values, one line per fault."""
        faults: list[str] = []
        if not self.telescope:
            faults.append("no [[telescope]]; give at least one")
        if not self.station:
            faults.append("no [station.ID]; without weather nothing ever opens; give at least one")
        faults += _id_faults([self.node.id], "[node]") + _id_faults([self.site.id], "[site]")
        faults += self.site.sky_site().faults()
        faults += _id_faults([unit.id for unit in self.telescope], "[[telescope]]")
        for unit in self.telescope:
            faults += _id_faults(list(unit.device_ids()), f"telescope {unit.id}")
            if not unit.channel:
                faults.append(f"telescope {unit.id}: no [[telescope.channel]]; give at least one")
        units = [unit.id for unit in self.telescope]
        if self.alerts.telescope is not None and self.alerts.telescope not in units:
            faults.append(
                f"alerts.telescope = {self.alerts.telescope!r} is no telescope; "
                f"there are {', '.join(units)}"
            )
        if self.simulators is not None:
            faults += [f"[simulators] {fault}" for fault in self.simulators.faults()]
        return faults


def _id_faults(ids: list[str], where: str) -> list[str]:
    faults = []
    for place, name in enumerate(ids):
        try:
            checked_id(name)
        except ValueError as error:
            faults.append(f"{where}: {error}")
        if name in ids[:place]:
            faults.append(f"{where}: id {name!r} is used twice; give each its own")
    return faults


def load_settings(path: Path) -> ObservatorySettings:
    """The settings in a file, checked as a whole.

    Raises:
        ConfigurationError: One line for each fault, with file, key, value and remedy.
    """
    settings = load_toml(path, ObservatorySettings)
    faults = settings.faults()
    if faults:
        raise ConfigurationError("\n".join(f"{path}: {fault}" for fault in faults))
    return settings


def beside(config: Path, name: str) -> Path:
    """A file named in a configuration file: absolute, or relative to that file."""
    return config.parent / Path(name).expanduser()
