"""Alerts from Kafka: an offset is committed when the packet's bytes are in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.alert_source.inlet import Inlet
from actors.journal.messages import JournalEntry
from protocols.kafka import (
    KafkaAlertConsumer,
    KafkaError,
    KafkaMessage,
    KafkaSettings,
    KafkaState,
)
from pyros.actor import Actor

if TYPE_CHECKING:
    from actors.alert_source.settings import KafkaSourceSettings, PaceSettings
    from pyros.actor import ActorRef


class KafkaAlertSource(Actor):
    """Consumes one cluster.

    Args:
        settings: Topics and login.
        client_secret: The secret that goes with the client id.
        pace: How fast packets may come; the cluster keeps what has to wait.
        handler: Who stores and judges.
    """

    SOURCE = "gcn-kafka"

    def __init__(
        self,
        *,
        settings: KafkaSourceSettings,
        client_secret: str | None,
        pace: PaceSettings,
        handler: ActorRef[Any],
    ) -> None:
        super().__init__()
        self._settings = settings
        self._client_secret = client_secret
        self._inlet = Inlet(self, handler, source=self.SOURCE, pace=pace)
        self._connected: bool | None = None

    async def on_start(self) -> None:
        """Consume, and again whenever the link is lost."""
        settings = self._settings
        consumer = KafkaAlertConsumer(
            KafkaSettings(
                topics=settings.topics,
                group_id=settings.group_id,
                client_id=settings.client_id,
                client_secret=self._client_secret,
                domain=settings.domain,
                heartbeat_topic=settings.heartbeat_topic or None,
                silence_s=settings.silence_s,
                extra=settings.librdkafka,
            ),
            on_message=self._take,
            clock=self.clock,
            rng=self.rng,
            on_state=self._note,
        )
        self.start_task(consumer.run(), name="kafka")

    async def _take(self, message: KafkaMessage) -> None:
        """Store a packet.

        Raises:
            KafkaError: When it could not be stored: the cluster keeps it and gives it again.
        """
        stored = await self._inlet.take(message.raw, topic=message.topic)
        if not stored.stored:
            raise KafkaError(f"{message.topic} {message.offset}: {stored.reason}")

    async def _note(self, state: KafkaState) -> None:
        """Journal transitions of the link; a lost one is an alarm, for bursts are missed."""
        if state.connected == self._connected:
            return
        self._connected = state.connected
        self.publish(
            JournalEntry(
                kind="system" if state.connected else "alarm",
                subject=self.path,
                text=f"Kafka {'hears' if state.connected else 'is lost'}: {state.text}",
                time_utc=self.clock.now(),
                data={"connected": state.connected},
                severity="info" if state.connected else "alarm",
                who="alert source",
            )
        )
