"""Where configuration and data lie when nobody says so."""

from __future__ import annotations

import sys
from pathlib import Path

from pyros.errors import ConfigurationError

_NAME = Path("simulated") / "observatory.toml"


def default_config() -> Path:
    """The simulated observatory's configuration: of the checkout, or of the installed package.

    Raises:
        ConfigurationError: When neither is there.
    """
    candidates = (
        Path(__file__).resolve().parents[2] / "config" / _NAME,
        Path(sys.prefix) / "share" / "pyros" / "config" / _NAME,
    )
    for path in candidates:
        if path.is_file():
            return path
    tried = " and ".join(str(path) for path in candidates)
    raise ConfigurationError(f"no configuration: {tried} do not exist; give one with --config")


def default_data_dir(*, demonstration: bool) -> Path:
    """`data/` in the working directory, or for a demonstration a new `data/demo-NNN`.

    A demonstration begins every time at sunset, so each has its own data: a night is never lived
    twice on one database. One that still runs (control was killed) is taken up again.
    """
    data = Path.cwd() / "data"
    if not demonstration:
        return data
    earlier = sorted(path for path in data.glob("demo-*") if path.name[5:].isdigit())
    if earlier and (earlier[-1] / "run" / "site.json").exists():
        return earlier[-1]
    number = int(earlier[-1].name[5:]) + 1 if earlier else 1
    return data / f"demo-{number:03d}"
