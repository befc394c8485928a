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


def default_data_dir() -> Path:
    """`data/` in the working directory."""
    return Path.cwd() / "data"
