"""Traces cross processes with the messages that carry them, and with those alone."""

from __future__ import annotations

import asyncio

import pytest

from protocols.mqtt import TRACEPARENT, MqttMessage
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.router import Router
from protocols.mqtt.session import MqttReceived, MqttSession, Publish, Subscribe
from pyros.actor import Actor, ActorSystem, ChildSpec, Message

pytestmark = pytest.mark.asyncio
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


class Traced(Actor):
    """Remembers in which trace each message was handled."""

    async def on_start(self) -> None:
        self.system.ref("/mqtt").tell(Subscribe(filter="cmd/#", subscriber=self.ref))
        self.seen: list[str] = []

    async def on_receive(self, message: Message) -> None:
        if isinstance(message, MqttReceived):
            self.seen.append(self.trace_id)


@pytest.mark.parametrize(
    ("properties", "goes_on"),
    [
        (((TRACEPARENT, f"00-{TRACE_ID}-b7ad6b7169203331-01"),), True),
        ((("other", "x"), (TRACEPARENT, f"00-{TRACE_ID}-b7ad6b7169203331-00")), True),
        ((), False),
        (((TRACEPARENT, "00-0af7-b7ad-01"),), False),
        (((TRACEPARENT, f"00-{'0' * 32}-b7ad6b7169203331-01"),), False),
        ((("other", f"00-{TRACE_ID}-b7ad6b7169203331-01"),), False),
    ],
)
async def test_message_with_a_traceparent_is_handled_in_its_trace(
    system: ActorSystem, properties: tuple[tuple[str, str], ...], goes_on: bool
):
    """A good header is followed; without one, or with a malformed one, a new trace begins."""
    router = Router(asyncio.get_running_loop())

    def make_session() -> MqttSession:
        return MqttSession(
            link=lambda: MemoryLink(router, client_id="one"), response_topic="rsp/one"
        )

    session = await system.spawn(ChildSpec(name="mqtt", factory=make_session))
    traced = Traced()
    await system.spawn(ChildSpec(name="traced", factory=lambda: traced))
    await asyncio.sleep(1.0)
    message = MqttMessage(topic="cmd/go", payload=b"", qos=1, user_properties=properties)
    session.tell(Publish(message=message))
    await asyncio.sleep(1.0)
    (trace_id,) = traced.seen
    assert (trace_id == TRACE_ID) is goes_on
