"""The simulated dome: shutter, slit, and the firmware that closes it when nobody is in charge.

It closes by itself when its lease is older than promised (20 wall seconds), whoever else lives or
not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from protocols.mqtt.session import MqttReceived, Subscribe
from protocols.payloads import LeasePayload, PayloadError, decode
from pyros.actor import Message
from pyros.domain.device import DeviceKind
from simulators.kinematics import Rates, shortest_turn_deg
from simulators.orders import Begun, Done, Refused
from simulators.simulated_device import SimulatedDevice, Wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.payloads import Value
    from simulators.metal import Dome
    from simulators.orders import Answer, Order


class DomeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dome of seven metres with a slit."""

    id: str = "dome"
    """Device id."""
    shutter_s: float = 60.0
    """Seconds the shutter takes to open or close."""
    turn_rate_deg_s: float = 4.0
    """Highest rate of the slit, degrees per second."""
    turn_acceleration_deg_s2: float = 2.0
    """Of the slit."""
    radius_m: float = 3.5
    """Of the dome."""
    slit_width_m: float = 2.2
    """Width of the slit when fully open."""
    beyond_zenith_deg: float = 15.0
    """How far the slit reaches past the zenith."""
    home_azimuth_deg: float = 180.0
    """Where the slit stands at first."""
    lease_ttl_s: float = 20.0
    """Wall seconds without a lease after which it closes, until a lease says otherwise."""
    require_lease: bool = True
    """Whether it refuses to open without a live lease."""
    rain_closes: bool = False
    """Whether the rain contact is wired to the shutter."""

    @property
    def shutter_rates(self) -> Rates:
        """Of the shutter, per second."""
        return Rates(max_per_s=1.0 / self.shutter_s)

    @property
    def slit_rates(self) -> Rates:
        """Of the slit, degrees."""
        return Rates(
            max_per_s=self.turn_rate_deg_s, acceleration_per_s2=self.turn_acceleration_deg_s2
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRanOut(Message):
    """The time promised by a lease may be over."""


class DomeSimulator(SimulatedDevice):
    """A dome.

    Args:
        wiring: Its site and process.
        unit: Telescope id.
        settings: What it can do.
    """

    kind = DeviceKind.DOME
    dead_bands: ClassVar[Mapping[str, float]] = {
        "opening_fraction": 0.05,
        "azimuth_deg": 1.0,
        "lease_age_s": 1e9,
    }

    def __init__(self, wiring: Wiring, unit: str, settings: DomeSettings) -> None:
        super().__init__(wiring, unit, settings.id)
        self.settings = settings

    @property
    def metal(self) -> Dome:
        """Its shutter and slit."""
        dome = self.wiring.metal.telescopes[self.unit].dome
        assert dome is not None  # noqa: S101 - the assembly gives a dome to telescopes with this actor
        return dome

    async def on_start(self) -> None:
        """Listen to the lease; a dome that wakes up open waits one lease before it closes."""
        metal = self.metal
        if math.isinf(metal.lease_heard_s):
            metal.lease_ttl_s = self.settings.lease_ttl_s
        self._lease_topic = self.wiring.topics.lease(self.unit)
        await super().on_start()
        self.wiring.mqtt.tell(Subscribe(filter=self._lease_topic, subscriber=self.ref))
        self.tell_later(self._lease_span_s, LeaseRanOut())

    async def on_receive(self, message: Message) -> Any:
        """Handle the end of leases beside everything else."""
        if isinstance(message, LeaseRanOut):
            self._lease_ran_out()
            return None
        return await super().on_receive(message)

    # --- readings ------------------------------------------------------------------------------

    def readings(self, unix_s: float) -> dict[str, Value]:
        """Shutter, slit and lease."""
        metal = self.metal
        age_s = self._lease_age_s
        return {
            "shutter": self._shutter(unix_s),
            "opening_fraction": metal.shutter.position(unix_s),
            "azimuth_deg": metal.slit.position(unix_s) % 360.0,
            "turning": metal.slit.moving(unix_s),
            **({} if math.isinf(age_s) else {"lease_age_s": round(age_s, 3)}),
            "closed_by_lease": metal.closed_by_lease,
        }

    def _shutter(self, unix_s: float) -> str:
        shutter = self.metal.shutter
        if shutter.moving(unix_s):
            return "opening" if shutter.end > shutter.start else "closing"
        opening = shutter.position(unix_s)
        if self.condition.stuck and opening > 0.0:
            return "stuck"
        return "closed" if opening == 0.0 else "open"

    def details(self) -> dict[str, Value]:
        """Geometry and times."""
        settings = self.settings
        return {
            "shutter_s": settings.shutter_s,
            "turn_rate_deg_s": settings.turn_rate_deg_s,
            "radius_m": settings.radius_m,
            "slit_width_m": settings.slit_width_m,
            "lease_ttl_s": settings.lease_ttl_s,
        }

    # --- orders --------------------------------------------------------------------------------

    def begin(self, order: Order, unix_s: float) -> Answer:
        """Begin to move shutter or slit."""
        match order.verb:
            case "open":
                return self._open(unix_s)
            case "close":
                return self._close(unix_s)
            case "turn":
                return self._turn(order.number("azimuth_deg"), unix_s)
            case _:
                self.fail_all("stopped")
                self.halt(unix_s)
                return Done()

    def halt(self, unix_s: float) -> None:
        """Shutter and slit stop where they are."""
        metal = self.metal
        metal.shutter = metal.shutter.stopped(unix_s)
        metal.slit = metal.slit.stopped(unix_s)

    def _open(self, unix_s: float) -> Answer:
        metal = self.metal
        if self.settings.require_lease and self._lease_age_s > metal.lease_ttl_s:
            return Refused("no live lease; it would close at once")
        if self._rain_interlock(unix_s):
            return Refused("rain contact: the shutter is interlocked")
        metal.closed_by_lease = False
        return self._move_shutter(1.0, unix_s)

    def _close(self, unix_s: float) -> Answer:
        return self._move_shutter(0.0, unix_s)

    def _move_shutter(self, end: float, unix_s: float) -> Answer:
        shutter = self.metal.shutter
        if not shutter.moving(unix_s) and shutter.position(unix_s) == end:
            return Done("already there")
        if self.condition.stuck:
            return Refused(f"shutter motor stalls at {shutter.position(unix_s):.0%} open")
        if not (shutter.moving(unix_s) and shutter.end == end):
            rates = self.settings.shutter_rates.slowed(self.condition.slowness)
            self.metal.shutter = shutter.towards(end, unix_s, rates)
        return Begun("shutter", self.metal.shutter.end_unix_s)

    def _turn(self, azimuth_deg: float, unix_s: float) -> Answer:
        if not -360.0 <= azimuth_deg <= 720.0:
            return Refused(f"azimuth_deg = {azimuth_deg:g} is no azimuth")
        if self.condition.stuck:
            return Refused("slit motor stalls")
        slit = self.metal.slit
        here_deg = slit.position(unix_s)
        end_deg = here_deg + shortest_turn_deg(here_deg, azimuth_deg)
        rates = self.settings.slit_rates.slowed(self.condition.slowness)
        self.metal.slit = slit.towards(end_deg, unix_s, rates)
        return Begun("slit", self.metal.slit.end_unix_s)

    # --- firmware ------------------------------------------------------------------------------

    def on_message(self, received: MqttReceived) -> None:
        """A lease arrived."""
        if received.message.topic != self._lease_topic or self.condition.silent:
            return
        if received.message.retain:
            return  # a retained lease says nothing about now
        try:
            lease = decode(self._lease_topic, received.message.payload, LeasePayload)
        except PayloadError as error:
            self.log.warning("refused: %s", error)
            return
        metal = self.metal
        first = math.isinf(metal.lease_heard_s)
        metal.lease_heard_s = received.received_monotonic_s
        metal.lease_ttl_s = min(max(lease.ttl_s, 1.0), self.settings.lease_ttl_s)
        if first:
            self.sense()

    @property
    def _lease_span_s(self) -> float:
        """Loop seconds that a lease lasts."""
        return self.clock.wall_to_loop_s(self.metal.lease_ttl_s)

    @property
    def _lease_age_s(self) -> float:
        """Wall seconds since the last lease; infinite before the first."""
        age_s = self.clock.monotonic_s() - self.metal.lease_heard_s
        return age_s / self.clock.wall_to_loop_s(1.0)

    def _lease_ran_out(self) -> None:
        left_s = self.metal.lease_heard_s + self._lease_span_s - self.clock.monotonic_s()
        if left_s > 0.0:
            self.tell_later(left_s, LeaseRanOut())
            return
        self.tell_later(self._lease_span_s / 4.0, LeaseRanOut())
        now_s = self.unix_s
        if not self._shut and not self.condition.stuck:
            self.log.warning("lease is %.0f s old: closing", self._lease_age_s)
            self.metal.closed_by_lease = True
            self._close_by_itself("lease ran out", now_s)

    @property
    def _shut(self) -> bool:
        """Whether the shutter is closed or on its way."""
        return self.metal.shutter.end == 0.0

    def _close_by_itself(self, why: str, unix_s: float) -> None:
        self.end_group("shutter", why)
        self._close(unix_s)
        self.sense(exact=True)
        self.step_later()

    def on_tick(self, unix_s: float) -> None:
        """Close in rain, if so wired."""
        if self._rain_interlock(unix_s) and not self._shut and not self.condition.stuck:
            self._close_by_itself("rain contact", unix_s)

    def _rain_interlock(self, unix_s: float) -> bool:
        return self.settings.rain_closes and self.wiring.metal.weather.at(unix_s).rain_mm_h > 0.0

    def moving_until(self, unix_s: float) -> float | None:
        """Until when the shutter closes by itself."""
        shutter = self.metal.shutter
        return shutter.end_unix_s if shutter.moving(unix_s) else None

    def step_s(self) -> float:
        """Coarser than for fast motors."""
        return 3.0
