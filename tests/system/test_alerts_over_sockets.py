"""Alerts over real sockets to the real handler and a real database: VTP, MQTT and HTTP's door."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from actors.alert_handler.actor import AlertHandler
from actors.alert_handler.rules import RuleFile
from actors.alert_handler.settings import AlertHandlerSettings
from actors.alert_handler.templates import AlertTemplates
from actors.alert_source.http import HttpAlertSource
from actors.alert_source.messages import PacketReceived
from actors.alert_source.mqtt import MqttAlertSource
from actors.alert_source.settings import PaceSettings, VtpReceiverSettings
from actors.alert_source.vtp import GetPorts, VtpReceiverSource
from actors.majordome.messages import TargetOfOpportunity
from actors.scheduler.messages import Submit
from protocols.mqtt.link import AiomqttLink
from protocols.mqtt.message import MqttMessage
from protocols.mqtt.server import BrokerServer, serve_broker
from protocols.mqtt.session import MqttSession
from protocols.notice_restamp import restamp
from protocols.topics import SiteTopics
from protocols.vtp.author import send_voevent
from pyros.actor import Actor, ActorSystem, ChildSpec, Message
from pyros.domain.sequence import ChannelTimes
from pyros.sky import Site
from pyros.sky.engine import icrs_from_altaz
from pyros.store import Store
from pyros.store.settings import StoreSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "alerts"
TOPICS = SiteTopics("test")
TIMES = {
    "cam-vis": ChannelTimes(readout_s=8.0, filter_change_s=6.0),
    "cam-nir": ChannelTimes(readout_s=4.0, filter_change_s=6.0),
}


class Listener(Actor):
    """Stands for majordome and scheduler: keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.bursts: list[TargetOfOpportunity] = []
        self.requests: list[Submit] = []

    async def on_receive(self, message: Message) -> Any:
        """Keep."""
        match message:
            case TargetOfOpportunity():
                self.bursts.append(message)
            case Submit():
                self.requests.append(message)
                return ()
        return None


async def until(condition: Callable[[], Any]) -> None:
    """Wait in real time."""
    async with asyncio.timeout(15.0):
        while not condition():  # noqa: ASYNC110 - what others do is waited for
            await asyncio.sleep(0.01)


def night_side(unix_s: float) -> Site:
    """A site at the equator where it is midnight now: the test does not depend on the hour."""
    hours = (unix_s % 86_400.0) / 3600.0
    longitude_deg = ((24.0 - hours) * 15.0 + 180.0) % 360.0 - 180.0
    return Site(latitude_deg=0.0, longitude_deg=longitude_deg, height_m=0.0, name="midnight")


@contextlib.asynccontextmanager
async def broker_on_loopback() -> AsyncIterator[BrokerServer]:
    """A broker on any free port."""
    server = await serve_broker(0)
    try:
        yield server
    finally:
        await server.stop()


@pytest.mark.asyncio
async def test_a_burst_over_each_socket_is_stored_answered_and_sent_to_the_telescope(
    tmp_path: Path,
) -> None:
    """Swift over VTP, SVOM over MQTT, Einstein Probe by POST; garbage is nak'ed and kept."""
    listener = Listener()
    async with (
        Store(tmp_path, StoreSettings(synchronous="FULL")) as store,
        broker_on_loopback() as broker,
        ActorSystem() as system,
    ):
        site = night_side(system.clock.unix_s())
        ear = await system.spawn(ChildSpec(name="listener", factory=lambda: listener))
        handler = await system.spawn(
            ChildSpec(
                name="handler",
                factory=lambda: AlertHandler(
                    site=site,
                    store=store,
                    rules=RuleFile(ROOT / "config" / "alerts.toml"),
                    templates=AlertTemplates(ROOT / "config" / "alert_templates"),
                    settings=AlertHandlerSettings(),
                    majordome=ear,
                    scheduler=ear,
                    channel_times=TIMES,
                ),
            )
        )
        pace = PaceSettings()
        vtp = await system.spawn(
            ChildSpec(
                name="vtp",
                factory=lambda: VtpReceiverSource(
                    settings=VtpReceiverSettings(port=0), pace=pace, handler=handler
                ),
            )
        )
        mqtt = await system.spawn(
            ChildSpec(
                name="mqtt",
                factory=lambda: MqttSession(
                    link=lambda: AiomqttLink("127.0.0.1", broker.port, client_id="control"),
                    response_topic=TOPICS.response("control"),
                ),
            )
        )
        await system.spawn(
            ChildSpec(
                name="source-mqtt",
                factory=lambda: MqttAlertSource(
                    topics=TOPICS, mqtt=mqtt, pace=pace, handler=handler
                ),
            )
        )
        http = await system.spawn(
            ChildSpec(name="http", factory=lambda: HttpAlertSource(pace=pace, handler=handler))
        )

        def young(name: str, serial: int) -> bytes:
            now_s = system.clock.unix_s()
            ra_deg, dec_deg = icrs_from_altaz(site, 60.0, 40.0 * serial, now_s)
            return restamp(
                (DATA / name).read_bytes(),
                time_utc=system.clock.now() - timedelta(seconds=1000.0 * serial),
                ra_deg=float(ra_deg) % 360.0,
                dec_deg=float(dec_deg),
                serial=serial,
            )

        swift = young("swift/BAT_GRB_Pos_1194500-314.xml", 1)
        port = (await vtp.ask(GetPorts())).authors
        assert await send_voevent(swift, host="127.0.0.1", port=port) == (True, "")
        kept = await store.alerts.recent_packets()
        assert [packet.raw for packet in kept] == [swift], "stored when it is acknowledged"
        await until(lambda: len(listener.bursts) == 1)

        author = AiomqttLink("127.0.0.1", broker.port, client_id="author")
        await author.connect()
        await asyncio.sleep(0.2)
        svom = young("svom/sb26050402_eclairs_312.xml", 2)
        await author.publish(MqttMessage(topic=TOPICS.alert_in(), payload=svom, qos=1))
        await until(lambda: len(listener.bursts) == 2)
        await author.disconnect()

        probe = young("einstein_probe/alert_249.json", 3)
        stored = await http.ask(
            PacketReceived(
                raw=probe,
                source="whatever the caller claims",
                topic=None,
                received_utc=system.clock.now(),
                received_monotonic_s=system.clock.monotonic_s(),
            )
        )
        assert stored.accepted
        await until(lambda: len(listener.bursts) == 3)
        accepted, reason = await send_voevent(b"<VOEvent", host="127.0.0.1", port=port)
        assert not accepted
        assert "XML" in reason
        assert len({burst.alert_id for burst in listener.bursts}) == 3
        await until(lambda: len(listener.requests) == 3)
        packets = {packet.raw: packet for packet in await store.alerts.recent_packets()}
        assert {packets[raw].source for raw in (swift, svom, probe)} == {"vtp", "mqtt", "http"}
        assert b"<VOEvent" in packets
