"""What each kind of device publishes and obeys: the one table both sides of MQTT are built from.

A property row gives unit (VOUnit), type and time to live; a command row gives its arguments with
units and the seconds after which it has failed. `telescope.slew` in code is `cmd/slew` on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pyros.domain.device import DeviceKind

ValueType = Literal["number", "integer", "text", "boolean"]
SLOW_TTL_S = 35.0
"""Properties are published on change and every 10 s: three missed and a bit is stale."""
WEATHER_TTL_S = 20.0
"""Weather is published every 5 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyRow:
    """One property: unit, type, age in observatory seconds after which it is stale."""

    unit: str
    type: ValueType
    ttl_s: float = SLOW_TTL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow:
    """One command: argument names (units in them) and its deadline in observatory seconds."""

    arguments: tuple[str, ...] = ()
    deadline_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """Properties and commands of one kind of device."""

    properties: dict[str, PropertyRow]
    commands: dict[str, CommandRow]


def _number(unit: str, ttl_s: float = SLOW_TTL_S) -> PropertyRow:
    return PropertyRow(unit=unit, type="number", ttl_s=ttl_s)


def _text(ttl_s: float = SLOW_TTL_S) -> PropertyRow:
    return PropertyRow(unit="", type="text", ttl_s=ttl_s)


def _flag(ttl_s: float = SLOW_TTL_S) -> PropertyRow:
    return PropertyRow(unit="", type="boolean", ttl_s=ttl_s)


DEVICE_TABLE: dict[DeviceKind, KindRow] = {
    DeviceKind.TELESCOPE: KindRow(
        properties={
            "ra_deg": _number("deg"),  # ICRS, where the axis points now
            "dec_deg": _number("deg"),
            "alt_deg": _number("deg"),
            "az_deg": _number("deg"),  # from north through east
            "tracking": _flag(),
            "slewing": _flag(),
            "parked": _flag(),
            "cover": _text(),  # open | closed | moving
        },
        commands={
            "slew": CommandRow(arguments=("ra_deg", "dec_deg"), deadline_s=180.0),
            "slew_altaz": CommandRow(arguments=("alt_deg", "az_deg"), deadline_s=180.0),
            "offset": CommandRow(arguments=("east_arcsec", "north_arcsec"), deadline_s=30.0),
            "park": CommandRow(deadline_s=180.0),
            "unpark": CommandRow(deadline_s=30.0),
            "stop": CommandRow(deadline_s=10.0),
            "open_cover": CommandRow(deadline_s=40.0),
            "close_cover": CommandRow(deadline_s=40.0),
        },
    ),
    DeviceKind.CAMERA: KindRow(
        properties={
            "activity": _text(),  # idle | exposing | reading
            "exposure_id": _text(),  # of the running or last exposure
            "elapsed_s": _number("s"),
            "temperature_deg_C": _number("deg_C"),
            "setpoint_deg_C": _number("deg_C"),
            "cooler": _flag(),
        },
        commands={
            "expose": CommandRow(
                arguments=("exposure_id", "exposure_s", "kind", "binning"), deadline_s=60.0
            ),  # deadline beyond exposure_s
            "abort": CommandRow(arguments=("save",), deadline_s=20.0),
            "cool": CommandRow(arguments=("setpoint_deg_C",), deadline_s=1800.0),
        },
    ),
    DeviceKind.FILTER_WHEEL: KindRow(
        properties={
            "position": PropertyRow(unit="", type="integer"),
            "filter": _text(),
            "moving": _flag(),
        },
        commands={"select": CommandRow(arguments=("filter",), deadline_s=40.0)},
    ),
    DeviceKind.FOCUSER: KindRow(
        properties={
            "position_um": _number("um"),
            "moving": _flag(),
            "temperature_deg_C": _number("deg_C"),
        },
        commands={"move": CommandRow(arguments=("position_um",), deadline_s=60.0)},
    ),
    DeviceKind.DOME: KindRow(
        properties={
            "shutter": _text(),  # open | closed | opening | closing | stuck
            "opening_fraction": PropertyRow(unit="", type="number"),
            "azimuth_deg": _number("deg"),  # of the slit's middle, from north through east
            "turning": _flag(),
            "lease_age_s": _number("s"),
            "closed_by_lease": _flag(),
        },
        commands={
            "open": CommandRow(deadline_s=120.0),
            "close": CommandRow(deadline_s=120.0),
            "turn": CommandRow(arguments=("azimuth_deg",), deadline_s=120.0),
            "stop": CommandRow(deadline_s=10.0),
        },
    ),
    DeviceKind.PLC: KindRow(
        properties={
            "mains": _flag(),
            "ups_charge_pct": _number("%"),
            "rain": _flag(WEATHER_TTL_S),
            "door_closed": _flag(),
            "lights_on": _flag(),
            "flat_lamp_on": _flag(),
        },
        commands={
            "lights": CommandRow(arguments=("on",), deadline_s=10.0),
            "flat_lamp": CommandRow(arguments=("on",), deadline_s=10.0),
        },
    ),
    DeviceKind.WEATHER_STATION: KindRow(
        properties={
            "temperature_deg_C": _number("deg_C", WEATHER_TTL_S),
            "humidity_pct": _number("%", WEATHER_TTL_S),
            "dew_point_deg_C": _number("deg_C", WEATHER_TTL_S),
            "pressure_hPa": _number("hPa", WEATHER_TTL_S),
            "wind_m_s": _number("m/s", WEATHER_TTL_S),
            "gust_m_s": _number("m/s", WEATHER_TTL_S),
            "wind_from_deg": _number("deg", WEATHER_TTL_S),
            "rain": _flag(WEATHER_TTL_S),
            "cloud_fraction": PropertyRow(unit="", type="number", ttl_s=WEATHER_TTL_S),
            "sky_temperature_deg_C": _number("deg_C", WEATHER_TTL_S),
            "seeing_arcsec": _number("arcsec", WEATHER_TTL_S),
        },
        commands={},
    ),
}
"""A station publishes those rows that it has sensors for; its description names them."""
