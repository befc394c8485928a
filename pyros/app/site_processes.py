"""The processes beside control: the embedded broker and the simulated devices.

Control starts them in sessions of their own, so that killing control leaves the metal alone; a
later control adopts what still lives. What is running is written to `run/site.json` in the data
directory: process ids, the broker's port, and the epoch that all processes of the site share.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pyros.errors import ConfigurationError

BROKER = "protocols.mqtt"
METAL = "pyros.app.metal"
"""Modules that the processes run, by which they are known again."""
_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.05


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """Observatory time of a site: the same for all its processes.

    Attributes:
        unix_s: The observatory's UTC at `monotonic_s`.
        monotonic_s: CLOCK_MONOTONIC of this machine at that instant.
        speed: Observatory seconds per wall second.
    """

    unix_s: float
    monotonic_s: float
    speed: float


class SiteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`run/site.json`: what runs beside control, and on which time."""

    boot_id: str
    epoch: Epoch
    broker_pid: int | None
    broker_port: int | None
    metal_pid: int | None


@dataclass(slots=True, kw_only=True)
class SiteProcesses:
    """Starts, adopts and ends the broker and the simulated devices.

    Args:
        directory: The data directory; `run/` below it holds the record and the logs.
        epoch: The time the site shall run on when nothing is running yet.
    """

    directory: Path
    epoch: Epoch
    _record: SiteRecord | None = None

    @property
    def _run_dir(self) -> Path:
        return self.directory / "run"

    def adopt(self) -> Epoch:
        """Take over what an earlier control left behind, if it runs on the time asked for.

        Returns:
            The epoch to run on: the running site's, or the one asked for.
        """
        record = self._read()
        alive = record is not None and any(
            is_alive(pid, module)
            for pid, module in ((record.broker_pid, BROKER), (record.metal_pid, METAL))
        )
        if record is None or not alive:
            self._record = None
            return self.epoch
        if record.epoch.speed != self.epoch.speed or record.boot_id != _boot_id():
            self._record = record
            self.stop()
            return self.epoch
        self._record = record
        self.epoch = record.epoch
        return record.epoch

    def broker(self) -> int:
        """The port of the embedded broker, started when it does not run.

        Raises:
            ConfigurationError: When it does not come up.
        """
        record = self._record
        if record is not None and is_alive(record.broker_pid, BROKER) and record.broker_port:
            return record.broker_port
        return self._start_broker(free_port())

    def revive_broker(self) -> bool:
        """Start the embedded broker again on its port when it has died; whether it had."""
        record = self._record
        if record is None or not record.broker_port or is_alive(record.broker_pid, BROKER):
            return False
        self._start_broker(record.broker_port)
        return True

    def _start_broker(self, port: int) -> int:
        process = self._start("broker", [sys.executable, "-m", BROKER, "--port", str(port)])
        _await_port(port, process, self._run_dir / "broker.log")
        self._write(broker_pid=process.pid, broker_port=port)
        return port

    def metal(self, config: Path, *, mqtt_url: str) -> int:
        """The process id of the simulated devices, started when they do not run."""
        record = self._record
        if record is not None and is_alive(record.metal_pid, METAL) and record.metal_pid:
            return record.metal_pid
        process = self._start(
            "metal",
            [
                sys.executable,
                "-m",
                METAL,
                "--config",
                str(config),
                "--data",
                str(self.directory),
                "--mqtt",
                mqtt_url,
                "--epoch-unix",
                repr(self.epoch.unix_s),
                "--epoch-monotonic",
                repr(self.epoch.monotonic_s),
                "--speed",
                repr(self.epoch.speed),
            ],
        )
        self._write(metal_pid=process.pid)
        return process.pid

    def stop(self) -> None:
        """End what was started or adopted, devices first, and remove the record."""
        record, self._record = self._record, None
        if record is None:
            return
        _terminate(record.metal_pid, METAL)
        _terminate(record.broker_pid, BROKER)
        (self._run_dir / "site.json").unlink(missing_ok=True)

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        self._run_dir.mkdir(parents=True, exist_ok=True)
        with (self._run_dir / f"{name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603  (our own interpreter, our own modules)
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _read(self) -> SiteRecord | None:
        try:
            return msgspec.json.decode((self._run_dir / "site.json").read_bytes(), type=SiteRecord)
        except (OSError, msgspec.DecodeError):
            return None

    def _write(
        self,
        *,
        broker_pid: int | None = None,
        broker_port: int | None = None,
        metal_pid: int | None = None,
    ) -> None:
        old = self._record
        self._record = SiteRecord(
            boot_id=_boot_id(),
            epoch=self.epoch,
            broker_pid=broker_pid or (old.broker_pid if old else None),
            broker_port=broker_port or (old.broker_port if old else None),
            metal_pid=metal_pid or (old.metal_pid if old else None),
        )
        path = self._run_dir / "site.json"
        partial = path.with_suffix(".tmp")
        partial.write_bytes(msgspec.json.encode(self._record))
        partial.replace(path)


def is_alive(pid: int | None, module: str) -> bool:
    """Whether a process lives and still is what was started under this number.

    Numbers are used again: a process that runs another module is none of ours.
    """
    if pid is None:
        return False
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_in_use(host: str, port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise ConfigurationError(
                f"the embedded broker ended with status {process.returncode}; see {log}"
            )
        if port_in_use("127.0.0.1", port):
            return
        _pause()
    raise ConfigurationError(
        f"the embedded broker does not listen on port {port} after {_START_TIMEOUT_S:.0f} s; "
        f"see {log}"
    )


def _terminate(pid: int | None, module: str) -> None:
    """Ask a process to end, wait, and kill it when it does not."""
    if pid is None or not is_alive(pid, module):
        return
    os.kill(pid, signal.SIGTERM)
    deadline_s = time.monotonic() + _STOP_TIMEOUT_S
    while is_alive(pid, module):
        if time.monotonic() > deadline_s:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return
        _pause()


def _pause() -> None:
    """Poll politely; before the loop runs and after it ended there is nothing else to wait on."""
    time.sleep(_POLL_S)  # noqa: TID251  (no event loop runs here)


def _boot_id() -> str:
    """This boot of this machine: process ids and the monotonic clock mean nothing in another."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
