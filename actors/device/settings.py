"""What may be set about any device: who it is to observing, and how patient PyROS is with it."""

from __future__ import annotations

import msgspec


class DeviceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings every device has; the kinds add their own."""

    blocking: bool = True
    """Whether observing must pause when the device is lost."""

    silence_s: float = 30.0
    """Wall seconds without a live word after which the device counts as lost, at least; never
    before its longest-lived property can be stale."""

    answer_s: float = 5.0
    """Wall seconds within which a command must be answered by the device (any reply)."""

    slack_s: float = 2.0
    """Wall seconds of network latency forgiven when a value's age or future stamp is judged."""

    status_period_s: float = 0.25
    """Wall seconds between two published statuses that differ in telemetry only."""

    refresh_period_s: float = 20.0
    """Observatory seconds between two published statuses in which only times moved on."""

    queue_limit: int = 16
    """Commands that may wait behind the running one; more are rejected."""

    def __post_init__(self) -> None:
        """Refuse periods that are not positive.

        Raises:
            ValueError: With the field, its value and what it must be.
        """
        for name in ("silence_s", "answer_s", "slack_s", "status_period_s", "refresh_period_s"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} = {value}: give a positive number of seconds")
        if self.queue_limit < 1:
            raise ValueError(f"queue_limit = {self.queue_limit}: give at least 1")
