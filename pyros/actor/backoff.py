"""Back-off and restart budget: how long to wait before the next restart, and when to give up.

Both are pure: numbers in, numbers out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyros.actor.errors import BadSpecError

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Delays before restarts (rule S4).

    `delay(n) = min(cap, base * 2**n) * (1 + U(0, jitter))`, as Pekko's
    `RetrySupport.calculateDelay`.

    Attributes:
        base_s: First delay, seconds; 0 restarts at once.
        cap_s: Longest delay before jitter, seconds.
        jitter: Relative width of the random part, 0 to 1.
        reset_after_s: Healthy seconds after which `n` starts again at 0; the mean of base and cap
            when None (Pekko's default).
    """

    base_s: float = 1.0
    cap_s: float = 60.0
    jitter: float = 0.1
    reset_after_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse delays that run backwards."""
        if self.base_s < 0 or self.cap_s < self.base_s or not 0 <= self.jitter <= 1:
            raise BadSpecError(
                f"back-off base {self.base_s} s, cap {self.cap_s} s, jitter {self.jitter}: "
                "need 0 <= base <= cap and 0 <= jitter <= 1"
            )

    def delay_s(self, attempt: int, rng: Random) -> float:
        """Seconds to wait before restart number `attempt` (0 for the first)."""
        doubled_s = self.base_s * 2.0 ** min(attempt, 1_000)
        factor = 1.0 + (rng.uniform(0.0, self.jitter) if self.jitter else 0.0)
        return min(self.cap_s, doubled_s) * factor

    @property
    def healthy_s(self) -> float:
        """Seconds of health after which earlier failures are forgotten."""
        if self.reset_after_s is not None:
            return self.reset_after_s
        return (self.base_s + self.cap_s) / 2


class RestartBudget:
    """How many restarts a supervisor may make in a sliding window (rule S3).

    Args:
        max_restarts: Restarts allowed within the window.
        window_s: Its length, seconds.
    """

    __slots__ = ("_at_s", "max_restarts", "window_s")

    def __init__(self, max_restarts: int, window_s: float) -> None:
        self.max_restarts = max_restarts
        self.window_s = window_s
        self._at_s: deque[float] = deque()

    def spend(self, now_s: float) -> bool:
        """Count one failure; False when that exceeds the budget."""
        self._at_s.append(now_s)
        while self._at_s and self._at_s[0] <= now_s - self.window_s:
            self._at_s.popleft()
        return len(self._at_s) <= self.max_restarts
