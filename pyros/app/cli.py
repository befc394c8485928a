"""The command line: `pyros run | simulate | broker | check | plan | sky | alert`.

Each command lives with the part it belongs to and adds its own parser. Mistakes of whoever calls
end in one clear line for each on standard error and exit status 2, never in a traceback.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from pyros.app import check_command, run_command, simulate_command
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FAULT_STATUS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Command line without the program's name; the process's own when None.

    Returns:
        Exit status: 0 done, 1 done and something was found, 2 a mistake explained on stderr.
    """
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except PyrosError as error:
        for line in str(error).splitlines():
            print(f"pyros: {line}", file=sys.stderr)  # noqa: T201  (a command's word to its user)
        return FAULT_STATUS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pyros", description="Runs a robotic observatory through the night."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    run_command.add_parser(commands)
    simulate_command.add_parser(commands)
    check_command.add_parser(commands)
    _add_broker(commands)
    _add_parts(commands)
    return parser


def _add_broker(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("broker", help="run the embedded MQTT broker alone")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=1883, help="port to listen on; 0 takes any")
    parser.set_defaults(run=_run_broker)


def _run_broker(options: argparse.Namespace) -> int:
    from protocols.mqtt.server import run_broker  # noqa: PLC0415  (other commands need no broker)

    return run_broker(options.host, options.port)


def _add_parts(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Commands of the stand-alone parts: planner, sky, alerts."""
    from protocols import alert_command  # noqa: PLC0415  (imported with the parser, not before)
    from pyros.scheduling import command as plan_command  # noqa: PLC0415
    from pyros.sky import command as sky_command  # noqa: PLC0415

    for part in (plan_command, sky_command, alert_command):
        known = set(commands.choices)
        part.add_parser(commands)
        for name in commands.choices.keys() - known:
            commands.choices[name].set_defaults(run=part.run)


if __name__ == "__main__":
    sys.exit(main())
