"""The simulated alert broker: bursts that happen in the simulated sky and are told over MQTT.

Whatever alert arrives on `alerts/in`, its own or somebody else's, there is an afterglow where it
says: within the error circle, from its trigger on. So an injected alert has something to find.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from protocols.mqtt.message import MqttMessage
from protocols.mqtt.session import MqttReceived, Publish, Subscribe
from protocols.notice_parser import parse_notice
from protocols.notice_restamp import restamp
from pyros.actor import Actor, Message
from pyros.clock import datetime_from_unix, unix_from_datetime
from pyros.domain.alert.notice import NoticeError
from pyros.sky.bodies import moon_now
from pyros.sky.engine import icrs_from_altaz, separation_deg
from pyros.sky.twilight import Night
from simulators.mount_motion import displaced
from simulators.sky_scene.transient import Transient

if TYPE_CHECKING:
    from pyros.domain.alert.notice import Notice
    from pyros.sky.site import Site
    from simulators.simulated_device import Wiring

_SIGMAS_OF_90 = 2.1460
"""Radius that holds 90 per cent of a round normal distribution, in standard deviations."""
_KEPT = 100


class BurstSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often it bursts."""

    per_night: float = 0.0
    """Mean number of bursts in view during a night's darkness; 0 tells none."""
    latency_s: float = 20.0
    """Seconds from the trigger to the packet."""
    lowest_altitude_deg: float = 35.0
    """Bursts happen above this altitude."""
    mag_at_60s: float = 15.0
    """Mean AB magnitude of an afterglow a minute after the trigger; they scatter by 1.5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst(Message):
    """It bursts now."""

    night: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NextNight(Message):
    """A new night begins: draw its bursts."""


class AlertBroker(Actor):
    """Tells bursts, and lights afterglows.

    Args:
        wiring: The site and the process.
        settings: How often it bursts.
        packets: Recorded packets that bursts are told with, given new times, ids and places.
    """

    def __init__(
        self, wiring: Wiring, settings: BurstSettings, packets: tuple[bytes, ...] = ()
    ) -> None:
        self._wiring = wiring
        self._settings = settings
        self._packets = packets

    async def on_start(self) -> None:
        """Listen, and draw the bursts of this night."""
        self._lit: dict[str, None] = {}
        topics = self._wiring.topics
        self._wiring.mqtt.tell(Subscribe(filter=topics.alert_in(), subscriber=self.ref))
        if self._packets and self._settings.per_night > 0.0:
            self._draw_night()

    async def on_receive(self, message: Message) -> Any:
        """Light, burst, go on."""
        match message:
            case MqttReceived(message=arrived):
                self._light(arrived.payload)
            case Burst(night=night, number=number):
                self._burst(night, number)
            case NextNight():
                self._draw_night()
            case _:
                return await super().on_receive(message)
        return None

    # --- afterglows ----------------------------------------------------------------------------

    def _light(self, raw: bytes) -> None:
        try:
            notice = parse_notice(raw, source="sky", received_utc=self.clock.now())
        except NoticeError as error:
            self.log.info("no alert that lights anything: %s", error)
            return
        name = f"{notice.mission}/{notice.event_id or notice.notice_id}"
        source = afterglow(notice, self._wiring.metal.seed, self._settings.mag_at_60s)
        if source is None or name in self._lit:
            return
        self._lit[name] = None
        transients = self._wiring.metal.transients
        transients.append(source)
        del transients[:-_KEPT]

    # --- bursts --------------------------------------------------------------------------------

    def _draw_night(self) -> None:
        now_s, site = self.clock.unix_s(), self._wiring.metal.site
        night = Night.at(site, now_s)
        self.tell_later(night.end_unix_s - now_s + 1.0, NextNight())
        seed, per_night = self._wiring.metal.seed, self._settings.per_night
        for number, burst_s in enumerate(burst_times(night, seed, per_night)):
            if burst_s + self._settings.latency_s > now_s:
                delay_s = burst_s + self._settings.latency_s - now_s
                self.tell_later(delay_s, Burst(night=night.label, number=number))

    def _burst(self, night: str, number: int) -> None:
        now_s, wiring = self.clock.unix_s(), self._wiring
        draw = Random(f"{wiring.metal.seed}/burst/{night}/{number}")  # noqa: S311 - physics
        ra_deg, dec_deg = place_in_view(
            wiring.metal.site, now_s, self._settings.lowest_altitude_deg, draw
        )
        raw = restamp(
            draw.choice(self._packets),
            time_utc=datetime_from_unix(now_s) - timedelta(seconds=self._settings.latency_s),
            ra_deg=ra_deg,
            dec_deg=dec_deg,
            serial=draw.randrange(10, 100_000),
        )
        message = MqttMessage(topic=wiring.topics.alert_in(), payload=raw, qos=1)
        wiring.mqtt.tell(Publish(message=message))


def burst_times(night: Night, seed: int, per_night: float) -> list[float]:
    """When it bursts in the darkness of a night (Sun below -12 degrees), Unix seconds."""
    span = night.span(-12.0)
    if span is None:
        return []
    draw = Random(f"{seed}/bursts/{night.label}")  # noqa: S311 - physics, not secrets
    times: list[float] = []
    time_s = span[0]
    while True:
        time_s += draw.expovariate(per_night / (span[1] - span[0]))
        if time_s > span[1]:
            return times
        times.append(time_s)


def place_in_view(
    site: Site, unix_s: float, lowest_altitude_deg: float, draw: Random
) -> tuple[float, float]:
    """An ICRS place above an altitude and 30 degrees from the Moon, evenly over that sky."""
    moon, low = moon_now(site, unix_s), math.sin(math.radians(lowest_altitude_deg))
    while True:
        alt_deg = math.degrees(math.asin(draw.uniform(low, 0.995)))
        ra_deg, dec_deg = icrs_from_altaz(site, alt_deg, draw.uniform(0.0, 360.0), unix_s)
        if float(separation_deg(ra_deg, dec_deg, moon.ra_deg, moon.dec_deg)) > 30.0:
            return ra_deg, dec_deg


def afterglow(notice: Notice, seed: int, mag_at_60s: float) -> Transient | None:
    """The source that a notice is about; None when it names no place or time, or is none.

    It lies within the error circle as probably as the circle claims (90 per cent where it says
    nothing), the same for all notices of an event.
    """
    if notice.ra_deg is None or notice.dec_deg is None or notice.t0_utc is None:
        return None
    if notice.retraction or notice.pointing:
        return None
    name = f"{seed}/afterglow/{notice.mission}/{notice.event_id or notice.notice_id}"
    draw = Random(name)  # noqa: S311 - physics, not secrets
    sigma_arcsec = 3600.0 * (notice.error_deg or 0.0) / _SIGMAS_OF_90
    ra_deg, dec_deg = displaced(
        notice.ra_deg, notice.dec_deg, draw.gauss(0.0, sigma_arcsec), draw.gauss(0.0, sigma_arcsec)
    )
    return Transient(
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        t0_unix_s=unix_from_datetime(notice.t0_utc),
        mag_at_60s=draw.gauss(mag_at_60s, 1.5),
    )
