"""The command line: `pyros run | simulate | broker | check | plan | sky | alert`.

Each command lives with the part it belongs to and adds its own parser; only the command asked for
is imported, so that `pyros sky` answers at once. Mistakes of whoever calls end in one clear line
for each on standard error and exit status 2, never in a traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING

from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FAULT_STATUS = 2
COMMANDS = {
    "run": ("pyros.app.run_command", "run a site: simulated when nothing else is said"),
    "simulate": ("pyros.app.simulate_command", "run a whole night in virtual time"),
    "check": ("pyros.app.check_command", "verify configuration and prerequisites"),
    "broker": ("protocols.mqtt.command", "run the embedded MQTT broker alone"),
    "plan": ("pyros.scheduling.command", "plan a night from an instance, and explain it"),
    "sky": ("pyros.sky.command", "nights, windows and positions"),
    "alert": ("protocols.alert_command", "parse, replay and send alerts"),
}
"""Command, the module that adds its parser and runs it, and what it is for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Command line without the program's name; the process's own when None.

    Returns:
        Exit status: 0 done, 1 done and something was found, 2 a mistake explained on stderr.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser(words).parse_args(words)
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except PyrosError as error:
        for line in str(error).splitlines():
            print(f"pyros: {line}", file=sys.stderr)  # noqa: T201  (a command's word to its user)
        return FAULT_STATUS
    except BrokenPipeError:
        # Whoever read the output has enough (`| head`); the interpreter must not flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the whole of the command asked for and one line of the others."""
    parser = argparse.ArgumentParser(
        prog="pyros", description="Runs a robotic observatory through the night."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    asked = next((word for word in words if not word.startswith("-")), None)
    for name, (module, purpose) in COMMANDS.items():
        if name != asked:
            commands.add_parser(name, help=purpose)
            continue
        part = importlib.import_module(module)
        part.add_parser(commands)
        commands.choices[name].set_defaults(run=part.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
