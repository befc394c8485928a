"""One timer for everything that falls due in an actor: armed for the earliest, re-armed rarely."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyros.actor import Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyros.actor import Actor, TimerHandle

_LATE_S = 0.001
"""It rings a millisecond late rather than early: nothing is then found to be not quite due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake(Message):
    """From an actor to itself: something is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush(Message):
    """From an actor to itself: publish the status that telemetry has changed."""


class WakeTimer:
    """Tells an actor a message when the earliest of many limits has passed.

    A limit that moves later costs nothing: the timer rings in vain once and is armed anew.

    Args:
        actor: Who is told.
        message: What it is told.
    """

    def __init__(self, actor: Actor, message: Message) -> None:
        self._actor = actor
        self._message = message
        self._handle: TimerHandle | None = None
        self._due_s = math.inf

    def rang(self) -> None:
        """The message is being handled."""
        self._handle, self._due_s = None, math.inf

    def arm(self, dues_s: Iterable[float | None], *, now_s: float) -> None:
        """Ring when the first of these loop times has passed; None is never."""
        due_s = min((due_s for due_s in dues_s if due_s is not None), default=math.inf)
        if due_s >= self._due_s:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._due_s = due_s
        self._handle = self._actor.tell_later(max(0.0, due_s - now_s) + _LATE_S, self._message)
