"""`pyros run` as its user meets it: starts, survives kill -9 of control, leaves nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIMULATED = Path(__file__).parents[2] / "config" / "simulated"
PATIENCE_S = 60.0


class Control:
    """One control process under test."""

    def __init__(self, config: Path, data: Path) -> None:
        self.data = data
        self.output = data.parent / f"output-{time.monotonic_ns()}.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "pyros.app.cli", "run", "--port", "0"),
                    *("--config", str(config), "--data", str(data), "--speed", "60"),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def text(self) -> str:
        return self.output.read_text()

    def url(self) -> str:
        """The address it printed, once it serves."""
        found = wait_for(lambda: re.search(r"http://127\.0\.0\.1:\d+", self.text()), self.text)
        return found[0]

    def health(self) -> dict[str, object]:
        with urllib.request.urlopen(f"{self.url()}/health", timeout=10) as answer:
            return json.load(answer)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)


def wait_for(look: Callable[[], Any], explain: Callable[[], str]) -> Any:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        try:
            found = look()
        except (OSError, urllib.error.URLError):
            found = None
        if found:
            return found
        time.sleep(0.1)  # noqa: TID251
    pytest.fail(f"waited in vain: {explain()}")


def site(data: Path) -> dict[str, object]:
    return json.loads((data / "run" / "site.json").read_text())


def alive(pid: object) -> bool:
    """Whether a process runs; a zombie that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data directory; whatever still runs on it afterwards is ended."""
    directory = tmp_path / "data"
    yield directory
    with contextlib.suppress(OSError, ValueError):
        record = site(directory)
        for key in ("metal_pid", "broker_pid"):
            with contextlib.suppress(ProcessLookupError, TypeError):
                os.kill(record[key], signal.SIGKILL)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The simulated observatory without a fixed VTP port."""
    directory = tmp_path / "config" / "simulated"
    directory.mkdir(parents=True)
    text = (SIMULATED / "observatory.toml").read_text().replace("port = 8098", "port = 0")
    (directory / "observatory.toml").write_text(text)
    (directory / "requests.toml").write_text((SIMULATED / "requests.toml").read_text())
    for name in ("alerts.toml", "alert_templates", "strategies"):
        (directory.parent / name).symlink_to(SIMULATED.parent / name)
    return directory / "observatory.toml"


@pytest.mark.timeout(240)
def test_run_survives_kill_and_leaves_nothing_behind(config: Path, data: Path) -> None:
    """Control killed: broker and metal live on, the next control adopts them, and ends them."""
    first = Control(config, data)
    wait_for(lambda: first.health()["mode"] not in (None, "STARTING"), first.text)
    wait_for(lambda: first.health()["broker"] == "up", first.text)
    before = site(data)
    first.end(signal.SIGKILL)
    assert alive(before["broker_pid"])
    assert alive(before["metal_pid"])

    second = Control(config, data)
    wait_for(lambda: second.health()["mode"] not in (None, "STARTING"), second.text)
    after = site(data)
    assert after["metal_pid"] == before["metal_pid"]
    assert after["broker_pid"] == before["broker_pid"]
    assert after["epoch"] == before["epoch"]

    assert second.end(signal.SIGINT) == 0, second.text()
    assert "dome closed, cover closed, telescope parked" in second.text()
    assert second.text().rstrip().endswith("stopped")
    assert not alive(before["metal_pid"])
    assert not alive(before["broker_pid"])
    assert not (data / "run" / "site.json").exists()


@pytest.mark.timeout(240)
def test_run_brings_a_dead_broker_back(config: Path, data: Path) -> None:
    """The embedded broker killed: it is started again on its port, and devices are heard again."""
    control = Control(config, data)
    wait_for(lambda: control.health()["broker"] == "up", control.text)
    before = site(data)
    os.kill(before["broker_pid"], signal.SIGKILL)
    wait_for(lambda: site(data)["broker_pid"] != before["broker_pid"], control.text)
    assert site(data)["broker_port"] == before["broker_port"]
    wait_for(lambda: control.health()["broker"] == "up", control.text)
    assert control.end(signal.SIGINT) == 0, control.text()
