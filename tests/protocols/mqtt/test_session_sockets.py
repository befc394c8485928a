"""The session over real sockets, on the real and on the dilated loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from protocols.mqtt import MqttMessage, Will
from protocols.mqtt.link import AiomqttLink
from protocols.mqtt.server import serve_broker
from protocols.mqtt.session import (
    IsLinked,
    MqttReceived,
    MqttReplyTimeoutError,
    MqttRequest,
    MqttSession,
    Publish,
    Subscribe,
)
from pyros.actor import Actor, ActorSystem, ChildSpec, Message
from pyros.actor.loops import run_dilated


class Echo(Actor):
    """Answers every request with its payload reversed."""

    def __init__(self, mqtt) -> None:
        super().__init__()
        self.mqtt = mqtt

    async def on_start(self) -> None:
        self.mqtt.tell(Subscribe(filter="cmd/#", subscriber=self.ref))

    async def on_receive(self, message: Message) -> Any:
        if isinstance(message, MqttReceived):
            asked = message.message
            self.mqtt.tell(
                Publish(
                    message=MqttMessage(
                        topic=asked.response_topic,
                        payload=asked.payload[::-1],
                        correlation=asked.correlation,
                        qos=1,
                    )
                )
            )


def session_spec(port, name, **fields):
    """A session named so."""
    return ChildSpec(
        name=name,
        factory=lambda: MqttSession(
            link=lambda: AiomqttLink("127.0.0.1", port, client_id=name, **fields),
            response_topic=f"rsp/{name}",
        ),
    )


async def answered(session, payload):
    """The reply to a request, asked again while the answerer has not subscribed yet."""
    for _ in range(20):
        request = MqttRequest(topic="cmd/x", payload=payload, reply_timeout_s=0.5)
        try:
            return await session.ask(request, timeout_s=5.0)
        except MqttReplyTimeoutError:
            continue
    pytest.fail("no reply in 20 attempts")


@pytest.mark.asyncio
async def test_session_survives_a_broker_that_is_restarted(until):
    """Requests are answered before the broker's end and after its return, by the same sessions."""
    server = await serve_broker(0)
    port = server.port
    async with ActorSystem(seed=1) as system:
        one = await system.spawn(session_spec(port, "one", will=Will(topic="w", payload=b"")))
        two = await system.spawn(session_spec(port, "two"))
        await system.spawn(ChildSpec(name="echo", factory=lambda: Echo(two)))
        assert await answered(one, b"abc") == b"cba"
        await server.stop()
        await asyncio.sleep(0.1)
        assert await one.ask(IsLinked()) is False
        server = await serve_broker(port)
        assert await answered(one, b"again") == b"niaga"
    await until(lambda: server.router.sessions == ())
    await server.stop()


def test_session_on_a_dilated_loop_counts_wall_seconds():
    """Sixty times faster, the link with a keepalive of one wall second holds and answers."""
    broker = subprocess.Popen(
        [sys.executable, "-m", "protocols.mqtt", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    port = int(broker.stdout.readline().split("127.0.0.1:")[1].split(",")[0])

    async def main() -> list[bytes]:
        replies = []
        async with ActorSystem(seed=1) as system:
            one = await system.spawn(session_spec(port, "one", keepalive_s=1))
            two = await system.spawn(session_spec(port, "two", keepalive_s=1))
            await system.spawn(ChildSpec(name="echo", factory=lambda: Echo(two)))
            replies.append(await answered(one, b"ab"))
            await asyncio.sleep(2.0 * 60.0)
            assert await one.ask(IsLinked())
            assert await two.ask(IsLinked())
            replies.append(await answered(one, b"cd"))
        return replies

    try:
        assert run_dilated(main, speed=60.0) == [b"ba", b"dc"]
    finally:
        broker.terminate()
        broker.communicate(timeout=5)
