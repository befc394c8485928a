"""The process of simulated devices on real sockets: it comes up, is killed, and ends in order."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import asynccontextmanager

import pytest

from protocols.mqtt import MqttLinkError
from protocols.mqtt.link import AiomqttLink
from protocols.payloads import BridgeState, decode
from pyros.errors import ConfigurationError
from simulators.process import BrokerAddress

MAIN = """
import sys
from pathlib import Path
from protocols.topics import SiteTopics
from pyros.sky.site import Site
from simulators.process import run_simulators
from simulators.settings import SimulatorsSettings

run_simulators(
    SimulatorsSettings(),
    site=Site(latitude_deg=31.0, longitude_deg=-115.0, height_m=2800.0),
    topics=SiteTopics("spm"),
    mqtt_url=sys.argv[1],
    spool=Path(sys.argv[2]),
    speed=10.0,
)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def process(*arguments: str):
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def connected(port: int) -> AiomqttLink:
    for _ in range(200):
        link = AiomqttLink("127.0.0.1", port, client_id="watcher")
        try:
            await link.connect()
        except MqttLinkError:
            await asyncio.sleep(0.05)  # the broker is not up yet
        else:
            return link
    raise AssertionError(f"no broker on {port}")


async def until(link: AiomqttLink, topic_end: str, state: str | None = None) -> None:
    """Read until a message of a topic arrives, with that bridge state."""
    async with asyncio.timeout(20.0):
        async for message in link.messages():
            if not message.topic.endswith(topic_end):
                continue
            if state is None or decode("state", message.payload, BridgeState).s == state:
                return


@pytest.mark.asyncio
async def test_process_lives_and_dies_as_promised(tmp_path):
    """Killed it is lost by its will; on SIGTERM it says goodbye, exits 0 and leaves nothing."""
    port = free_port()
    arguments = ("-c", MAIN, f"mqtt://127.0.0.1:{port}", str(tmp_path))
    async with process("-m", "protocols.mqtt", "--port", str(port)):
        link = await connected(port)
        await link.subscribe("pyros/1/spm/#")
        async with process(*arguments) as metal:
            await until(link, "t1/cam-nir/p/activity")
            metal.kill()
            await until(link, "bridge/sim/state", "lost")
        async with process(*arguments) as metal:
            await until(link, "bridge/sim/state", "ready")
            metal.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60.0):
                _, errors = await metal.communicate()
            assert metal.returncode == 0, errors.decode()
            assert b"Traceback" not in errors
            await until(link, "bridge/sim/state", "disconnected")
        await link.disconnect()


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [("mqtt://127.0.0.1:1884", "127.0.0.1", 1884), ("tcp://broker", "broker", 1883)],
)
def test_broker_address_is_read(url, host, port):
    """Host and port, the port by default."""
    address = BrokerAddress.of(url)
    assert (address.host, address.port) == (host, port)


@pytest.mark.parametrize("url", ["", "http://host:1883", "mqtt://", "mqtt://host:port"])
def test_broker_address_refuses_nonsense(url):
    """With one line that says how to write it."""
    with pytest.raises(ConfigurationError, match=r"mqtt\.url"):
        BrokerAddress.of(url)
