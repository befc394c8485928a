"""Deferred replies: a handler that cannot answer yet keeps the reply and goes on serving.

If the actor stops or restarts first, the asker gets `DeadActorError` instead of waiting (rule L4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from pyros.actor.cell import Cell
    from pyros.actor.envelope import AskEnvelope

R = TypeVar("R")


class Deferred(Generic[R]):
    """The reply of one ask, to be given later, once.

    Args:
        cell: The actor that owes it.
        envelope: The ask; None when the message was told, and nobody waits.
    """

    __slots__ = ("_cell", "_envelope")

    def __init__(self, cell: Cell, envelope: AskEnvelope | None) -> None:
        self._cell = cell
        self._envelope = envelope

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        envelope = self._envelope
        return envelope is not None and not envelope.answered()

    def set(self, value: R) -> None:
        """Answer. Too late (deadline passed) it becomes a dead letter `late_reply`."""
        if (envelope := self._take()) is not None:
            self._cell.settle(envelope, value)

    def fail(self, error: BaseException) -> None:
        """Answer with an error; it is the asker's, not a crash of this actor."""
        if (envelope := self._take()) is not None:
            self._cell.settle_error(envelope, error)

    def _take(self) -> AskEnvelope | None:
        envelope, self._envelope = self._envelope, None
        if envelope is not None:
            self._cell.forget_deferred(envelope)
        return envelope
