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
    """Turns of the search after the first plan of a night; 0 keeps the first plan."""
    fill_idle: bool = True
    """Whether idle time goes to sequences beyond their quota, charged as bonus [337-339]."""
    fit_margin_s: float = 60.0
    """Seconds by which an execution may run longer than planned and still lie in its window."""
