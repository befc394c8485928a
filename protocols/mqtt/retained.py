"""The retained messages: the last value of each topic, found by filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocols.mqtt.publication import Publication


class _Node:
    __slots__ = ("children", "kept")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.kept: Publication | None = None


class RetainedMessages:
    """Last values in a tree of topic levels.

    Args:
        max_messages: Bound on topics kept.
        max_bytes: Bound on the payload bytes of all of them.
    """

    def __init__(self, *, max_messages: int, max_bytes: int = 1 << 62) -> None:
        self._root = _Node()
        self._known: dict[str, _Node] = {}  # where each kept topic hangs: most are stored again
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._count = 0
        self._bytes = 0

    def __len__(self) -> int:
        return self._count

    def store(self, publication: Publication) -> bool:
        """Keep it as its topic's last value; an empty payload clears the topic.

        Returns:
            False when there is no room for it: the topic then keeps nothing, since an outdated
            value would be taken for the last one.
        """
        topic = publication.topic
        if not publication.payload:
            self._clear(topic)
            return True
        node = self._known.get(topic)
        old = None if node is None else node.kept
        freed = 0 if old is None else len(old.payload)
        size = self._bytes - freed + len(publication.payload)
        if size > self._max_bytes or (old is None and self._count >= self._max_messages):
            self._clear(topic)
            return False
        if node is None:
            node = self._known[topic] = self._grow(topic.split("/"))
        self._count += old is None
        self._bytes = size
        node.kept = publication
        return True

    def matching(self, topic_filter: str, now_s: float) -> list[Publication]:
        """The live last values of a plain filter, those that expired forgotten."""
        found: list[Publication] = []
        expired: list[Publication] = []
        for kept in self._walk(self._root, topic_filter.split("/"), 0):
            (expired if kept.expires_s <= now_s else found).append(kept)
        for kept in expired:
            self._clear(kept.topic)
        return found

    def _grow(self, levels: list[str]) -> _Node:
        """The node of a topic, made when missing."""
        node = self._root
        for level in levels:
            child = node.children.get(level)
            if child is None:
                child = node.children[level] = _Node()
            node = child
        return node

    def _walk(self, node: _Node, wanted: list[str], position: int) -> Iterator[Publication]:
        if position == len(wanted):
            if node.kept is not None:
                yield node.kept
            return
        level = wanted[position]
        if level == "#":
            yield from self._below(node, hidden=position == 0)
        elif level == "+":
            for name, child in node.children.items():
                if position > 0 or not name.startswith("$"):
                    yield from self._walk(child, wanted, position + 1)
        elif (exact := node.children.get(level)) is not None:
            yield from self._walk(exact, wanted, position + 1)

    def _below(self, node: _Node, *, hidden: bool) -> Iterator[Publication]:
        """The node's value and all below it; at the root, `$` topics stay hidden."""
        if node.kept is not None:
            yield node.kept
        for name, child in node.children.items():
            if not (hidden and name.startswith("$")):
                yield from self._below(child, hidden=False)

    def _clear(self, topic: str) -> None:
        if self._known.pop(topic, None) is None:
            return
        path: list[tuple[_Node, str]] = []
        node = self._root
        for level in topic.split("/"):
            path.append((node, level))
            node = node.children[level]
        if node.kept is not None:
            self._bytes -= len(node.kept.payload)
            self._count -= 1
            node.kept = None
        for parent, level in reversed(path):
            child = parent.children[level]
            if child.kept is not None or child.children:
                break
            del parent.children[level]
