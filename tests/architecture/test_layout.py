"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import importlib.metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("pyros", "actors", "protocols", "firmware_bridge", "web", "simulators")
BESIDE = ("tests", "bench", "typing_tests")
SOURCES = sorted(path for name in PACKAGES + BESIDE for path in (ROOT / name).rglob("*.py"))
LONGEST = 400
DRAWERS = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def test_files_are_short() -> None:
    """One noun a file, at most 400 lines; tests and benches too."""
    long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for path in SOURCES
        if (lines := len(path.read_text().splitlines())) > LONGEST
    ]
    assert not long


def test_no_file_is_a_drawer() -> None:
    """No `utils`, `helpers`, `manager` or `common`."""
    assert not [path for path in SOURCES if path.stem in DRAWERS or path.parent.name in DRAWERS]


def test_every_module_says_what_it_is_for() -> None:
    """The first sentence of each file says what the file is for."""
    silent = [path for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent


def test_config_is_data_only() -> None:
    """`config/` holds no Python, so the worst name never becomes importable."""
    assert not list((ROOT / "config").rglob("*.py"))


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_ships_our_import_names(name: str) -> None:
    """Plain top-level names are only safe while nobody else installs them."""
    owners = importlib.metadata.packages_distributions().get(name, [])
    assert set(owners) <= {"pyros-observatory"}, owners
