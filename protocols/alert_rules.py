"""Reads `config/alerts.toml`, and says in one line what is wrong with it."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import msgspec

from pyros.domain.alert.settings import Alerts, AlertSettings, alerts_of
from pyros.domain.alert.strategy import StrategyError
from pyros.errors import ConfigurationError

_NAME = Path("config") / "alerts.toml"


def default_rules_path() -> Path:
    """Where the shipped rules are: in the checkout, or where the wheel put them.

    Raises:
        ConfigurationError: When there are none.
    """
    checkout = Path(__file__).resolve().parents[1] / _NAME
    installed = Path(sys.prefix) / "share" / "pyros" / _NAME
    for path in (checkout, installed):
        if path.is_file():
            return path
    raise ConfigurationError(f"no {_NAME} in {checkout.parent} or {installed.parent}; name a file")


def load_rules(path: Path | None = None) -> Alerts:
    """The rules of a file.

    Args:
        path: The file; the shipped one when None.

    Raises:
        ConfigurationError: When it is missing, no TOML, has an unknown key or an impossible value,
            or its strategies make no sense together.
    """
    path = path or default_rules_path()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return alerts_of(msgspec.convert(content, AlertSettings))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error
    except (msgspec.ValidationError, StrategyError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
