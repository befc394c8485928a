"""The process of simulated devices: `python -m pyros.app.metal`, started and adopted by control."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from protocols.topics import SiteTopics
from pyros.app.settings import load_settings
from pyros.errors import ConfigurationError, PyrosError
from pyros.log import configure_logging
from simulators.process import run_simulators


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM.

    Returns:
        0 after an orderly end, 2 when the configuration is wrong.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--mqtt", required=True, help="mqtt://host:port")
    parser.add_argument("--epoch-unix", type=float, required=True)
    parser.add_argument("--epoch-monotonic", type=float, required=True)
    parser.add_argument("--speed", type=float, default=1.0)
    options = parser.parse_args(arguments)
    configure_logging(level=logging.INFO)
    try:
        settings = load_settings(options.config)
        if settings.simulators is None:
            raise ConfigurationError(f"{options.config}: no [simulators]; nothing to simulate")
        run_simulators(
            settings.simulators,
            site=settings.site.sky_site(),
            topics=SiteTopics(settings.site.id),
            mqtt_url=options.mqtt,
            spool=options.data / "spool",
            epoch_unix_s=options.epoch_unix,
            epoch_monotonic_s=options.epoch_monotonic,
            speed=options.speed,
            scenario=settings.scenario,
        )
    except PyrosError as error:
        print(f"pyros metal: {error}", file=sys.stderr)  # noqa: T201  (a command's word)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
