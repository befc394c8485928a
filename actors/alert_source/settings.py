"""Settings of the alert sources: where packets may come in."""

from __future__ import annotations

import msgspec


class PaceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How fast one source may bring packets; more is refused, and told once a minute."""

    per_s: float = 20.0
    """Packets per wall second in the long run."""
    burst: float = 200.0
    """Packets that may come at once."""
    patience_s: float = 5.0
    """Wall seconds that a packet waits for its turn before it is refused."""


class VtpReceiverSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A VOEvent Transport Protocol server for authors."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8098
    """Port to listen on; 0 for any free one."""
    local_ivo: str = "ivo://org.pyros/receiver"
    """Who we say we are."""
    broadcast_port: int | None = None
    """Port for subscribers, who get what authors sent and we took; left out, nobody is served."""


class VtpBrokerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One VOEvent broker to subscribe to."""

    host: str
    """The broker's host."""
    port: int = 8099
    """The broker's port for subscribers."""
    local_ivo: str = "ivo://org.pyros/subscriber"
    """Who we say we are."""


class KafkaSourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """GCN's Kafka brokers, or any other cluster."""

    topics: tuple[str, ...]
    """Topics of alerts, e.g. `gcn.notices.svom.voevent.eclairs`."""
    group_id: str = "pyros"
    """Consumer group; the brokers keep its offsets over restarts."""
    client_id: str | None = None
    """OIDC client id of GCN; left out for a cluster without login."""
    client_secret_file: str | None = None
    """File that holds its secret, readable by PyROS alone; relative to the configuration file."""
    domain: str = "gcn.nasa.gov"
    """GCN's domain."""
    heartbeat_topic: str = "gcn.heartbeat"
    """Topic of signs of life; "" for a cluster that has none."""
    silence_s: float = 30.0
    """Wall seconds without any message after which the link counts as lost."""
    librdkafka: dict[str, str] = {}
    """More settings of librdkafka, e.g. `"bootstrap.servers"` and `"security.protocol"`."""


class FolderSourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder whose files are packets: a replay, or a program that writes alerts as files."""

    path: str
    """The folder; relative to the data directory. It is made when it is missing."""
    period_s: float = 2.0
    """Wall seconds between looks."""


class HttpTokenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may post packets by HTTP: a token, and the name that is trusted with what it brings."""

    name: str
    """Source id, `[a-z0-9-]`; its trust and authorities are `[gate.sources.NAME]` of the rules."""
    token_file: str | None = None
    """File that holds the token alone, mode 600; relative to the configuration file."""
    token_variable: str | None = None
    """Or the environment variable that holds it; exactly one of the two is given."""


class AlertSourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All ways in. MQTT (`alerts/in`) and HTTP POST are always there."""

    http: tuple[HttpTokenSettings, ...] = ()
    """Tokens for HTTP POST; with none, only programs on this machine may post, as source `http`."""

    vtp_receiver: VtpReceiverSettings | None = None
    """Listen for authors; left out, nothing listens."""
    vtp_broker: tuple[VtpBrokerSettings, ...] = ()
    """Brokers to subscribe to."""
    kafka: tuple[KafkaSourceSettings, ...] = ()
    """Kafka clusters; each is a consumer of its own, and a domain of trust of its own."""
    folder: FolderSourceSettings | None = None
    """A watched folder of packets."""
    pace: PaceSettings = PaceSettings()
    """How fast each source may bring packets."""
