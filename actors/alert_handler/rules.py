"""The rules in force: files that are read again when they change, and what was switched since.

A wrong edit changes nothing. What an operator or a science centre changed at run time lies over the
files, survives their next edit and a restart, and is taken off again by name.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from actors.alert_handler.messages import LoadedStrategy, StrategiesInForce
from protocols.alert_rules import load_rules, read_strategy_change, rule_files
from pyros.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from pyros.domain.alert.settings import Alerts

MOST_CHANGES = 100
"""Changes kept over the files; the oldest goes when there are more."""

Stamp = tuple[tuple[str, int, int] | None, ...]


@dataclass(slots=True)
class RuleFile:
    """The rules in force and where they come from.

    Attributes:
        path: The file of rules; it may name strategy files beside it.
        kept: Where changes made at run time are kept over a restart; None keeps them in memory.
    """

    path: Path
    kept: Path | None = None
    _paths: tuple[Path, ...] = ()
    _rules: Alerts | None = None
    _changes: list[bytes] = field(default_factory=list)
    _seen: Stamp | None = None

    @property
    def rules(self) -> Alerts:
        """The rules in force, read now if they were not yet."""
        return self._rules if self._rules is not None else self.load()

    @property
    def in_force(self) -> StrategiesInForce:
        """What there is to choose from, for people."""
        rules = self.rules
        return StrategiesInForce(
            strategies=tuple(
                LoadedStrategy(name=one.name, rank=one.rank, summary=one.summary)
                for one in rules.book.strategies
            ),
            default=rules.book.default,
            changes=len(self._changes),
            classes=rules.gate.classes,
        )

    def load(self) -> Alerts:
        """Read the files, and lay over them what was changed at run time.

        Raises:
            ConfigurationError: When a file is missing, is not TOML or makes no sense; the rules in
                force stay.
        """
        self._paths = rule_files(self.path)
        self._seen = self._stamp()
        files = load_rules(self.path)
        if self._rules is None:
            self._changes = self._read_kept()
        self._rules = self._over(files)
        return self._rules

    def reload_when_changed(self) -> bool:
        """Read the files when they are others than last time; whether new rules are in force.

        Raises:
            ConfigurationError: When a new file is wrong (told once for each change).
        """
        if self._stamp() == self._seen:
            return False
        self.load()
        return True

    def change(self, raw: bytes) -> str:
        """Change strategies by a JSON file's bytes (`alert_rules.read_strategy_change`).

        Returns:
            What is in force now, in one sentence.

        Raises:
            ConfigurationError: When it makes no sense; the rules in force stay.
        """
        rules = self.rules
        book = read_strategy_change(raw, rules.book)
        before = {strategy.name: strategy for strategy in rules.book.strategies}
        changed = [one.name for one in book.strategies if before.get(one.name) != one]
        self._rules = replace(rules, book=book)
        self._changes = [*self._changes, raw][-MOST_CHANGES:]
        self._keep()
        told = f"; changed: {', '.join(changed)}" if changed else ""
        return f"default strategy is {book.default}{told}"

    def switch(self, name: str) -> str:
        """Make another strategy the default.

        Raises:
            ConfigurationError: When there is none of that name.
        """
        return self.change(msgspec.json.encode({"default_strategy": name}))

    def back_to_files(self) -> str:
        """Take off everything that was changed at run time."""
        count, self._changes = len(self._changes), []
        self._keep()
        rules = self.load()
        return f"{count} changes taken back; default strategy is {rules.book.default}"

    def _over(self, files: Alerts) -> Alerts:
        """The files' rules with the changes that still make sense over them."""
        rules = files
        for raw in self._changes:
            with contextlib.suppress(ConfigurationError):  # its strategy may be gone from the files
                rules = replace(rules, book=read_strategy_change(raw, rules.book))
        return rules

    def _read_kept(self) -> list[bytes]:
        if self.kept is None or not self.kept.is_file():
            return []
        try:
            texts = msgspec.json.decode(self.kept.read_bytes(), type=list[str])
            return [text.encode() for text in texts]
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigurationError(
                f"{self.kept}: cannot be read: {error}; remove it to go by the files alone"
            ) from error

    def _keep(self) -> None:
        if self.kept is None:
            return
        self.kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.kept.with_suffix(".tmp")
        fresh.write_bytes(msgspec.json.encode([raw.decode() for raw in self._changes]))
        fresh.replace(self.kept)

    def _stamp(self) -> Stamp:
        return tuple(_stamp_of(path) for path in self._paths)


def _stamp_of(path: Path) -> tuple[str, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return str(path), status.st_mtime_ns, status.st_size
