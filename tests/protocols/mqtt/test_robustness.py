"""The TCP front under clients that are broken, hostile or slow: they go, the others stay."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import subprocess
import sys

import pytest
import pytest_asyncio

from protocols.mqtt.encode import encode
from protocols.mqtt.limits import BrokerLimits
from protocols.mqtt.packets import V5, V311, Connect, Disconnect, Publish, Unsubscribe, WillFields
from protocols.mqtt.server import serve_broker
from pyros.errors import ConfigurationError

pytestmark = pytest.mark.asyncio
CONNECT_311 = encode(Connect(version=V311, client_id="bad"), V311)


@pytest_asyncio.fixture
async def server():
    """Our broker, bounded tightly."""
    limits = BrokerLimits(
        connect_timeout_s=0.3,
        max_connections=20,
        max_queued_bytes=1 << 20,
        max_unread_replies_bytes=64 * 1024,
    )
    broker = await serve_broker(0, limits=limits)
    yield broker
    await broker.stop()


BROKEN = {
    "no connect first": b"\xc0\x00",
    "not mqtt at all": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "reserved type": CONNECT_311 + b"\x00\x00",
    "second connect": CONNECT_311 * 2,
    "connect with trailing bytes": b"\x10\x12\0\4MQTT\4\2\0\0\0\1aJUNK!",
    "publish at qos 3": CONNECT_311 + b"\x36\x05\0\1a\0\1",
    "publish to a wildcard": CONNECT_311 + b"\x30\x05\0\3a/#",
    "publish not utf-8": CONNECT_311 + b"\x30\x04\0\2\xc3\x28",
    "topic beyond the packet": CONNECT_311 + b"\x30\x03\0\x09a",
    "subscribe to nothing": CONNECT_311 + b"\x82\x02\0\1",
    "subscribe with wrong flags": CONNECT_311 + b"\x80\x06\0\1\0\1a\0",
    "subscribe to a misplaced hash": CONNECT_311 + b"\x82\x08\0\1\0\3#/a\0",
    "remaining length too long": CONNECT_311 + b"\x30\xff\xff\xff\xff\x01",
    "packet above the limit": CONNECT_311 + b"\x30\xff\xff\xff\x7f",
    "packet id 0": CONNECT_311 + b"\x32\x05\0\1a\0\0",
    "pubrel with wrong flags": CONNECT_311 + b"\x60\x02\0\1",
    "a broker's packet": CONNECT_311 + b"\x20\x02\0\0",
    "ping with a body": CONNECT_311 + b"\xc0\x01\0",
}


async def is_ended(port, data):
    """Whether the broker ends a connection that sends these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        async with asyncio.timeout(3.0):
            with contextlib.suppress(ConnectionError):
                while await reader.read(4096):
                    pass
    except TimeoutError:
        return False
    finally:
        writer.close()
    return True


async def is_well(client):
    """A client still gets what it publishes."""
    client.publish("well", b"?", 1)
    found = await client.messages(most=1)
    return [each.payload for each in found] == [b"?"]


@pytest_asyncio.fixture
async def bystander(server, wire_client):
    """A client that has done nothing wrong."""
    one = wire_client(server.port)
    await one.connect()
    await one.subscribe("well")
    yield one
    await one.close()


@pytest.mark.parametrize("case", BROKEN)
async def test_offender_is_disconnected_and_nobody_else(server, bystander, case):
    """A client that breaks the protocol is ended; a bystander does not notice."""
    assert await is_ended(server.port, BROKEN[case])
    assert await is_well(bystander)


async def test_fuzz_harms_nobody(server, bystander):
    """Random bytes and mutated packets, before and after CONNECT."""
    rng = random.Random(1)  # noqa: S311 - repeatable noise, no secret
    valid = [
        encode(Publish(topic="a/b", payload=b"x" * 20, qos=1, packet_id=1), V311),
        b"\x82\x09\0\1\0\4well\0",
        CONNECT_311,
    ]
    for number in range(150):
        data = bytearray(rng.choice(valid)) if number % 2 else bytearray(rng.randbytes(40))
        for _ in range(3):
            data[rng.randrange(len(data))] = rng.randrange(256)
        head = CONNECT_311.replace(b"bad", b"%03d" % number) if number % 3 else b""
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head + bytes(data))
        await asyncio.sleep(0)
        writer.close()
        if number % 10 == 0:
            await asyncio.sleep(0.01)
    await bystander.messages()
    assert await is_well(bystander)


async def test_offender_leaves_its_will(server, wire_client):
    """Breaking the protocol is no way to leave in order; MQTT 5 is told why."""
    watcher, offender = wire_client(server.port), wire_client(server.port)
    await watcher.connect()
    await watcher.subscribe("will")
    await offender.connect(will=WillFields(topic="will", payload=b"gone", qos=1))
    offender.send_bytes(b"\x36\x06\0\1a\0\1\0")
    farewell = await offender.ended()
    assert isinstance(farewell, Disconnect)
    assert farewell.code == 0x81
    assert [each.payload for each in await watcher.messages(most=1)] == [b"gone"]


async def test_slow_reader_keeps_memory_flat(server, wire_client, bystander):
    """Sixty megabytes for a client that does not read: bounded, and others are served."""
    slow = wire_client(server.port)
    await slow.connect()
    await slow.subscribe("flood", qos=1)
    slow.writer.transport.pause_reading()
    payload = b"." * 60_000
    most = 0
    for number in range(1000):
        bystander.publish("flood", payload, number % 2)
        if number % 50 == 49:
            await bystander.messages()
            session = server.router.session(slow.client_id)
            buffered = session.port._transport.get_write_buffer_size()
            most = max(most, buffered + session._bytes)
    session = server.router.session(slow.client_id)
    assert most < 3 << 20
    assert session.dropped > 500
    assert await is_well(bystander)


async def test_client_that_reads_no_answers_is_read_no_further(
    server, wire_client, bystander, until
):
    """Questions without end from one that never reads the answers: the broker stops reading it."""
    deaf = wire_client(server.port)
    await deaf.connect()
    transport = server.router.session(deaf.client_id).port._transport
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    deaf.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    deaf.writer.transport.pause_reading()
    question = encode(Unsubscribe(packet_id=1, topic_filters=("a",) * 20_000), V5)
    deaf.send_bytes(question * 24)
    await until(lambda: not transport.is_reading())
    assert transport.get_write_buffer_size() < 300_000
    assert await is_well(bystander)
    deaf.writer.transport.resume_reading()
    answered = 0
    while answered < 24 * 20_000:
        async with asyncio.timeout(5):
            answered += len(await deaf.reader.read(65536))
    assert transport.is_reading()


async def test_connections_are_capped(server, wire_client, until, caplog):
    """One too many is closed at once; room is given again, and the log says both."""
    caplog.set_level(logging.INFO, logger="pyros")
    crowd = [wire_client(server.port) for _ in range(20)]
    for each in crowd:
        await each.connect()
    late = wire_client(server.port)
    await late.open()
    assert await late.receive() is None
    assert "20 connections, refusing more" in caplog.text
    await crowd[0].close()
    await until(lambda: "accepting connections again" in caplog.text)
    assert (await wire_client(server.port).connect()).code == 0


async def test_socket_without_connect_is_closed(server):
    """Who opens a socket and says nothing, or half a CONNECT, is gone after a while."""
    for data in (b"", CONNECT_311[:5]):
        assert await is_ended(server.port, data)


async def test_client_id_is_taken_over_a_hundred_times(server, wire_client):
    """Two clients of one name end with one session and one connection."""
    for _ in range(100):
        await wire_client(server.port, client_id="twin").connect()
    assert [each.client_id for each in server.router.sessions] == ["twin"]


async def test_stopped_broker_tells_its_clients(server, wire_client):
    """MQTT 5 clients learn that the server shuts down."""
    one = wire_client(server.port, version=V5)
    await one.connect()
    await server.stop()
    farewell = await one.ended()
    assert isinstance(farewell, Disconnect)
    assert farewell.code == 0x8B


async def test_port_in_use_is_one_clear_line(server):
    """Starting on a port that is taken names it and the remedy."""
    with pytest.raises(ConfigurationError, match=rf"port {server.port} on 127.0.0.1 is in use"):
        await serve_broker(server.port)
    with pytest.raises(ConfigurationError, match="port 70000 is not from 0"):
        await serve_broker(70_000)


def _run(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "protocols.mqtt", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_broker_command_serves_until_terminated(server):
    """It prints where it listens, answers, and ends with status 0; a taken port is status 2."""
    process = _run("--port", "0")
    line = await asyncio.to_thread(process.stdout.readline)
    port = int(line.split("127.0.0.1:")[1].split(",")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
        one.sendall(CONNECT_311)
        assert one.recv(4) == b"\x20\x02\0\0"
    process.terminate()
    _, errors = await asyncio.to_thread(process.communicate)
    assert (process.returncode, errors) == (0, "")
    second = _run("--port", str(server.port))
    output, errors = await asyncio.to_thread(second.communicate)
    assert (second.returncode, output) == (2, "")
    assert errors.count("\n") == 1
    assert "in use" in errors
