"""MQTT figures: our broker beside Mosquitto in the same run, one JSON line per figure.

Clients are the product's own (`AiomqttLink`) where a figure says `link`, bare sockets where it says
`wire`: these load the broker alone. Run it as `python bench/mqtt.py [--quick]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from protocols.mqtt import MqttMessage
from protocols.mqtt.encode import encode
from protocols.mqtt.link import AiomqttLink
from protocols.mqtt.packets import V5, V311, Connect, Publish, Subscribe
from protocols.mqtt.server import free_port
from protocols.mqtt.subscriptions import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterator

PAYLOAD = json.dumps({"v": 12.3, "u": "deg_C", "q": "good", "pad": "." * 150}).encode()
WINDOW = 20
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def say(figure: str, value: float, unit: str, broker: str, target: float | None = None) -> None:
    """Print one figure."""
    line: dict[str, float | str] = {
        "figure": figure,
        "value": round(value, 3),
        "unit": unit,
        "broker": broker,
    }
    if target is not None:
        line["target"] = target
    if broker != "pyros":
        line["peer"] = broker
    print(json.dumps(line), flush=True)


@contextmanager
def running(broker: str) -> Iterator[tuple[int, int]]:
    """A broker in a process of its own; its port and process id."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        if broker == "pyros":
            command = [sys.executable, "-m", "protocols.mqtt", "--port", str(port)]
        else:
            program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
            if program is None:
                raise SystemExit("mosquitto is not installed; apt-get install mosquitto")
            config = Path(directory) / "mosquitto.conf"
            config.write_text(
                f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
                "max_queued_messages 100000\nmax_inflight_messages 1000\n"
            )
            command = [program, "-c", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)  # noqa: TID251 - waits for a foreign process
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def cpu_s(pid: int) -> float:
    """Processor seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def link_rate(port: int, qos: int, count: int) -> float:
    """Messages per second from one link through the broker to another, a window deep."""
    one = AiomqttLink("127.0.0.1", port, client_id="one")
    two = AiomqttLink("127.0.0.1", port, client_id="two")
    await one.connect()
    await two.connect()
    await two.subscribe("bench/p", qos=qos)
    numbers = iter(range(count))

    async def publish() -> None:
        for _ in numbers:
            await one.publish(MqttMessage(topic="bench/p", payload=PAYLOAD, qos=qos))

    began_s = time.perf_counter()
    workers = [asyncio.create_task(publish()) for _ in range(WINDOW)]
    messages = two.messages()
    for _ in range(count):
        await anext(messages)
    took_s = time.perf_counter() - began_s
    await asyncio.gather(*workers)
    await one.disconnect()
    await two.disconnect()
    return count / took_s


async def round_trips(port: int, count: int) -> list[float]:
    """Seconds from request to reply, one at a time, by response topic and correlation data."""
    asker = AiomqttLink("127.0.0.1", port, client_id="asker")
    answerer = AiomqttLink("127.0.0.1", port, client_id="answerer")
    await asker.connect()
    await answerer.connect()
    await asker.subscribe("bench/rsp")
    await answerer.subscribe("bench/cmd")

    async def answer() -> None:
        async for message in answerer.messages():
            await answerer.publish(
                MqttMessage(
                    topic=message.response_topic or "",
                    payload=b"done",
                    qos=1,
                    correlation=message.correlation,
                )
            )

    answering = asyncio.create_task(answer())
    replies = asker.messages()
    took_s = []
    for number in range(count):
        began_s = time.perf_counter()
        request = MqttMessage(
            topic="bench/cmd",
            payload=PAYLOAD,
            qos=1,
            response_topic="bench/rsp",
            correlation=b"%d" % number,
            expiry_s=5,
        )
        publishing = asyncio.create_task(asker.publish(request))
        await anext(replies)
        took_s.append(time.perf_counter() - began_s)
        await publishing
        await asyncio.sleep(0.002)
    answering.cancel()
    await asker.disconnect()
    await answerer.disconnect()
    return took_s


async def wire_rate(port: int, version: int, count: int) -> float:
    """QoS 0 messages per second through the broker between two bare sockets."""
    reader, subscriber = await asyncio.open_connection("127.0.0.1", port)
    _, publisher = await asyncio.open_connection("127.0.0.1", port)
    for name, writer in (("sub", subscriber), ("pub", publisher)):
        writer.write(encode(Connect(version=version, client_id=name), version))
    wanted = Subscription(topic_filter="bench/p", qos=0)
    subscriber.write(encode(Subscribe(packet_id=1, subscriptions=(wanted,)), version))
    await asyncio.sleep(0.2)
    await reader.read(4096)
    frame = encode(Publish(topic="bench/p", payload=PAYLOAD), version)
    batch = 100
    wanted_bytes = 0
    got = 0
    began_s = time.perf_counter()
    for _ in range(count // batch):
        publisher.write(frame * batch)
        wanted_bytes += len(frame) * batch
        while got < wanted_bytes - 20 * batch * len(frame):
            got += len(await reader.read(1 << 18))
    while got < wanted_bytes:
        got += len(await reader.read(1 << 18))
    took_s = time.perf_counter() - began_s
    subscriber.close()
    publisher.close()
    return count / took_s


async def many_connections(port: int, count: int) -> float:
    """Seconds to connect and subscribe that many clients, all held open."""
    began_s = time.perf_counter()
    wanted = Subscription(topic_filter="bench/+/p", qos=0)
    greeting = encode(Subscribe(packet_id=1, subscriptions=(wanted,)), V311)
    writers = []

    async def join(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(encode(Connect(version=V311, client_id=f"c{number}"), V311) + greeting)
        await reader.readexactly(4 + 5)
        writers.append(writer)

    for start in range(0, count, 100):
        await asyncio.gather(*(join(number) for number in range(start, start + 100)))
    took_s = time.perf_counter() - began_s
    for writer in writers:
        writer.close()
    return took_s


def measure(broker: str, scale: float) -> None:
    """All figures of one broker."""
    with running(broker) as (port, pid):
        for qos in (0, 1):
            count = int(20_000 * scale)
            before_s = cpu_s(pid)
            rate = asyncio.run(link_rate(port, qos, count))
            say(f"mqtt_link_qos{qos}", rate, "msg/s", broker, 5_000)
            used_s = cpu_s(pid) - before_s
            say(f"mqtt_link_qos{qos}_broker_cpu", 1e6 * used_s / count, "us/msg", broker, 30)
        took_s = asyncio.run(round_trips(port, int(1000 * scale)))
        say("mqtt_request_response_p50", 1e3 * statistics.median(took_s), "ms", broker, 2)
        p99_s = statistics.quantiles(took_s, n=100)[98]
        say("mqtt_request_response_p99", 1e3 * p99_s, "ms", broker, 10)
        for version, name in ((V311, "v311"), (V5, "v5")):
            count = int(100_000 * scale)
            before_s = cpu_s(pid)
            rate = asyncio.run(wire_rate(port, version, count))
            say(f"mqtt_wire_{name}_qos0", rate, "msg/s", broker)
            used_s = cpu_s(pid) - before_s
            say(f"mqtt_wire_{name}_qos0_broker_cpu", 1e6 * used_s / count, "us/msg", broker, 20)
        say("mqtt_1000_connections", asyncio.run(many_connections(port, 1000)), "s", broker, 2)
        say("mqtt_1000_connections_memory", resident_mb(pid), "MB", broker, 60)


def main() -> None:
    """Measure ours, then the peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the messages")
    scale = 0.2 if parser.parse_args().quick else 1.0
    for broker in ("pyros", "mosquitto"):
        measure(broker, scale)


if __name__ == "__main__":
    main()
