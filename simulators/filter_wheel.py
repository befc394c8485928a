"""The simulated filter wheel: numbered slots, turning the shorter way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pyros.domain.device import DeviceKind
from simulators.kinematics import Rates
from simulators.orders import Begun, Done, Refused
from simulators.simulated_device import SimulatedDevice, Wiring

if TYPE_CHECKING:
    from protocols.payloads import Value
    from simulators.metal import Wheel
    from simulators.orders import Answer, Order


class FilterWheelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wheel of a few slots."""

    id: str = "wheel-vis"
    """Device id."""
    filters: tuple[str, ...] = ("g", "r", "i", "z")
    """What is in the slots, in order; names of passbands."""
    slot_s: float = 0.8
    """Seconds from one slot to the next."""
    settle_s: float = 0.5
    """Seconds until it is locked."""

    @property
    def rates(self) -> Rates:
        """In slots."""
        return Rates(max_per_s=1.0 / self.slot_s)


class FilterWheelSimulator(SimulatedDevice):
    """A filter wheel.

    Args:
        wiring: Its site and process.
        unit: Telescope id.
        settings: What it can do.
    """

    kind = DeviceKind.FILTER_WHEEL

    def __init__(self, wiring: Wiring, unit: str, settings: FilterWheelSettings) -> None:
        super().__init__(wiring, unit, settings.id)
        self.settings = settings

    @property
    def metal(self) -> Wheel:
        """The wheel itself."""
        return self.wiring.metal.telescopes[self.unit].wheels[self.device]

    def readings(self, unix_s: float) -> dict[str, Value]:
        """Slot and filter nearest to the beam."""
        wheel = self.metal
        slot = wheel.slot(unix_s)
        return {
            "position": slot,
            "filter": wheel.filters[slot],
            "moving": "wheel" in self.desk.running or wheel.turn.moving(unix_s),
        }

    def details(self) -> dict[str, Value]:
        """What is in the slots."""
        return {"filters": ",".join(self.settings.filters), "slot_s": self.settings.slot_s}

    def begin(self, order: Order, unix_s: float) -> Answer:
        """Begin to turn."""
        wheel, wanted = self.metal, order.text("filter")
        if wanted not in wheel.filters:
            return Refused(f"no filter {wanted!r}; in the wheel: {', '.join(wheel.filters)}")
        here, slots = wheel.turn.position(unix_s), len(wheel.filters)
        if not wheel.turn.moving(unix_s) and wheel.filter(unix_s) == wanted and here == round(here):
            self.end_group("wheel", f"superseded by {order.verb} {order.id}")
            return Done("already there")
        if self.condition.stuck:
            return Refused("wheel motor stalls")
        ahead = (wheel.filters.index(wanted) - here + slots / 2.0) % slots - slots / 2.0
        rates = self.settings.rates.slowed(self.condition.slowness)
        wheel.turn = wheel.turn.towards(round(here + ahead), unix_s, rates)
        return Begun("wheel", wheel.turn.end_unix_s + self.settings.settle_s)

    def halt(self, unix_s: float) -> None:
        """It stops, perhaps between two slots."""
        self.metal.turn = self.metal.turn.stopped(unix_s)
