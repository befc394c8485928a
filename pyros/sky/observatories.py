"""Sites by name: well-known observatories, and the `[site]` table of a configuration file.

Coordinates of the named observatories: `astropy.coordinates.EarthLocation.of_site` (data of the
astropy-data site registry), rounded to 0.001 degrees; for trying things out, not for pointing.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from pyros.errors import ConfigurationError
from pyros.sky.horizon import HorizonMask
from pyros.sky.site import Site

OBSERVATORIES: dict[str, tuple[float, float, float]] = {
    "san-pedro-martir": (31.044, -115.464, 2830.0),
    "la-silla": (-29.257, -70.738, 2347.0),
    "paranal": (-24.627, -70.404, 2669.0),
    "calern": (43.752, 6.923, 1270.0),
    "haute-provence": (43.931, 5.713, 665.0),
    "pic-du-midi": (42.937, 0.143, 2877.0),
    "la-palma": (28.758, -17.885, 2327.0),
    "mauna-kea": (19.826, -155.475, 4160.0),
    "siding-spring": (-31.273, 149.061, 1149.0),
    "sutherland": (-32.379, 20.811, 1798.0),
    "kitt-peak": (31.958, -111.600, 2120.0),
    "greenwich": (51.477, 0.0, 46.0),
}
"""Name to (latitude_deg, longitude_deg, height_m)."""


def find_site(name: str, *, config_dir: Path = Path("config")) -> Site:
    """A site by the name of an observatory, of a folder in `config_dir`, or of a TOML file.

    Raises:
        ConfigurationError: When nothing of that name is known, or the file has no usable site.
    """
    if name in OBSERVATORIES:
        latitude_deg, longitude_deg, height_m = OBSERVATORIES[name]
        return Site(
            name=name, latitude_deg=latitude_deg, longitude_deg=longitude_deg, height_m=height_m
        )
    for path in (
        Path(name),
        Path(name) / "observatory.toml",
        config_dir / name / "observatory.toml",
    ):
        if path.is_file():
            return _from_file(path)
    near = difflib.get_close_matches(name, OBSERVATORIES, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(OBSERVATORIES)}"
    raise ConfigurationError(f"site {name!r} is no observatory, configuration or file{hint}")


def _from_file(path: Path) -> Site:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read as TOML: {error}") from error
    table = data.get("site", data)
    if not isinstance(table, dict):
        raise ConfigurationError(f"{path}: site is no table")
    return site_from_table(table, str(path))


def site_from_table(table: dict[str, Any], where: str) -> Site:
    """A site from `latitude_deg`, `longitude_deg`, `height_m`, `name`, `horizon`; others ignored.

    Raises:
        ConfigurationError: With a line for every fault.
    """
    faults = [
        f"{where}: {key} is {table.get(key)!r}, give a number"
        for key in ("latitude_deg", "longitude_deg", "height_m")
        if isinstance(table.get(key, 0.0 if key == "height_m" else None), bool)
        or not isinstance(table.get(key, 0.0 if key == "height_m" else None), int | float)
    ]
    if faults:
        raise ConfigurationError("\n".join(faults))
    horizon = None
    points = table.get("horizon") or table.get("horizon_deg")
    if points:
        try:
            horizon = HorizonMask.from_points((float(az), float(alt)) for az, alt in points)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{where}: horizon: {error}") from error
    site = Site(
        name=str(table.get("name", "")),
        latitude_deg=float(table["latitude_deg"]),
        longitude_deg=float(table["longitude_deg"]),
        height_m=float(table.get("height_m", 0.0)),
        horizon=horizon,
    )
    if site.faults():
        raise ConfigurationError("\n".join(site.faults()))
    return site
