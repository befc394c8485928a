"""kill -9 of the whole site while a burst of packets comes in, again and again: nothing is lost.

The site is a process of its own with production actors and a database on disk; authors send over
VTP and send again what was not acknowledged, as real ones do; Kafka keeps what is not committed.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from actors.alert_handler.templates import place_in_view
from actors.alert_source.settings import KafkaSourceSettings
from protocols.notice_restamp import restamp
from protocols.vtp.author import send_voevent
from protocols.vtp.framing import VtpError
from pyros.clock import unix_from_datetime
from pyros.domain.sequence import FINAL_STATES
from pyros.store import Store
from pyros.store.settings import StoreSettings
from tests.system.alert_night import CONFIG, DATA, ECLAIRS, NIGHT, SWIFT, dark_span, settings
from tests.system.alert_process import Fate, serve

if TYPE_CHECKING:
    from pathlib import Path

    from pyros.store import AlertRecord, PacketRecord

_PATIENCE_S = 60.0
_AUTHORS = 3
_ROUND_S = 900.0
_BURSTS, _GARBAGE = 12, 3
FATES = (
    Fate(at_write=1),
    Fate(at_write=2, committed=True),
    Fate(at_write=5),
    Fate(at_write=13, committed=True),
    Fate(at_write=26),
)


@dataclass(slots=True)
class Author:
    """Sends packets until each is answered; what is not acknowledged is sent again."""

    left: list[bytes]
    answered: dict[bytes, bool] = field(default_factory=dict)

    async def send_all(self, port: int) -> None:
        """Try each packet that is left once, a few at a time."""
        waiting = list(self.left)

        async def work() -> None:
            while waiting:
                raw = waiting.pop(0)
                try:
                    accepted, _ = await send_voevent(raw, host="127.0.0.1", port=port)
                except (VtpError, OSError):
                    continue
                self.answered[raw] = accepted
                self.left.remove(raw)

        await asyncio.gather(*(work() for _ in range(_AUTHORS)))


@dataclass(slots=True)
class Site:
    """One life of the site's process."""

    process: Any
    pipe: Any
    port: int

    def finish(self) -> None:
        """Wait until it has done all that it was sent."""
        self.pipe.send("finish")
        assert self.pipe.poll(_PATIENCE_S), "the site does not finish"
        assert self.pipe.recv() == "finished"

    def kill(self) -> None:
        """End it by SIGKILL, if it has not ended itself so."""
        if self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join(_PATIENCE_S)
        assert self.process.exitcode == -signal.SIGKILL


def start(
    context: Any,
    data: Path,
    rules: Path,
    number: int,
    fate: Fate,
    kafka: KafkaSourceSettings | None = None,
) -> Site:
    """Start the process and wait until it listens."""
    ours, theirs = context.Pipe()
    start_unix_s = unix_from_datetime(dark_span(NIGHT)[0]) + 3600.0 + number * _ROUND_S
    process = context.Process(target=serve, args=(data, rules, start_unix_s, fate, theirs, kafka))
    process.start()
    assert ours.poll(_PATIENCE_S), "the site does not come up"
    port = ours.recv()
    ours.send("go")
    return Site(process, ours, port)


def packets() -> list[bytes]:
    """Bursts that are one each, in view, and what is no alert, in a seeded order."""
    rng = random.Random(8)  # noqa: S311 - a test's packets
    begin_utc = dark_span(NIGHT)[0] + timedelta(hours=1)
    site = settings().site.sky_site()
    made = [b"<VOEvent>%d" % number for number in range(_GARBAGE)]
    for serial in range(1, _BURSTS + 1):
        ra_deg, dec_deg = place_in_view(site, unix_from_datetime(begin_utc), rng)
        made.append(
            restamp(
                (DATA / (ECLAIRS if serial % 3 == 0 else SWIFT)).read_bytes(),
                time_utc=begin_utc - timedelta(seconds=1500.0 * serial),
                ra_deg=ra_deg,
                dec_deg=dec_deg,
                serial=serial,
            )
        )
    rng.shuffle(made)
    return made


def site_of(tmp_path: Path) -> tuple[Any, Path]:
    """How its processes are started, and rules that hold no event for coming fast."""
    rules = tmp_path / "alerts.toml"
    shipped = (CONFIG.parents[1] / "alerts.toml").read_text()
    rules.write_text(
        shipped.replace("[gate.sources.vtp]", "[gate.sources.vtp]\nmax_triggers_per_hour = 1000")
    )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.system.alert_process"])
    return context, rules


@pytest.mark.timeout(180)
def test_a_kill_at_any_moment_loses_no_alert_and_doubles_none(tmp_path: Path) -> None:
    """Every acknowledged packet is kept, each burst is one event, with one follow-up that waits."""
    context, rules = site_of(tmp_path)
    sent = packets()
    author = Author(list(sent))
    for number, fate in enumerate(FATES):
        site = start(context, tmp_path / "data", rules, number, fate)
        asyncio.run(author.send_all(site.port))
        site.kill()
    last = start(context, tmp_path / "data", rules, len(FATES), Fate())
    asyncio.run(author.send_all(last.port))
    last.finish()
    last.kill()
    assert author.left == []
    assert sum(author.answered.values()) == _BURSTS
    asyncio.run(look(tmp_path / "data", sent))


async def look(data: Path, sent: list[bytes]) -> None:
    """What is in the database when all is over."""
    async with Store(data, StoreSettings()) as store:
        kept = await store.alerts.recent_packets(limit=1000)
        assert {packet.raw for packet in kept} == set(sent)
        assert [packet for packet in kept if packet.judged_utc is None] == []
        events = await store.alerts.recent(limit=1000)
        check_events(kept, events)
        working = {e.alert_id for e in events if e.state in {"ACCEPTED", "DEFERRED", "OBSERVING"}}
        assert working
        follow_ups = await store.alerts.follow_ups(since_utc=dark_span(NIGHT)[0])
        states = await store.requests.states([one.request_id for one in follow_ups])
        waiting = Counter(
            one.alert_id for one in follow_ups if states[one.request_id].state not in FINAL_STATES
        )
        assert waiting == dict.fromkeys(working, 1)


def check_events(kept: list[PacketRecord], events: list[AlertRecord]) -> None:
    """Each burst's packets are of one event, and no event is without packets and at work."""
    event_of: dict[bytes, set[str | None]] = {}
    for packet in kept:
        event_of.setdefault(packet.raw, set()).add(packet.alert_id)
    bursts = {raw: keys for raw, keys in event_of.items() if keys != {None}}
    assert len(bursts) == _BURSTS
    assert all(len(keys) == 1 for keys in bursts.values())
    owners = Counter(key for keys in bursts.values() for key in keys)
    assert set(owners.values()) == {1}
    for event in events:
        if event.alert_id not in owners:
            assert event.state == "CLOSED"
            assert "its packet was not stored" in event.reasons[-1]


@pytest.mark.peer
@pytest.mark.timeout(180)
def test_a_kill_while_consuming_kafka_loses_nothing(tmp_path: Path) -> None:
    """What was not committed before the kill comes again, and what was judged is not doubled."""
    kafka = pytest.importorskip("confluent_kafka", reason="the extra kafka is not installed")
    pytest.importorskip("gcn_kafka", reason="the extra kafka is not installed")
    producer = kafka.Producer(
        {"test.mock.num.brokers": 1, "bootstrap.servers": "x:1", "log_level": 0}
    )
    brokers = producer.list_topics(timeout=10).brokers.values()
    settings = KafkaSourceSettings(
        topics=("gcn.notices.svom.voevent.eclairs",),
        group_id="pyros-killed",
        heartbeat_topic="",
        silence_s=600.0,
        librdkafka={
            "bootstrap.servers": ",".join(f"{one.host}:{one.port}" for one in brokers),
            "security.protocol": "plaintext",
            "session.timeout.ms": "6000",
            "log_level": "0",
        },
    )
    sent = packets()
    for raw in sent:
        producer.produce(settings.topics[0], raw)
    producer.flush(10)
    context, rules = site_of(tmp_path)
    doomed = start(context, tmp_path / "data", rules, 0, Fate(at_write=4), settings)
    doomed.process.join(_PATIENCE_S)
    assert doomed.process.exitcode == -signal.SIGKILL
    last = start(context, tmp_path / "data", rules, 1, Fate(), settings)
    asyncio.run(until_stored(tmp_path / "data", sent))
    last.finish()
    last.kill()
    asyncio.run(look(tmp_path / "data", sent))


async def until_stored(data: Path, sent: list[bytes]) -> None:
    """Wait until every packet is in the database of the running site."""
    async with Store(data, StoreSettings()) as store, asyncio.timeout(_PATIENCE_S):
        wanted = set(sent)
        while wanted:
            await asyncio.sleep(0.1)
            wanted -= {one.raw for one in await store.alerts.recent_packets(limit=1000)}
