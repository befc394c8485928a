"""The live model: all that the pages show now, as plain JSON-able cells with version numbers.

The gateway actor writes it, whoever serves pages reads it and listens; neither knows the other.
Cells are values (the last one wins) under paths such as `mode` or `devices/t1/dome`; streams are
events (each one counts) of which the newest are kept for those who come late.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, assert_never

import orjson

from actors.web_gateway.changes import Append, Change, Drop, Json, Put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Listener(Protocol):
    """Who wants to hear of changes; called in the loop's thread, must return at once."""

    def cell_changed(self, key: str) -> None:
        """The cell was put or dropped."""

    def item_appended(self, stream: str, encoded: bytes) -> None:
        """A stream grew by one item, given as JSON."""


@dataclass(slots=True)
class _Cell:
    value: Json
    version: int
    encoded: bytes | None = None


class LiveModel:
    """Cells and streams with one version number that grows with each change.

    Args:
        stream_lengths: How many items of each stream are kept for late comers; a stream that is not
            named keeps none.
    """

    def __init__(self, stream_lengths: Mapping[str, int] | None = None) -> None:
        self._cells: dict[str, _Cell] = {}
        self._streams: dict[str, deque[tuple[Json, bytes]]] = {
            name: deque(maxlen=length) for name, length in (stream_lengths or {}).items()
        }
        self._listeners: list[Listener] = []
        self._version = 0

    @property
    def version(self) -> int:
        """Number of changes so far."""
        return self._version

    @property
    def watched(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of every change from now on; call what is returned to end it."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def apply(self, changes: Iterable[Change]) -> None:
        """Carry out changes in order and tell the listeners."""
        for change in changes:
            match change:
                case Put(key=key, value=value):
                    self._put(key, value)
                case Drop(key=key):
                    self._drop(key)
                case Append(stream=stream, item=item):
                    self._append(stream, item)
                case _:
                    assert_never(change)

    def get(self, key: str) -> Json:
        """The cell's value, None when there is no such cell."""
        cell = self._cells.get(key)
        return None if cell is None else cell.value

    def record(self, key: str) -> dict[str, Json]:
        """The cell's value when it is an object, else an empty one."""
        value = self.get(key)
        return value if isinstance(value, dict) else {}

    def under(self, prefix: str) -> dict[str, Json]:
        """Cells whose path begins with `prefix/`, by the rest of their path, oldest first."""
        start = prefix + "/"
        return {
            key[len(start) :]: cell.value
            for key, cell in self._cells.items()
            if key.startswith(start)
        }

    def paths(self) -> list[str]:
        """Paths of all cells."""
        return list(self._cells)

    def stream(self, name: str) -> list[Json]:
        """The newest items of a stream, oldest first."""
        return [item for item, _ in self._streams.get(name, ())]

    def encoded_stream(self, name: str) -> bytes:
        """The newest items of a stream as a JSON array, each encoded once for all readers."""
        return b"[" + b",".join(text for _, text in self._streams.get(name, ())) + b"]"

    def encoded(self, key: str) -> bytes:
        """The cell as JSON, encoded once for all readers; `null` when there is no such cell."""
        cell = self._cells.get(key)
        if cell is None:
            return b"null"
        if cell.encoded is None:
            cell.encoded = orjson.dumps(cell.value)
        return cell.encoded

    def _put(self, key: str, value: Json) -> None:
        cell = self._cells.get(key)
        if cell is not None and cell.value == value:
            return
        self._version += 1
        self._cells[key] = _Cell(value, self._version)
        for listener in tuple(self._listeners):
            listener.cell_changed(key)

    def _drop(self, key: str) -> None:
        if self._cells.pop(key, None) is None:
            return
        self._version += 1
        for listener in tuple(self._listeners):
            listener.cell_changed(key)

    def _append(self, stream: str, item: Json) -> None:
        self._version += 1
        kept = self._streams.get(stream)
        encoded = orjson.dumps(item)
        if kept is not None:
            kept.append((item, encoded))
        for listener in tuple(self._listeners):
            listener.item_appended(stream, encoded)
