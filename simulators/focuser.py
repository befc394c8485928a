"""The simulated focuser: moves the secondary mirror along the optical axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from pyros.domain.device import DeviceKind
from simulators.kinematics import Rates
from simulators.orders import Begun, Done, Refused
from simulators.simulated_device import SimulatedDevice, Wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.payloads import Value
    from simulators.kinematics import Travel
    from simulators.orders import Answer, Order


class FocuserSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A focuser of ten millimetres."""

    id: str = "focuser"
    """Device id."""
    lowest_um: float = -5000.0
    """End of its travel, micrometres."""
    highest_um: float = 5000.0
    """Other end of its travel, micrometres."""
    rate_um_s: float = 400.0
    """Micrometres per second."""
    best_um: float = 0.0
    """Position of best focus without a filter at 10 deg_C, micrometres."""
    best_um_per_K: float = -8.0  # noqa: N815 - the unit is K
    """Change of the best focus with the air's temperature."""

    @property
    def rates(self) -> Rates:
        """In micrometres."""
        return Rates(max_per_s=self.rate_um_s, acceleration_per_s2=2.0 * self.rate_um_s)


class FocuserSimulator(SimulatedDevice):
    """A focuser.

    Args:
        wiring: Its site and process.
        unit: Telescope id.
        settings: What it can do.
    """

    kind = DeviceKind.FOCUSER
    dead_bands: ClassVar[Mapping[str, float]] = {"position_um": 5.0, "temperature_deg_C": 0.3}

    def __init__(self, wiring: Wiring, unit: str, settings: FocuserSettings) -> None:
        super().__init__(wiring, unit, settings.id)
        self.settings = settings

    @property
    def metal(self) -> Travel:
        """Its axis."""
        return self.wiring.metal.telescopes[self.unit].focusers[self.device]

    def _move(self, travel: Travel) -> None:
        self.wiring.metal.telescopes[self.unit].focusers[self.device] = travel

    def readings(self, unix_s: float) -> dict[str, Value]:
        """Position, and the temperature of the tube."""
        travel = self.metal
        return {
            "position_um": travel.position(unix_s),
            "moving": travel.moving(unix_s),
            "temperature_deg_C": round(self.wiring.metal.weather.at(unix_s).temperature_deg_C, 1),
        }

    def details(self) -> dict[str, Value]:
        """Its travel."""
        return {"lowest_um": self.settings.lowest_um, "highest_um": self.settings.highest_um}

    def begin(self, order: Order, unix_s: float) -> Answer:
        """Begin to move."""
        settings, travel, end_um = self.settings, self.metal, order.number("position_um")
        if not settings.lowest_um <= end_um <= settings.highest_um:
            return Refused(
                f"position_um = {end_um:g} is outside "
                f"{settings.lowest_um:g}..{settings.highest_um:g}"
            )
        if not travel.moving(unix_s) and travel.position(unix_s) == end_um:
            return Done("already there")
        if self.condition.stuck:
            return Refused("focus motor stalls")
        rates = settings.rates.slowed(self.condition.slowness)
        self._move(travel.towards(end_um, unix_s, rates))
        return Begun("focus", self.metal.end_unix_s)

    def halt(self, unix_s: float) -> None:
        """It stops where it is."""
        self._move(self.metal.stopped(unix_s))
