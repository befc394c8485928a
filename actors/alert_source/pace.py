"""How fast a source may bring packets: a burst at once, then an even rate, beyond it a refusal.

A flood must neither slow the observatory nor fill its memory. The rate is far above that of any
mission; who is refused may send again, and a broker that keeps offsets waits by itself.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Pace:
    """A token bucket that may run into debt.

    Attributes:
        per_s: Packets per second in the long run.
        burst: Packets that may come at once.
        patience_s: Longest wait; a packet that would wait longer is refused.
        refused: How many were.
    """

    per_s: float
    burst: float
    patience_s: float
    refused: int = 0
    _level: float | None = None
    _at_s: float = 0.0

    def wait_s(self, now_s: float) -> float | None:
        """Seconds that the next packet has to wait; None when it is refused.

        Args:
            now_s: Seconds on any clock that never goes back.
        """
        level = self.burst if self._level is None else self._level
        level = min(self.burst, level + (now_s - self._at_s) * self.per_s)
        if self._level is None:
            level = self.burst
        self._at_s = now_s
        wait_s = max(0.0, 1.0 - level) / self.per_s
        if wait_s > self.patience_s:
            self._level = level
            self.refused += 1
            return None
        self._level = level - 1.0
        return wait_s
