"""What may be set about a focuser: its range, best focus, filters' thicknesses, temperature."""

from __future__ import annotations

import msgspec

from actors.device.settings import DeviceSettings


class TemperatureCompensation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """How best focus moves with the tube's temperature."""

    slope_um_per_deg_C: float = 0.0  # noqa: N815 - the unit is written so everywhere
    """Micrometres of focuser travel per degree Celsius; measured by focus runs."""

    reference_deg_C: float = 10.0  # noqa: N815
    """Temperature at which `best_um` was measured, degrees Celsius."""


class FocuserSettings(DeviceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a focuser."""

    blocking: bool = False
    """Images are soft without it, not lost."""

    best_um: float = 5000.0
    """Position of best focus through `reference_filter` at the reference temperature, um."""

    reference_filter: str = ""
    """Filter in which `best_um` was measured; empty for none in the beam."""

    equivalent_thickness_um: dict[str, float] = {}  # noqa: RUF012 - msgspec copies it
    """Per filter, the shift of focus it causes, um of focuser travel: for a plane plate of
    thickness t and refractive index n it is t (1 - 1/n)."""

    min_um: float = 0.0
    """Lowest position, um."""

    max_um: float = 10000.0
    """Highest position, um."""

    deadband_um: float = 3.0
    """Moves smaller than this are not made, um."""

    temperature: TemperatureCompensation | None = None
    """Compensation of the tube's temperature; none when not set."""

    def __post_init__(self) -> None:
        """Refuse a best focus out of range.

        Raises:
            ValueError: With the fields and their values.
        """
        DeviceSettings.__post_init__(self)
        if not self.min_um <= self.best_um <= self.max_um:
            raise ValueError(
                f"best_um = {self.best_um} is outside min_um = {self.min_um} .. max_um = "
                f"{self.max_um}"
            )
