"""`pyros run`: starts a site (broker, simulated devices, control, page) and ends it in order."""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pyros.actor.loops import run_dilated, run_real
from pyros.app.control import ControlOptions, run_control
from pyros.app.locations import default_config, default_data_dir
from pyros.app.settings import load_settings
from pyros.app.site_processes import Epoch, SiteProcesses, port_in_use
from pyros.errors import ConfigurationError
from pyros.log import configure_logging
from pyros.sky import Night
from simulators.process import BrokerAddress

if TYPE_CHECKING:
    import argparse

    from pyros.app.settings import ObservatorySettings

_MAX_SPEED = 600.0
_EMBEDDED = "embedded"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `run`."""
    parser = commands.add_parser("run", help="run a site: simulated when nothing else is said")
    parser.add_argument("--config", type=Path, default=None, help="configuration file")
    parser.add_argument(
        "--data",
        type=Path,
        default=None,
        help="data directory (./data; ./data/demo-NNN with --speed)",
    )
    parser.add_argument("--port", type=int, default=None, help="port of the page")
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="observatory seconds per second; above 1 the night begins at tonight's sunset",
    )
    parser.add_argument("--verbose", action="store_true", help="log to standard error")


def run(options: argparse.Namespace) -> int:
    """Start everything, run until a signal, end everything."""
    config = options.config or default_config()
    settings = load_settings(config)
    if options.port is not None:
        if not 0 <= options.port <= 65535:
            raise ConfigurationError(f"--port {options.port} is no TCP port; give 0..65535")
        settings = msgspec.structs.replace(
            settings, web=msgspec.structs.replace(settings.web, port=options.port)
        )
    data_dir = _data_dir(options.data, demonstration=options.speed > 1.0)
    epoch = _epoch(settings, options.speed)
    _check_page_port(settings)
    configure_logging(level=logging.INFO if options.verbose else logging.WARNING)
    processes = SiteProcesses(directory=data_dir, epoch=epoch)
    epoch = processes.adopt()
    try:
        mqtt_url = _broker(settings, processes)
        if settings.simulators is not None:
            processes.metal(config.resolve(), mqtt_url=mqtt_url)
        control = ControlOptions(
            settings=settings,
            config=config,
            data_dir=data_dir,
            mqtt_url=mqtt_url,
            boot_id=f"{os.getpid()}-{int(time.monotonic())}",
            say=_say,
            revive_broker=(processes.revive_broker if settings.mqtt.url == _EMBEDDED else None),
        )
        gc.collect()
        gc.freeze()  # what is imported by now lives as long as the process: never look at it again
        if epoch.speed == 1.0:
            return run_real(lambda: run_control(control))
        return run_dilated(
            lambda: run_control(control),
            speed=epoch.speed,
            epoch_unix_s=epoch.unix_s,
            epoch_monotonic_s=epoch.monotonic_s,
        )
    finally:
        processes.stop()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _data_dir(asked: Path | None, *, demonstration: bool) -> Path:
    directory = (asked or default_data_dir(demonstration=demonstration)).expanduser().resolve()
    if asked is not None and not directory.parent.is_dir():
        raise ConfigurationError(
            f"--data {asked}: {directory.parent} does not exist; create it, or give another place"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"--data {directory}: cannot be written: {error.strerror}; give another place"
        ) from error
    return directory


def _epoch(settings: ObservatorySettings, speed: float) -> Epoch:
    """Now, or for a dilated clock tonight's sunset."""
    if not 1.0 <= speed <= _MAX_SPEED:
        raise ConfigurationError(f"--speed {speed:g} is outside 1..{_MAX_SPEED:g}")
    now_s = datetime.now(UTC).timestamp()  # noqa: TID251  (the one place where the epoch is taken)
    if speed > 1.0:
        sunset = Night.at(settings.site.sky_site(), now_s).sunset
        now_s = sunset if sunset is not None else now_s
    return Epoch(unix_s=now_s, monotonic_s=time.monotonic(), speed=speed)


def _check_page_port(settings: ObservatorySettings) -> None:
    if settings.web.port and port_in_use(settings.web.host, settings.web.port):
        raise ConfigurationError(
            f"web.port = {settings.web.port}: somebody listens there already; stop it "
            "(is PyROS running?) or choose another with --port"
        )


def _broker(settings: ObservatorySettings, processes: SiteProcesses) -> str:
    """The broker's URL; the embedded one is started, another must answer."""
    url = settings.mqtt.url
    if url == _EMBEDDED:
        return f"mqtt://127.0.0.1:{processes.broker()}"
    address = BrokerAddress.of(url)
    if not port_in_use(address.host, address.port):
        raise ConfigurationError(
            f"mqtt.url = {url!r}: nobody answers there; start the broker, or set mqtt.url = "
            '"embedded"'
        )
    return url
