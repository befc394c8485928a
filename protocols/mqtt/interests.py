"""Who in this process wants which topics, and what the broker has still to be told of it."""

from __future__ import annotations

from typing import Generic, TypeVar

from protocols.mqtt.subscriptions import Subscription, SubscriptionIndex

K = TypeVar("K")


class Interests(Generic[K]):
    """Subscriptions of many subscribers over one connection. `K` stands for a subscriber."""

    def __init__(self) -> None:
        self._index: SubscriptionIndex[K] = SubscriptionIndex()
        self._wanted: dict[str, dict[K, int]] = {}
        self._kept: dict[str, int] = {}
        self._changed: dict[str, None] = {}

    def keep(self, topic_filter: str, *, qos: int) -> None:
        """Subscribe for the session itself."""
        self._kept[topic_filter] = qos
        self._changed[topic_filter] = None

    def add(self, topic_filter: str, subscriber: K, *, qos: int) -> bool:
        """Add a subscriber to a filter; whether it is the subscriber's first."""
        first = not self._subscribed(subscriber)
        self._wanted.setdefault(topic_filter, {})[subscriber] = qos
        self._index.add(subscriber, Subscription(topic_filter=topic_filter, qos=qos))
        self._changed[topic_filter] = None
        return first

    def remove(self, topic_filter: str, subscriber: K) -> bool:
        """Take a subscriber off a filter; whether it was the subscriber's last."""
        subscribers = self._wanted.get(topic_filter)
        if subscribers is None or subscribers.pop(subscriber, None) is None:
            return False
        self._index.remove(subscriber, topic_filter)
        if not subscribers:
            del self._wanted[topic_filter]
            self._changed[topic_filter] = None
        return not self._subscribed(subscriber)

    def forget(self, subscriber: K) -> None:
        """Take a subscriber off every filter."""
        for topic_filter in tuple(self._wanted):
            self.remove(topic_filter, subscriber)

    def of(self, topic: str) -> list[K]:
        """Who wants a topic, each once, in order of subscription."""
        return [route.client for route in self._index.match(topic).routes]

    def renew(self) -> None:
        """A new connection knows nothing: everything wanted is to be told again, nothing else."""
        self._changed = dict.fromkeys((*self._kept, *self._wanted))

    def next_change(self) -> tuple[str, int | None] | None:
        """A filter the broker is to be told of and its QoS, None to unsubscribe; None when none."""
        if not self._changed:
            return None
        topic_filter = next(iter(self._changed))
        del self._changed[topic_filter]
        wishes = [*self._wanted.get(topic_filter, {}).values()]
        if topic_filter in self._kept:
            wishes.append(self._kept[topic_filter])
        return topic_filter, max(wishes, default=None)

    def _subscribed(self, subscriber: K) -> bool:
        return any(subscriber in subscribers for subscribers in self._wanted.values())
