"""The process of simulated devices: lives beside control, survives it, ends on SIGTERM.

`run_simulators` is its main; the roof gives it settings, the broker's address and the site's
epoch.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from protocols.mqtt.link import AiomqttLink
from pyros.actor import ActorSystem
from pyros.actor.loops import run_dilated
from pyros.errors import ConfigurationError
from simulators.observatory import simulated_observatory_spec

if TYPE_CHECKING:
    from pathlib import Path

    from protocols.mqtt.message import Will
    from protocols.topics import SiteTopics
    from pyros.sky.site import Site
    from simulators.scenario import Scenario
    from simulators.settings import SimulatorsSettings

_DEFAULT_PORT = 1883


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker listens."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None

    @classmethod
    def of(cls, url: str) -> BrokerAddress:
        """The address in a URL such as `mqtt://127.0.0.1:1883`.

        Raises:
            ConfigurationError: When it is none.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _DEFAULT_PORT
        except ValueError as error:
            raise ConfigurationError(f"mqtt.url = {url!r}: {error}") from error
        if parts.scheme not in ("mqtt", "tcp") or not parts.hostname:
            raise ConfigurationError(f"mqtt.url = {url!r}; write it as mqtt://host:port")
        return cls(host=parts.hostname, port=port, username=parts.username, password=parts.password)


def run_simulators(
    settings: SimulatorsSettings,
    *,
    site: Site,
    topics: SiteTopics,
    mqtt_url: str,
    spool: Path,
    epoch_unix_s: float | None = None,
    epoch_monotonic_s: float | None = None,
    speed: float = 1.0,
    scenario: Scenario | None = None,
    alert_packets: tuple[bytes, ...] = (),
) -> None:
    """Run the simulated devices until SIGTERM or SIGINT.

    Args:
        settings: Which devices, and what they can do.
        site: Where.
        topics: The site's MQTT topics.
        mqtt_url: The broker.
        spool: Directory where cameras leave frames.
        epoch_unix_s: The observatory's UTC at `epoch_monotonic_s`; the computer's UTC when None.
        epoch_monotonic_s: CLOCK_MONOTONIC of the epoch; now when None.
        speed: Observatory seconds per wall second.
        scenario: Prescribed weather, faults and transients.
        alert_packets: Recorded packets that simulated bursts are told with.

    Raises:
        ConfigurationError: When settings or address make no sense.
    """
    faults = settings.faults()
    if scenario is not None:
        faults += scenario.complaints(settings.device_keys())
    if faults:
        raise ConfigurationError(f"[simulators] {'; '.join(faults)}")
    address = BrokerAddress.of(mqtt_url)

    def make_link(will: Will) -> AiomqttLink:
        return AiomqttLink(
            address.host,
            address.port,
            client_id=f"pyros-{settings.bridge}",
            will=will,
            username=address.username,
            password=address.password,
        )

    async def main() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        system = ActorSystem(name="metal", seed=settings.seed)
        async with system:
            start_unix_s = system.clock.unix_s()
            spec = simulated_observatory_spec(
                system,
                settings,
                site=site,
                topics=topics,
                make_link=make_link,
                spool=spool,
                start_unix_s=start_unix_s,
                scenario=scenario,
                alert_packets=alert_packets,
            )
            await system.spawn(spec)
            system.failed.add_done_callback(lambda _: ended.set())
            await ended.wait()

    run_dilated(
        main,
        speed=speed,
        epoch_unix_s=epoch_unix_s,
        epoch_monotonic_s=epoch_monotonic_s,
    )
