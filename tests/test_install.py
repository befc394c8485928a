"""The installer: asks only at a terminal, and explains what is missing."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

INSTALLER = Path(__file__).parents[1] / "install.py"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The installer, pointed at an empty place."""
    spec = importlib.util.spec_from_file_location("pyros_install", INSTALLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    return module


class Terminal(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


def test_nothing_is_asked_without_a_terminal(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script never waits for an answer, and keeps what is there."""
    install.VENV.mkdir()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not install.recreate_allowed(asked=True)


@pytest.mark.parametrize(
    ("answer", "allowed"), [("\n", False), ("n\n", False), ("what\n", False), ("y\n", True)]
)
def test_recreating_needs_a_yes(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, answer: str, allowed: bool
) -> None:
    """The default answer is no."""
    install.VENV.mkdir()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert install.recreate_allowed(asked=True) is allowed


def test_nothing_is_recreated_unasked(install: ModuleType) -> None:
    """An existing environment is kept unless --recreate says otherwise."""
    install.VENV.mkdir()
    assert not install.recreate_allowed(asked=False)


def test_missing_test_programs_are_named_with_the_remedy(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who may not install packages is told which, and why."""
    monkeypatch.setattr(install, "find_program", lambda _name: None)
    monkeypatch.setattr(install, "may_install_packages", lambda: False)
    with pytest.raises(SystemExit) as caught:
        install.check_test_programs()
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert "apt-get install mosquitto chromium postgresql" in told
    assert len(told.strip().splitlines()) == 1


def test_an_old_python_is_refused_with_the_remedy(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """3.11 is the oldest."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    with pytest.raises(SystemExit):
        install.check_python()
    assert "Python 3.9" in capsys.readouterr().err


def test_pins_are_exact() -> None:
    """Every requirement is one version, so that two machines install the same."""
    for path in (INSTALLER.parent / "requirements").glob("*.txt"):
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        assert all(line.count("==") == 1 for line in lines if line), path
