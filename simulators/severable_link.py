"""A broker link that a scenario can cut: all simulated devices lose the broker at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.mqtt.connection import MqttLinkError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from protocols.mqtt.connection import MqttLink
    from protocols.mqtt.message import MqttMessage
    from simulators.faults import FaultBoard


class SeverableLink:
    """One connection that cannot come up while the board says that the link is down.

    Args:
        link: The real connection.
        faults: The board.
    """

    def __init__(self, link: MqttLink, faults: FaultBoard) -> None:
        self._link = link
        self._faults = faults

    @property
    def client_id(self) -> str:
        """The name the broker knows this connection by."""
        return self._link.client_id

    async def connect(self) -> None:
        """Open the connection, unless it is cut."""
        if self._faults.link_down:
            raise MqttLinkError("cable to the broker is cut (simulated); repair the fault")
        await self._link.connect()

    async def disconnect(self) -> None:
        """Close it in order."""
        await self._link.disconnect()

    def abort(self) -> None:
        """Cut it."""
        self._link.abort()

    async def publish(self, message: MqttMessage) -> None:
        """Send a message."""
        await self._link.publish(message)

    async def subscribe(self, topic_filter: str, *, qos: int = 1) -> None:
        """Ask for the messages of a filter."""
        await self._link.subscribe(topic_filter, qos=qos)

    async def unsubscribe(self, topic_filter: str) -> None:
        """Ask no longer for them."""
        await self._link.unsubscribe(topic_filter)

    def messages(self) -> AsyncIterator[MqttMessage]:
        """The messages as they arrive."""
        return self._link.messages()


class LinkCutter:
    """Makes links and cuts the current one.

    Args:
        make_link: Makes a real connection.
        faults: The board that says when the link is down.
    """

    def __init__(self, make_link: Callable[[], MqttLink], faults: FaultBoard) -> None:
        self._make_link = make_link
        self._faults = faults
        self._current: SeverableLink | None = None

    def __call__(self) -> MqttLink:
        """A new link."""
        self._current = SeverableLink(self._make_link(), self._faults)
        return self._current

    def cut(self) -> None:
        """Cut the current link, if there is one."""
        if self._current is not None:
            self._current.abort()
