"""Installs PyROS into `.venv` beside this file: pinned versions, prerequisites explained.

Run by `make`; needs nothing but Python 3.11. `--tests` adds what the tests need, Debian packages
included where that is allowed. An existing environment is kept; `--recreate` asks before it
replaces it, at a terminal only (the default answer is no).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
OLDEST_PYTHON = (3, 11)
NEWEST_TRIED_PYTHON = (3, 11)
TEST_PROGRAMS = {
    "mosquitto": ("mosquitto", "the MQTT broker that the tests compare with"),
    "chromium": ("chromium", "the browser that the page is tested in"),
    "pg_ctlcluster": ("postgresql", "the database of larger sites"),
}


def fail(text: str) -> None:
    """Say what is missing and stop with status 2."""
    print(f"install: {text}", file=sys.stderr)
    sys.exit(2)


def check_python() -> None:
    """Explain a Python that PyROS cannot run on, or cannot install into."""
    version = sys.version_info[:2]
    if version < OLDEST_PYTHON:
        fail(
            f"Python {version[0]}.{version[1]} at {sys.executable} is too old; PyROS needs 3.11: "
            "install it (Debian 12: apt-get install python3.11) or run "
            "make PYTHON=/path/to/python3.11"
        )
    if version > NEWEST_TRIED_PYTHON:
        print(
            f"install: Python {version[0]}.{version[1]} is newer than the reference 3.11; "
            "the pinned versions may not install (make PYTHON=/path/to/python3.11)",
            file=sys.stderr,
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        if may_install_packages():
            apt_install(["python3-venv"])
            return
        fail(
            "this Python cannot make virtual environments; install Debian's package python3-venv "
            "(apt-get install python3-venv) and run again"
        )


def may_install_packages() -> bool:
    """Whether Debian packages can be installed: apt-get is there and we are root."""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def apt_install(packages: list[str]) -> None:
    """Install Debian packages, fetching the package lists first."""
    print(f"install: apt-get install {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            fail(f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1:]}")


def recreate_allowed(*, asked: bool) -> bool:
    """Whether an existing environment may be replaced: only when asked, and confirmed here."""
    if not asked or not VENV.exists():
        return False
    if not sys.stdin.isatty():
        print("install: .venv exists and is kept (no terminal to ask at)")
        return False
    return input(".venv exists. Recreate it? [y/N] ").strip().lower() in {"y", "yes"}


def make_environment() -> None:
    """Create `.venv` when it is not there."""
    if (VENV / "bin" / "python").exists():
        return
    print("install: creating .venv")
    done = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
    if done.returncode != 0:
        fail(f"{sys.executable} -m venv {VENV} failed; see above")


def fingerprint(locks: list[Path]) -> str:
    """Digest of everything that decides what is installed."""
    digest = hashlib.sha256(str(VENV).encode())
    for path in [*locks, HERE / "pyproject.toml"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def install_packages(locks: list[Path]) -> None:
    """Install the pinned packages and PyROS itself, unless that is done already."""
    stamp = VENV / f".pyros-installed-{'-'.join(path.stem for path in locks)}"
    wanted = fingerprint(locks)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    pip = [
        str(VENV / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-q",
    ]
    requirements = [argument for path in locks for argument in ("-r", str(path))]
    print(f"install: pinned packages of {', '.join(path.name for path in locks)}")
    for command in (
        [*pip, *requirements],
        [*pip, "--no-deps", "--no-build-isolation", "-e", str(HERE)],
    ):
        done = subprocess.run(command, check=False)
        if done.returncode != 0:
            fail(f"{' '.join(command[2:])} failed; is the package index reachable?")
    stamp.write_text(wanted)


def check_test_programs() -> None:
    """Install the programs the tests talk to, or say which to install."""
    missing = {name: TEST_PROGRAMS[name] for name in TEST_PROGRAMS if find_program(name) is None}
    if not missing:
        return
    packages = [package for package, _ in missing.values()]
    if may_install_packages():
        apt_install(packages)
        return
    explained = "; ".join(f"{package} ({why})" for package, why in missing.values())
    fail(f"missing Debian packages: {explained}. Run: apt-get install {' '.join(packages)}")


def find_program(name: str) -> str | None:
    """A program's path; system directories count even when PATH leaves them out."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


def main() -> None:
    """Install what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="add what the tests need")
    parser.add_argument("--recreate", action="store_true", help="replace .venv (asks first)")
    options = parser.parse_args()
    check_python()
    if recreate_allowed(asked=options.recreate):
        shutil.rmtree(VENV)
    make_environment()
    locks = [HERE / "requirements" / "run.txt"]
    if options.tests:
        check_test_programs()
        locks.append(HERE / "requirements" / "tests.txt")
    install_packages(locks)


if __name__ == "__main__":
    main()
