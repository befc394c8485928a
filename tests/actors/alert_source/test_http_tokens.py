"""Tokens for HTTP POST: where they may stand, and what is wrong with them in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from actors.alert_source.http_tokens import RESERVED, load_tokens
from actors.alert_source.settings import HttpTokenSettings
from pyros.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "Yk3v0pXo2cQm5r8uTz1wB4eH7jL9nP6s"


def by_file(tmp_path: Path, text: str = GOOD, *, mode: int = 0o600) -> HttpTokenSettings:
    """A row whose token stands in a file."""
    path = tmp_path / "institute.token"
    path.write_text(text)
    path.chmod(mode)
    return HttpTokenSettings(name="institute", token_file=path.name)


def by_variable(name: str = "institute", variable: str = "TOKEN") -> HttpTokenSettings:
    """A row whose token is in the environment."""
    return HttpTokenSettings(name=name, token_variable=variable)


def test_token_is_read_from_a_private_file_or_the_environment(tmp_path: Path) -> None:
    """Blanks around it do not count; it is found again, and only whole."""
    rows = [by_file(tmp_path, f"{GOOD}\n"), by_variable("amateurs")]
    tokens = load_tokens(rows, tmp_path, {"TOKEN": GOOD[::-1]})
    assert tokens.sources == ("institute", "amateurs")
    assert tokens.source_of(GOOD) == "institute"
    assert tokens.source_of(GOOD[::-1]) == "amateurs"
    for wrong in ("", GOOD[:-1], GOOD + "x", GOOD.lower(), "\udc80"):
        assert tokens.source_of(wrong) is None
    assert GOOD not in repr(tokens)


def test_no_rows_are_no_tokens(tmp_path: Path) -> None:
    """Without any, nobody's token is taken."""
    tokens = load_tokens([], tmp_path, {})
    assert not tokens
    assert tokens.source_of("") is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """Readable or writable by group or others: the mode and the remedy are told."""
    with pytest.raises(ConfigurationError, match=rf"mode {mode:03o}\); chmod 600"):
        load_tokens([by_file(tmp_path, mode=mode)], tmp_path, {})


@pytest.mark.parametrize(
    "text", ["", "\n", "short", "x" * 23, "x" * 513, "x" * 20 + " " + "y" * 20]
)
def test_weak_or_broken_token_is_refused_without_telling_it(tmp_path: Path, text: str) -> None:
    """Too short, too long or with blanks; the message has its length, never the token."""
    with pytest.raises(ConfigurationError, match="openssl rand -base64 32") as told:
        load_tokens([by_file(tmp_path, text)], tmp_path, {})
    assert "xxxx" not in str(told.value)
    assert "short" not in str(told.value)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_name_of_another_source_is_refused(tmp_path: Path, name: str) -> None:
    """No token may speak with the trust of the operator, of injected tests or of another way in."""
    with pytest.raises(ConfigurationError, match="another way in"):
        load_tokens([by_variable(name)], tmp_path, {"TOKEN": GOOD})


@pytest.mark.parametrize("name", ["", "Institute", "a b", "-a", "../x", "a" * 41])
def test_name_must_be_an_id(tmp_path: Path, name: str) -> None:
    """It is part of paths of actors and of the journal."""
    with pytest.raises(ConfigurationError, match="a name is 1 to 40"):
        load_tokens([by_variable(name)], tmp_path, {"TOKEN": GOOD})


def test_what_is_missing_or_given_twice_is_refused(tmp_path: Path) -> None:
    """No place, two places, no file, no variable, one name twice, one token twice: all told."""
    both = HttpTokenSettings(name="a", token_file="a", token_variable="A")  # noqa: S106 - names
    gone = HttpTokenSettings(name="a", token_file="gone")  # noqa: S106 - a name
    cases: list[tuple[list[HttpTokenSettings], str]] = [
        ([HttpTokenSettings(name="a")], "one of the two"),
        ([both], "one of the two"),
        ([gone], "create the file, mode 600"),
        ([by_variable(variable="UNSET")], "UNSET is not set"),
        ([by_variable(), by_variable(variable="OTHER")], "given twice"),
        ([by_variable(), by_variable("amateurs")], "another source has the same token"),
    ]
    for rows, words in cases:
        with pytest.raises(ConfigurationError, match=words):
            load_tokens(rows, tmp_path, {"TOKEN": GOOD, "OTHER": GOOD[::-1]})
