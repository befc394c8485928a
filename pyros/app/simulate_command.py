"""`pyros simulate`: a whole night of the production actors in virtual time, judged by a witness."""

from __future__ import annotations

import datetime as dt
import json
import logging
import random
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pyros.app.locations import default_config
from pyros.app.night_scenario import load_scenario
from pyros.app.settings import load_settings
from pyros.app.simulated_night import Window, run_night
from pyros.errors import ConfigurationError
from pyros.log import configure_logging
from pyros.store.store import OBSERVATORY_FILE

if TYPE_CHECKING:
    import argparse

    from pyros.app.night_report import NightReport

_YEARS = range(1970, 2053)
"""What the ephemeris and the clock serve."""
_LABEL = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `simulate`."""
    parser = commands.add_parser("simulate", help="run a whole night in virtual time")
    parser.add_argument("--config", type=Path, default=None, help="configuration file")
    parser.add_argument("--night", default="2026-11-23", help="night label, YYYY-MM-DD")
    parser.add_argument("--seed", type=int, default=7, help="seed of weather, burst and noise")
    parser.add_argument(
        "--scenario", type=Path, default=None, help="weather and faults to prescribe (TOML)"
    )
    parser.add_argument(
        "--from", dest="start", default=None, metavar="HH:MM", help="begin at this time, UTC"
    )
    parser.add_argument(
        "--until", default=None, metavar="HH:MM", help="cut the night off at this time, UTC"
    )
    parser.add_argument(
        "--no-burst", action="store_true", help="draw no gamma-ray burst into the night"
    )
    parser.add_argument("--data", type=Path, default=None, help="keep frames and database here")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--verbose", action="store_true", help="log to standard error")


def run(options: argparse.Namespace) -> int:
    """Run the night; exit status 1 when an invariant was broken."""
    _check_label(options.night)
    config = options.config or default_config()
    settings = load_settings(config)
    scenario = (
        load_scenario(options.scenario, settings, config=config) if options.scenario else None
    )
    window = Window(
        start=_time_of_day("--from", options.start), end=_time_of_day("--until", options.until)
    )
    configure_logging(level=logging.INFO if options.verbose else logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="pyros-night-") as scratch:
        data_dir = _new_directory(options.data) if options.data else Path(scratch)
        report = run_night(
            settings,
            config=config,
            night=options.night,
            seed=options.seed,
            data_dir=data_dir,
            rng=random.Random(options.seed),  # noqa: S311  (a simulation is to be repeatable)
            scenario=scenario,
            keep_database=options.data is not None,
            burst=not options.no_burst,
            window=window,
        )
    if options.json:
        sys.stdout.write(json.dumps(report.as_json()) + "\n")
    else:
        sys.stdout.write(_sentences(report))
    return 1 if report.violations else 0


def _check_label(label: str) -> None:
    """Refuse what is no date, or a date without Sun and Moon."""
    try:
        if _LABEL.match(label) and dt.date.fromisoformat(label).year in _YEARS:
            return
    except ValueError:
        pass
    raise ConfigurationError(
        f"--night {label!r} is no night label between {_YEARS.start} and {_YEARS.stop - 1}; write "
        "it as 2026-11-23"
    )


def _new_directory(path: Path) -> Path:
    """A night begins with nothing: another one's database would be carried over into it."""
    if (path / OBSERVATORY_FILE).exists():
        raise ConfigurationError(
            f"--data {path}: holds an observatory's database already; give a new directory, or "
            "remove this one"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--data {path}: cannot be made: {error}") from error
    return path


def _time_of_day(option: str, text: str | None) -> dt.time | None:
    if text is None:
        return None
    try:
        return dt.time.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{option} {text!r} is no time of day; write it as 23:45, in UTC"
        ) from None


def _sentences(report: NightReport) -> str:
    states = ", ".join(f"{count} {state}" for state, count in report.sequences.items())
    took = f"{report.sim_s / 3600:.1f} h in {report.wall_s:.1f} s ({report.speedup:.0f} x)"
    open_h = report.open_s / 3600
    lines = [
        f"night {report.night}, seed {report.seed}: {took}",
        f"sequences: {states or 'none'}; {report.frames} frames; open {open_h:.1f} h",
    ]
    lines += [f"alert {alert.ivorn}: {alert.decision}, {alert.reason}" for alert in report.alerts]
    lines += [f"VIOLATION {violation}" for violation in report.violations]
    lines.append(f"digest {report.digest}")
    return "\n".join(lines) + "\n"
