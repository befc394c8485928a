"""The file of rules, read at start and again whenever it changes; a bad edit changes nothing."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pyros.domain.alert.settings import Alerts, AlertSettings, alerts_of
from pyros.domain.alert.strategy import StrategyError
from pyros.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class RuleFile:
    """The rules in force and the file they come from."""

    path: Path
    _rules: Alerts | None = None
    _seen: tuple[int, int] | None = None

    @property
    def rules(self) -> Alerts:
        """The rules in force, read now if they were not yet."""
        return self._rules if self._rules is not None else self.load()

    def load(self) -> Alerts:
        """Read the file.

        Raises:
            ConfigurationError: When it is missing, is not TOML or makes no sense; the rules in
                force stay.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
            self._seen = self._stamp()
            rules = alerts_of(msgspec.convert(tomllib.loads(text), AlertSettings, strict=True))
        except (
            OSError,
            tomllib.TOMLDecodeError,
            msgspec.ValidationError,
            StrategyError,
        ) as error:
            raise ConfigurationError(f"{self.path}: {error}") from error
        self._rules = rules
        return rules

    def reload_when_changed(self) -> bool:
        """Read the file when it is another than last time; whether new rules are in force.

        Raises:
            ConfigurationError: When the new file is wrong (told once for each change).
        """
        if self._stamp() == self._seen:
            return False
        self.load()
        return True

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size
