"""Settings of the alert sources: where packets may come in."""

from __future__ import annotations

import msgspec


class VtpReceiverSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A VOEvent Transport Protocol server for authors."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8098
    """Port to listen on; 0 for any free one."""
    local_ivo: str = "ivo://org.pyros/receiver"
    """Who we say we are."""


class VtpBrokerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One VOEvent broker to subscribe to."""

    host: str
    """The broker's host."""
    port: int = 8099
    """The broker's port for subscribers."""
    local_ivo: str = "ivo://org.pyros/subscriber"
    """Who we say we are."""


class AlertSourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All ways in. MQTT (`alerts/in`) and HTTP POST are always there."""

    vtp_receiver: VtpReceiverSettings | None = None
    """Listen for authors; left out, nothing listens."""
    vtp_broker: tuple[VtpBrokerSettings, ...] = ()
    """Brokers to subscribe to."""
