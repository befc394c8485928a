"""Configuration files: what is wrong is named with place, value and remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from pyros.app.toml_file import load_toml
from pyros.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


class Dome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    closing_s: float = 60.0


class Telescope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    dome: Dome = Dome()


class Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    latitude_deg: float
    telescope: tuple[Telescope, ...] = ()


def refused(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_toml(path, Site)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_load_toml_reads_a_right_file(tmp_path: Path) -> None:
    """A right file becomes typed settings, defaults filled in."""
    path = tmp_path / "site.toml"
    path.write_text('latitude_deg = 31.0\n[[telescope]]\nid = "t1"\n')
    assert load_toml(path, Site) == Site(latitude_deg=31.0, telescope=(Telescope(id="t1"),))


def test_load_toml_names_the_nearest_key(tmp_path: Path) -> None:
    """A misspelt key is refused with its line and the right name."""
    path = tmp_path / "site.toml"
    text = refused(path, "# site\nlattitude_deg = 31.0\n")
    assert text == f"{path}:2: unknown key 'lattitude_deg'; did you mean 'latitude_deg'?"


def test_load_toml_names_the_nearest_key_in_a_nested_table(tmp_path: Path) -> None:
    """The same holds inside tables of an array of tables."""
    path = tmp_path / "site.toml"
    text = refused(
        path, 'latitude_deg = 1.0\n[[telescope]]\nid = "t1"\n[telescope.dome]\nclosing = 2.0\n'
    )
    assert text.startswith(f"{path}:5: unknown key")
    assert "did you mean 'closing_s'?" in text


def test_load_toml_names_a_wrong_value(tmp_path: Path) -> None:
    """A value of the wrong type is shown with file, line and key."""
    path = tmp_path / "site.toml"
    text = refused(path, 'latitude_deg = "north"\n')
    assert text.startswith(f"{path}:1: latitude_deg = 'north':")
    assert "float" in text


def test_load_toml_names_a_missing_key(tmp_path: Path) -> None:
    """A key without a default must be given."""
    assert "needs the key 'latitude_deg'" in refused(tmp_path / "site.toml", "")


def test_load_toml_explains_bad_syntax_and_missing_files(tmp_path: Path) -> None:
    """Not TOML, or not there: one line, with the file's name."""
    assert "not valid TOML" in refused(tmp_path / "site.toml", "latitude_deg = \n")
    with pytest.raises(ConfigurationError, match=r"none\.toml: no such file"):
        load_toml(tmp_path / "none.toml", Site)
