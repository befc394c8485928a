"""Where the telescope may point: altitude, the Sun, parking. Pure, beneath every path.

`refusal` judges a command before it goes out; `breach` judges where the telescope stands while it
tracks. What cannot be told is refused: without a position there is no way that keeps off the Sun.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from actors.telescope.slews import AltAz, path, separation_deg

if TYPE_CHECKING:
    from actors.telescope.settings import TelescopeSettings

SUN_MATTERS_ABOVE_DEG = -18.0
"""Below astronomical twilight there is nothing to keep off."""
MARGIN_DEG = 0.05
"""A target exactly at a limit is allowed; telemetry rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """How the telescope stands.

    Attributes:
        at: Where it points; None when that is not known.
        parked: Whether it is parked; None when not known.
        exposed: Cover or dome is not seen closed.
        sun: Where the Sun is.
    """

    at: AltAz | None
    parked: bool | None
    exposed: bool
    sun: AltAz


def _altitude(target: AltAz, settings: TelescopeSettings) -> str:
    if not target.alt_deg >= settings.min_altitude_deg - MARGIN_DEG:
        return (
            f"altitude {target.alt_deg:.1f} deg is below the limit of "
            f"{settings.min_altitude_deg:g} deg"
        )
    if not target.alt_deg <= settings.max_altitude_deg + MARGIN_DEG:
        return (
            f"altitude {target.alt_deg:.1f} deg is above the limit of "
            f"{settings.max_altitude_deg:g} deg"
        )
    return ""


def _sun_in_way(stance: Stance, target: AltAz, settings: TelescopeSettings) -> str:
    if not stance.exposed or stance.sun.alt_deg < SUN_MATTERS_ABOVE_DEG:
        return ""
    limit_deg = settings.sun_avoidance_deg
    off_deg = separation_deg(target, stance.sun)
    if off_deg < limit_deg:
        return (
            f"{off_deg:.1f} deg from the Sun, limit {limit_deg:g} deg while cover or dome is open"
        )
    if stance.at is None:
        return "where the telescope points is unknown, so the way may pass the Sun; close the cover"
    if separation_deg(stance.at, stance.sun) < limit_deg:
        return ""  # it stands too near already: every way out is better than staying
    way = path(stance.at, target, altitude=settings.altitude_axis, azimuth=settings.azimuth_axis)
    nearest_deg = min(separation_deg(point, stance.sun) for point in way)
    if nearest_deg < limit_deg:
        return (
            f"the way passes {nearest_deg:.1f} deg from the Sun, limit {limit_deg:g} deg; "
            "close the cover or go by another target"
        )
    return ""


def refusal(stance: Stance, target: AltAz, settings: TelescopeSettings) -> str:
    """Why the telescope must not go to `target` now; empty when it may."""
    if stance.parked is None:
        return "whether the telescope is parked is unknown"
    if stance.parked:
        return "the telescope is parked; unpark it first"
    return _altitude(target, settings) or _sun_in_way(stance, target, settings)


def uncovering(stance: Stance, settings: TelescopeSettings) -> str:
    """Why the mirror must not be uncovered now; empty when it may."""
    if stance.sun.alt_deg < SUN_MATTERS_ABOVE_DEG:
        return ""
    if stance.at is None:
        return "where the telescope points is unknown; it may be the Sun"
    off_deg = separation_deg(stance.at, stance.sun)
    if off_deg < settings.sun_avoidance_deg:
        return f"it points {off_deg:.1f} deg from the Sun, limit {settings.sun_avoidance_deg:g} deg"
    return ""


class Escape(StrEnum):
    """What to do when the telescope stands where it must not."""

    PARK = "park"
    COVER = "cover"


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that is crossed: what to do, and why."""

    escape: Escape
    reason: str


def breach(
    stance: Stance, *, tracking: bool, slewing: bool, settings: TelescopeSettings
) -> Breach | None:
    """The limit the telescope has crossed where it stands, None when it has not.

    The Sun is judged always, the altitude only while it tracks: a parked telescope may look at the
    horizon, and a slew begins and ends inside the limits or is not sent.
    """
    at = stance.at
    if at is None:
        return None
    if stance.exposed and stance.sun.alt_deg >= SUN_MATTERS_ABOVE_DEG and not stance.parked:
        off_deg = separation_deg(at, stance.sun)
        if off_deg < settings.sun_avoidance_deg - MARGIN_DEG:
            return Breach(
                Escape.COVER,
                f"it points {off_deg:.1f} deg from the Sun, limit "
                f"{settings.sun_avoidance_deg:g} deg",
            )
    if tracking and not slewing and not stance.parked and (low := _altitude(at, settings)):
        return Breach(Escape.PARK, low)
    return None
