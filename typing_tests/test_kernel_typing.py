"""The kernel's types, checked by mypy in strict mode."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_kernel_types_hold():
    """spawn, ask, defer and ref are typed as promised, and mistakes are reported."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "typing_tests/kernel.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
