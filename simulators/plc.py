"""The simulated PLC: mains and UPS, rain contact, door, lamps."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from protocols.topics import SITE_UNIT
from pyros.domain.device import DeviceKind
from simulators.orders import Done
from simulators.simulated_device import SimulatedDevice, Wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.payloads import Value
    from simulators.metal import Building
    from simulators.orders import Answer, Order


class PlcSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The site's controller and its UPS."""

    id: str = "plc"
    """Device id."""
    ups_runtime_s: float = 1800.0
    """Seconds from full to empty without mains."""
    ups_recharge_s: float = 7200.0
    """Seconds from empty to full with mains."""
    rain_dries_s: float = 120.0
    """Seconds that the rain contact stays wet after the last drop."""


class PlcSimulator(SimulatedDevice):
    """A PLC.

    Args:
        wiring: Its site and process.
        settings: What it can do.
    """

    kind = DeviceKind.PLC
    period_s = 5.0
    dead_bands: ClassVar[Mapping[str, float]] = {"ups_charge_pct": 1.0}

    def __init__(self, wiring: Wiring, settings: PlcSettings) -> None:
        super().__init__(wiring, SITE_UNIT, settings.id)
        self.settings = settings
        self._wet_until_unix_s = float("-inf")

    @property
    def metal(self) -> Building:
        """What it watches and switches."""
        return self.wiring.metal.building

    def readings(self, unix_s: float) -> dict[str, Value]:
        """Contacts and lamps."""
        building = self.metal
        if self.wiring.metal.weather.at(unix_s).rain_mm_h > 0.0:
            self._wet_until_unix_s = unix_s + self.settings.rain_dries_s
        mains = self.condition.readings.get("mains", True) is True
        return {
            "mains": mains,
            "ups_charge_pct": round(100.0 * self._charge(unix_s, mains=mains), 1),
            "rain": unix_s < self._wet_until_unix_s,
            "door_closed": building.door_closed,
            "lights_on": building.lights_on,
            "flat_lamp_on": building.flat_lamp_on,
        }

    def _charge(self, unix_s: float, *, mains: bool) -> float:
        """The charge of the UPS, brought up to an instant."""
        building, settings = self.metal, self.settings
        elapsed_s = max(0.0, unix_s - building.ups_unix_s) if building.ups_unix_s else 0.0
        change = elapsed_s / (settings.ups_recharge_s if mains else -settings.ups_runtime_s)
        building.ups_charge = min(1.0, max(0.0, building.ups_charge + change))
        building.ups_unix_s = unix_s
        return building.ups_charge

    def begin(self, order: Order, unix_s: float) -> Answer:
        """Switch a lamp."""
        del unix_s
        if order.verb == "lights":
            self.metal.lights_on = order.flag("on")
        else:
            self.metal.flat_lamp_on = order.flag("on")
        return Done()
