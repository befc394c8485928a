"""How long a slew takes, and which way the tube goes. Pure.

Both axes start together; each speeds up, runs and slows down (a trapezoid, or a triangle when it is
short), the shorter way round. That is how mounts without path planning move, and the way the Sun
limits look along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.device.postconditions import azimuth_difference_deg

if TYPE_CHECKING:
    from actors.telescope.settings import AxisSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AltAz:
    """A direction above the horizon: altitude, and azimuth from north through east, degrees."""

    alt_deg: float
    az_deg: float


def axis_s(angle_deg: float, axis: AxisSettings) -> float:
    """Seconds an axis takes to turn by an angle."""
    angle_deg = abs(angle_deg)
    rate, acceleration = axis.rate_deg_s, axis.acceleration_deg_s2
    if angle_deg <= rate * rate / acceleration:
        return 2.0 * math.sqrt(angle_deg / acceleration)
    return angle_deg / rate + rate / acceleration


def slew_s(
    start: AltAz, end: AltAz, *, altitude: AxisSettings, azimuth: AxisSettings, settle_s: float
) -> float:
    """Seconds from one direction to another, settling included."""
    longest_s = max(
        axis_s(end.alt_deg - start.alt_deg, altitude),
        axis_s(azimuth_difference_deg(start.az_deg, end.az_deg), azimuth),
    )
    return longest_s + settle_s


def axis_at_deg(angle_deg: float, axis: AxisSettings, after_s: float) -> float:
    """How far an axis has turned `after_s` seconds into a turn by `angle_deg`."""
    whole_s, size_deg = axis_s(angle_deg, axis), abs(angle_deg)
    if after_s >= whole_s:
        return angle_deg
    peak_deg_s = min(axis.rate_deg_s, math.sqrt(size_deg * axis.acceleration_deg_s2))
    ramp_s = peak_deg_s / axis.acceleration_deg_s2
    if after_s < ramp_s:
        turned_deg = 0.5 * axis.acceleration_deg_s2 * after_s**2
    elif after_s <= whole_s - ramp_s:
        turned_deg = peak_deg_s * (after_s - 0.5 * ramp_s)
    else:
        turned_deg = size_deg - 0.5 * axis.acceleration_deg_s2 * (whole_s - after_s) ** 2
    return math.copysign(turned_deg, angle_deg)


def path(
    start: AltAz,
    end: AltAz,
    *,
    altitude: AxisSettings,
    azimuth: AxisSettings,
    step_deg: float = 2.0,
) -> list[AltAz]:
    """Directions on the way, both ends included, about `step_deg` of the longer axis apart."""
    turn_deg = azimuth_difference_deg(start.az_deg, end.az_deg)
    rise_deg = end.alt_deg - start.alt_deg
    whole_s = max(axis_s(turn_deg, azimuth), axis_s(rise_deg, altitude))
    count = max(1, math.ceil(max(abs(turn_deg), abs(rise_deg)) / step_deg))
    points: list[AltAz] = []
    for number in range(count + 1):
        after_s = whole_s * number / count
        alt_deg = start.alt_deg + axis_at_deg(rise_deg, altitude, after_s)
        az_deg = start.az_deg + axis_at_deg(turn_deg, azimuth, after_s)
        points.append(AltAz(alt_deg=alt_deg, az_deg=az_deg % 360.0))
    return points


def separation_deg(first: AltAz, second: AltAz) -> float:
    """Angle between two directions."""
    alt1, alt2 = math.radians(first.alt_deg), math.radians(second.alt_deg)
    half_az = math.radians(second.az_deg - first.az_deg) / 2.0
    half_alt = (alt2 - alt1) / 2.0
    square = math.sin(half_alt) ** 2 + math.cos(alt1) * math.cos(alt2) * math.sin(half_az) ** 2
    return math.degrees(2.0 * math.asin(min(1.0, math.sqrt(square))))
