"""The examples of docs/kernel.md work as they are printed."""

import re
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).parents[3] / "docs" / "kernel.md"


def _examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)


def test_the_dome_in_a_test_passes(tmp_path: Path):
    """The first example is a test file that passes in somebody's project, in strict mode."""
    example = tmp_path / "test_dome.py"
    example.write_text("\n".join(_examples()))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(example)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_every_rule_named_in_the_kernel_is_in_the_guide():
    """The rules L1 to A4 that docstrings name are those that the guide lists, and all are named."""
    kernel = GUIDE.parents[1] / "pyros" / "actor"
    code = "\n".join(path.read_text() for path in kernel.rglob("*.py"))
    named = set(re.findall(r"\b[LSWMA]\d\b", code))
    listed = set(re.findall(r"\b[LSWMA]\d\b", GUIDE.read_text().split("## The rules")[1]))
    assert named == listed
