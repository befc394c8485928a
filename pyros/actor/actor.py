"""The actor: what one writes. Hooks, messages to oneself, owned tasks, children, blocking work.

    class Dome(Actor):
        async def on_start(self) -> None:
            self.is_open = False
            self.every(5.0, RenewLease())

        async def on_receive(self, message: Message) -> Any:
            match message:
                case Open():
                    self.is_open = True
                    return Opened(time_utc=self.clock.now())
                case _:
                    return await super().on_receive(message)

Constructors only assign: what lives in a system (`self.ref`, timers, tasks) is there from
`on_start` on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from pyros.actor import relations
from pyros.actor.blocking import run_blocking
from pyros.actor.child_spec import Supervision
from pyros.actor.dead_letters import Undelivered
from pyros.actor.deferred import Deferred
from pyros.actor.envelope import ASK, AskEnvelope, Envelope
from pyros.actor.errors import BadActorError, DeathPactError, StashFullError
from pyros.actor.guardian import Guardian
from pyros.actor.incarnation import BIRTH
from pyros.actor.interrupts import Shield
from pyros.actor.lifecycle import Reason, Terminated
from pyros.actor.owned_tasks import start_owned
from pyros.actor.pykka_bases import A, PykkaActor
from pyros.actor.scope import CURRENT
from pyros.actor.timers import TimerHandle

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from random import Random
    from typing import Self

    from pyros.actor.cell import Cell
    from pyros.actor.child_spec import ChildSpec
    from pyros.actor.message import Message
    from pyros.actor.ref import ActorRef
    from pyros.actor.system import ActorSystem
    from pyros.clock import Clock
    from pyros.log import BoundLogger

T = TypeVar("T")


class Actor(PykkaActor):
    """Base of all asyncio actors; a pykka actor whose loop, mailbox and supervision are ours.

    Attributes:
        supervision: How it supervises the children it spawns.
        stash_capacity: Messages it may stash (rule M6).
        trap_exits: Whether a linked actor's abnormal exit is told instead of shared (rule W2).
    """

    supervision: ClassVar[Supervision] = Supervision()
    stash_capacity: ClassVar[int] = 1_000
    trap_exits: ClassVar[bool] = False

    _cell: Cell | None

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Bind to the cell being filled, so that `__init__` may keep `self.ref` (trap P4)."""
        actor = super().__new__(cls)
        object.__setattr__(actor, "_cell", BIRTH.get())
        BIRTH.set(None)
        return actor

    def __init__(self) -> None:  # the base's would make a thread's inbox and a random id
        """Do nothing: acquire in `on_start`, release in `on_stop`."""

    def __str__(self) -> str:
        where = "unspawned" if self._cell is None else self._cell.path
        return f"{type(self).__name__} ({where})"

    # --- hooks ---------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Acquire what it needs, before the first message. Raising is a failed start (rule L2)."""

    async def on_stop(self) -> None:
        """Release what `on_start` acquired, after the last message; also after a crash.

        Owned tasks and timers are cancelled and children stopped before. Not called when `on_start`
        failed or the actor was killed. Raising is logged and does not keep it from stopping.
        """

    async def on_failure(self, error: BaseException) -> None:
        """Look at the error that ended this incarnation or its start, before `on_stop`."""

    async def on_receive(self, message: Message) -> Any:
        """Handle one message; what it returns is the reply of an ask.

        The base handles what a subclass does not: see `unhandled`.
        """
        self.unhandled(message)

    def unhandled(self, message: Message) -> None:
        """Say that this message means nothing here: a dead letter.

        Raises:
            DeathPactError: For a `Terminated`: who watches must handle it (rule W1).
        """
        if isinstance(message, Terminated):
            raise DeathPactError(
                f"{self.path} watches {message.ref.path}, which terminated ({message.reason}), and "
                "does not handle Terminated"
            )
        current = self.cell.scope.current
        if current is not None:
            self.cell.dead_letter(current, Undelivered.UNHANDLED)

    # --- where it lives ------------------------------------------------------------------------

    @property
    def cell(self) -> Cell:
        """The kernel's side of this actor (for the kernel)."""
        if self._cell is None:
            raise BadActorError(
                f"{type(self).__name__} is not spawned yet: its system, ref, clock, timers and "
                "tasks are there from on_start on"
            )
        return self._cell

    @property
    def ref(self) -> ActorRef[Self]:
        """Its address, the same over restarts."""
        return self.cell.ref

    @property
    def path(self) -> str:
        """Its path, `/devices/tel1/dome`."""
        return self.cell.path

    @property
    def system(self) -> ActorSystem:
        """The system it lives in."""
        return self.cell.system

    @property
    def clock(self) -> Clock:
        """The observatory's time."""
        return self.cell.system.clock

    @property
    def rng(self) -> Random:
        """Its own random stream, seeded by the system's seed and its path."""
        return self.cell.random()

    @property
    def log(self) -> BoundLogger:
        """A logger that puts its path in front."""
        return self.cell.system.log_of(self.cell)

    @property
    def incarnation(self) -> int:
        """How many times it was started at this path, this time included."""
        return self.cell.incarnation

    @property
    def trace_id(self) -> str:
        """W3C trace id of the message being handled; a new one between messages."""
        scope = CURRENT.get()
        current = None if scope is None else scope.current
        trace = self.system.trace
        return trace.trace_id(trace.new() if current is None else current.trace)

    # --- replies and messages to itself --------------------------------------------------------

    def defer(self) -> Deferred[Any]:
        """Take over the reply of the ask being handled, to give it later.

        The handler's return value is then ignored. For a told message the result goes nowhere.

        Raises:
            BadActorError: When no message is being handled.
        """
        envelope = self._current()
        if envelope.kind != ASK:
            return Deferred(self.cell, None)
        assert isinstance(envelope, AskEnvelope)  # noqa: S101 - its kind says so
        envelope.deferred = True
        if self.cell.deferreds is None:
            self.cell.deferreds = {}
        self.cell.deferreds[envelope] = None
        return Deferred(self.cell, envelope)

    def stash(self) -> None:
        """Put the message being handled aside until `unstash_all` (rule M6).

        Raises:
            StashFullError: When `stash_capacity` messages are stashed already.
        """
        envelope = self._current()
        cell = self.cell
        if cell.stash is None:
            cell.stash = []
        if len(cell.stash) >= self.stash_capacity:
            raise StashFullError(
                f"{self.path} has stashed {len(cell.stash)} messages; unstash them, or raise "
                "stash_capacity"
            )
        if isinstance(envelope, AskEnvelope):
            envelope.deferred = True
        elif type(envelope) is Envelope:
            envelope = envelope.copy()  # the receive loop uses told envelopes again
        cell.stash.append(envelope)

    def unstash_all(self) -> None:
        """Queue the stashed messages again, before newer ones (rule M6)."""
        stash, self.cell.stash = self.cell.stash, None
        if stash:
            for envelope in stash:
                if isinstance(envelope, AskEnvelope):
                    envelope.deferred = False
            self.cell.mailbox.put_back(stash)

    def tell_later(self, delay_s: float, message: Message) -> TimerHandle:
        """Tell itself `message` after `delay_s` loop seconds; cancelled when it stops."""
        return self._timer(message, None, delay_s)

    def every(
        self, period_s: float, message: Message, *, initial_delay_s: float | None = None
    ) -> TimerHandle:
        """Tell itself `message` every `period_s` loop seconds, first after `initial_delay_s`.

        Ticks that a late loop missed are skipped, and a tick still queued is not doubled.
        """
        return self._timer(
            message, period_s, period_s if initial_delay_s is None else initial_delay_s
        )

    def _timer(self, message: Message, period_s: float | None, delay_s: float) -> TimerHandle:
        cell = self.cell
        if cell.timers is None:
            cell.timers = {}
        timer = TimerHandle(cell, message, period_s).start(delay_s)
        cell.timers[timer] = None
        return timer

    def stop(self, reason: Reason = Reason.NORMAL) -> None:
        """End this incarnation after the current handler.

        What follows is the supervisor's rule: a permanent actor is started again (rule S2). To end
        it for good from outside, `await ref.stop()`.
        """
        self.cell.request_stop(reason)

    # --- owned work ----------------------------------------------------------------------------

    def start_task(self, coro: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run a coroutine beside the handlers; cancelled when the actor stops.

        An exception in it crashes the actor, and its handler if one is awaiting.
        """
        return start_owned(self.cell, coro, name)

    async def blocking(self, fn: Callable[..., T], *args: Any, deadline_s: float) -> T:
        """Run a blocking function on this actor's own thread and await its result.

        Calls queue behind each other: a driver sees one call at a time. Time stands still meanwhile
        in virtual time, so there the deadline cannot pass.

        Args:
            fn: What to run; it must not touch the event loop.
            args: Its arguments.
            deadline_s: Wall seconds after which the thread is given up as lost and replaced.

        Raises:
            BlockingTimeoutError: When the deadline passes first.
        """
        return await run_blocking(self.cell, fn, args, deadline_s)

    def uninterruptible(self, max_s: float) -> Shield:
        """`async with` a section that interrupts may not cut, for at most `max_s` (rule M4)."""
        return Shield(self.cell, max_s)

    # --- others --------------------------------------------------------------------------------

    def guardian(self) -> Guardian:
        """The guardian of its children (for the kernel)."""
        cell = self.cell
        if cell.guardian is None:
            cell.guardian = Guardian(cell, self.supervision_policy())
        return cell.guardian

    def supervision_policy(self) -> Supervision:
        """How it supervises its children."""
        return self.supervision

    async def spawn(self, spec: ChildSpec[A]) -> ActorRef[A]:
        """Start a child of this actor and wait until it runs.

        Raises:
            StartError: When its `on_start` failed.
            BadSpecError: When the name is taken.
        """
        cell = await self.guardian().add(spec)
        return cell.ref

    def watch(self, ref: ActorRef[Any]) -> None:
        """Be told `Terminated` once when `ref` is gone for good, at once if it is already (W1)."""
        relations.watch(self.cell, ref.cell)

    def unwatch(self, ref: ActorRef[Any]) -> None:
        """Watch no more; a `Terminated` still queued is taken back (W1)."""
        relations.unwatch(self.cell, ref.cell)

    def link(self, ref: ActorRef[Any]) -> None:
        """Share abnormal exits with `ref`, both ways, until either incarnation ends (W2)."""
        relations.link(self.cell, ref.cell)

    def unlink(self, ref: ActorRef[Any]) -> None:
        """Share exits no more (W2)."""
        relations.unlink(self.cell, ref.cell)

    def subscribe(
        self, *event_types: type[Message], only: Callable[[Any], bool] | None = None
    ) -> None:
        """Be told events of these types (and their subclasses) published in this system.

        Args:
            event_types: Of what.
            only: Which of them; it runs in the publisher, so let it be a look at the event alone:
                what nobody wants is then never sent.
        """
        self.system.events.subscribe(self.ref, *event_types, only=only)

    def unsubscribe(self, *event_types: type[Message]) -> None:
        """Be told them no more; all events when no type is given."""
        self.system.events.unsubscribe(self.ref, *event_types)

    def publish(self, event: Message) -> None:
        """Tell an event to all its subscribers in this system."""
        self.system.events.publish(event)

    # --- what pykka expects --------------------------------------------------------------------

    @classmethod
    def start(cls, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refused: an asyncio actor lives in a system's tree.

        Raises:
            BadActorError: Always.
        """
        raise BadActorError(
            f"{cls.__name__}.start() is for threading actors; use await system.spawn(ChildSpec("
            f"name=..., factory={cls.__name__}))"
        )

    @property
    def actor_ref(self) -> ActorRef[Self]:
        """Pykka's name for `ref`."""
        return self.ref

    @property
    def actor_urn(self) -> str:
        """Pykka's identity: here the path, stable and reproducible."""
        return self.ref.actor_urn

    def attach(self, cell: Cell) -> None:
        """Bind to a cell (for the kernel).

        Raises:
            BadActorError: When the factory handed out an instance that was used before.
        """
        if self._cell not in (None, cell) or getattr(self, "_attached", False):
            raise BadActorError(
                f"{cell.path}: the factory returned an instance that was used before; make a "
                "new one each time, a restart must not inherit broken state"
            )
        object.__setattr__(self, "_cell", cell)
        object.__setattr__(self, "_attached", True)

    def _current(self) -> Envelope:
        current = self.cell.scope.current
        if current is None:
            raise BadActorError(f"{self.path}: no message is being handled here")
        return current

    @staticmethod
    def _create_actor_inbox() -> NoReturn:
        raise BadActorError("asyncio actors get their mailbox from their cell")

    @staticmethod
    def _create_future() -> NoReturn:
        raise BadActorError("asyncio actors' replies are made by their references")

    def _start_actor_loop(self) -> NoReturn:
        raise BadActorError("asyncio actors are run by their system")
