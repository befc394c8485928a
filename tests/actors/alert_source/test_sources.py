"""Alert sources over real sockets and folders: acknowledged when stored, paced, never lost."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actors.alert_source.folder import FolderAlertSource
from actors.alert_source.http import HttpAlertSource
from actors.alert_source.kafka import KafkaAlertSource
from actors.alert_source.messages import PacketReceived, PacketStored
from actors.alert_source.settings import (
    FolderSourceSettings,
    KafkaSourceSettings,
    PaceSettings,
    VtpReceiverSettings,
)
from actors.alert_source.vtp import GetPorts, VtpReceiverSource
from actors.journal.messages import JournalEntry
from protocols.vtp.author import send_voevent
from protocols.vtp.subscriber import VtpSubscriber
from pyros.actor import Actor, ActorSystem, ChildSpec, Message, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[2] / "data" / "alerts"
BURST = (DATA / "svom" / "sb26050402_mxt_50.xml").read_bytes()
PACE = PaceSettings()


class Keeper(Actor):
    """Stands where the alert handler stands: keeps packets and says so."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[PacketReceived] = []
        self.fails = False
        self.alarms: list[JournalEntry] = []

    async def on_start(self) -> None:
        """Listen to alarms."""
        self.subscribe(JournalEntry)

    async def on_receive(self, message: Message) -> Any:
        """Keep, or fail to."""
        match message:
            case PacketReceived():
                if self.fails:
                    raise Rejected("disk full")
                self.packets.append(message)
                good = b"VOEvent" in message.raw and b"DOCTYPE" not in message.raw
                return PacketStored(
                    accepted=good, reason="" if good else "no alert", ivorn="ivo://x"
                )
            case JournalEntry():
                self.alarms.append(message)
        return None


async def until(condition: Callable[[], Any], within_s: float = 20.0) -> None:
    """Wait in real time."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what others do is waited for
            await asyncio.sleep(0.02)


async def keeper_in(system: ActorSystem) -> tuple[Keeper, Any]:
    """A keeper, running."""
    keeper = Keeper()
    return keeper, await system.spawn(ChildSpec(name="handler", factory=lambda: keeper))


@pytest.mark.asyncio
async def test_vtp_acknowledges_what_is_stored_and_keeps_what_it_refuses() -> None:
    """A good packet is ack'ed and goes on to subscribers; a bad one is nak'ed, and stored too."""
    async with ActorSystem() as system:
        keeper, handler = await keeper_in(system)
        source = await system.spawn(
            ChildSpec(
                name="vtp",
                factory=lambda: VtpReceiverSource(
                    settings=VtpReceiverSettings(port=0, broadcast_port=0),
                    pace=PACE,
                    handler=handler,
                ),
            )
        )
        ports = await source.ask(GetPorts())
        heard: list[bytes] = []

        async def hear(raw: bytes, peer: str) -> None:
            heard.append(raw)

        subscriber = VtpSubscriber(
            host="127.0.0.1",
            port=ports.subscribers,
            local_ivo="ivo://org.pyros.test/sub",
            on_event=hear,
            clock=system.clock,
            rng=random.Random(1),  # noqa: S311 - spreads reconnections,
        )
        running = asyncio.ensure_future(subscriber.run())
        await asyncio.sleep(0.2)
        assert await send_voevent(BURST, host="127.0.0.1", port=ports.authors) == (True, "")
        evil = b'<?xml version="1.0"?><!DOCTYPE v [<!ENTITY x "y">]><VOEvent>&x;</VOEvent>'
        accepted, reason = await send_voevent(evil, host="127.0.0.1", port=ports.authors)
        assert not accepted
        assert reason == "no alert"
        assert [packet.raw for packet in keeper.packets] == [BURST, evil]
        await until(lambda: heard == [BURST])
        keeper.fails = True
        accepted, reason = await send_voevent(BURST, host="127.0.0.1", port=ports.authors)
        assert not accepted
        assert "not stored" in reason
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_flood_is_paced_refused_with_a_reason_and_told_once() -> None:
    """Of 10,000 packets the burst passes; the rest is refused at once, and one alarm says so."""
    async with ActorSystem() as system:
        keeper, handler = await keeper_in(system)
        source = await system.spawn(
            ChildSpec(
                name="http",
                factory=lambda: HttpAlertSource(
                    pace=PaceSettings(per_s=20.0, burst=100.0, patience_s=0.0), handler=handler
                ),
            )
        )
        answers = [
            await source.ask(
                PacketReceived(
                    raw=b"<VOEvent %d/>" % number,
                    source="http",
                    topic=None,
                    received_utc=system.clock.now(),
                    received_monotonic_s=system.clock.monotonic_s(),
                )
            )
            for number in range(10_000)
        ]
        refused = [one for one in answers if not one.accepted]
        assert 100 <= len(keeper.packets) <= 10_000 - len(refused)
        assert len(refused) > 9_000
        assert "more than 20 packets a second from http" in refused[-1].reason
        assert not refused[-1].stored
        assert len(keeper.alarms) == 1


@pytest.mark.asyncio
async def test_a_folder_is_taken_in_order_and_nothing_is_lost_when_it_cannot_be_stored(
    tmp_path: Path,
) -> None:
    """Files go to `taken` or `refused` once stored; while the store is away they stay."""
    (tmp_path / "00002_b.xml").write_bytes(BURST + b"<!-- 2 -->")
    (tmp_path / "00001_a.xml").write_bytes(BURST)
    (tmp_path / "00003_c.txt").write_bytes(b"nothing")
    (tmp_path / "00004_d.xml.tmp").write_bytes(BURST)
    async with ActorSystem() as system:
        keeper, handler = await keeper_in(system)
        keeper.fails = True
        await system.spawn(
            ChildSpec(
                name="file",
                factory=lambda: FolderAlertSource(
                    path=tmp_path,
                    settings=FolderSourceSettings(path="unused", period_s=0.05),
                    pace=PACE,
                    handler=handler,
                ),
            )
        )
        await asyncio.sleep(0.3)
        assert (tmp_path / "00001_a.xml").exists()
        keeper.fails = False
        await until((tmp_path / "refused" / "00003_c.txt").exists)
        assert [packet.raw for packet in keeper.packets][:2] == [BURST, BURST + b"<!-- 2 -->"]
        assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == [
            "00001_a.xml",
            "00002_b.xml",
        ]
        assert (tmp_path / "00004_d.xml.tmp").exists()


@pytest.mark.peer
@pytest.mark.asyncio
async def test_kafka_commits_after_storing_and_an_unheard_cluster_is_an_alarm() -> None:
    """What could not be stored comes again; a cluster that falls silent raises an alarm."""
    kafka = pytest.importorskip("confluent_kafka", reason="the extra kafka is not installed")
    pytest.importorskip("gcn_kafka", reason="the extra kafka is not installed")
    producer = kafka.Producer(
        {"test.mock.num.brokers": 1, "bootstrap.servers": "x:1", "log_level": 0}
    )
    brokers = producer.list_topics(timeout=10).brokers.values()
    servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    topic = "gcn.notices.svom.voevent.mxt"
    producer.produce(topic, BURST)
    producer.flush(10)
    settings = KafkaSourceSettings(
        topics=(topic,),
        group_id="pyros-test",
        silence_s=7.0,
        librdkafka={
            "bootstrap.servers": servers,
            "security.protocol": "plaintext",
            "log_level": "0",
        },
    )
    async with ActorSystem() as system:
        keeper, handler = await keeper_in(system)
        await system.spawn(
            ChildSpec(
                name="kafka",
                factory=lambda: KafkaAlertSource(
                    settings=settings, client_secret=None, pace=PACE, handler=handler
                ),
            )
        )
        await until(lambda: keeper.packets, within_s=30.0)
        assert (keeper.packets[0].raw, keeper.packets[0].topic) == (BURST, topic)
        assert keeper.packets[0].source == "gcn-kafka"
        await until(lambda: any(one.severity == "alarm" for one in keeper.alarms), within_s=30.0)
        assert "nothing heard" in keeper.alarms[-1].text
