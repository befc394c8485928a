"""Envelopes: what travels with a message (sender, send time, trace, reply, deadline, ask chain).

They are pykka's envelopes with more in them. A plain tell is the smallest kind; what fewer messages
need lives in subclasses, and `kind` tells the receive loop which it holds with one comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pykka._envelope import Envelope as PykkaEnvelope

if TYPE_CHECKING:
    from collections.abc import Hashable

    from pyros.actor.cell import Cell

TELL: Final = 0
SPECIAL: Final = 1
ASK: Final = 2
CONTROL: Final = 3


class Envelope(PykkaEnvelope[Any]):
    """A told message.

    Attributes:
        sender: Path of the actor that sent it; None from outside any actor.
        sent_s: Loop second at which it was sent.
        trace: Trace number (our own) or W3C trace id (from outside).
        lane: Index of its lane.
    """

    __slots__ = ("lane", "sender", "sent_s", "trace")

    reply_to: Any = None  # asyncio's future or ours: both have done, set_result, set_exception
    kind: int = TELL
    deadline_s: float | None = None
    chain: tuple[Cell, ...] = ()

    def __init__(
        self, message: Any, sender: str | None, sent_s: float, trace: int | str, lane: int
    ) -> None:
        self.message = message
        self.sender = sender
        self.sent_s = sent_s
        self.trace = trace
        self.lane = lane

    def copy(self) -> Envelope:
        """One of its own, to keep: the receive loop uses plain told envelopes again."""
        return Envelope(self.message, self.sender, self.sent_s, self.trace, self.lane)


class SpecialEnvelope(Envelope):
    """A told message that expires or conflates.

    Attributes:
        expires_s: Loop second after which it is dead (rule M5); None for never.
        index: Where its lane finds it by key, while it is queued (rule M2).
        key: Its conflation key; None when it does not conflate.
    """

    __slots__ = ("expires_s", "index", "key")

    kind = SPECIAL

    def __init__(
        self, message: Any, sender: str | None, sent_s: float, trace: int | str, lane: int
    ) -> None:
        super().__init__(message, sender, sent_s, trace, lane)
        self.expires_s: float | None = None
        self.key: Hashable | None = None
        self.index: dict[Hashable, SpecialEnvelope] | None = None

    def leave(self) -> None:
        """Take it out of its lane's index: from now on a newer message no longer replaces it."""
        if self.index is not None:
            if self.index.get(self.key) is self:
                del self.index[self.key]
            self.index = None


class AskEnvelope(Envelope):
    """An asked message: it has a future to settle, a deadline and the chain of blocked askers.

    Attributes:
        deadline_s: Loop second until which the asker waits (rule A1).
        chain: The cells that wait for this reply, outermost first (rule A2).
        deferred: Whether the handler took over the reply (`Actor.defer`).
    """

    __slots__ = ("chain", "deadline_s", "deferred", "reply_to")

    kind = ASK
    deadline_s: float

    def __init__(  # noqa: PLR0917 - positional arguments are twice as fast
        self,
        message: Any,
        sender: str | None,
        sent_s: float,
        trace: int | str,
        lane: int,
        reply_to: Any,
        deadline_s: float,
        chain: tuple[Cell, ...],
    ) -> None:
        self.message = message
        self.sender = sender
        self.sent_s = sent_s
        self.trace = trace
        self.lane = lane
        self.reply_to = reply_to
        self.deadline_s = deadline_s
        self.chain = chain
        self.deferred = False

    def answered(self) -> bool:
        """Whether the asker has its reply, or waits no more."""
        return bool(self.reply_to.done())


class ControlEnvelope(Envelope):
    """An order of the kernel to the receive loop (stop), never seen by the actor."""

    __slots__ = ()

    kind = CONTROL
