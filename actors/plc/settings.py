"""What may be set about the PLC."""

from __future__ import annotations

from actors.device.settings import DeviceSettings


class PlcSettings(DeviceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the PLC; what its readings mean for safety is safety's (`actors.safety`)."""

    blocking: bool = True
    """Without it mains and rain contact are unknown: observing pauses."""
