"""The subscription index: a tree of topic levels that answers who receives a topic, and how.

Answers are remembered by topic until a subscription changes, since an observatory publishes the
same few hundred topics all night.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from protocols.mqtt.topic_filter import split_share

K = TypeVar("K")

_REMEMBERED_TOPICS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription of one client, with its MQTT 5 options.

    Attributes:
        topic_filter: As subscribed, with `$share/{group}/` if shared.
        qos: Highest quality of service granted.
        no_local: Do not send back what this client published itself.
        retain_as_published: Keep the publisher's retain flag on live messages.
        retain_handling: Retained messages: 0 always sent, 1 only for a new subscription, 2 never.
        identifier: Number sent along with each matching message; None without.
    """

    topic_filter: str
    qos: int = 1
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0
    identifier: int | None = None


@dataclass(slots=True, eq=False)
class Route(Generic[K]):
    """How one client receives one topic: its matching subscriptions merged into one delivery.

    Overlapping subscriptions give one message, at the highest of their qualities of service,
    carrying all their identifiers (MQTT 5.0 §3.3.4 allows either; one is what a device wants).
    """

    client: K
    subscriptions: tuple[Subscription, ...]
    qos: int = 0
    retain_as_published: bool = False
    identifiers: tuple[int, ...] = ()
    no_local: bool = False

    @classmethod
    def merged(cls, client: K, subscriptions: tuple[Subscription, ...]) -> Route[K]:
        """The route of subscriptions that all match."""
        return cls(
            client=client,
            subscriptions=subscriptions,
            qos=max(each.qos for each in subscriptions),
            retain_as_published=any(each.retain_as_published for each in subscriptions),
            identifiers=tuple(
                each.identifier for each in subscriptions if each.identifier is not None
            ),
            no_local=any(each.no_local for each in subscriptions),
        )

    def without_local(self) -> Route[K] | None:
        """The route for what the client published itself; None when it wants none of it."""
        rest = tuple(each for each in self.subscriptions if not each.no_local)
        return Route.merged(self.client, rest) if rest else None


@dataclass(slots=True, eq=False)
class ShareGroup(Generic[K]):
    """The members of one shared subscription, served in turn."""

    members: dict[K, Subscription] = field(default_factory=dict)
    turn: int = 0

    def in_turn(self) -> list[tuple[K, Subscription]]:
        """The members in the order in which they are to be tried now; advances the turn."""
        members = list(self.members.items())
        start = self.turn % len(members)
        self.turn = start + 1
        return members[start:] + members[:start]


@dataclass(slots=True, eq=False)
class Match(Generic[K]):
    """Who receives a topic: clients by their own subscriptions, and share groups."""

    routes: list[Route[K]]
    groups: list[ShareGroup[K]]


class _Node(Generic[K]):
    __slots__ = ("children", "groups", "subscribers")

    def __init__(self) -> None:
        self.children: dict[str, _Node[K]] = {}
        self.subscribers: dict[K, Subscription] = {}
        self.groups: dict[str, ShareGroup[K]] = {}

    def empty(self) -> bool:
        return not (self.children or self.subscribers or self.groups)


class SubscriptionIndex(Generic[K]):
    """All subscriptions of a broker. `K` is whatever stands for a client."""

    def __init__(self) -> None:
        self._root: _Node[K] = _Node()
        self._remembered: dict[str, Match[K]] = {}

    def add(self, client: K, subscription: Subscription) -> None:
        """Add or replace the client's subscription of that filter."""
        self._remembered.clear()
        group, plain = split_share(subscription.topic_filter)
        node = self._root
        for level in plain.split("/"):
            child = node.children.get(level)
            if child is None:
                child = node.children[level] = _Node()
            node = child
        if group is None:
            node.subscribers[client] = subscription
        else:
            node.groups.setdefault(group, ShareGroup()).members[client] = subscription

    def remove(self, client: K, topic_filter: str) -> None:
        """Forget the client's subscription of that filter, if there is one."""
        self._remembered.clear()
        group, plain = split_share(topic_filter)
        path: list[tuple[_Node[K], str]] = []
        node = self._root
        for level in plain.split("/"):
            child = node.children.get(level)
            if child is None:
                return
            path.append((node, level))
            node = child
        if group is None:
            node.subscribers.pop(client, None)
        elif (share := node.groups.get(group)) is not None:
            share.members.pop(client, None)
            if not share.members:
                del node.groups[group]
        for parent, level in reversed(path):
            if not parent.children[level].empty():
                break
            del parent.children[level]

    def match(self, topic: str) -> Match[K]:
        """Everyone who receives this topic, in order of subscription within a filter."""
        found = self._remembered.get(topic)
        if found is None:
            found = self._find(topic)
            if len(self._remembered) >= _REMEMBERED_TOPICS:
                self._remembered.clear()
            self._remembered[topic] = found
        return found

    def _find(self, topic: str) -> Match[K]:
        matching: dict[K, list[Subscription]] = {}
        groups: list[ShareGroup[K]] = []
        for node in self._nodes(topic):
            for client, subscription in node.subscribers.items():
                matching.setdefault(client, []).append(subscription)
            groups.extend(node.groups.values())
        routes = [Route.merged(client, tuple(each)) for client, each in matching.items()]
        return Match(routes, groups)

    def _nodes(self, topic: str) -> list[_Node[K]]:
        levels = topic.split("/")
        reached: list[_Node[K]] = [self._root]
        matching: list[_Node[K]] = []
        for position, level in enumerate(levels):
            wildcards = position > 0 or not topic.startswith("$")
            following: list[_Node[K]] = []
            for node in reached:
                children = node.children
                if wildcards:
                    if (rest := children.get("#")) is not None:
                        matching.append(rest)
                    if (single := children.get("+")) is not None:
                        following.append(single)
                if (exact := children.get(level)) is not None:
                    following.append(exact)
            reached = following
        for node in reached:
            matching.append(node)
            if (rest := node.children.get("#")) is not None:
                matching.append(rest)
        return matching
