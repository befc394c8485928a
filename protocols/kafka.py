"""Kafka consumer of alerts (GCN's brokers, or any other) as a plain asyncio class with callbacks.

The offset of a message is committed only after the callback has stored its bytes: after a crash the
broker sends it again, and a duplicate is recognised by its content. `gcn.heartbeat` comes about
once a second; when nothing at all has come for half a minute the link is reported down, whatever
TCP says. Needs the extra `kafka` (gcn-kafka, confluent-kafka).
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pyros.clock import datetime_from_unix
from pyros.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime
    from random import Random

    from pyros.clock import Clock

_LOG = logging.getLogger("pyros.kafka")
HEARTBEAT_TOPIC = "gcn.heartbeat"
"""A topic of GCN with a message about every second: the link's watchdog."""

_POLL_S = 0.2
_MAX_MESSAGE_BYTES = 4 * 1024 * 1024


class KafkaError(TransientError):
    """The broker cannot be reached, refuses, or has fallen silent; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """Where alerts come from.

    Attributes:
        topics: Topics to subscribe to; the heartbeat is added when `heartbeat_topic` is set.
        group_id: Consumer group: offsets are kept by it over restarts.
        client_id: OIDC client id for GCN; None for a broker without.
        client_secret: Its secret.
        domain: GCN's domain.
        heartbeat_topic: Topic of signs of life, None when the broker has none.
        silence_s: Without any message for so long the link is down.
        session_s: After so long without us the group gives our partitions away.
        backoff_base_s: First wait before connecting again.
        backoff_cap_s: Largest wait.
        extra: More settings for librdkafka ("bootstrap.servers", "security.protocol", ...).
    """

    topics: tuple[str, ...]
    group_id: str
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    domain: str = "gcn.nasa.gov"
    heartbeat_topic: str | None = HEARTBEAT_TOPIC
    silence_s: float = 30.0
    session_s: float = 6.0
    backoff_base_s: float = 1.0
    backoff_cap_s: float = 60.0
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaMessage:
    """One message: its bytes, where it stood, and when the broker got it (aware UTC or None)."""

    raw: bytes
    topic: str
    partition: int
    offset: int
    time_utc: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaState:
    """The link: up, or down with the reason and the wait until the next try."""

    connected: bool
    text: str
    retry_in_s: float | None = None


class OnMessage(Protocol):
    """Stores a message: its offset is committed when this returns; raising starts over."""

    async def __call__(self, message: KafkaMessage) -> None:
        """Take one message."""
        ...


class KafkaAlertConsumer:
    """Consumes alerts for ever.

    Args:
        settings: Where from.
        on_message: Stores each message.
        clock: Times the silence and the waits.
        rng: Spreads reconnections.
        on_state: Told when the link comes up or goes down.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        on_message: OnMessage,
        clock: Clock,
        rng: Random,
        on_state: Callable[[KafkaState], Awaitable[None]] | None = None,
    ) -> None:
        self._settings, self._on_message, self._on_state = settings, on_message, on_state
        self._clock, self._rng = clock, rng
        self._up = False

    async def run(self) -> None:
        """Connect, consume, wait, and again, until cancelled.

        Raises:
            PermanentError: When the libraries are not installed.
        """
        library = _libraries()
        wait_s = self._settings.backoff_base_s
        while True:
            try:
                await self._consume(library)
            except KafkaError as error:
                if self._up:
                    wait_s = self._settings.backoff_base_s
                pause_s = wait_s * self._rng.uniform(0.8, 1.2)
                self._up = False
                await self._tell(KafkaState(connected=False, text=str(error), retry_in_s=pause_s))
                await asyncio.sleep(pause_s)
                wait_s = min(wait_s * 1.5, self._settings.backoff_cap_s)

    async def _consume(self, library: _Libraries) -> None:
        """One consumer from its subscription to its failure."""
        settings = self._settings
        consumer = library.aio.AIOConsumer(_config(settings, library), max_workers=2)
        watched = (settings.heartbeat_topic,) if settings.heartbeat_topic else ()
        try:
            await consumer.subscribe([*settings.topics, *watched])
            heard_s = self._clock.monotonic_s()
            limit_s = self._clock.wall_to_loop_s(settings.silence_s)
            while True:
                message = await consumer.poll(_POLL_S)
                now_s = self._clock.monotonic_s()
                if message is None:
                    if settings.heartbeat_topic and now_s - heard_s > limit_s:
                        raise KafkaError(f"nothing heard for {settings.silence_s:g} s")
                    continue
                if message.error() is not None:
                    self._check(message.error(), library)
                    continue
                heard_s = now_s
                await self._arrived(message, consumer)
        except library.kafka.KafkaException as error:
            raise KafkaError(f"Kafka: {error}") from error
        finally:
            await consumer.close()

    async def _arrived(self, message: Any, consumer: Any) -> None:
        """Store one message, then commit its offset."""
        if not self._up:
            self._up = True
            await self._tell(KafkaState(connected=True, text=message.topic()))
        if message.topic() == self._settings.heartbeat_topic:
            return
        raw = message.value() or b""
        _, unix_ms = message.timestamp()
        await self._on_message(
            KafkaMessage(
                raw=raw,
                topic=message.topic(),
                partition=message.partition(),
                offset=message.offset(),
                time_utc=datetime_from_unix(unix_ms / 1000.0) if unix_ms > 0 else None,
            )
        )
        await consumer.commit(message=message, asynchronous=False)

    def _check(self, error: Any, library: _Libraries) -> None:
        """Pass over what heals by itself; a topic that does not exist is told, not fatal.

        Raises:
            KafkaError: When the consumer cannot go on.
        """
        codes = library.kafka.KafkaError
        if error.code() in {codes.UNKNOWN_TOPIC_OR_PART, codes.TOPIC_AUTHORIZATION_FAILED}:
            _LOG.warning("Kafka topic is not available: %s", error.str())
            return
        if error.fatal() or error.code() == codes._ALL_BROKERS_DOWN:  # noqa: SLF001 - its name
            raise KafkaError(f"Kafka: {error.str()}")
        _LOG.info("Kafka: %s", error.str())

    async def _tell(self, state: KafkaState) -> None:
        """Tell whoever watches the link."""
        if self._on_state is not None:
            await self._on_state(state)


@dataclass(frozen=True, slots=True)
class _Libraries:
    """confluent-kafka, its asyncio side, and gcn-kafka's configuration."""

    kafka: Any
    aio: Any
    gcn: Any


def _libraries() -> _Libraries:
    """The optional libraries, or the reason why there are none."""
    if importlib.util.find_spec("gcn_kafka") is None:
        raise PermanentError(
            "Kafka needs gcn-kafka; install pyros-observatory[kafka] or switch the source off"
        )
    return _Libraries(
        importlib.import_module("confluent_kafka"),
        importlib.import_module("confluent_kafka.aio"),
        importlib.import_module("gcn_kafka.core"),
    )


def _config(settings: KafkaSettings, library: _Libraries) -> dict[str, Any]:
    """Settings of librdkafka: no offset is stored or committed behind our back."""
    config: dict[str, Any] = {
        "group.id": settings.group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "session.timeout.ms": int(settings.session_s * 1000),
        "fetch.wait.max.ms": 10,
        "fetch.message.max.bytes": _MAX_MESSAGE_BYTES,
        # Heartbeats of GCN are a megabyte a day; a stalled callback must not pile up alerts either.
        "queued.max.messages.kbytes": 32 * 1024,
        "allow.auto.create.topics": False,
        **settings.extra,
    }
    merged: dict[str, Any] = library.gcn.get_config(
        "consumer",
        config,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        domain=settings.domain,
    )
    return merged
