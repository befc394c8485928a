"""The metal: the physical state that simulated devices share, and which outlives their actors.

Each device's actor changes its own part; the light path of a camera looks at all of it. It is
touched on one event loop only, and everything in it is a function of time, so nothing here ticks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulators.faults import FaultBoard

if TYPE_CHECKING:
    from pyros.sky.site import Site
    from simulators.kinematics import Travel
    from simulators.mount_motion import Motion
    from simulators.sky_scene.transient import Transient
    from simulators.weather import WeatherTruth


@dataclass(slots=True, kw_only=True)
class Mount:
    """Axes and mirror cover; `cover` is 0 closed to 1 open."""

    motion: Motion
    cover: Travel


@dataclass(slots=True, kw_only=True)
class Dome:
    """Shutter (0 closed to 1 open), slit azimuth in degrees (not reduced to a turn), lease.

    Attributes:
        shutter: The shutter.
        slit: Azimuth of the slit's middle.
        lease_heard_s: Loop time of the last lease; minus infinity before the first.
        lease_ttl_s: What the last lease promised, wall seconds.
        closed_by_lease: Whether it closed because its lease ran out.
    """

    shutter: Travel
    slit: Travel
    lease_heard_s: float = -math.inf
    lease_ttl_s: float = 20.0
    closed_by_lease: bool = False


@dataclass(slots=True, kw_only=True)
class Wheel:
    """A filter wheel: `turn` in slots (not reduced to a turn), and what is in the slots."""

    turn: Travel
    filters: tuple[str, ...]

    def slot(self, unix_s: float) -> int:
        """The slot nearest to the beam."""
        return round(self.turn.position(unix_s)) % len(self.filters)

    def filter(self, unix_s: float) -> str:
        """The filter nearest to the beam."""
        return self.filters[self.slot(unix_s)]


@dataclass(slots=True, kw_only=True)
class TelescopeMetal:
    """One telescope: what its devices share.

    Attributes:
        unit: Its id.
        mount: Axes and cover.
        dome: The building around it; None in the open.
        wheels: By device id.
        focusers: By device id, micrometres.
        sensors: Sensor temperatures by camera id, degrees Celsius.
    """

    unit: str
    mount: Mount
    dome: Dome | None = None
    wheels: dict[str, Wheel] = field(default_factory=dict)
    focusers: dict[str, Travel] = field(default_factory=dict)
    sensors: dict[str, Travel] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Building:
    """What the PLC switches and watches.

    Attributes:
        lights_on: Lamps in the domes.
        flat_lamp_on: Lamp of the flat-field screens.
        door_closed: Door of the building.
        ups_charge: 0..1 at `ups_unix_s`.
        ups_unix_s: When `ups_charge` was true.
    """

    lights_on: bool = False
    flat_lamp_on: bool = False
    door_closed: bool = True
    ups_charge: float = 1.0
    ups_unix_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class SiteMetal:
    """Everything physical at a site.

    Attributes:
        site: Where it is.
        weather: The true weather.
        building: What telescopes share.
        faults: What is wrong.
        telescopes: By unit id.
        transients: New stars in the sky.
        seed: Of everything that is drawn.
    """

    site: Site
    weather: WeatherTruth
    seed: int
    building: Building = field(default_factory=Building)
    faults: FaultBoard = field(default_factory=FaultBoard)
    telescopes: dict[str, TelescopeMetal] = field(default_factory=dict)
    transients: list[Transient] = field(default_factory=list)
