"""A rig for simulated devices: virtual time, a broker in memory, and a plain MQTT client."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from protocols.mqtt import MqttMessage
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.router import Router
from protocols.payloads import (
    BridgeState,
    CommandPayload,
    DeviceEvent,
    DeviceStatePayload,
    LeasePayload,
    PropertyPayload,
    ReplyPayload,
    decode,
    encode,
)
from protocols.topics import SiteTopics
from pyros.actor import ActorSystem
from pyros.clock import LoopClock
from pyros.sky.site import Site
from simulators.observatory import simulated_observatory_spec, site_metal
from simulators.settings import SimulatorsSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from protocols.mqtt import Will
    from protocols.payloads import Value
    from pyros.actor.loops import VirtualLoop
    from simulators.metal import SiteMetal
    from simulators.scenario import Scenario

SITE = Site(latitude_deg=31.044, longitude_deg=-115.464, height_m=2800.0)
NIGHT_UNIX_S = 1_795_503_600.0
"""2026-11-24T07:00:00Z: the middle of the night at SITE."""


@dataclass
class Rig:
    """A simulated observatory and a client that hears everything it says."""

    loop: VirtualLoop
    router: Router
    system: ActorSystem
    metal: SiteMetal
    topics: SiteTopics
    client: MemoryLink
    spool: Path
    retained: dict[str, bytes] = field(default_factory=dict)
    heard: list[MqttMessage] = field(default_factory=list)
    _commands: int = 0
    _leasing: asyncio.Task[None] | None = None

    @property
    def unix_s(self) -> float:
        return self.system.clock.unix_s()

    async def listen(self) -> None:
        async for message in self.client.messages():
            self.heard.append(message)
            self.retained[message.topic.removeprefix(self.topics.root + "/")] = message.payload

    def reading(self, device: str, name: str) -> Value:
        raw = self.retained[f"{device}/p/{name}"]
        return decode(name, raw, PropertyPayload).v

    def state(self, device: str) -> DeviceStatePayload:
        return decode(device, self.retained[f"{device}/state"], DeviceStatePayload)

    def bridge(self) -> BridgeState:
        return decode("bridge", self.retained["bridge/sim/state"], BridgeState)

    def events(self, device: str) -> list[Any]:
        topic = f"{self.topics.root}/{device}/evt"
        return [
            decode(topic, message.payload, DeviceEvent)
            for message in self.heard
            if message.topic == topic
        ]

    async def say(
        self, device: str, verb: str, args: dict[str, Value], *, command_id: str | None = None
    ) -> str:
        """Publish a command; its id."""
        self._commands += 1
        command_id = command_id or f"c{self._commands}"
        await self.client.publish(
            MqttMessage(
                topic=f"{self.topics.root}/{device}/cmd/{verb}",
                payload=encode(CommandPayload(id=command_id, args=args)),
                qos=1,
                response_topic=self.topics.response("test"),
                correlation=command_id.encode(),
            )
        )
        await asyncio.sleep(0.01)
        return command_id

    def replies(self, command_id: str) -> list[ReplyPayload]:
        """What was replied to a command so far, without progress."""
        topic = self.topics.response("test")
        replies = [
            decode(topic, message.payload, ReplyPayload)
            for message in self.heard
            if message.topic == topic and message.correlation == command_id.encode()
        ]
        return [reply for reply in replies if reply.s != "progress"]

    async def command(
        self, device: str, verb: str, /, *, within_s: float = 300.0, **args: Value
    ) -> ReplyPayload:
        """Publish a command and wait for its last reply."""
        command_id = await self.say(device, verb, args)
        return await self.end(command_id, within_s=within_s)

    async def end(self, command_id: str, *, within_s: float = 300.0) -> ReplyPayload:
        """Wait for a command's last reply."""
        due_s = self.loop.time() + within_s
        while self.loop.time() < due_s:
            last = [reply for reply in self.replies(command_id) if reply.s in ("done", "failed")]
            if last:
                return last[-1]
            await asyncio.sleep(0.25)
        raise AssertionError(f"{command_id} did not end within {within_s} s")

    def lease(self, unit: str = "t1") -> None:
        """Begin to renew the lease every 5 s at the wall."""
        period_s = self.system.clock.wall_to_loop_s(5.0)

        async def renew() -> None:
            for seq in range(1_000_000):
                payload = LeasePayload(boot="b", seq=seq, ttl_s=20.0)
                await self.client.publish(
                    MqttMessage(topic=self.topics.lease(unit), payload=encode(payload))
                )
                await asyncio.sleep(period_s)

        self._leasing = asyncio.get_running_loop().create_task(renew())

    async def end_lease(self) -> None:
        if self._leasing is not None:
            self._leasing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._leasing
            self._leasing = None

    async def open_up(self, ra_deg: float, dec_deg: float, unit: str = "t1") -> None:
        """Open everything and point there, slit included."""
        self.lease(unit)
        await asyncio.sleep(0.1)
        for device, verb in (
            ("telescope", "unpark"),
            ("dome", "open"),
            ("telescope", "open_cover"),
        ):
            reply = await self.command(f"{unit}/{device}", verb)
            assert reply.s == "done", reply
        slewed = await self.command(f"{unit}/telescope", "slew", ra_deg=ra_deg, dec_deg=dec_deg)
        assert slewed.s == "done", slewed
        azimuth_deg = self.reading(f"{unit}/telescope", "az_deg")
        turned = await self.command(f"{unit}/dome", "turn", azimuth_deg=azimuth_deg)
        assert turned.s == "done", turned


@pytest_asyncio.fixture(loop_scope="function")
async def rig(make_rig: Callable[..., Any]) -> Rig:
    """A rig with the default observatory."""
    return await make_rig()


@pytest_asyncio.fixture(loop_scope="function")
async def make_rig(virtual_time: VirtualLoop, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Makes a rig from settings and a scenario."""
    made: list[tuple[Rig, asyncio.Task[None]]] = []

    async def make(
        settings: SimulatorsSettings | None = None,
        scenario: Scenario | None = None,
        start_unix_s: float = NIGHT_UNIX_S,
        alert_packets: tuple[bytes, ...] = (),
        speed: float = 1.0,
    ) -> Rig:
        settings = settings or SimulatorsSettings()
        loop = virtual_time
        router, topics = Router(loop), SiteTopics("spm")
        client = MemoryLink(router, client_id="test")
        await client.connect()
        await client.subscribe("pyros/1/spm/#")
        clock = LoopClock(loop, epoch_unix_s=start_unix_s, speed=speed)
        system = ActorSystem(name="metal", seed=settings.seed, clock=clock)
        await system.start()
        metal = site_metal(settings, SITE)

        def make_link(will: Will) -> MemoryLink:
            return MemoryLink(router, client_id="pyros-sim", will=will)

        rig = Rig(loop, router, system, metal, topics, client, tmp_path / "spool")
        made.append((rig, loop.create_task(rig.listen())))
        await system.spawn(
            simulated_observatory_spec(
                system,
                settings,
                site=SITE,
                topics=topics,
                make_link=make_link,
                spool=rig.spool,
                start_unix_s=start_unix_s,
                scenario=scenario,
                alert_packets=alert_packets,
                metal=metal,
            )
        )
        await asyncio.sleep(0.1)
        return rig

    yield make
    for rig, listening in made:
        await rig.end_lease()
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
        await rig.client.disconnect()
        await rig.system.shutdown("end of test")


@pytest.fixture
def site() -> Site:
    """San Pedro Mártir."""
    return SITE


@pytest.fixture
def night_unix_s() -> float:
    """The middle of a night at `site`."""
    return NIGHT_UNIX_S
