"""A site on an in-memory broker: PyROS's MQTT session, and scripted devices on the wire.

A scripted device speaks the real topics and payloads over a link of its own and does what the test
says, right or wrong; the actors under test never know.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from actors.journal.messages import JournalEntry
from protocols.device_table import DEVICE_TABLE
from protocols.mqtt import MqttLinkError, MqttMessage, Will
from protocols.mqtt.faults import Faults
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.router import Router
from protocols.mqtt.session import MqttSession
from protocols.payloads import (
    BridgeState,
    CommandPayload,
    DescriptionPayload,
    DeviceStatePayload,
    PropertyDescription,
    PropertyPayload,
    ReplyPayload,
    decode,
    encode,
)
from protocols.topics import SiteTopics
from pyros.actor import Actor, ActorRef, ActorSystem, ChildSpec, Message
from pyros.domain.device import DeviceKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TOPICS = SiteTopics("test")
START: dict[DeviceKind, dict[str, Any]] = {
    DeviceKind.TELESCOPE: {
        "ra_deg": 10.0,
        "dec_deg": 20.0,
        "alt_deg": 60.0,
        "az_deg": 180.0,
        "tracking": False,
        "slewing": False,
        "parked": True,
        "cover": "closed",
    },
    DeviceKind.CAMERA: {
        "activity": "idle",
        "exposure_id": "",
        "temperature_deg_C": -100.0,
        "setpoint_deg_C": -100.0,
    },
    DeviceKind.FILTER_WHEEL: {"position": 1, "filter": "r", "moving": False},
    DeviceKind.FOCUSER: {"position_um": 5000.0, "moving": False, "temperature_deg_C": 10.0},
    DeviceKind.DOME: {
        "shutter": "closed",
        "opening_fraction": 0.0,
        "azimuth_deg": 180.0,
        "turning": False,
        "closed_by_lease": False,
    },
    DeviceKind.PLC: {
        "mains": True,
        "ups_charge_pct": 100.0,
        "rain": False,
        "door_closed": True,
        "lights_on": False,
        "flat_lamp_on": False,
    },
    DeviceKind.WEATHER_STATION: {
        "temperature_deg_C": 10.0,
        "dew_point_deg_C": 2.0,
        "humidity_pct": 50.0,
        "wind_m_s": 3.0,
        "rain": False,
    },
}


class ScriptedDevice:
    """A device on the wire that does what the test says; it accepts commands unless told not to."""

    def __init__(
        self, router: Router, system: ActorSystem, unit: str, device: str, kind: DeviceKind
    ) -> None:
        self.clock = system.clock
        self.kind = kind
        self.boot = "boot-1"
        self.bridge = f"bridge-{device}"
        self.topics = TOPICS.device(unit, device)
        self.values = dict(START[kind])
        self.commands: list[tuple[str, CommandPayload]] = []
        self.accepts = True
        self.silent = False
        self.period_s = 5.0 if kind is DeviceKind.WEATHER_STATION else 10.0
        self._router = router
        self._tasks: list[asyncio.Task[None]] = []
        self._reply_to: dict[str, str] = {}
        self.link: MemoryLink | None = None

    async def start(self) -> ScriptedDevice:
        """Connect, say everything, listen for commands, refresh properties."""
        bridge_topic = TOPICS.bridge_state(self.bridge)
        lost = BridgeState(s="lost", boot=self.boot, t=self.clock.now())
        self.link = MemoryLink(
            self._router,
            client_id=self.bridge,
            will=Will(topic=bridge_topic, payload=encode(lost)),
        )
        await self.link.connect()
        ready = BridgeState(s="ready", boot=self.boot, t=self.clock.now())
        await self._publish(bridge_topic, ready, retain=True)
        rows = DEVICE_TABLE[self.kind].properties
        description = DescriptionPayload(
            kind=self.kind,
            bridge=self.bridge,
            boot=self.boot,
            simulated=True,
            properties={
                name: PropertyDescription(
                    u=rows[name].unit, type=rows[name].type, ttl_s=rows[name].ttl_s
                )
                for name in self.values
            },
            commands=tuple(DEVICE_TABLE[self.kind].commands),
        )
        await self._publish(self.topics.description, description, retain=True)
        await self.state("ready")
        await self.set()
        await self.link.subscribe(self.topics.commands)
        self._tasks = [
            asyncio.create_task(self._serve(self.link)),
            asyncio.create_task(self._refresh()),
        ]
        return self

    async def state(self, state: str, reason: str = "") -> None:
        """Publish its own state."""
        payload = DeviceStatePayload(s=state, boot=self.boot, t=self.clock.now(), reason=reason)
        await self._publish(self.topics.state, payload, retain=True)

    async def set(self, **values: Any) -> None:
        """Change properties and publish them; all of them without arguments."""
        self.values |= values
        await self.publish(values or self.values)

    async def publish(self, values: dict[str, Any], **fields: Any) -> None:
        """Publish properties as they are given, with fields of the payload replaced."""
        rows = DEVICE_TABLE[self.kind].properties
        for name, value in values.items():
            payload = PropertyPayload(
                **({"v": value, "u": rows[name].unit, "t": self.clock.now()} | fields)
            )
            await self._publish(self.topics.prop(name), payload, retain=True)

    async def reply(self, command: CommandPayload, state: str, detail: str = "") -> None:
        """Reply to a command."""
        payload = ReplyPayload(id=command.id, s=state, t=self.clock.now(), detail=detail)
        await self._publish(self._reply_to[command.id], payload, qos=1)

    async def event(self, event: Any) -> None:
        """Publish an event."""
        await self._publish(self.topics.event, event, qos=1)

    async def kill(self) -> None:
        """Die without a word: the broker publishes the will."""
        await self.stop()
        self.link.sever()
        session = self._router.session(self.bridge)
        self._router.detach(session, self.link, lost=True)

    async def stop(self) -> None:
        """End its tasks."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, MqttLinkError):
                await task
        self._tasks = []

    async def _publish(self, topic: str, payload: Any, **fields: Any) -> None:
        if not self.silent:
            await self.link.publish(MqttMessage(topic=topic, payload=encode(payload), **fields))

    async def _serve(self, link: MemoryLink) -> None:
        async for message in link.messages():
            command = decode(message.topic, message.payload, CommandPayload)
            assert not message.retain
            self._reply_to[command.id] = message.response_topic
            self.commands.append((message.topic.rpartition("/")[2], command))
            if self.accepts:
                await self.reply(command, "accepted")

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self.period_s)
            await self.set()

    @property
    def verbs(self) -> list[str]:
        """Verbs received so far."""
        return [verb for verb, _ in self.commands]

    @property
    def last(self) -> CommandPayload:
        """The last command received."""
        return self.commands[-1][1]


class Listener(Actor):
    """Remembers the events it subscribed to."""

    def __init__(self, heard: list[Message], kinds: tuple[type[Message], ...]) -> None:
        super().__init__()
        self._heard = heard
        self._kinds = kinds

    async def on_start(self) -> None:
        self.subscribe(*self._kinds)

    async def on_receive(self, message: Message) -> None:
        self._heard.append(message)


class Site:
    """PyROS's side of a site on an in-memory broker."""

    def __init__(self, system: ActorSystem, router: Router) -> None:
        self.system = system
        self.router = router
        self.topics = TOPICS
        self.devices: list[ScriptedDevice] = []
        self.mqtt: ActorRef[MqttSession] = system.ref("/mqtt", MqttSession)
        self.link: MemoryLink | None = None

    async def start(self) -> None:
        """Start the MQTT session."""
        await self.system.spawn(
            ChildSpec(
                name="mqtt",
                factory=lambda: MqttSession(
                    link=self._make_link, response_topic=TOPICS.response("pyros-control")
                ),
            )
        )

    def _make_link(self) -> MemoryLink:
        self.link = MemoryLink(self.router, client_id="pyros-control")
        return self.link

    async def device(self, kind: DeviceKind, device: str, *, unit: str = "tel1") -> ScriptedDevice:
        """A scripted device, started."""
        scripted = ScriptedDevice(self.router, self.system, unit, device, kind)
        self.devices.append(scripted)
        return await scripted.start()

    async def spawn(self, name: str, factory: Callable[[], Actor]) -> ActorRef[Any]:
        """An actor, started; its devices have a moment to be heard."""
        ref = await self.system.spawn(ChildSpec(name=name, factory=factory))
        await asyncio.sleep(0.5)
        return ref

    async def listen(self, *kinds: type[Message]) -> list[Any]:
        """Events of these kinds from now on, in order."""
        heard: list[Any] = []
        name = f"listener-{len(self.system.tree())}"
        await self.system.spawn(ChildSpec(name=name, factory=lambda: Listener(heard, kinds)))
        return heard

    async def journal(self) -> list[JournalEntry]:
        """Journal entries from now on."""
        return await self.listen(JournalEntry)


@pytest_asyncio.fixture
async def site(system: ActorSystem) -> AsyncIterator[Site]:
    """A site without devices, in virtual time."""
    faults = Faults(random.Random(1))  # noqa: S311 - a seeded stream, not a secret
    running = Site(system, Router(asyncio.get_running_loop(), faults=faults))
    await running.start()
    yield running
    for device in running.devices:
        await device.stop()
