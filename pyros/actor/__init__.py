"""The kernel: actors on asyncio, built on pykka, that one may trust an observatory to.

An actor is a class with `on_receive`; a `ChildSpec` says how it is started and restarted; an
`ActorSystem` runs the tree; an `ActorRef` addresses one actor over all its restarts.
`docs/kernel.md` shows how to write one. Rules named in docstrings (L1 to A4) are listed there.
"""

from pykka import ActorDeadError

from pyros.actor.actor import Actor
from pyros.actor.backoff import Backoff
from pyros.actor.breaker import Circuit, CircuitBreaker
from pyros.actor.child_spec import (
    ONE_FOR_ALL,
    ONE_FOR_ONE,
    PERMANENT,
    REST_FOR_ONE,
    TEMPORARY,
    TRANSIENT,
    ChildSpec,
    Directive,
    Restart,
    Strategy,
    Supervision,
    SupervisorSpec,
)
from pyros.actor.dead_letters import DeadLetter, Undelivered
from pyros.actor.deferred import Deferred
from pyros.actor.errors import (
    AskCycleError,
    AskTimeoutError,
    AskWithoutCallerError,
    BadActorError,
    BadMessageError,
    BadSpecError,
    BlockingTimeoutError,
    CircuitOpenError,
    DeadActorError,
    DeathPactError,
    ExpiredError,
    InterruptedHandlerError,
    MailboxFullError,
    PoisonMessageError,
    Rejected,
    RestartLimitError,
    StartError,
    UnavailableError,
)
from pyros.actor.event_bus import EventBus
from pyros.actor.lifecycle import Exit, LifecycleEvent, LinkedExit, Reason, State, Terminated
from pyros.actor.mailbox import LaneSpec, Overflow
from pyros.actor.message import Lane, Message, Request
from pyros.actor.proxy import Proxy, awaited_method
from pyros.actor.ref import ActorRef
from pyros.actor.shutdown import PhaseOutcome
from pyros.actor.supervisor import Supervisor
from pyros.actor.system import ActorSystem
from pyros.actor.threading_bridge import ThreadingActor
from pyros.actor.timers import TimerHandle
from pyros.actor.tracing import TraceRecord
from pyros.actor.tree import ActorInfo
from pyros.actor.watchdog import LoopStalled

__all__ = [
    "ONE_FOR_ALL",
    "ONE_FOR_ONE",
    "PERMANENT",
    "REST_FOR_ONE",
    "TEMPORARY",
    "TRANSIENT",
    "Actor",
    "ActorDeadError",
    "ActorInfo",
    "ActorRef",
    "ActorSystem",
    "AskCycleError",
    "AskTimeoutError",
    "AskWithoutCallerError",
    "Backoff",
    "BadActorError",
    "BadMessageError",
    "BadSpecError",
    "BlockingTimeoutError",
    "ChildSpec",
    "Circuit",
    "CircuitBreaker",
    "CircuitOpenError",
    "DeadActorError",
    "DeadLetter",
    "DeathPactError",
    "Deferred",
    "Directive",
    "EventBus",
    "Exit",
    "ExpiredError",
    "InterruptedHandlerError",
    "Lane",
    "LaneSpec",
    "LifecycleEvent",
    "LinkedExit",
    "LoopStalled",
    "MailboxFullError",
    "Message",
    "Overflow",
    "PhaseOutcome",
    "PoisonMessageError",
    "Proxy",
    "Reason",
    "Rejected",
    "Request",
    "Restart",
    "RestartLimitError",
    "StartError",
    "State",
    "Strategy",
    "Supervision",
    "Supervisor",
    "SupervisorSpec",
    "Terminated",
    "ThreadingActor",
    "TimerHandle",
    "TraceRecord",
    "UnavailableError",
    "Undelivered",
    "awaited_method",
]
