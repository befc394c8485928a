"""What may be set about a weather station."""

from __future__ import annotations

from actors.device.settings import DeviceSettings


class WeatherSourceSettings(DeviceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one station; its limits are the verdict's (`actors.weather_verdict`)."""

    blocking: bool = False
    """One lost station is outvoted; the verdict knows how many it needs."""

    status_period_s: float = 30.0
    """Wall seconds between two device statuses: its readings travel as weather reports."""

    refresh_period_s: float = 60.0
    """Observatory seconds between two device statuses in which only times moved on."""

    report_period_s: float = 1.0
    """Least wall seconds between two reports; rain is reported at once."""

    report_refresh_s: float = 5.0
    """Observatory seconds after which unchanged readings are reported again."""

    gather_s: float = 0.1
    """Wall seconds a report waits for the rest of a burst of readings."""
