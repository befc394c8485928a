"""What happens to a simulated site beyond its devices: bursts come in, the broker goes away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from actors.alert_handler.templates import place_in_view
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.message import MqttMessage
from pyros.app.night_scenario import BurstEvent
from pyros.clock import datetime_from_unix

if TYPE_CHECKING:
    from random import Random

    from pyros.app.night_scenario import BrokerOutage, NightScenario
    from pyros.app.simulated_site import SimulatedSite
    from pyros.sky import Night

_KINDS = ("swift-bat", "svom-eclairs")
_DARK_DEG = -12.0
_TRIGGERED_BEFORE_S = 20.0
"""What a notice takes from the satellite to the ground."""


def draw_burst(
    sky: Night, rng: Random, *, start_s: float, end_s: float, origin_s: float
) -> tuple[BurstEvent, ...]:
    """One burst somewhere in the dark between two instants; none when it is not dark between them.

    All are Unix seconds; the burst's `at_s` counts from `origin_s`.
    """
    span = sky.span(_DARK_DEG)
    if span is None:
        return ()
    first_s, last_s = max(span[0], start_s), min(span[1], end_s)
    if last_s <= first_s:
        return ()
    at_s = first_s + rng.uniform(0.15, 0.8) * (last_s - first_s)
    return (BurstEvent(at_s=at_s - origin_s, kind=rng.choice(_KINDS)),)


def arrange(
    built: SimulatedSite, scenario: NightScenario, rng: Random, *, origin_unix_s: float
) -> None:
    """Put a scenario's bursts and outages on the calendar of a running site."""
    for number, burst in enumerate(scenario.bursts, start=1):
        work = _burst(built, burst, rng, origin_unix_s + burst.at_s)
        _ = built.control.spawn_task(work, f"burst {number}")
    for number, outage in enumerate(scenario.outages, start=1):
        gone = _outage(built, outage, origin_unix_s + outage.at_s)
        _ = built.control.spawn_task(gone, f"outage {number}")


async def _until(built: SimulatedSite, unix_s: float) -> None:
    await asyncio.sleep(max(unix_s - built.control.clock.unix_s(), 0.0))


async def _burst(built: SimulatedSite, burst: BurstEvent, rng: Random, unix_s: float) -> None:
    """A notice heard over MQTT like one of a broker."""
    await _until(built, unix_s)
    now_s = built.control.clock.unix_s()
    ra_deg, dec_deg = burst.ra_deg, burst.dec_deg
    if ra_deg is None or dec_deg is None:
        ra_deg, dec_deg = place_in_view(built.plant.site, now_s, rng)
    raw = built.plant.templates.build(
        burst.kind,
        time_utc=datetime_from_unix(now_s - _TRIGGERED_BEFORE_S),
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        serial=rng.randrange(10, 99),
    )
    link = MemoryLink(built.router, client_id="alert-broker")
    await link.connect()
    await link.publish(MqttMessage(topic=built.plant.topics.alert_in(), payload=raw, qos=1))
    await link.disconnect()


async def _outage(built: SimulatedSite, outage: BrokerOutage, unix_s: float) -> None:
    await _until(built, unix_s)
    built.router.go_down(forget=outage.forget)
    await asyncio.sleep(outage.for_s)
    built.router.come_up()
