"""The command line: mistakes end in one clear line and status 2, never in a traceback."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

SIMULATED = Path(__file__).parents[3] / "config" / "simulated"


def pyros(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pyros.app.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
    )


def refused(*arguments: str) -> str:
    done = pyros(*arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def changed_config(tmp_path: Path, old: str, new: str) -> Path:
    text = (SIMULATED / "observatory.toml").read_text()
    assert old in text
    (tmp_path / "requests.toml").write_text((SIMULATED / "requests.toml").read_text())
    path = tmp_path / "observatory.toml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_run_refuses_a_misspelt_key(tmp_path: Path) -> None:
    """The line names file, key and the right name."""
    path = changed_config(tmp_path, "hold_off_s = 600.0", "holdoff_s = 600.0")
    line = refused("run", "--config", str(path), "--data", str(tmp_path / "data"))
    assert str(path) in line
    assert "did you mean 'hold_off_s'?" in line


def test_run_refuses_a_port_in_use(tmp_path: Path) -> None:
    """Somebody else listens where the page should be."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = refused("run", "--port", str(port), "--data", str(tmp_path / "data"))
    assert f"web.port = {port}" in line
    assert "--port" in line


def test_run_refuses_a_missing_directory(tmp_path: Path) -> None:
    """A data directory whose parent is not there is a typing mistake."""
    line = refused("run", "--port", "0", "--data", str(tmp_path / "no" / "such" / "place"))
    assert "does not exist" in line


def test_run_refuses_a_broker_that_does_not_answer(tmp_path: Path) -> None:
    """The broker's URL and the remedy are named."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = changed_config(tmp_path, 'url = "embedded"', f'url = "mqtt://127.0.0.1:{port}"')
    line = refused("run", "--port", "0", "--config", str(path), "--data", str(tmp_path / "data"))
    assert f"mqtt://127.0.0.1:{port}" in line
    assert "embedded" in line


@pytest.mark.parametrize("speed", ["0", "-3", "1e9"])
def test_run_refuses_an_impossible_speed(tmp_path: Path, speed: str) -> None:
    """Time neither stands still nor runs backwards."""
    assert "--speed" in refused("run", f"--speed={speed}", "--data", str(tmp_path / "data"))


def test_simulate_refuses_a_night_that_is_no_date() -> None:
    """A night is named by its date."""
    assert "2026-11-23" in refused("simulate", "--night", "tonight")


def test_missing_configuration_is_named(tmp_path: Path) -> None:
    """So is the remedy."""
    assert "--config" in refused("check", "--config", str(tmp_path / "none.toml"))


def test_check_explains_the_simulated_observatory() -> None:
    """Everything that is needed is looked at, and found."""
    done = pyros("check")
    assert done.returncode == 0, done.stdout + done.stderr
    for part in (
        "configuration",
        "requests",
        "alert rules",
        "alert tokens",
        "broker",
        "page",
        "packages",
    ):
        assert f"ok    {part}:" in done.stdout


def test_check_tells_what_each_token_may_do_and_which_is_exposed(tmp_path: Path) -> None:
    """A token without trust may only be logged; one that others may read stops a start."""
    heading = "  [alerts.sources.vtp_receiver]"
    row = '  [[alerts.sources.http]]\n  name = "institute"\n  token_file = "institute.token"\n'
    config = changed_config(tmp_path, heading, f"{row}\n{heading}")
    rules = str(SIMULATED.parent / "alerts.toml")
    config.write_text(config.read_text().replace("../alerts.toml", rules))
    token = config.parent / "institute.token"
    token.write_text("f" * 32)
    token.chmod(0o600)
    told = pyros("check", "--config", str(config)).stdout
    assert "ok    alert tokens: institute may only be logged" in told
    token.chmod(0o644)
    told = pyros("check", "--config", str(config)).stdout
    assert "WRONG alert tokens: alerts.sources.http 'institute'" in told
    line = refused("run", "--port", "0", "--config", str(config), "--data", str(tmp_path / "data"))
    assert "(mode 644); chmod 600 it" in line


def test_check_names_requests_that_no_semester_can_take(tmp_path: Path) -> None:
    """One line for each request of a night for which its programme's grant is too small."""
    config = changed_config(tmp_path, "", "")
    requests = tmp_path / "requests.toml"
    text = requests.read_text()
    assert "semester_quota_s = 360000\n" in text
    requests.write_text(text.replace("semester_quota_s = 360000\n", "semester_quota_s = 1200\n"))
    done = pyros("check", "--config", str(config))
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("WRONG requests:")]
    assert [line.split()[3] for line in lines] == ["standards-sa113"]
    assert "of its 1200 s left, 296 s are asked" in lines[0]
