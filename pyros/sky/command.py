"""The command `pyros sky`: nights, windows and positions, at once and without a network."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyros.clock import datetime_from_unix
from pyros.errors import ConfigurationError, PermanentError
from pyros.sky.airmass import airmass
from pyros.sky.bodies import moon_now, track
from pyros.sky.diagnosis import obstacle
from pyros.sky.earth_rotation import earth_orientation
from pyros.sky.engine import (
    altaz_now,
    hour_angle_deg,
    local_sidereal_deg,
    parallactic_angle_deg,
)
from pyros.sky.grid import SkyGrid
from pyros.sky.observatories import OBSERVATORIES, find_site
from pyros.sky.site import Site
from pyros.sky.targets import FixedTarget
from pyros.sky.twilight import Night, noon_unix_s
from pyros.sky.windows import Constraints, windows

if TYPE_CHECKING:
    import argparse

DEFAULT_SITE = "san-pedro-martir"


def add_parser(subparsers: Any) -> None:
    """Add `sky` to the sub-commands of an `argparse` parser; `options.run(options)` runs it."""
    parser = subparsers.add_parser("sky", help="nights, windows and positions of a site")
    commands = parser.add_subparsers(title="sky commands", required=True, metavar="WHAT")

    night = commands.add_parser("night", help="sunset, twilights, sunrise and Moon of a night")
    _site_options(night)
    night.add_argument("--date", help="local date on which the night begins; tonight")
    night.add_argument("--plot", type=Path, help="draw the night into this PNG file")
    night.set_defaults(run=_guarded(_night))

    spans = commands.add_parser("windows", help="when a target can be observed")
    _position_options(spans)
    _site_options(spans)
    spans.add_argument("--date", help="local date on which the night begins; tonight")
    spans.add_argument("--duration", type=float, default=0.0, help="whole exposure, s")
    spans.add_argument("--min-altitude", type=float, default=30.0, help="degrees; 30")
    spans.add_argument("--max-airmass", type=float, help="air mass at most")
    spans.add_argument("--max-sun", type=float, default=-12.0, help="Sun altitude, deg; -12")
    spans.add_argument("--min-moon", type=float, default=40.0, help="from a full Moon, deg; 40")
    spans.add_argument("--min-sky", type=float, default=16.0, help="sky, V mag/arcsec2; 16")
    spans.add_argument("--plot", type=Path, help="draw the night into this PNG file")
    spans.set_defaults(run=_guarded(_windows))

    altaz = commands.add_parser("altaz", help="where a target stands, without refraction")
    _position_options(altaz)
    _site_options(altaz)
    altaz.add_argument("--time", required=True, help="UTC, as 2026-11-24T03:00:00Z")
    altaz.set_defaults(run=_guarded(_altaz))


def run(options: argparse.Namespace) -> int:
    """Run a parsed `sky` command; returns the exit status."""
    status: int = options.run(options)
    return status


def _site_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--site",
        help=f"observatory ({', '.join(OBSERVATORIES)}), folder of config/, or TOML file",
    )
    parser.add_argument("--latitude", type=float, help="degrees north, instead of --site")
    parser.add_argument("--longitude", type=float, help="degrees east")
    parser.add_argument("--height", type=float, default=0.0, help="metres above the ellipsoid; 0")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _position_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ra_deg", type=float, metavar="RA", help="right ascension, ICRS degrees")
    parser.add_argument("dec_deg", type=float, metavar="DEC", help="declination, ICRS degrees")


def _guarded(command: Any) -> Any:
    """A command whose `ValueError`s become errors that the command line explains."""

    def guarded(options: argparse.Namespace) -> int:
        try:
            status: int = command(options)
        except ValueError as error:
            raise PermanentError(str(error)) from error
        return status

    return guarded


def _site(options: argparse.Namespace) -> Site:
    if options.latitude is None and options.longitude is None:
        return find_site(options.site or DEFAULT_SITE)
    if options.latitude is None or options.longitude is None:
        missing = "--latitude" if options.latitude is None else "--longitude"
        raise ConfigurationError(f"{missing} is missing; give both, or --site")
    site = Site(
        name="given",
        latitude_deg=options.latitude,
        longitude_deg=options.longitude,
        height_m=options.height,
    )
    if site.faults():
        raise ConfigurationError("\n".join(site.faults()))
    return site


def _check_position(options: argparse.Namespace) -> None:
    faults = []
    if not (math.isfinite(options.ra_deg) and 0.0 <= options.ra_deg <= 360.0):
        faults.append(f"RA {options.ra_deg:g} is outside 0..360 degrees")
    if not (math.isfinite(options.dec_deg) and -90.0 <= options.dec_deg <= 90.0):
        faults.append(f"DEC {options.dec_deg:g} is outside -90..90 degrees")
    if faults:
        raise PermanentError("\n".join(faults))


def _asked_night(site: Site, date: str | None) -> Night:
    """The night of a local date; without one, the night that is or comes next (noon to noon)."""
    if date is None:
        now = datetime.now(UTC)  # noqa: TID251 - a person at a prompt asks about this computer's now
        return Night.at(site, now.timestamp())
    noon_unix_s(site, date)
    return Night(site, date)


def _iso(unix_s: float | None) -> str | None:
    if unix_s is None:
        return None
    return datetime_from_unix(round(unix_s)).isoformat().replace("+00:00", "Z")


def _night(options: argparse.Namespace) -> int:
    site = _site(options)
    night = _asked_night(site, options.date)
    events = {name: _iso(time) for name, time in night.events().items()}
    stale = earth_orientation().staleness(night.end_unix_s)
    if options.json:
        _print_json(
            {
                "site": site.name,
                "night": night.label,
                **events,
                "moon_illumination": round(night.moon_illumination, 4),
                "warning": stale,
            }
        )
    else:
        _print(f"night {night.label} at {site.name} (times UTC)")
        for name, time in events.items():
            _print(f"  {name.replace('_', ' '):20s} {time or 'does not happen'}")
        _print(f"  {'moon illumination':20s} {night.moon_illumination:.1%}")
        if stale:
            _print(f"  warning: {stale}")
    if options.plot:
        from pyros.sky.plot import draw_night  # noqa: PLC0415 - matplotlib is an optional extra

        draw_night(night, [], options.plot)
    return 0


def _windows(options: argparse.Namespace) -> int:
    _check_position(options)
    site = _site(options)
    night = _asked_night(site, options.date)
    grid = SkyGrid(night.engine, night.start_unix_s, night.end_unix_s)
    limits = Constraints(
        min_altitude_deg=options.min_altitude,
        max_airmass=options.max_airmass,
        max_sun_altitude_deg=options.max_sun,
        min_moon_separation_deg=options.min_moon,
        min_sky_mag=options.min_sky,
    )
    target = FixedTarget(ra_deg=options.ra_deg, dec_deg=options.dec_deg)
    found = windows(grid, target, limits, exposure_s=options.duration)
    why = None if found else obstacle(grid, target, limits, exposure_s=options.duration)
    if options.json:
        _print_json(
            {
                "night": night.label,
                "reason": None if why is None else {"code": why.code, "detail": why.sentence},
                "windows": [{"start_utc": _iso(a), "end_utc": _iso(b)} for a, b in found],
            }
        )
    elif found:
        for start, end in found:
            _print(f"{_iso(start)}  {_iso(end)}  {(end - start) / 3600.0:.2f} h")
    else:
        _print("no window" if why is None else f"no window: {why.code}: {why.sentence}")
    if options.plot:
        from pyros.sky.plot import draw_night  # noqa: PLC0415 - matplotlib is an optional extra

        draw_night(night, [("target", target, found)], options.plot)
    return 0


def parse_time(text: str) -> float:
    """Unix seconds of an ISO 8601 time; UTC when it names no zone.

    Raises:
        PermanentError: When it is no time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PermanentError(
            f"time {text!r} is no time; write it as 2026-11-24T03:00:00Z"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _altaz(options: argparse.Namespace) -> int:
    _check_position(options)
    site, unix_s = _site(options), parse_time(options.time)
    place = (site, options.ra_deg, options.dec_deg, unix_s)
    altitude_deg, azimuth_deg = altaz_now(*place)
    moon = moon_now(site, unix_s)
    sun = track(Night.at(site, unix_s).engine, "sun", unix_s)
    mass = float(airmass(altitude_deg))
    result: dict[str, float | None] = {
        "altitude_deg": altitude_deg,
        "azimuth_deg": azimuth_deg,
        "airmass": mass if math.isfinite(mass) else None,
        "hour_angle_deg": hour_angle_deg(*place),
        "parallactic_angle_deg": parallactic_angle_deg(*place),
        "local_sidereal_deg": local_sidereal_deg(site, unix_s),
        "sun_altitude_deg": float(sun.altitude_deg[0]),
        "moon_altitude_deg": moon.altitude_deg,
    }
    if options.json:
        _print_json(result)
    else:
        for name, value in result.items():
            shown = "below the horizon" if value is None else f"{value:.4f}"
            _print(f"{name:22s} {shown}")
    return 0


def _print(text: str) -> None:
    print(text)  # noqa: T201 - a command's answer to its user


def _print_json(value: object) -> None:
    _print(json.dumps(value))
