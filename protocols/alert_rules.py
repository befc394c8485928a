"""Reads `config/alerts.toml`, and says in one line what is wrong with it."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from pyros.domain.alert.settings import (
    Alerts,
    AlertSettings,
    StrategyFile,
    alerts_of,
    with_strategies,
)
from pyros.domain.alert.strategy import StrategyBook, StrategyError
from pyros.errors import ConfigurationError

_T = TypeVar("_T")
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
    settings = _read(path, AlertSettings)
    try:
        rules = alerts_of(settings)
    except StrategyError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    for name in settings.strategy_files:
        beside = path.parent / name
        try:
            book = with_strategies(rules.book, _read(beside, StrategyFile))
        except StrategyError as error:
            raise ConfigurationError(f"{beside}: {error}") from error
        rules = replace(rules, book=book)
    return rules


def rule_files(path: Path) -> tuple[Path, ...]:
    """The files that the rules of `path` come from: itself and its strategy files.

    A file that cannot be read names no others; reading the rules tells what is wrong with it.
    """
    try:
        settings = _read(path, AlertSettings)
    except ConfigurationError:
        return (path,)
    return (path, *(path.parent / name for name in settings.strategy_files))


def read_strategy_change(raw: bytes, book: StrategyBook) -> StrategyBook:
    """The book as a science centre's JSON file changes it.

    The file has "default_strategy", or "strategy" (a list in the form of the TOML file), or both.

    Args:
        raw: The file's bytes.
        book: The book in force.

    Raises:
        ConfigurationError: When it is no such JSON or makes no sense; the book in force stays.
    """
    try:
        return with_strategies(book, msgspec.json.decode(raw, type=StrategyFile))
    except (msgspec.DecodeError, UnicodeDecodeError, StrategyError) as error:
        raise ConfigurationError(f"strategy change: {error}") from error


def _read(path: Path, kind: type[_T]) -> _T:
    """A TOML file as settings."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), kind)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
