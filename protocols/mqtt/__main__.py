"""Runs the embedded broker alone: `python -m protocols.mqtt --port N`."""

from __future__ import annotations

import argparse
import sys

from protocols.mqtt.access import OpenAccess
from protocols.mqtt.server import run_broker


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run until stopped."""
    parser = argparse.ArgumentParser(prog="python -m protocols.mqtt", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=1883, help="port to listen on; 0 takes any")
    parser.add_argument(
        "--refuse-subscribe",
        action="append",
        default=[],
        metavar="FILTER",
        help="a topic filter nobody may subscribe to (repeatable)",
    )
    options = parser.parse_args(arguments)
    access = OpenAccess(refused_filters=tuple(options.refuse_subscribe))
    return run_broker(options.host, options.port, access=access)


if __name__ == "__main__":
    sys.exit(main())
