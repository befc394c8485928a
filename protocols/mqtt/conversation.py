"""What an MQTT client says once it is connected, and what the broker answers.

No sockets and no framing here: packets come decoded from the connection, answers go to the outbox,
everything else is a call on the core. What breaks the protocol raises `MqttProtocolError`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from protocols.mqtt.handshake import publication_of
from protocols.mqtt.packets import (
    V5,
    V311,
    Ack,
    Disconnect,
    Packet,
    Ping,
    Publish,
    Subscribe,
    SubscriptionAck,
    Unsubscribe,
)
from protocols.mqtt.properties import Kind, Property
from protocols.mqtt.reason import Reason
from protocols.mqtt.session_state import session_expiry_s
from protocols.mqtt.wire import MqttProtocolError

if TYPE_CHECKING:
    from protocols.mqtt.outbox import Outbox
    from protocols.mqtt.router import Router
    from protocols.mqtt.session_state import Session


class Conversation:
    """One client's connection above its bytes.

    Args:
        router: The broker core.
        session: The client's session.
        outbox: Where answers go.
    """

    def __init__(self, router: Router, session: Session, outbox: Outbox) -> None:
        self._router = router
        self._session = session
        self._outbox = outbox
        self._aliases: dict[int, str] = {}

    def on_packet(self, packet: Packet) -> None:
        """Handle any packet but a DISCONNECT.

        Raises:
            MqttProtocolError: When the client may not send it, or not so, or not now.
        """
        match packet:
            case Publish():
                self._on_publish(packet)
            case Ack():
                self._on_ack(packet)
            case Ping(kind=Kind.PINGREQ):
                self._outbox.send(Ping(kind=Kind.PINGRESP))
            case Subscribe():
                self._on_subscribe(packet)
            case Unsubscribe():
                self._on_unsubscribe(packet)
            case _:
                raise MqttProtocolError(
                    f"{type(packet).__name__} is not for a client to send now",
                    Reason.PROTOCOL_ERROR,
                )

    def on_disconnect(self, packet: Disconnect) -> None:
        """The client leaves; it may set how long its session is to be kept."""
        expiry = packet.properties.get(Property.SESSION_EXPIRY)
        if expiry is not None:
            if self._session.expiry_s == 0 and expiry != 0:
                raise MqttProtocolError(
                    "DISCONNECT sets a session expiry where CONNECT had none",
                    Reason.PROTOCOL_ERROR,
                )
            self._session.expiry_s = session_expiry_s(expiry)

    def _on_publish(self, packet: Publish) -> None:
        properties = packet.properties
        topic = packet.topic
        expires_s = math.inf
        if properties:
            topic = self._resolve_alias(packet)
            if Property.SUBSCRIPTION_IDENTIFIER in properties:
                raise MqttProtocolError(
                    "PUBLISH to the broker has a subscription identifier", Reason.PROTOCOL_ERROR
                )
            expiry_s = properties.get(Property.MESSAGE_EXPIRY)
            if expiry_s is not None:
                expires_s = self._router.now_s() + expiry_s
        if topic.count("/") >= self._router.limits.max_topic_levels:
            raise MqttProtocolError(
                f"topic name has more than {self._router.limits.max_topic_levels} levels",
                Reason.TOPIC_NAME_INVALID,
            )
        code = Reason.SUCCESS
        if packet.qos == 2 and packet.packet_id in self._session.incoming:
            pass  # sent again: the subscribers have it already
        elif not self._router.access.may_publish(self._session.client_id, topic):
            code = Reason.NOT_AUTHORIZED
        else:
            if packet.qos == 2:
                self._begin_exactly_once(packet.packet_id)
            publication = publication_of(
                topic=topic,
                payload=packet.payload,
                qos=packet.qos,
                retain=packet.retain,
                publisher=self._session.client_id,
                properties=properties,
                expires_s=expires_s,
            )
            if not self._router.receive(self._session, publication):
                code = Reason.NO_MATCHING_SUBSCRIBERS
        if packet.qos and self._session.port is not None:
            kind = Kind.PUBACK if packet.qos == 1 else Kind.PUBREC
            self._outbox.acknowledge(kind, packet.packet_id, code)

    def _begin_exactly_once(self, packet_id: int) -> None:
        limit = self._router.limits.receive_maximum
        if self._outbox.version == V5 and len(self._session.incoming) >= limit:
            raise MqttProtocolError(
                f"more than {limit} QoS 2 messages are open", Reason.RECEIVE_MAXIMUM_EXCEEDED
            )
        self._session.incoming[packet_id] = True

    def _resolve_alias(self, packet: Publish) -> str:
        alias = packet.properties.get(Property.TOPIC_ALIAS)
        if alias is None:
            return packet.topic
        if not 0 < alias <= self._router.limits.topic_alias_maximum:
            raise MqttProtocolError(
                f"topic alias {alias} is not from 1 to {self._router.limits.topic_alias_maximum}",
                Reason.TOPIC_ALIAS_INVALID,
            )
        if packet.topic:
            self._aliases[alias] = packet.topic
            return packet.topic
        if alias not in self._aliases:
            raise MqttProtocolError(f"topic alias {alias} is unknown", Reason.TOPIC_ALIAS_INVALID)
        return self._aliases[alias]

    def _on_ack(self, packet: Ack) -> None:
        packet_id = packet.packet_id
        if packet.kind is Kind.PUBACK:
            self._session.acknowledged(packet_id)
        elif packet.kind is Kind.PUBREC:
            refused = packet.code >= Reason.UNSPECIFIED_ERROR
            known = self._session.received(packet_id, refused=refused)
            if not refused:
                code = Reason.SUCCESS if known else Reason.PACKET_ID_NOT_FOUND
                self._outbox.acknowledge(Kind.PUBREL, packet_id, code)
        elif packet.kind is Kind.PUBREL:
            known = self._session.incoming.pop(packet_id, False)
            code = Reason.SUCCESS if known else Reason.PACKET_ID_NOT_FOUND
            self._outbox.acknowledge(Kind.PUBCOMP, packet_id, code)
        else:
            self._session.completed(packet_id)

    def _on_subscribe(self, packet: Subscribe) -> None:
        def acknowledge(reasons: list[Reason]) -> None:
            codes: tuple[int, ...] = tuple(reasons)
            if self._outbox.version == V311:
                codes = tuple(min(code, 0x80) for code in codes)
            self._outbox.send(
                SubscriptionAck(kind=Kind.SUBACK, packet_id=packet.packet_id, codes=codes)
            )

        self._router.subscribe(self._session, packet.subscriptions, acknowledge)

    def _on_unsubscribe(self, packet: Unsubscribe) -> None:
        reasons = self._router.unsubscribe(self._session, packet.topic_filters)
        self._outbox.send(
            SubscriptionAck(kind=Kind.UNSUBACK, packet_id=packet.packet_id, codes=tuple(reasons))
        )
