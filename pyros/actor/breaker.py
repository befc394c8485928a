"""The circuit breaker: after repeated failures it refuses at once, then lets a probe through (A4).

A service that is down (an archive, a catalogue server) must not cost every asker its full deadline.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from pyros.actor.errors import BadSpecError, CircuitOpenError, Rejected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyros.actor.message import Request
    from pyros.actor.ref import ActorRef
    from pyros.clock import Clock

T = TypeVar("T")


class Circuit(StrEnum):
    """Whether calls pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Counts failures of one service and refuses calls while it is down.

    Args:
        name: For the error text.
        clock: Its `monotonic_s` is what `reset_s` counts in.
        max_failures: Consecutive failures that open the circuit.
        reset_s: Seconds after which one probe may pass.
    """

    def __init__(
        self, name: str, clock: Clock, *, max_failures: int = 5, reset_s: float = 30.0
    ) -> None:
        if max_failures < 1 or not reset_s > 0:
            raise BadSpecError(
                f"breaker {name!r}: max_failures {max_failures} must be >= 1 and "
                f"reset_s {reset_s} > 0"
            )
        self._name = name
        self._clock = clock
        self._max_failures = max_failures
        self._reset_s = reset_s
        self._failures = 0
        self._opened_s: float | None = None
        self._probing = False

    @property
    def state(self) -> Circuit:
        """Closed, open, or half open (a probe may pass or is on its way)."""
        if self._opened_s is None:
            return Circuit.CLOSED
        if self._probing or self._clock.monotonic_s() - self._opened_s >= self._reset_s:
            return Circuit.HALF_OPEN
        return Circuit.OPEN

    async def ask(
        self, ref: ActorRef[Any], request: Request[T], *, timeout_s: float | None = None
    ) -> T:
        """Ask through the breaker.

        Raises:
            CircuitOpenError: When the circuit is open, or half open with its probe under way.
        """
        return await self.call(lambda: ref.ask(request, timeout_s=timeout_s))

    async def call(self, action: Callable[[], Awaitable[T]]) -> T:
        """Await `action()` through the breaker; a `Rejected` counts as an answer, not as a failure.

        Raises:
            CircuitOpenError: When the circuit is open, or half open with its probe under way.
        """
        probe = self._admit()
        try:
            result = await action()
        except Rejected:
            self._succeeded()
            raise
        except asyncio.CancelledError:
            if probe:
                self._probing = False  # it proved nothing: the next call probes
            raise
        except Exception:
            self._failed()
            raise
        self._succeeded()
        return result

    def _admit(self) -> bool:
        state = self.state
        if state is Circuit.CLOSED:
            return False
        if state is Circuit.OPEN or self._probing:
            raise CircuitOpenError(
                f"circuit {self._name!r} is {state} after {self._failures} failures; it lets "
                f"a probe through every {self._reset_s:g} s"
            )
        self._probing = True
        return True

    def _succeeded(self) -> None:
        self._failures = 0
        self._opened_s = None
        self._probing = False

    def _failed(self) -> None:
        self._failures += 1
        self._probing = False
        if self._opened_s is not None or self._failures >= self._max_failures:
            self._opened_s = self._clock.monotonic_s()
