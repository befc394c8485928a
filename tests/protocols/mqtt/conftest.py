"""Brokers to test against, and a client that speaks packets and can misspeak."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from protocols.mqtt.access import OpenAccess
from protocols.mqtt.decode import decode, header
from protocols.mqtt.encode import encode
from protocols.mqtt.packets import (
    V5,
    Ack,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Ping,
    Publish,
    Subscribe,
    SubscriptionAck,
    Unsubscribe,
)
from protocols.mqtt.properties import Kind
from protocols.mqtt.server import free_port, serve_broker
from protocols.mqtt.subscriptions import Subscription

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

REFUSED_FILTER = "nobody/may/subscribe"
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Address:
    """Where a broker listens, and which it is."""

    kind: str
    port: int


@pytest.fixture(scope="session")
def mosquitto_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Mosquitto of our own on a free port."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed; apt-get install mosquitto")
    port = free_port()
    config = Path(tmp_path_factory.mktemp("mosquitto")) / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        "persistence false\n"
    )
    process = subprocess.Popen(
        [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=5)


def _wait_for_port(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # noqa: TID251 - waits for a foreign process
    pytest.fail(f"mosquitto does not listen on {port}")


@pytest_asyncio.fixture(params=["pyros", pytest.param("mosquitto", marks=pytest.mark.peer)])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Address]:
    """Our broker, then Mosquitto: the same promises are asked of both."""
    if request.param == "mosquitto":
        yield Address("mosquitto", request.getfixturevalue("mosquitto_port"))
        return
    server = await serve_broker(0, access=OpenAccess(refused_filters=(REFUSED_FILTER,)))
    yield Address("pyros", server.port)
    await server.stop()


MOSQUITTO_DIFFERS = {
    "test_overlapping_subscriptions_deliver_at_the_highest_quality[mosquitto-v311]": (
        "sends two copies, both at QoS 2"
    ),
    "test_silent_client_is_lost_after_one_and_a_half_keepalives[mosquitto-v311]": (
        "looks every few seconds only"
    ),
    "test_silent_client_is_lost_after_one_and_a_half_keepalives[mosquitto-v5]": (
        "looks every few seconds only"
    ),
    "test_second_client_of_a_name_takes_the_first_one_over[mosquitto-v5]": (
        "closes without a DISCONNECT"
    ),
    "test_topic_alias_zero_and_beyond_the_maximum_are_refused[mosquitto]": (
        "says malformed packet for alias 0"
    ),
    "test_broker_uses_topic_aliases_as_far_as_the_client_allows[mosquitto]": "uses none",
    "test_long_keepalive_is_cut_to_the_brokers[mosquitto]": "grants 65535 s",
    "test_client_that_exceeds_the_brokers_receive_maximum_is_ended[mosquitto]": "tolerates it",
    "test_will_waits_for_its_delay_or_the_end_of_the_session[mosquitto-30-0-0]": (
        "waits on although the session has ended"
    ),
    "test_retained_messages_do_not_come_to_shared_subscriptions[mosquitto]": "sends them",
    "test_publisher_learns_that_nobody_listens[mosquitto]": "says so for QoS 1 only",
}
"""Where Mosquitto 2.0.11 is measured to differ from the standard; our broker must not."""


@pytest.fixture(autouse=True)
def _known_differences(request: pytest.FixtureRequest) -> None:
    reason = MOSQUITTO_DIFFERS.get(request.node.name)
    if reason is not None:
        pytest.skip(f"Mosquitto 2.0.11 {reason}")


@dataclass
class WireClient:
    """One socket, one protocol level, packets in and out in the order they come."""

    port: int
    client_id: str
    version: int = V5
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    buffer: bytearray = field(default_factory=bytearray)
    packet_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def open(self) -> None:
        """Open the socket."""
        self.buffer.clear()
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    def send(self, packet: Packet) -> None:
        """Send a packet."""
        self.send_bytes(encode(packet, self.version))

    def send_bytes(self, data: bytes) -> None:
        """Send anything."""
        assert self.writer is not None
        self.writer.write(data)

    async def receive(self, patience_s: float = _PATIENCE_S) -> Packet | None:
        """The next packet; None at the end of the connection."""
        assert self.reader is not None
        async with asyncio.timeout(patience_s):
            while True:
                found = header(self.buffer, 0) if self.buffer else None
                if found is not None and found[1] <= len(self.buffer):
                    start, end = found
                    packet = decode(self.buffer[0], bytes(self.buffer[start:end]), self.version)
                    del self.buffer[:end]
                    return packet
                try:
                    data = await self.reader.read(65536)
                except ConnectionError:
                    return None
                if not data:
                    return None
                self.buffer += data

    async def expect(self, kind: type, patience_s: float = _PATIENCE_S) -> Any:
        """The next packet, which must be of this kind."""
        packet = await self.receive(patience_s)
        assert isinstance(packet, kind), packet
        return packet

    async def connect(self, **fields: Any) -> Connack:
        """Open and introduce ourselves."""
        await self.open()
        fields.setdefault("client_id", self.client_id)
        self.send(Connect(version=self.version, **fields))
        connack: Connack = await self.expect(Connack)
        return connack

    async def subscribe(self, *topic_filters: str, qos: int = 2, **options: Any) -> tuple[int, ...]:
        """Subscribe and wait for the answer."""
        properties = options.pop("properties", {})
        subscriptions = tuple(
            Subscription(topic_filter=each, qos=qos, **options) for each in topic_filters
        )
        packet_id = next(self.packet_ids)
        self.send(
            Subscribe(packet_id=packet_id, subscriptions=subscriptions, properties=properties)
        )
        answer = await self.expect(SubscriptionAck)
        assert (answer.kind, answer.packet_id) == (Kind.SUBACK, packet_id)
        codes: tuple[int, ...] = answer.codes
        return codes

    async def unsubscribe(self, *topic_filters: str) -> None:
        """Unsubscribe and wait for the answer."""
        packet_id = next(self.packet_ids)
        self.send(Unsubscribe(packet_id=packet_id, topic_filters=topic_filters))
        answer = await self.expect(SubscriptionAck)
        assert (answer.kind, answer.packet_id) == (Kind.UNSUBACK, packet_id)

    def publish(self, topic: str, payload: bytes, qos: int = 0, **fields: Any) -> int:
        """Send a message; the exchange is completed by `messages`."""
        packet_id = next(self.packet_ids) if qos else 0
        self.send(Publish(topic=topic, payload=payload, qos=qos, packet_id=packet_id, **fields))
        return packet_id

    async def messages(
        self, *, most: int | None = None, quiet_s: float | None = None
    ) -> list[Publish]:
        """The messages that arrive, every exchange completed in both directions.

        Args:
            most: Stop after so many, waiting patiently for them.
            quiet_s: Stop after so long without any. With neither, stop when a ping comes back
                with nothing before it: a broker answers in order.
        """
        found: list[Publish] = []
        if most is None and quiet_s is None:
            while not await self._round(found):
                pass
            return found
        while most is None or len(found) < most:
            try:
                packet = await self.receive(_PATIENCE_S if quiet_s is None else quiet_s)
            except TimeoutError:
                break
            if packet is None:
                break
            self._answer(packet)
            if isinstance(packet, Publish):
                found.append(packet)
        return found

    async def _round(self, found: list[Publish]) -> bool:
        """One ping there and back; whether nothing else came."""
        self.send(Ping())
        quiet = True
        while True:
            packet = await self.receive()
            if packet is None or isinstance(packet, Ping):
                return quiet
            quiet = False
            self._answer(packet)
            if isinstance(packet, Publish):
                found.append(packet)

    def _answer(self, packet: Packet) -> None:
        if isinstance(packet, Publish) and packet.qos:
            kind = Kind.PUBACK if packet.qos == 1 else Kind.PUBREC
            self.send(Ack(kind=kind, packet_id=packet.packet_id))
        elif isinstance(packet, Ack) and packet.kind is Kind.PUBREC and packet.code < 0x80:
            self.send(Ack(kind=Kind.PUBREL, packet_id=packet.packet_id))
        elif isinstance(packet, Ack) and packet.kind is Kind.PUBREL:
            self.send(Ack(kind=Kind.PUBCOMP, packet_id=packet.packet_id))

    async def disconnect(self, **fields: Any) -> None:
        """Leave in order."""
        self.send(Disconnect(**fields))
        await self.close()

    async def close(self) -> None:
        """Close the socket without a word."""
        if self.writer is not None:
            self.writer.close()
            with contextlib.suppress(ConnectionError):
                await self.writer.wait_closed()
            self.writer = None

    async def ended(self, patience_s: float = _PATIENCE_S) -> Packet | None:
        """Wait until the broker ends the connection; its DISCONNECT if it sent one."""
        last: Packet | None = None
        while True:
            packet = await self.receive(patience_s)
            if packet is None:
                return last
            last = packet if isinstance(packet, Disconnect) else last


_names = itertools.count(1)


@pytest_asyncio.fixture
async def wire_client() -> AsyncIterator[Callable[..., WireClient]]:
    """Makes clients of any port, named apart, closed at the end."""
    made: list[WireClient] = []

    def make(port: int, version: int = V5, client_id: str | None = None) -> WireClient:
        name = f"client-{next(_names)}" if client_id is None else client_id
        made.append(WireClient(port, name, version))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def client(broker: Address, wire_client: Callable[..., WireClient]) -> Callable[..., WireClient]:
    """Makes clients of the broker under test."""
    return functools.partial(wire_client, broker.port)


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Any]:
    """Waits until something is true, patiently."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - it may be the state of anything
                await asyncio.sleep(0.005)

    return wait


@pytest.fixture
def root() -> str:
    """A topic of this test's own, since Mosquitto lives through all of them."""
    return f"test-{next(_names)}"
