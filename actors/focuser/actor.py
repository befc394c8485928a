"""The focuser actor: a device that knows the best focus of each filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.device import commands
from actors.device.actor import DeviceActor
from actors.device.readings import good_flag, good_number
from actors.focuser.messages import FocusFor
from actors.focuser.offsets import best_position_um
from actors.focuser.settings import FocuserSettings
from pyros.domain.device import DeviceKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.payloads import Value
    from pyros.actor import Message
    from pyros.domain.device import CommandOutcome


class FocuserActor(DeviceActor[FocuserSettings]):
    """One focuser."""

    kind = DeviceKind.FOCUSER

    async def on_receive(self, message: Message) -> Any:
        """Handle what concerns focusers only."""
        match message:
            case FocusFor(filter_name=filter_name, cause=cause):
                return self._focus(filter_name, cause)
            case _:
                return await super().on_receive(message)

    def _focus(self, filter_name: str, cause: str) -> CommandOutcome | None:
        readings = self.model.now(self.clock.now())
        position_um = best_position_um(
            filter_name,
            temperature_deg_c=good_number(readings, "temperature_deg_C"),
            settings=self._settings,
        )
        at_um = good_number(readings, "position_um")
        still = good_flag(readings, "moving") is False and self.desks["main"].idle
        if at_um is not None and still and abs(at_um - position_um) < self._settings.deadband_um:
            return commands.nothing_to_do("move", self.clock.now())
        self.take("move", {"position_um": round(position_um, 1)}, cause=cause)
        return None

    def refusal(self, verb: str, args: Mapping[str, Value]) -> str:
        """Refuse positions out of range."""
        position_um = args.get("position_um")
        if verb != "move":
            return ""
        low_um, high_um = self._settings.min_um, self._settings.max_um
        if not isinstance(position_um, int | float) or not low_um <= position_um <= high_um:
            return f"position_um = {position_um} is outside {low_um:g}..{high_um:g}"
        return ""
