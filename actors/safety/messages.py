"""What safety says and is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pyros.actor import Lane, Message, Request

if TYPE_CHECKING:
    from pyros.domain.verdict import Reason, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyVerdict(Message):
    """Event: may the observatory be open. Published on every change and every 10 s."""

    lane: ClassVar[Lane] = Lane.SAFETY
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOrder(Message):
    """Event: safety orders everything closed and parked, and watches that it happens."""

    lane: ClassVar[Lane] = Lane.SAFETY
    interrupts: ClassVar[bool] = True
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Safety's answer to who wants to open."""

    granted: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MayOpen(Request[Consent]):
    """Ask whether a dome may open now."""

    lane: ClassVar[Lane] = Lane.SAFETY
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetVerdict(Request[SafetyVerdict]):
    """Ask for the verdict in force."""

    lane: ClassVar[Lane] = Lane.SAFETY


@dataclass(frozen=True, slots=True, kw_only=True)
class LockClosed(Request[SafetyVerdict]):
    """An operator keeps everything closed, or lifts that; nothing can force it open.

    Attributes:
        locked: Whether it is to stay closed.
        who: Operator.
        why: Reason given, shown with the verdict.
    """

    lane: ClassVar[Lane] = Lane.SAFETY
    locked: bool
    who: str
    why: str
