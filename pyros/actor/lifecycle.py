"""The words of an actor's life: states, why an incarnation ended, and what others are told of it.

`starting -> running <-> backoff -> stopping -> stopped` (rule L1). Path and reference stay the same
over all incarnations; an incarnation number distinguishes them in every event.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pyros.actor.message import Lane, Message

if TYPE_CHECKING:
    from pyros.actor.ref import ActorRef


class State(StrEnum):
    """Where an actor is in its life (rule L1)."""

    ABSENT = "absent"
    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Reason(StrEnum):
    """Why an incarnation ended (rules S2, W1)."""

    NORMAL = "normal"
    SHUTDOWN = "shutdown"
    CRASH = "crash"
    START_FAILED = "start_failed"
    KILLED = "killed"
    RESTART_LIMIT = "restart_limit"
    NEVER_STARTED = "never_started"
    POWER_CUT = "power_cut"

    @property
    def abnormal(self) -> bool:
        """Whether a transient actor is restarted after it (rule S2)."""
        return self not in (Reason.NORMAL, Reason.SHUTDOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """The end of one incarnation.

    Attributes:
        reason: Why.
        error: The exception behind it, if any.
        escalate: Whether the decider wants the supervisor to fail instead of restarting (rule S5).
        stop: Whether the decider wants it stopped instead of restarted (rule S5).
    """

    reason: Reason
    error: BaseException | None = None
    escalate: bool = False
    stop: bool = False

    def describe(self) -> str:
        """One line: the reason and the error."""
        if self.error is None:
            return str(self.reason)
        return f"{self.reason}: {type(self.error).__name__}: {self.error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated(Message):
    """A watched actor is gone for good; not sent on restarts (rule W1).

    Attributes:
        ref: Who.
        reason: Why.
        incarnation: The incarnation that was the last.
        error: The error behind it in words, if any.
    """

    lane = Lane.SYSTEM

    ref: ActorRef[Any]
    reason: Reason
    incarnation: int
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedExit(Message):
    """A linked actor ended abnormally, told to a partner that traps exits (rule W2)."""

    lane = Lane.SYSTEM

    ref: ActorRef[Any]
    reason: Reason
    incarnation: int
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleEvent(Message):
    """Published on the system's event bus at each change of an actor's state (rule L1)."""

    lane = Lane.TELEMETRY

    path: str
    state: State
    incarnation: int
    detail: str = ""
