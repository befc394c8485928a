"""What may be set about safety: hold-offs, limits of Sun and power, patience with domes."""

from __future__ import annotations

import msgspec


class SafetySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the safety actor."""

    hold_off_s: float = 600.0
    """Observatory seconds weather, power and sensors must be good before it is safe again."""

    start_hold_off_s: float = 600.0
    """The same after the start of PyROS, when nothing bad was seen: what was before is unknown."""

    sun_open_below_deg: float = -0.83
    """The dome may be open while the Sun's altitude is not above this, degrees (-0.83: sunset)."""

    sun_hysteresis_deg: float = 0.05
    """How far the rising Sun may pass that limit before everything closes, degrees."""

    weather_age_s: float = 30.0
    """Observatory seconds after which a weather verdict is no verdict."""

    needs_plc: bool = True
    """Without word of the PLC (rain contact, mains) it is not safe. False at sites without one."""

    plc_age_s: float = 40.0
    """Observatory seconds after which the PLC's word is none."""

    mains_grace_s: float = 60.0
    """Observatory seconds on the UPS before everything closes."""

    ups_min_pct: float = 60.0
    """Charge of the UPS below which everything closes at once, per cent."""

    door_must_be_closed: bool = False
    """Whether an open door of the dome keeps it closed: somebody may be inside."""

    closing_s: float = 90.0
    """Observatory seconds a dome takes to close at most."""

    closing_margin_s: float = 30.0
    """Observatory seconds beyond that before the alarm, and before the dome's lease is withheld."""

    reorder_s: float = 10.0
    """Observatory seconds between two orders to a dome that is not seen closed."""

    unheard_reorder_s: float = 60.0
    """The same for a dome that does not answer."""

    dome_age_s: float = 45.0
    """Observatory seconds after which a dome's word is none: it is not seen closed."""

    lease_period_s: float = 5.0
    """Wall seconds between two renewals of a unit's lease."""

    lease_ttl_s: float = 20.0
    """Wall seconds after which a dome without renewal closes by itself."""

    publish_period_s: float = 10.0
    """Observatory seconds between two verdicts that say the same."""

    slack_s: float = 2.0
    """Wall seconds of latency forgiven when ages are judged."""

    def __post_init__(self) -> None:
        """Refuse what would never close, or a lease that runs out between two renewals.

        Raises:
            ValueError: With field, value and what it must be.
        """
        if not self.lease_period_s * 2 <= self.lease_ttl_s:
            raise ValueError(
                f"lease_ttl_s = {self.lease_ttl_s}: give at least twice lease_period_s = "
                f"{self.lease_period_s}"
            )
        if self.sun_open_below_deg > 0.0:
            raise ValueError(
                f"sun_open_below_deg = {self.sun_open_below_deg}: the Sun must be down, give <= 0"
            )
        for name in ("hold_off_s", "start_hold_off_s", "mains_grace_s", "sun_hysteresis_deg"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must not be negative")
