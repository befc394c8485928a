"""Interrupts: taking a cancellation back, and sections of a handler that must not be cut (M4)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

    from pyros.actor.cell import Cell


class Shield:
    """`async with self.uninterruptible(max_s)`: interrupts wait for its end, or `max_s`.

    Args:
        cell: Whose handler is shielded.
        max_s: Loop seconds after which a waiting interrupt goes ahead all the same.
    """

    def __init__(self, cell: Cell, max_s: float) -> None:
        self._cell = cell
        self._max_s = max_s
        self._until_s = 0.0
        self._outer: Shield | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pending = False

    async def __aenter__(self) -> Self:
        """Begin to defer interrupts."""
        self._until_s = self._cell.system.now() + self._max_s
        self._outer = self._cell.shield
        self._cell.shield = self
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let a deferred interrupt happen now."""
        self._cell.shield = self._outer
        if self._timer is not None:
            self._timer.cancel()
        if not self._pending or self._cell.interrupting:
            return
        if self._outer is not None:
            self._outer.wanted()
        elif error is None and self._cell.task is not None:
            self._cell.interrupting = True
            self._cell.task.cancel()
            await asyncio.sleep(0)

    def wanted(self) -> None:
        """An interrupt arrived: it waits, but not longer than was promised."""
        if not self._pending:
            self._pending = True
            loop = self._cell.system.loop
            self._timer = loop.call_at(self._until_s, self._expire)

    def _expire(self) -> None:
        self._cell.cancel_handler(force=True)


async def absorb_cancel(task: asyncio.Task[Any]) -> None:
    """Swallow a cancellation that came too late for the handler it was meant for."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    task.uncancel()
