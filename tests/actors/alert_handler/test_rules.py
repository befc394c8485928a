"""Rules follow their files; what is switched at run time lies over them and survives."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from actors.alert_handler.messages import ChangeStrategies
from actors.alert_handler.rules import RuleFile
from actors.alert_handler.strategy_inbox import StrategyInbox
from pyros.actor import Actor, ActorSystem, ChildSpec, Message, Rejected
from pyros.errors import ConfigurationError

CONFIG = Path(__file__).parents[3] / "config"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped rules."""
    shutil.copy(CONFIG / "alerts.toml", tmp_path)
    shutil.copytree(CONFIG / "strategies", tmp_path / "strategies")
    return tmp_path


def names(rules: RuleFile) -> list[str]:
    """Names of the strategies in force."""
    return [strategy.name for strategy in rules.rules.book.strategies]


def edit(path: Path, old: str, new: str) -> None:
    """Change a file as an editor does."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_rules_are_read_again_when_any_of_their_files_changes(folder: Path) -> None:
    """A strategy file named later is read, and its own changes are seen; a mistake changes none."""
    rules = RuleFile(folder / "alerts.toml")
    rules.load()
    assert not rules.reload_when_changed()
    before = len(names(rules))
    edit(
        folder / "alerts.toml", "strategy_files = []", 'strategy_files = ["strategies/tarot.toml"]'
    )
    assert rules.reload_when_changed()
    assert len(names(rules)) > before
    first = rules.rules.book.strategies[0]
    edit(folder / "strategies/tarot.toml", f"rank = {first.rank}", f"rank = {first.rank + 1}")
    assert rules.reload_when_changed()
    assert rules.rules.book.strategies[0].rank == first.rank + 1
    edit(folder / "alerts.toml", "max_error_deg", "max_eror_deg")
    with pytest.raises(ConfigurationError, match="max_eror_deg"):
        rules.reload_when_changed()
    assert rules.rules.book.strategies[0].rank == first.rank + 1
    assert not rules.reload_when_changed(), "a mistake is told once"


def test_a_switched_default_survives_edits_and_a_restart(folder: Path) -> None:
    """Switched by name, kept over the file's next edit and a new start, taken off again."""
    kept = folder / "data" / "changes.json"
    rules = RuleFile(folder / "alerts.toml", kept=kept)
    assert rules.rules.book.default == "other"
    assert "grb-wide" in rules.switch("grb-wide")
    with pytest.raises(ConfigurationError, match="no strategy 'nonsense'"):
        rules.switch("nonsense")
    edit(folder / "alerts.toml", "max_error_deg = 30.0", "max_error_deg = 20.0")
    assert rules.reload_when_changed()
    assert (rules.rules.book.default, rules.rules.gate.max_error_deg) == ("grb-wide", 20.0)
    again = RuleFile(folder / "alerts.toml", kept=kept)
    assert again.rules.book.default == "grb-wide"
    again.back_to_files()
    assert again.rules.book.default == "other"
    assert RuleFile(folder / "alerts.toml", kept=kept).rules.book.default == "other"


class Handler(Actor):
    """Changes strategies as the alert handler does."""

    def __init__(self, rules: RuleFile) -> None:
        super().__init__()
        self.rules = rules

    async def on_receive(self, message: Message) -> str:
        """Change, or refuse with the reason."""
        assert isinstance(message, ChangeStrategies)
        try:
            return self.rules.change(message.raw)
        except ConfigurationError as error:
            raise Rejected(str(error)) from error


@pytest.mark.asyncio
async def test_a_science_centres_files_are_taken_once_and_refused_with_reason(
    system: ActorSystem, folder: Path
) -> None:
    """A good file changes the default and lies in `taken`; a bad one in `refused` with its why."""
    rules = RuleFile(folder / "alerts.toml")
    handler = await system.spawn(ChildSpec(name="handler", factory=lambda: Handler(rules)))
    inbox = folder / "FROM"
    inbox.mkdir()
    (inbox / "1.json").write_text('{"default_strategy": "neutrino"}')
    (inbox / "2.json").write_text('{"default_strategy": "none of ours"}')
    (inbox / "notes.txt").write_text("not for us")
    await system.spawn(
        ChildSpec(name="inbox", factory=lambda: StrategyInbox(path=inbox, handler=handler))
    )
    await asyncio.sleep(12.0)  # of virtual time
    assert rules.rules.book.default == "neutrino"
    assert (inbox / "taken" / "1.json").exists()
    assert "no strategy" in (inbox / "refused" / "2.json.reason.txt").read_text()
    assert (inbox / "notes.txt").exists()
