"""Settings of the web gateway: how much the live model keeps, how often the sky is drawn."""

from __future__ import annotations

import msgspec


class WebGatewaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much the pages are given, and how often."""

    log_lines: int = 300
    """Newest journal lines that a page is given when it opens."""

    trend_step_s: float = 15.0
    """Observatory seconds between two points of the weather trends."""

    trend_hours: float = 24.0
    """How far back the weather trends are kept, hours of the observatory's time."""

    sky_step_s: float = 30.0
    """Observatory seconds between two positions of Sun, Moon, stars and targets; never more often
    than once per wall second."""

    tree_period_s: float = 2.0
    """Wall seconds between two looks at the tree of actors."""

    order_timeout_s: float = 10.0
    """Wall seconds an operator's order may take to be accepted by whoever carries it out."""

    targets_drawn: int = 60
    """Most targets of the plan that the sky plot shows."""
