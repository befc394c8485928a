"""Runs the embedded broker alone: `python -m protocols.mqtt --port N`."""

from __future__ import annotations

import argparse
import sys

from protocols.mqtt.command import add_arguments, run


def main() -> int:
    """Parse the command line and run until stopped."""
    parser = argparse.ArgumentParser(prog="python -m protocols.mqtt", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
