"""Reads TOML files into typed settings, and explains what is wrong with them in one line each.

Unknown keys are refused with the nearest right name, impossible values with their place: file,
line, key, value, remedy. Nothing is half read: a file is right as a whole or refused.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import msgspec

from pyros.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
_AT = re.compile(r" - at `\$?(?P<path>[^`]*)`\Z")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]+)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>[^`]+)`")


def load_toml(path: Path, kind: type[T]) -> T:
    """The typed content of a TOML file.

    Args:
        path: The file.
        kind: A msgspec Struct type (unknown fields forbidden).

    Raises:
        ConfigurationError: When the file is missing, is not TOML, or does not fit `kind`.
    """
    return convert_toml(path, parse_toml(path), kind)


def parse_toml(path: Path) -> dict[str, Any]:
    """The raw content of a TOML file.

    Raises:
        ConfigurationError: When the file is missing, unreadable, or not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{path}: no such file; give an existing one with --config, "
            "for example config/simulated/observatory.toml"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error


def convert_toml(path: Path, data: dict[str, Any], kind: type[T]) -> T:
    """`data`, read from `path`, as `kind`.

    Raises:
        ConfigurationError: When a key is unknown or missing or a value does not fit.
    """
    try:
        return msgspec.convert(data, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_explain(path, data, kind, str(error))) from error


def _explain(path: Path, data: dict[str, Any], kind: type, text: str) -> str:
    match = _AT.search(text)
    place = match["path"].lstrip(".") if match else ""
    problem = text[: match.start()] if match else text
    unknown = _UNKNOWN.search(problem)
    missing = _MISSING.search(problem)
    if unknown:
        key = unknown["key"]
        known = _field_names(kind, place)
        near = difflib.get_close_matches(key, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        dotted = f"{place}.{key}" if place else key
        return f"{_where(path, key)}: unknown key {dotted!r}; {remedy}"
    if missing:
        section = f"[{place}]" if place else "the file"
        return f"{path}: {section} needs the key {missing['key']!r}; add it"
    value = _value_at(data, place)
    key = re.split(r"[.\[]", place)[-1].rstrip("]")
    return f"{_where(path, key)}: {place} = {value!r}: {problem[0].lower()}{problem[1:]}"


def _where(path: Path, key: str) -> str:
    pattern = re.compile(rf"\s*(\[+[^\]]*\b{re.escape(key)}\]+|\"?{re.escape(key)}\"?\s*=)")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if pattern.match(line):
            return f"{path}:{number}"
    return str(path)


def _parts(place: str) -> list[str]:
    return [part for part in re.split(r"[.\[\]]+", place) if part]


def _value_at(data: Any, place: str) -> Any:
    for part in _parts(place):
        if isinstance(data, dict) and part in data:
            data = data[part]
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        else:
            return "..."
    return data


def _field_names(kind: Any, place: str) -> list[str]:
    for part in _parts(place):
        kind = _step(kind, part)
    found = _struct_in(kind)
    return [field.encode_name for field in msgspec.structs.fields(found)] if found else []


def _struct_in(kind: Any) -> Any:
    """The struct type inside a possibly optional or wrapped type."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    for argument in get_args(kind):
        found = _struct_in(argument)
        if found is not None:
            return found
    return None


def _step(kind: Any, part: str) -> Any:
    """The type one step down: a field of a struct, or the element of a container."""
    found = _struct_in(kind)
    if part.isdigit() or part == "..." or found is None:
        return kind
    for field in msgspec.structs.fields(found):
        if field.encode_name == part:
            return field.type
    return kind
