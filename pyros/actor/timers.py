"""Timers of an actor: a message to itself later, once or periodically; cancelled when it stops.

A periodic timer keeps its phase, skips what a late loop missed, and never queues a second tick
while one is still waiting, so that a slow actor is not buried under its own clock.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyros.actor.envelope import Envelope, SpecialEnvelope

if TYPE_CHECKING:
    import asyncio

    from pyros.actor.cell import Cell
    from pyros.actor.message import Message


class TimerHandle:
    """A running timer; `cancel()` ends it and takes nothing back that is already queued.

    Args:
        cell: Whose mailbox it feeds.
        message: What it sends.
        period_s: Seconds between ticks; None for once.
    """

    __slots__ = ("_cell", "_handle", "_next_s", "message", "period_s")

    def __init__(self, cell: Cell, message: Message, period_s: float | None) -> None:
        self._cell = cell
        self.message = message
        self.period_s = period_s
        self._next_s = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self, delay_s: float) -> TimerHandle:
        """Arm it for the first time.

        Raises:
            ValueError: When the delay is negative or the period not positive.
        """
        if not 0 <= delay_s < math.inf or (self.period_s is not None and not self.period_s > 0):
            raise ValueError(
                f"{self._cell.path}: timer delay {delay_s} s, period {self.period_s} s; need "
                "delay >= 0 and period > 0"
            )
        self._next_s = self._cell.system.now() + delay_s
        self._handle = self._cell.system.loop.call_at(self._next_s, self._fire)
        return self

    def cancel(self) -> None:
        """Stop it; harmless when it has fired or was cancelled."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
            self._cell.forget_timer(self)

    @property
    def active(self) -> bool:
        """Whether it will still fire."""
        return self._handle is not None

    def _fire(self) -> None:
        cell = self._cell
        now_s = cell.system.now()
        if self.period_s is None:
            self._handle = None
            cell.forget_timer(self)
        else:
            missed = max(0, math.floor((now_s - self._next_s) / self.period_s))
            self._next_s += (missed + 1) * self.period_s
            self._handle = cell.system.loop.call_at(self._next_s, self._fire)
        self._send(cell, now_s)

    def _send(self, cell: Cell, now_s: float) -> None:
        envelope: Envelope
        policy = cell.policy(self.message)
        trace = cell.system.trace.new()
        if self.period_s is None:
            envelope = Envelope(self.message, cell.path, now_s, trace, policy.lane)
            cell.deliver(envelope)
        else:
            envelope = SpecialEnvelope(self.message, cell.path, now_s, trace, policy.lane)
            cell.deliver_conflating(envelope, self)
        if policy.interrupts:
            cell.interrupt(policy.lane)
