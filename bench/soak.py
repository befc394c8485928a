"""Many simulated nights with different seeds: the safety argument, by hand and by hours.

Prints one JSON line for each night and ends with status 1 when any invariant was broken.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import date, timedelta


def main() -> int:
    """Run the nights asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=date.fromisoformat, default=date(2026, 11, 23))
    parser.add_argument("--nights", type=int, default=20)
    parser.add_argument("--step-days", type=int, default=17)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    broken = 0
    for number in range(options.nights):
        night = options.first + timedelta(days=number * options.step_days)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pyros.app.cli", "simulate", "--json"),
                *("--night", night.isoformat(), "--seed", str(options.seed + number)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        report = json.loads(done.stdout) if done.stdout else {"error": done.stderr[-2000:]}
        broken += bool(report.get("violations", True))
        print(json.dumps(report), flush=True)
    print(
        json.dumps({"figure": "soak nights broken", "value": broken, "unit": "nights", "target": 0})
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
