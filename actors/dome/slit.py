"""Where the slit must be for the telescope to see out. Pure geometry.

The beam leaves the crossing of the telescope's axes, which need not be the dome's centre, and
pierces the dome's sphere; the azimuth of that point from the centre is where the slit belongs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.device.postconditions import azimuth_difference_deg
from actors.device.readings import good_flag, good_number, good_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.dome.settings import DomeSettings, SlitGeometry
    from pyros.domain.device import Reading

ZENITH_SHARE = 0.6
"""Within this share of the slit's clearance around the zenith any azimuth will do, and the dome
does not race after one; leaving it, there is time to turn while the slit is still wide enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pierce:
    """Where the beam leaves the dome, seen from the dome's centre, degrees."""

    alt_deg: float
    az_deg: float


def pierce(alt_deg: float, az_deg: float, geometry: SlitGeometry) -> Pierce:
    """Where a beam towards altitude and azimuth leaves the dome.

    Args:
        alt_deg: Altitude of the beam.
        az_deg: Azimuth of the beam, from north through east.
        geometry: Sphere and place of the telescope in it.
    """
    alt, az = math.radians(alt_deg), math.radians(az_deg)
    east, north, up = (
        math.cos(alt) * math.sin(az),
        math.cos(alt) * math.cos(az),
        math.sin(alt),
    )
    along_m = east * geometry.east_m + north * geometry.north_m + up * geometry.up_m
    offset_m2 = geometry.east_m**2 + geometry.north_m**2 + geometry.up_m**2
    # |offset + s * direction| = radius; the axes cross inside, so the positive root exists.
    s_m = -along_m + math.sqrt(along_m**2 + geometry.radius_m**2 - offset_m2)
    x_m, y_m, z_m = (
        geometry.east_m + s_m * east,
        geometry.north_m + s_m * north,
        geometry.up_m + s_m * up,
    )
    return Pierce(
        alt_deg=math.degrees(math.atan2(z_m, math.hypot(x_m, y_m))),
        az_deg=math.degrees(math.atan2(x_m, y_m)) % 360.0,
    )


def _level_m(point: Pierce, geometry: SlitGeometry) -> float:
    """Distance of the piercing point from the dome's vertical axis."""
    return geometry.radius_m * math.cos(math.radians(point.alt_deg))


def _clearance_m(geometry: SlitGeometry) -> float:
    """How far the beam may be off the slit's middle."""
    return (geometry.slit_width_m - geometry.aperture_m) / 2.0


def aligned(point: Pierce, slit_az_deg: float, geometry: SlitGeometry) -> bool:
    """Whether the whole beam passes the slit, which reaches from the horizon past the zenith."""
    off = math.radians(azimuth_difference_deg(slit_az_deg, point.az_deg))
    level_m, clearance_m = _level_m(point, geometry), _clearance_m(geometry)
    behind = math.cos(off) < 0.0 and level_m > clearance_m
    return not behind and abs(level_m * math.sin(off)) <= clearance_m


def beam(telescope: Mapping[str, Reading]) -> tuple[float, float] | None:
    """Altitude and azimuth to follow: where a slew leads while one runs, else where it points.

    None while the telescope is parked or does not say where it is.
    """
    if good_flag(telescope, "parked") is not False:
        return None
    for prefix in ("target_", ""):
        alt_deg = good_number(telescope, f"{prefix}alt_deg")
        az_deg = good_number(telescope, f"{prefix}az_deg")
        if alt_deg is not None and az_deg is not None:
            return alt_deg, az_deg
    return None


def turn_to_deg(
    dome: Mapping[str, Reading], telescope: Mapping[str, Reading], settings: DomeSettings
) -> float | None:
    """Azimuth the dome should turn to now; None when it stands well or must not turn.

    It follows while its shutter is open. One turn at a time: a running turn ends first unless it
    leads far from where the slit is wanted.
    """
    slit_az_deg, wanted = good_number(dome, "azimuth_deg"), beam(telescope)
    if good_text(dome, "shutter") != "open" or slit_az_deg is None or wanted is None:
        return None
    point = pierce(*wanted, settings.geometry)
    off_deg = abs(azimuth_difference_deg(slit_az_deg, point.az_deg))
    if off_deg <= settings.turn_beyond_deg:
        return None
    level_m, clearance_m = _level_m(point, settings.geometry), _clearance_m(settings.geometry)
    return None if level_m <= ZENITH_SHARE * clearance_m else point.az_deg


def sees_out(
    dome: Mapping[str, Reading], telescope: Mapping[str, Reading], settings: DomeSettings
) -> bool | None:
    """Whether the telescope looks through the slit; None when it cannot be told.

    False while the shutter is not open.
    """
    shutter, slit_az_deg = good_text(dome, "shutter"), good_number(dome, "azimuth_deg")
    alt_deg, az_deg = good_number(telescope, "alt_deg"), good_number(telescope, "az_deg")
    if shutter is not None and shutter != "open":
        return False
    if shutter is None or slit_az_deg is None or alt_deg is None or az_deg is None:
        return None
    return aligned(pierce(alt_deg, az_deg, settings.geometry), slit_az_deg, settings.geometry)
