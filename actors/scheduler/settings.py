"""Settings of the scheduler actor."""

from __future__ import annotations

import msgspec


class SchedulerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the night is planned on one telescope."""

    slew_rate_deg_s: float = 4.0
    """Speed on the sky the plan counts with, degrees per second."""
    settle_s: float = 10.0
    """Settling, slit and focus after a slew, seconds."""
    filter_change_s: float = 5.0
    """A filter change, in parallel with the slew, seconds."""
    pending_before_s: float = 120.0
    """A planned sequence becomes PENDING so many seconds before its start [336]."""
    coalesce_s: float = 0.05
    """Triggers within so many wall seconds lead to one new plan."""
    search_iterations: int = 400
    """Turns of a background search, more in a process of its own; 0 keeps the instant plans."""
    search_every_s: float = 900.0
    """Observatory seconds between two background searches at least."""
    search_lead_s: float = 10.0
    """A search in another process changes nothing that starts within so many wall seconds."""
    late_s: float = 120.0
    """A planned start that has passed by so many seconds leads to a new plan."""
    pause_s: float = 1800.0
    """While the observatory is paused, plans count on a closure of so many more seconds."""
    fill_idle: bool = True
    """Whether idle time goes to sequences beyond their quota, charged as bonus [337-339]."""
    fit_margin_s: float = 60.0
    """Seconds by which an execution may run longer than planned and still lie in its window."""
