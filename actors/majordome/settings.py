"""Settings of the majordome: when to open, when a night begins, how often to try again."""

from __future__ import annotations

import msgspec


class MajordomeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of the night and the ladder of retries."""

    open_sun_altitude_deg: float = -6.0
    """Sun altitude below which the dome may open to let the mirror cool, degrees."""
    observing_sun_altitude_deg: float = -12.0
    """Sun altitude below which exposures are planned, degrees (nautical night)."""
    blocking_grace_s: float = 60.0
    """Seconds a lost blocking device may stay away before everything is closed."""
    verdict_ttl_s: float = 30.0
    """Seconds after which a safety verdict that was not renewed counts as unknown."""
    retry_s: tuple[float, ...] = (15.0, 60.0, 180.0, 600.0)
    """Seconds to wait before the next try after an opening failed; the last one repeats."""
    observer: str = "PyROS"
    """OBSERVER in the headers of frames taken without a named person."""
