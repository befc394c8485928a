"""One MQTT connection as actors see it: the seam between PyROS and its transports.

Two implementations: `protocols.mqtt.link.AiomqttLink` over sockets and
`protocols.mqtt.memory.MemoryLink` on a router in the same process, for virtual time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pyros.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from protocols.mqtt.message import MqttMessage


class MqttLinkError(TransientError):
    """The broker cannot be reached, refused, or the connection was lost: connect again later."""


class MqttRefusedError(MqttLinkError):
    """The broker refused one request; the connection itself goes on."""


class MqttLink(Protocol):
    """One connection to a broker; build a new one for every connection.

    Every method raises `MqttLinkError` when the connection is not there or is lost meanwhile.

    Attributes:
        confirms_at_once: Whether `publish` returns without waiting for anything, so that there is
            nothing to gain from publishing several messages at a time.
    """

    confirms_at_once: bool

    @property
    def client_id(self) -> str:
        """The name the broker knows this connection by."""
        ...

    async def connect(self) -> None:
        """Open the connection and wait for the broker's consent."""
        ...

    async def disconnect(self) -> None:
        """Close it in order: the broker discards the will. Does nothing when not connected."""
        ...

    def abort(self) -> None:
        """Cut it, as a crash does: the broker publishes the will."""
        ...

    async def publish(self, message: MqttMessage) -> None:
        """Send a message; for QoS 1 and 2 returns when the broker has acknowledged it."""
        ...

    async def subscribe(self, topic_filter: str, *, qos: int = 1) -> None:
        """Ask for the messages of a filter, retained ones first.

        Raises:
            MqttRefusedError: When the broker refuses the filter.
        """
        ...

    async def unsubscribe(self, topic_filter: str) -> None:
        """Ask no longer for the messages of a filter."""
        ...

    def messages(self) -> AsyncIterator[MqttMessage]:
        """The messages as they arrive; ends by raising `MqttLinkError` when the link is lost."""
        ...
