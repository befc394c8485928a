"""The scope: on whose behalf code runs, carried by a context variable, not by arguments (T12).

An actor's handler runs in its cell's scope; a task that the actor owns runs in a scope of its own,
so that what it sends carries the trace of the message that started it, but no deadline and no ask
chain.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyros.actor.cell import Cell
    from pyros.actor.envelope import Envelope


class Scope:
    """Who runs, and which envelope it is handling.

    Attributes:
        cell: The actor on whose behalf code runs.
        path: Its path.
        current: The envelope being handled; None between messages.
        blocks: Whether waiting here keeps the actor from its mailbox (a handler does, a task does
            not).
    """

    __slots__ = ("blocks", "cell", "current", "path")

    def __init__(self, cell: Cell, *, blocks: bool, current: Envelope | None = None) -> None:
        self.cell = cell
        self.path = cell.path
        self.current = current
        self.blocks = blocks


CURRENT: ContextVar[Scope | None] = ContextVar("pyros_scope", default=None)
"""The scope of the running code; None outside any actor."""
