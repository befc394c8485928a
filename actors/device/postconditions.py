"""When a command is done: what telemetry must show, per kind and verb. Pure.

That a device says "done" is not enough, and that telemetry looked right before the command is not
either: besides the condition, either the device's "done" or a reading taken after the command was
sent (its witness) is asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.device.readings import good_flag, good_number, good_text
from pyros.domain.device import DeviceKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from protocols.payloads import Value
    from pyros.domain.device import Reading

POINTING_ARCSEC = 30.0
"""How near a target a slew must end; pointing models and dithers live below this."""
OFFSET_ARCSEC = 3.0
ALTAZ_DEG = 0.05
DOME_DEG = 1.0
FOCUS_UM = 2.0
COOLING_DEG_C = 1.0


@dataclass(frozen=True, slots=True)
class Sight:
    """A command's arguments, and the readings before it and now."""

    args: Mapping[str, Value]
    before: Mapping[str, Reading]
    now: Mapping[str, Reading]

    def arg(self, name: str) -> float:
        """A numeric argument; NaN, which equals nothing, when it is no number."""
        value = self.args.get(name)
        return float(value) if isinstance(value, int | float) else math.nan

    def number(self, name: str) -> float:
        """A trusted number now; NaN, which is near nothing, when there is none."""
        value = good_number(self.now, name)
        return math.nan if value is None else value

    def number_before(self, name: str) -> float:
        """A trusted number when the command was sent; NaN when there was none."""
        value = good_number(self.before, name)
        return math.nan if value is None else value

    def flag(self, name: str) -> bool | None:
        """A trusted truth value now, None when there is none."""
        return good_flag(self.now, name)

    def text(self, name: str) -> str | None:
        """A trusted text now, None when there is none."""
        return good_text(self.now, name)


def separation_arcsec(ra1_deg: float, dec1_deg: float, ra2_deg: float, dec2_deg: float) -> float:
    """Angle between two directions by the haversine formula; NaN when a coordinate is NaN."""
    dec1, dec2 = math.radians(dec1_deg), math.radians(dec2_deg)
    half_ra = math.radians(ra2_deg - ra1_deg) / 2.0
    half_dec = (dec2 - dec1) / 2.0
    square = math.sin(half_dec) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin(half_ra) ** 2
    return math.degrees(2.0 * math.asin(min(1.0, math.sqrt(square)))) * 3600.0


def azimuth_difference_deg(first_deg: float, second_deg: float) -> float:
    """Smallest signed angle from `first_deg` to `second_deg`, -180..180."""
    return (second_deg - first_deg + 180.0) % 360.0 - 180.0


def _still(sight: Sight) -> bool:
    return sight.flag("slewing") is False


def _on(sight: Sight, ra_deg: float, dec_deg: float, tolerance_arcsec: float) -> bool:
    off_arcsec = separation_arcsec(ra_deg, dec_deg, sight.number("ra_deg"), sight.number("dec_deg"))
    return off_arcsec <= tolerance_arcsec


def _slew(sight: Sight) -> bool:
    return (
        _still(sight)
        and sight.flag("tracking") is True
        and _on(sight, sight.arg("ra_deg"), sight.arg("dec_deg"), POINTING_ARCSEC)
    )


def _slew_altaz(sight: Sight) -> bool:
    alt_deg, az_deg = sight.number("alt_deg"), sight.number("az_deg")
    off_az_deg = azimuth_difference_deg(sight.arg("az_deg"), az_deg)
    return (
        _still(sight)
        and abs(alt_deg - sight.arg("alt_deg")) <= ALTAZ_DEG
        and abs(off_az_deg) * math.cos(math.radians(alt_deg)) <= ALTAZ_DEG
    )


def offset_target(
    ra_deg: float, dec_deg: float, east_arcsec: float, north_arcsec: float
) -> tuple[float, float]:
    """Where an offset leads: small angles on the tangent plane, ICRS degrees."""
    dec = max(-90.0, min(90.0, dec_deg + north_arcsec / 3600.0))
    cos_dec = max(1e-6, math.cos(math.radians(dec_deg)))
    return (ra_deg + east_arcsec / 3600.0 / cos_dec) % 360.0, dec


def _offset(sight: Sight) -> bool:
    size_arcsec = math.hypot(sight.arg("east_arcsec"), sight.arg("north_arcsec"))
    ra_deg, dec_deg = offset_target(
        sight.number_before("ra_deg"),
        sight.number_before("dec_deg"),
        sight.arg("east_arcsec"),
        sight.arg("north_arcsec"),
    )
    return (
        _still(sight)
        and sight.flag("tracking") is True
        and _on(sight, ra_deg, dec_deg, min(OFFSET_ARCSEC, max(0.5, size_arcsec / 2.0)))
    )


def _park(sight: Sight) -> bool:
    return sight.flag("parked") is True and sight.flag("slewing") is not True


def _cool(sight: Sight) -> bool:
    asked = sight.arg("setpoint_deg_C")
    return (
        abs(sight.number("setpoint_deg_C") - asked) <= 0.1
        and abs(sight.number("temperature_deg_C") - asked) <= COOLING_DEG_C
    )


def _expose(sight: Sight) -> bool:
    return sight.text("activity") == "idle" and sight.text("exposure_id") == sight.args.get(
        "exposure_id"
    )


def _select(sight: Sight) -> bool:
    return sight.flag("moving") is False and sight.text("filter") == sight.args.get("filter")


def _focus(sight: Sight) -> bool:
    return (
        sight.flag("moving") is False
        and abs(sight.number("position_um") - sight.arg("position_um")) <= FOCUS_UM
    )


def _turn(sight: Sight) -> bool:
    off_deg = azimuth_difference_deg(sight.arg("azimuth_deg"), sight.number("azimuth_deg"))
    return sight.flag("turning") is False and abs(off_deg) <= DOME_DEG


def _dome_stop(sight: Sight) -> bool:
    return sight.flag("turning") is False and sight.text("shutter") in {"open", "closed", "stuck"}


def _switch(name: str) -> Callable[[Sight], bool]:
    return lambda sight: sight.flag(name) is sight.args.get("on")


_K = DeviceKind
CONDITIONS: dict[tuple[DeviceKind, str], Callable[[Sight], bool]] = {
    (_K.TELESCOPE, "slew"): _slew,
    (_K.TELESCOPE, "slew_altaz"): _slew_altaz,
    (_K.TELESCOPE, "offset"): _offset,
    (_K.TELESCOPE, "park"): _park,
    (_K.TELESCOPE, "unpark"): lambda sight: sight.flag("parked") is False,
    (_K.TELESCOPE, "stop"): _still,
    (_K.TELESCOPE, "open_cover"): lambda sight: sight.text("cover") == "open",
    (_K.TELESCOPE, "close_cover"): lambda sight: sight.text("cover") == "closed",
    (_K.CAMERA, "expose"): _expose,
    (_K.CAMERA, "abort"): lambda sight: sight.text("activity") == "idle",
    (_K.CAMERA, "cool"): _cool,
    (_K.FILTER_WHEEL, "select"): _select,
    (_K.FOCUSER, "move"): _focus,
    (_K.DOME, "open"): lambda sight: sight.text("shutter") == "open",
    (_K.DOME, "close"): lambda sight: sight.text("shutter") == "closed",
    (_K.DOME, "turn"): _turn,
    (_K.DOME, "stop"): _dome_stop,
    (_K.PLC, "lights"): _switch("lights_on"),
    (_K.PLC, "flat_lamp"): _switch("flat_lamp_on"),
}

WITNESSES: dict[DeviceKind, tuple[str, ...]] = {
    DeviceKind.TELESCOPE: ("ra_deg", "dec_deg", "slewing", "parked", "cover"),
    DeviceKind.CAMERA: ("activity", "exposure_id"),
    DeviceKind.FILTER_WHEEL: ("filter", "moving"),
    DeviceKind.FOCUSER: ("position_um", "moving"),
    DeviceKind.DOME: ("shutter", "azimuth_deg", "turning"),
    DeviceKind.PLC: ("lights_on", "flat_lamp_on"),
    DeviceKind.WEATHER_STATION: (),
}
"""Readings of which one must have been taken since the command was sent."""


def holds(kind: DeviceKind, verb: str, sight: Sight) -> bool:
    """Whether telemetry shows what the command asks for; False when it cannot be told."""
    return CONDITIONS[(kind, verb)](sight)


def witnessed(kind: DeviceKind, now: Mapping[str, Reading], since_utc: datetime) -> bool:
    """Whether any reading of the kind's moving parts was taken after `since_utc`."""
    return any(
        (reading := now.get(name)) is not None and reading.time_utc > since_utc
        for name in WITNESSES[kind]
    )
