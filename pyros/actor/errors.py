"""The errors of the kernel; each says in one line what failed, where, and what to do about it.

pykka's own `ActorDeadError` and `Timeout` stay the roots of what pykka's users catch.
"""

from __future__ import annotations

import pykka

from pyros.errors import PermanentError, TransientError


class Rejected(PermanentError):  # noqa: N818 - a declared refusal, not an error of the actor
    """A declared refusal: the reply to the asker, not a crash of the actor (rule L4)."""


class StartError(TransientError):
    """An actor's `on_start` failed; the cause is chained (rule L2)."""


class DeadActorError(TransientError, pykka.ActorDeadError):
    """The target is stopped, or stopped before it answered (rule A3)."""


class AskTimeoutError(TransientError, pykka.Timeout, TimeoutError):
    """No reply within the deadline; names target, message, elapsed time and queue depth (A1)."""


class AskCycleError(PermanentError):
    """The asked actor is itself waiting, up the chain, for the asker (rule A2)."""


class AskWithoutCallerError(PermanentError):
    """An ask where no coroutine can await the reply."""


class InterruptedHandlerError(TransientError):
    """The handler of this ask was interrupted by a more urgent message (rule M4)."""


class UnavailableError(TransientError):
    """The target is backing off before a restart and cannot answer a safety request (rule S4)."""


class MailboxFullError(TransientError):
    """The target's lane is full and its overflow policy refuses (rule M3)."""


class ExpiredError(TransientError):
    """The message outlived its time to live before it was handled (rule M5)."""


class PoisonMessageError(PermanentError):
    """An equal message crashed the target three times running (rule L5)."""


class CircuitOpenError(TransientError):
    """The circuit breaker refuses calls until its reset time (rule A4)."""


class BlockingTimeoutError(TransientError, TimeoutError):
    """Blocking work exceeded its deadline; its thread is given up as lost."""


class BlockingCallError(PermanentError):
    """A blocking `get()` on the event loop's thread (trap T1)."""


class RestartLimitError(TransientError):
    """A supervisor's restart budget is spent; its parent decides (rule S3)."""


class EscalatedError(TransientError):
    """A child's failure that its supervisor's decider passed upwards (rule S5)."""


class DeathPactError(TransientError):
    """A watched actor terminated and the watcher did not handle it (rule W1)."""


class LinkedExitError(TransientError):
    """A linked actor ended abnormally (rule W2)."""


class BadSpecError(PermanentError):
    """A child or supervisor specification is wrong."""


class BadMessageError(PermanentError):
    """A message class is mutable, or cannot cross a process border."""


class BadActorError(PermanentError):
    """An actor class is written in a way the kernel cannot run."""


class StashFullError(TransientError):
    """An actor stashed more messages than it may (rule M6)."""
