"""The sky of an observatory: positions, nights, windows; no input or output after its first use.

`SkyEngine` places targets, `Night` knows its twilights, `SkyGrid` and `windows` say when a target
can be observed, `passes` when a satellite is up. Angles are degrees, instants are Unix seconds
(UTC), coordinates are ICRS, altitudes are geometric (no refraction).
"""

from pyros.sky.airmass import airmass
from pyros.sky.bodies import BodyTrack, MoonNow, body_now, moon_now, sun_altaz, track
from pyros.sky.brightness import sky_brightness_mag
from pyros.sky.diagnosis import Obstacle, obstacle
from pyros.sky.engine import (
    SkyEngine,
    altaz_now,
    engine_for,
    hour_angle_deg,
    icrs_from_altaz,
    local_sidereal_deg,
    parallactic_angle_deg,
    separation_deg,
)
from pyros.sky.grid import SkyGrid, Span
from pyros.sky.horizon import HorizonMask
from pyros.sky.orbit import Orbit
from pyros.sky.satellites import Satellite, passes
from pyros.sky.site import Site
from pyros.sky.targets import (
    BodyTarget,
    FixedTarget,
    OrbitTarget,
    SatelliteTarget,
    TableTarget,
    Target,
)
from pyros.sky.twilight import Night, night_label, noon_unix_s
from pyros.sky.windows import Constraints, intersect, windows, windows_of_places

__all__ = [
    "BodyTarget",
    "BodyTrack",
    "Constraints",
    "FixedTarget",
    "HorizonMask",
    "MoonNow",
    "Night",
    "Obstacle",
    "Orbit",
    "OrbitTarget",
    "Satellite",
    "SatelliteTarget",
    "Site",
    "SkyEngine",
    "SkyGrid",
    "Span",
    "TableTarget",
    "Target",
    "airmass",
    "altaz_now",
    "body_now",
    "engine_for",
    "hour_angle_deg",
    "icrs_from_altaz",
    "intersect",
    "local_sidereal_deg",
    "moon_now",
    "night_label",
    "noon_unix_s",
    "obstacle",
    "parallactic_angle_deg",
    "passes",
    "separation_deg",
    "sky_brightness_mag",
    "sun_altaz",
    "track",
    "windows",
    "windows_of_places",
]
