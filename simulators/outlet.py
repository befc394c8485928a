"""The outlet of a simulated device: its description, state, properties, events and replies on MQTT.

Lean on purpose: a property is published when it has left its dead-band, and otherwise just often
enough that it never becomes stale. Everything retained is published again whenever the link comes
up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.mqtt.message import MqttMessage
from protocols.mqtt.session import Publish
from protocols.payloads import (
    DescriptionPayload,
    DeviceStatePayload,
    PropertyDescription,
    PropertyPayload,
    ReplyPayload,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from protocols.device_table import PropertyRow
    from protocols.payloads import DeviceEvent, Value
    from protocols.topics import DeviceTopics
    from pyros.actor import ActorRef

FRESH_SHARE = 0.9
"""A value is published again before this share of its time to live is over."""
PHASES = 3
"""Repetitions of a device's properties are spread over so many periods: it is never long silent."""


class Outlet:
    """What one device publishes.

    Args:
        topics: The device's topics.
        mqtt: The session that carries them.
        boot: Boot id of the process, in description and state.
        rows: The device's properties.
        dead_bands: Smallest change that is worth a message, by property; any change without one.
        period_s: How often the device looks at itself.
    """

    def __init__(
        self,
        topics: DeviceTopics,
        *,
        mqtt: ActorRef[Any],
        boot: str,
        rows: Mapping[str, PropertyRow],
        dead_bands: Mapping[str, float],
        period_s: float,
    ) -> None:
        self._topics = topics
        self._mqtt = mqtt
        self._boot = boot
        self._rows = rows
        self._dead_bands = dead_bands
        self._period_s = period_s
        self._keep_s = {name: FRESH_SHARE * row.ttl_s - period_s for name, row in rows.items()}
        self._said: dict[str, tuple[Value, float]] = {}
        self._life: tuple[str, str] | None = None
        self._seq = 0

    def forget(self) -> None:
        """Have everything said again: the broker may have lost it."""
        self._said.clear()
        self._life = None

    def describe(self, description: DescriptionPayload) -> None:
        """Publish what the device is."""
        self._retained(self._topics.description, encode(description))

    def offer(
        self, values: Mapping[str, Value], *, time_utc: datetime, unix_s: float, exact: bool = False
    ) -> None:
        """Publish those values that are worth it.

        Args:
            values: Current values by property.
            time_utc: When they were taken.
            unix_s: The same instant.
            exact: Ignore dead-bands: every difference is worth a message.
        """
        for place, (name, value) in enumerate(values.items()):
            said = self._said.get(name)
            if said is None:
                self._said[name] = (value, unix_s - place % PHASES * self._period_s)
            elif self._worth(name, value, said, unix_s, exact=exact):
                self._said[name] = (value, unix_s)
            else:
                continue
            self._seq += 1
            payload = PropertyPayload(v=value, u=self._rows[name].unit, t=time_utc, seq=self._seq)
            self._retained(self._topics.prop(name), encode(payload))

    def _worth(
        self, name: str, value: Value, said: tuple[Value, float], unix_s: float, *, exact: bool
    ) -> bool:
        old, said_s = said
        if unix_s - said_s >= self._keep_s[name]:
            return True
        if value == old:
            return False
        band = self._dead_bands.get(name)
        if exact or band is None or not _number(value) or not _number(old):
            return True
        return bool(abs(value - old) >= band)  # type: ignore[operator]  # both are numbers

    def live(self, life: Any, *, time_utc: datetime, reason: str = "") -> None:
        """Publish the device's state if it is another one than before."""
        if self._life == (life, reason):
            return
        self._life = (life, reason)
        payload = DeviceStatePayload(s=life, boot=self._boot, t=time_utc, reason=reason)
        self._retained(self._topics.state, encode(payload))

    def event(self, event: DeviceEvent) -> None:
        """Publish an event."""
        message = MqttMessage(topic=self._topics.event, payload=encode(event), qos=1)
        self._mqtt.tell(Publish(message=message))

    def reply(self, topic: str, correlation: bytes | None, payload: ReplyPayload) -> None:
        """Answer a command."""
        message = MqttMessage(topic=topic, payload=encode(payload), qos=1, correlation=correlation)
        self._mqtt.tell(Publish(message=message))

    def _retained(self, topic: str, payload: bytes) -> None:
        message = MqttMessage(topic=topic, payload=payload, qos=1, retain=True)
        self._mqtt.tell(Publish(message=message))


def property_descriptions(rows: Mapping[str, PropertyRow]) -> dict[str, PropertyDescription]:
    """The rows of the device table as they stand in a description."""
    return {
        name: PropertyDescription(u=row.unit, type=row.type, ttl_s=row.ttl_s)
        for name, row in rows.items()
    }


def _number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
