"""The Kafka consumer against librdkafka's mock cluster: a real broker over TCP on loopback."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from protocols.kafka import KafkaAlertConsumer, KafkaMessage, KafkaSettings, KafkaState
from pyros.clock import LoopClock

kafka = pytest.importorskip("confluent_kafka", reason="the extra kafka is not installed")
pytest.importorskip("gcn_kafka", reason="the extra kafka is not installed")
pytestmark = [pytest.mark.peer, pytest.mark.asyncio]

BURST = (Path(__file__).parents[1] / "data" / "alerts" / "svom/sb26050402_mxt_50.xml").read_bytes()
TOPIC = "gcn.notices.svom.voevent.mxt"
QUIET = {"log_level": "0"}


class Cluster:
    """librdkafka's mock cluster, alive as long as its producer."""

    def __init__(self) -> None:
        self.producer = kafka.Producer(
            {"test.mock.num.brokers": 1, "bootstrap.servers": "x:1", "log_level": 0}
        )
        brokers = self.producer.list_topics(timeout=10).brokers.values()
        self.servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def send(self, topic: str, *values: bytes) -> None:
        """Produce messages."""
        for value in values:
            self.producer.produce(topic, value)
        self.producer.flush(10)

    def settings(self, group_id: str, **changes: Any) -> KafkaSettings:
        """A consumer's settings for this cluster."""
        extra = {"bootstrap.servers": self.servers, "security.protocol": "plaintext", **QUIET}
        values = {"topics": (TOPIC,), "group_id": group_id, "extra": extra, "backoff_base_s": 0.1}
        return KafkaSettings(**{**values, **changes})  # type: ignore[arg-type]  # test's values


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """One cluster for all tests."""
    return Cluster()


class Store:
    """What was stored, and how to fail at it."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.messages: list[KafkaMessage] = []
        self.states: list[KafkaState] = []
        self.fail_at = fail_at

    async def take(self, message: KafkaMessage) -> None:
        """Store a message, or die like a process does."""
        if self.fail_at is not None and len(self.messages) == self.fail_at:
            raise asyncio.CancelledError
        self.messages.append(message)

    async def watch(self, state: KafkaState) -> None:
        """Note a state."""
        self.states.append(state)


async def consume(settings: KafkaSettings, store: Store, until: Any) -> None:
    """Run a consumer until a condition holds or it ends."""
    clock = LoopClock(asyncio.get_running_loop(), epoch_unix_s=1_780_000_000.0)
    consumer = KafkaAlertConsumer(
        settings,
        on_message=store.take,
        on_state=store.watch,
        clock=clock,
        rng=random.Random(1),  # noqa: S311 - spreads reconnections
    )
    task = asyncio.create_task(consumer.run())
    async with asyncio.timeout(40):
        while not until() and not task.done():  # noqa: ASYNC110 - threads act
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_consumer_stores_before_it_commits_and_resumes_where_it_was(cluster: Cluster) -> None:
    """What was not stored comes again after a crash; what was stored does not."""
    values = [BURST.replace(b"sb26050402", f"sb2605{n:04d}".encode()) for n in range(20)]
    cluster.send(TOPIC, *values)
    first = Store(fail_at=7)
    await consume(cluster.settings("resume"), first, lambda: False)
    assert len(first.messages) == 7
    second = Store()
    await consume(cluster.settings("resume"), second, lambda: len(second.messages) >= 13)
    # Order holds within a partition only: together they have each message once.
    assert sorted(m.raw for m in (*first.messages, *second.messages)) == sorted(values)
    assert second.states[0].connected
    message = second.messages[0]
    assert message.topic == TOPIC
    assert message.time_utc is not None


async def test_consumer_reports_silence_though_the_broker_is_there(cluster: Cluster) -> None:
    """Heartbeats keep the link up; without any it is down after the limit and tried again."""
    cluster.send("gcn.heartbeat", b"{}")
    store = Store()
    settings = cluster.settings("silent", topics=("gcn.circulars",), silence_s=5.0)
    await consume(settings, store, lambda: any(not state.connected for state in store.states))
    up, down = store.states[:2]
    assert up == KafkaState(connected=True, text="gcn.heartbeat")
    assert not down.connected
    assert "nothing heard for 5 s" in down.text
    assert store.messages == []
