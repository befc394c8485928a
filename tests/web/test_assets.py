"""The static files: pinned, small, self-sufficient, and the same words in each language."""

from __future__ import annotations

import hashlib
import re
import tomllib

import pytest

from actors.alert_handler.trace import STAGES
from web.assets import STATIC, load_assets

BUDGET_GZIPPED = 120_000


def source_files() -> list[str]:
    """All our own scripts and styles."""
    return sorted(
        path.relative_to(STATIC).as_posix()
        for path in STATIC.rglob("*")
        if path.suffix in {".js", ".css", ".html"} and "vendor" not in path.parts
    )


def test_vendored_files_are_those_of_the_lock() -> None:
    """Every vendored file has its sum, how it is made, and a licence that is there."""
    vendor = STATIC / "vendor"
    lock = tomllib.loads((vendor / "vendor.lock").read_text("utf-8"))
    for entry in lock["file"]:
        body = (vendor / entry["path"]).read_bytes()
        assert hashlib.sha256(body).hexdigest() == entry["sha256"], entry["path"]
        assert entry["made_by"]
    shipped = {path.name for path in vendor.iterdir() if path.suffix in {".js", ".css"}}
    assert shipped == {entry["path"] for entry in lock["file"]} | {"ui.entry.js"}
    for package in lock["package"]:
        assert package["licence"] in {"MIT", "Apache-2.0"}
        assert (vendor / package["licence_file"]).read_text("utf-8").strip()


def test_first_visit_stays_within_its_budget() -> None:
    """Everything the page may load is at most 120 kB compressed."""
    assert load_assets().gzipped_bytes <= BUDGET_GZIPPED


def test_address_changes_with_any_byte(tmp_path: object) -> None:
    """Two versions never share an address; the same files always do."""
    root = type(STATIC)(str(tmp_path))
    (root / "index.html").write_text("<link href='{{assets}}/a.js'>")
    (root / "a.js").write_text("1")
    first = load_assets(root)
    assert load_assets(root).prefix == first.prefix
    assert first.prefix.encode() in first.page.body
    (root / "a.js").write_text("2")
    assert load_assets(root).prefix != first.prefix


@pytest.mark.parametrize("name", source_files())
def test_source_is_ours_short_and_stays_on_site(name: str) -> None:
    """No file is over 400 lines, none names another site, none needs an unsafe policy."""
    text = (STATIC / name).read_text("utf-8")
    assert text.count("\n") <= 400
    assert not re.findall(r"(?<!w3\.org/)(?:https?:)?//[a-z0-9-]+\.[a-z]{2,}", text)
    assert not re.search(r"\beval\(|new Function|innerHTML|dangerouslySetInnerHTML", text)


def words(code: str) -> dict[str, str]:
    """The catalogue of a language."""
    text = (STATIC / "locales" / f"{code}.js").read_text("utf-8")
    return dict(re.findall(r'"([^"]+)": "((?:[^"\\]|\\.)*)"', text))


def test_languages_have_the_same_words() -> None:
    """Each key is in both catalogues, with the same places to fill in, and none is empty."""
    english, french = words("en"), words("fr")
    assert len(english) > 200
    assert set(english) == set(french)
    for key, text in english.items():
        assert text.strip(), key
        assert french[key].strip(), key
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", french[key])), key


def test_every_word_used_exists_and_every_word_is_used() -> None:
    """A key that is asked for is in the catalogue; one that nobody asks for is gone."""
    known = words("en")
    scripts = "".join((STATIC / n).read_text("utf-8") for n in source_files() if "locales" not in n)
    asked = set(re.findall(r'\bt\(\s*"([^"]+)"', scripts))
    assert asked <= set(known), asked - set(known)
    groups = set(re.findall(r'\bword\(\s*"([^"]+)"', scripts))
    built = [
        re.compile(".+".join(re.escape(part) for part in re.split(r"\$\{[^}]*\}", template)))
        for template in re.findall(r"\bt\(`([^`]+)`", scripts)
    ]
    for key in known:
        made = key.split(".")[0] in groups or any(pattern.fullmatch(key) for pattern in built)
        assert made or f'"{key}"' in scripts, f"{key} is used nowhere"


def test_page_shows_every_stage_of_an_alert_in_order() -> None:
    """The page's stages are those the alert handler measures, each with a word."""
    script = (STATIC / "parts" / "alerts.js").read_text("utf-8")
    order = re.search(r"const ORDER = \[(.*?)\];", script, re.DOTALL)
    assert order is not None
    assert tuple(re.findall(r'"([^"]+)"', order.group(1))) == STAGES
    assert {f"stage.{stage}" for stage in STAGES} <= set(words("en"))
