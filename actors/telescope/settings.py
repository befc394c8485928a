"""What may be set about a telescope: its limits, axes and parking habits."""

from __future__ import annotations

import msgspec

from actors.device.settings import DeviceSettings


class AxisSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How fast one axis turns."""

    rate_deg_s: float = 4.0
    """Greatest speed, degrees per second."""

    acceleration_deg_s2: float = 2.0
    """Degrees per second squared, speeding up and slowing down."""


class TelescopeSettings(DeviceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a telescope."""

    min_altitude_deg: float = 15.0
    """Lowest altitude it is pointed at; tracking below it parks the telescope."""

    max_altitude_deg: float = 90.0
    """Highest altitude it is pointed at; below 90 for mounts with a blind spot at the zenith."""

    sun_avoidance_deg: float = 30.0
    """Angle kept to the Sun, on the way too, while the mirror cover or the dome is not closed."""

    altitude_axis: AxisSettings = AxisSettings()
    """The altitude (or declination) axis, for slew estimates."""

    azimuth_axis: AxisSettings = AxisSettings()
    """The azimuth (or hour angle) axis, for slew estimates."""

    settle_s: float = 2.0
    """Seconds until the image stands still after a slew."""

    guard_period_s: float = 20.0
    """Observatory seconds between two looks at the limits while it tracks."""

    def __post_init__(self) -> None:
        """Refuse limits that leave no sky, or let the Sun in.

        Raises:
            ValueError: With the field, its value and what it must be.
        """
        DeviceSettings.__post_init__(self)
        if not 0.0 <= self.min_altitude_deg < self.max_altitude_deg <= 90.0:
            raise ValueError(
                f"min_altitude_deg = {self.min_altitude_deg}, max_altitude_deg = "
                f"{self.max_altitude_deg}: need 0 <= min < max <= 90"
            )
        if not 10.0 <= self.sun_avoidance_deg <= 90.0:
            raise ValueError(
                f"sun_avoidance_deg = {self.sun_avoidance_deg}: give 10..90, 30 when in doubt"
            )
        for name in ("altitude_axis", "azimuth_axis"):
            axis: AxisSettings = getattr(self, name)
            if not (axis.rate_deg_s > 0 and axis.acceleration_deg_s2 > 0):
                raise ValueError(f"{name}: rate_deg_s and acceleration_deg_s2 must be positive")
