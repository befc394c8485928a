"""The bounds that keep a broker's memory flat whatever its clients do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLimits:
    """Bounds of one broker; each is enforced, and told to MQTT 5 clients where the protocol can.

    Attributes:
        max_packet_bytes: Larger packets end the sender's connection.
        max_connections: Clients connected at once; further ones are refused.
        max_queued_messages: Waiting for one client; beyond it the oldest is dropped.
        max_queued_bytes: Payload bytes waiting for one client; beyond it the oldest is dropped.
        max_inflight: QoS 1 and 2 messages sent to one client and not acknowledged yet.
        receive_maximum: QoS 2 messages one client may have open towards the broker.
        topic_alias_maximum: Topic aliases a client may use towards the broker.
        max_retained: Topics with a retained message; a new topic beyond it is not kept.
        max_retained_bytes: Payload bytes of all retained messages; likewise.
        max_topic_levels: Levels in a topic name or filter.
        max_subscriptions: Subscriptions of one client.
        max_offline_sessions: Sessions kept for clients that are away; the longest away goes first.
        max_unread_replies_bytes: Answers waiting for a client that does not read; beyond it the
            client is not read either.
        max_keepalive_s: Longest silence granted to an MQTT 5 client, wall seconds: a dead device
            is noticed after 1.5 times that.
        connect_timeout_s: Wall seconds a new socket may take to present its CONNECT.
    """

    max_packet_bytes: int = 1 << 20
    max_connections: int = 4096
    max_queued_messages: int = 10_000
    max_queued_bytes: int = 8 << 20
    max_inflight: int = 256
    receive_maximum: int = 256
    topic_alias_maximum: int = 64
    max_retained: int = 100_000
    max_retained_bytes: int = 128 << 20
    max_topic_levels: int = 128
    max_subscriptions: int = 10_000
    max_offline_sessions: int = 1000
    max_unread_replies_bytes: int = 1 << 20
    max_keepalive_s: int = 60
    connect_timeout_s: float = 10.0
