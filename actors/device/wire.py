"""What a device says on MQTT, as typed words; what is told to it, as MQTT messages. Pure.

The only place in a device actor that knows topics and payloads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from protocols.mqtt import TRACEPARENT, MqttMessage
from protocols.payloads import (
    BridgeState,
    CommandPayload,
    DescriptionPayload,
    DeviceStatePayload,
    FirstPhotonEvent,
    FrameEvent,
    PayloadError,
    PropertyPayload,
    ReplyPayload,
    decode,
    encode,
)

if TYPE_CHECKING:
    from actors.device.commands import Pending
    from protocols.topics import SiteTopics


@dataclass(frozen=True, slots=True)
class PropertyWord:
    """A property's value: its name and payload."""

    name: str
    payload: PropertyPayload


Word = (
    PropertyWord
    | DescriptionPayload
    | DeviceStatePayload
    | BridgeState
    | ReplyPayload
    | FrameEvent
    | FirstPhotonEvent
)

_EXPIRY_S = 5


_EVENTS: msgspec.json.Decoder[FrameEvent | FirstPhotonEvent] = msgspec.json.Decoder(
    FrameEvent | FirstPhotonEvent
)


def _event(topic: str, raw: bytes) -> FrameEvent | FirstPhotonEvent:
    """The event of a device, told apart by its tag."""
    try:
        return _EVENTS.decode(raw)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise PayloadError(f"{topic}: {error}; got {raw[:80]!r}; publish an event") from error


class DeviceWire:
    """Topics of one device, both ways.

    Args:
        topics: The site's topics.
        unit: Telescope id, or `site`.
        device: Device id.
    """

    def __init__(self, topics: SiteTopics, unit: str, device: str) -> None:
        self._site = topics
        self._topics = topics.device(unit, device)
        self.replies = topics.response(f"{unit}-{device}")
        """Topic on which the device's replies to this actor arrive."""
        self._prefix = self._topics.prop("")

    def filters(self) -> tuple[str, ...]:
        """Topic filters to listen to from the start."""
        topics = self._topics
        return (topics.description, topics.state, topics.props, topics.event, self.replies)

    def bridge_filter(self, bridge: str) -> str:
        """Topic of the process that owns the device."""
        return self._site.bridge_state(bridge)

    def read(self, topic: str, raw: bytes) -> Word | None:
        """The word a message carries; None for a topic that is none of the device's.

        Raises:
            PayloadError: When the payload does not fit, or holds a time without zone.
        """
        if topic.startswith(self._prefix):
            payload = decode(topic, raw, PropertyPayload)
            if payload.t.tzinfo is None:
                raise PayloadError(f"{topic}: time {payload.t} has no zone; publish UTC with Z")
            return PropertyWord(topic[len(self._prefix) :], payload)
        if topic == self.replies:
            return decode(topic, raw, ReplyPayload)
        if topic == self._topics.event:
            return _event(topic, raw)
        if topic == self._topics.state:
            return decode(topic, raw, DeviceStatePayload)
        if topic == self._topics.description:
            return decode(topic, raw, DescriptionPayload)
        if topic.startswith(f"{self._site.root}/bridge/"):
            return decode(topic, raw, BridgeState)
        return None

    def command(self, pending: Pending, *, answer_s: float) -> MqttMessage:
        """The message that tells the device a command; void after the time to answer.

        Args:
            pending: The command; its wire id is what the device replies under.
            answer_s: Observatory seconds the device has to reply.
        """
        sent_utc = pending.sent_utc
        payload = CommandPayload(
            id=pending.wire_id,
            args=dict(pending.args),
            reply=self.replies,
            exp=None
            if sent_utc is None
            else sent_utc + timedelta(seconds=answer_s * max(1, pending.sends)),
        )
        return MqttMessage(
            topic=self._topics.command(pending.verb),
            payload=encode(payload),
            qos=1,
            response_topic=self.replies,
            correlation=pending.wire_id.encode(),
            expiry_s=_EXPIRY_S,
            user_properties=((TRACEPARENT, pending.traceparent),) if pending.traceparent else (),
        )
