"""Settings of the alert handler."""

from __future__ import annotations

import msgspec


class AlertHandlerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the rules are and what follow-ups are charged to."""

    rules: str = "alerts.toml"
    """File of gate, association and strategies; relative to the configuration file. It is read
    again when it changes."""
    programme: str = "grb"
    """Programme that follow-ups belong to."""
    inner_field_deg: float = 0.05
    """A better position further off than this is pointed at anew, degrees (a quarter field)."""
    field_deg: tuple[float, float] = (0.142, 0.142)
    """Width and height of the field of view, degrees: an error region larger than it is tiled by
    strategies that say so. Of several channels, the smallest field."""
    slew_deg_per_s: float = 4.0
    """Speed from field to field, degrees per second, dome included."""
    max_sun_altitude_deg: float = -12.0
    """Highest Sun a follow-up is begun with, degrees."""
    fetch_maps: bool = True
    """Whether sky maps that notices only name by address are fetched, from the hosts that the rules
    list. A simulated site has no business in the Internet: it says false."""
    max_rounds: int = 12
    """Most rounds of a phase that is repeated as often as it fits, in one sequence."""
