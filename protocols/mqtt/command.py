"""The broker as a command: `pyros broker`, and `python -m protocols.mqtt` without the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.mqtt.access import OpenAccess
from protocols.mqtt.server import run_broker

if TYPE_CHECKING:
    import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `broker` to a command line."""
    add_arguments(commands.add_parser("broker", help="run the embedded MQTT broker alone"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a broker can be told."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=1883, help="port to listen on; 0 takes any")
    parser.add_argument(
        "--refuse-subscribe",
        action="append",
        default=[],
        metavar="FILTER",
        help="a topic filter nobody may subscribe to (repeatable)",
    )


def run(options: argparse.Namespace) -> int:
    """Run until stopped; 2 when the port is taken."""
    access = OpenAccess(refused_filters=tuple(options.refuse_subscribe))
    return run_broker(options.host, options.port, access=access)
