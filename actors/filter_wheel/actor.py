"""The filter wheel actor: a device that knows which filters it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.device.actor import DeviceActor
from actors.filter_wheel.settings import FilterWheelSettings
from pyros.domain.device import DeviceKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.payloads import Value


class FilterWheelActor(DeviceActor[FilterWheelSettings]):
    """One filter wheel."""

    kind = DeviceKind.FILTER_WHEEL

    def refusal(self, verb: str, args: Mapping[str, Value]) -> str:
        """Refuse filters that are not in the wheel."""
        wanted, held = args.get("filter"), self._settings.filters
        if verb == "select" and held and wanted not in held:
            return f"filter {wanted!r} is not in {self.device}; it holds {', '.join(held)}"
        return ""
