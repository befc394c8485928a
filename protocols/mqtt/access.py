"""Who may connect, publish and subscribe: the hook a broker asks, and an open door as default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Access(Protocol):
    """Asked by the broker before it lets a client do something."""

    def may_connect(self, client_id: str, username: str | None, password: bytes | None) -> bool:
        """Whether the client may connect with these credentials."""
        ...

    def may_publish(self, client_id: str, topic: str) -> bool:
        """Whether the client may publish to the topic."""
        ...

    def may_subscribe(self, client_id: str, topic_filter: str) -> bool:
        """Whether the client may subscribe to the filter."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccess:
    """Everyone may do everything, except what is listed: right for a broker on loopback.

    Attributes:
        refused_filters: Topic filters, literally, that nobody may subscribe to.
        refused_topics: First levels that nobody may publish below; `$SYS` is the broker's own.
    """

    refused_filters: tuple[str, ...] = ()
    refused_topics: tuple[str, ...] = ("$SYS",)

    def may_connect(self, client_id: str, username: str | None, password: bytes | None) -> bool:
        """Anyone may connect."""
        del client_id, username, password
        return True

    def may_publish(self, client_id: str, topic: str) -> bool:
        """Anyone may publish, but not into the refused trees."""
        del client_id
        return topic.partition("/")[0] not in self.refused_topics

    def may_subscribe(self, client_id: str, topic_filter: str) -> bool:
        """Anyone may subscribe, but not to the refused filters."""
        del client_id
        return topic_filter not in self.refused_filters
