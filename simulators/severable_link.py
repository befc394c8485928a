"""The cable to the broker: a scenario can cut it, and all simulated devices are gone at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from protocols.mqtt.connection import MqttLinkError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from protocols.mqtt.connection import MqttLink
    from protocols.mqtt.message import MqttMessage
    from simulators.faults import FaultBoard


class CutLink:
    """A link through a cut cable: it never connects."""

    client_id = ""
    confirms_at_once = False

    async def connect(self) -> None:
        """Fail.

        Raises:
            MqttLinkError: Always, as every method that needs a connection.
        """
        self._fail()

    async def disconnect(self) -> None:
        """Nothing is connected."""

    def abort(self) -> None:
        """Nothing is connected."""

    async def publish(self, message: MqttMessage) -> None:
        """Fail."""
        del message
        self._fail()

    async def subscribe(self, topic_filter: str, *, qos: int = 1) -> None:
        """Fail."""
        del topic_filter, qos
        self._fail()

    async def unsubscribe(self, topic_filter: str) -> None:
        """Fail."""
        del topic_filter
        self._fail()

    def messages(self) -> AsyncIterator[MqttMessage]:
        """Fail."""
        self._fail()

    def _fail(self) -> NoReturn:
        raise MqttLinkError("cable to the broker is cut (simulated); repair the fault")


class LinkCutter:
    """Makes links while the cable is whole, and cuts the one in use.

    Args:
        make_link: Makes a real connection.
        faults: The board that says when the link is down.
    """

    def __init__(self, make_link: Callable[[], MqttLink], faults: FaultBoard) -> None:
        self._make_link = make_link
        self._faults = faults
        self._current: MqttLink | None = None

    def __call__(self) -> MqttLink:
        """A new link."""
        self._current = CutLink() if self._faults.link_down else self._make_link()
        return self._current

    def cut(self) -> None:
        """Cut the link in use, if there is one."""
        if self._current is not None:
            self._current.abort()
