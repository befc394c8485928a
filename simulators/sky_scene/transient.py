"""A new star that fades as a power of time: the optical afterglow of a burst."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Transient:
    """One fading source.

    Attributes:
        ra_deg: ICRS.
        dec_deg: ICRS.
        t0_unix_s: The trigger: nothing before.
        mag_at_60s: AB magnitude one minute after the trigger, the same in every band.
        decay: Exponent of the fading; flux goes as t to the minus this.
        rise_s: Seconds after the trigger during which it is not brighter than at their end.
    """

    ra_deg: float
    dec_deg: float
    t0_unix_s: float
    mag_at_60s: float = 14.0
    decay: float = 1.0
    rise_s: float = 10.0

    def mean_flux(self, start_unix_s: float, exposure_s: float) -> float:
        """Mean flux during an exposure, in units of a star of AB magnitude 0."""
        if exposure_s <= 0.0:
            return 0.0
        start_s = max(start_unix_s - self.t0_unix_s, 0.0)
        end_s = start_unix_s + exposure_s - self.t0_unix_s
        if end_s <= start_s:
            return 0.0
        total = max(min(end_s, self.rise_s) - start_s, 0.0) * (self.rise_s / 60.0) ** -self.decay
        low_s = max(start_s, self.rise_s)
        if end_s > low_s:
            total += self._integral(end_s) - self._integral(low_s)
        return float(10.0 ** (-0.4 * self.mag_at_60s) * total / exposure_s)

    def _integral(self, t_s: float) -> float:
        """Antiderivative of (t / 60 s) to the minus decay."""
        if math.isclose(self.decay, 1.0):
            return 60.0 * math.log(t_s / 60.0)
        power = 1.0 - self.decay
        return float(60.0 * (t_s / 60.0) ** power / power)
