"""What an event does to the live model: put a cell, drop a cell, append to a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """The cell `key` has this value now: the last one wins.

    Attributes:
        key: Path of the cell, e.g. `mode` or `devices/t1/dome`.
        value: JSON-able; whoever puts it changes it no more.
    """

    key: str
    value: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """The cell `key` is no more."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Something happened: each item of a stream reaches each client, in order.

    Attributes:
        stream: `log` or `trend`.
        item: JSON-able.
    """

    stream: str
    item: Json


Change = Put | Drop | Append
