"""Figures of a whole simulated night: wall time, processor time, how much faster than the sky.

One JSON line per figure. Run it as `python bench/night.py [NIGHT [SEED]]` on a quiet machine; the
night runs twice, in processes of their own, the second time to compare the digests.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

WALL_TARGET_S = 60.0


def say(figure: str, value: float, unit: str, target: float | None = None) -> None:
    """Print one figure."""
    line: dict[str, Any] = {"figure": figure, "value": round(value, 3), "unit": unit}
    if target is not None:
        line["target"] = target
    print(json.dumps(line), flush=True)


def run(night: str, seed: str) -> tuple[dict[str, Any], float]:
    """The report of a night run in a process of its own, and its processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pyros.app.cli", "simulate", "--json"]
    done = subprocess.run(
        [*command, "--night", night, "--seed", seed], capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return json.loads(done.stdout), cpu_s


def main() -> None:
    """Run the night and tell."""
    night, seed = [*sys.argv[1:3], *("2026-11-23", "7")[len(sys.argv) - 1 :]]
    report, cpu_s = run(night, seed)
    say("night: wall time", report["wall_s"], "s", WALL_TARGET_S)
    say("night: processor time, imports included", cpu_s, "s")
    say("night: simulated time", report["sim_s"] / 3600.0, "h")
    say("night: speed-up", report["speedup"], "x")
    say("night: frames drawn and archived", report["frames"], "frames")
    say("night: sequences completed", report["sequences"].get("completed", 0), "sequences")
    say("night: broken invariants", len(report["violations"]), "violations", 0)
    again, _ = run(night, seed)
    same = again["digest"] == report["digest"]
    say("night: digest the same in a second process", float(same), "1 is yes", 1)


if __name__ == "__main__":
    main()
