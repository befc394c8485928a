"""The cell: what stays of an actor over its incarnations; how messages come in and replies go out.

Reference and path belong to the cell; each incarnation is a fresh instance of the actor with a task
of its own (`incarnation.py`). The mailbox is the cell's, so what was queued survives a restart
(rule L5).
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from pyros.actor.dead_letters import DeadLetter, Undelivered
from pyros.actor.envelope import (
    ASK,
    CONTROL,
    SPECIAL,
    AskEnvelope,
    ControlEnvelope,
    Envelope,
    SpecialEnvelope,
)
from pyros.actor.errors import (
    DeadActorError,
    ExpiredError,
    MailboxFullError,
    PoisonMessageError,
    UnavailableError,
)
from pyros.actor.lifecycle import Exit, LifecycleEvent, Reason, State
from pyros.actor.mailbox import DEFAULT_LANES, Mailbox
from pyros.actor.message import DeliveryPolicy, Lane, policy_of
from pyros.actor.scope import Scope

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Hashable

    from pyros.actor.actor import Actor
    from pyros.actor.blocking import Worker
    from pyros.actor.child_spec import ChildSpec
    from pyros.actor.guardian import Guardian
    from pyros.actor.interrupts import Shield
    from pyros.actor.ref import ActorRef
    from pyros.actor.system import ActorSystem
    from pyros.actor.timers import TimerHandle


class Cell:
    """The lasting part of one actor.

    Args:
        system: Where it lives.
        path: Its address, `/devices/tel1/cam-vis`.
    """

    __slots__ = (
        "__weakref__",
        "actor",
        "deferreds",
        "doom",
        "end_reason",
        "ended",
        "guardian",
        "handled",
        "incarnation",
        "interrupting",
        "killing",
        "last_error",
        "links",
        "log",
        "mailbox",
        "open",
        "parent",
        "path",
        "poison",
        "ref",
        "restarts",
        "rng",
        "scope",
        "shield",
        "since_s",
        "spec",
        "started",
        "stash",
        "state",
        "system",
        "task",
        "tasks",
        "timers",
        "watchers",
        "watching",
        "worker",
    )

    def __init__(self, system: ActorSystem, path: str) -> None:
        from pyros.actor.ref import ActorRef  # noqa: PLC0415 - a cell and its reference are a pair

        self.system = system
        self.path = path
        self.parent: Cell | None = None
        self.spec: ChildSpec[Any] | None = None
        self.state = State.ABSENT
        self.incarnation = 0
        self.open = False
        self.mailbox = Mailbox(DEFAULT_LANES)
        self.scope = Scope(self, blocks=True)
        self.ref: ActorRef[Any] = ActorRef(self)
        self.actor: Actor | None = None
        self.task: asyncio.Task[None] | None = None
        self.guardian: Guardian | None = None
        self.started: asyncio.Future[Exit | None] | None = None
        self.ended: asyncio.Future[Exit] | None = None
        self.end_reason = Reason.NEVER_STARTED
        self.handled = 0
        self.restarts = 0
        self.since_s = 0.0
        self.last_error: BaseException | None = None
        self.interrupting = False
        self.killing = False
        self.doom: BaseException | None = None
        self.shield: Shield | None = None
        self.poison: tuple[Any, int] | None = None
        self.timers: dict[TimerHandle, None] | None = None
        self.tasks: dict[asyncio.Task[Any], None] | None = None
        self.deferreds: dict[AskEnvelope, None] | None = None
        self.stash: list[Envelope] | None = None
        self.watchers: dict[Cell, None] | None = None
        self.watching: dict[Cell, None] | None = None
        self.links: dict[Cell, None] | None = None
        self.worker: Worker | None = None
        self.rng: Random | None = None
        self.log: Any = None

    @property
    def name(self) -> str:
        """The last part of the path: its name among its siblings."""
        return self.path.rpartition("/")[2]

    def __repr__(self) -> str:
        return f"<Cell {self.path} {self.state} #{self.incarnation}>"

    # --- identity ------------------------------------------------------------------------------

    def adopt(self, spec: ChildSpec[Any], parent: Cell | None) -> None:
        """Become a child of `parent`, as `spec` says."""
        self.spec = spec
        self.parent = parent
        if spec.lanes:
            self.mailbox = Mailbox(spec.lane_specs())
        self.restarts = 0
        self.handled = 0
        self.last_error = None
        self.poison = None

    def become(self, state: State, detail: str = "") -> None:
        """Enter a state and say so on the event bus (rule L1)."""
        self.state = state
        events = self.system.events
        if events.wanted(LifecycleEvent):
            events.publish(
                LifecycleEvent(
                    path=self.path, state=state, incarnation=self.incarnation, detail=detail
                )
            )

    def policy(self, message: Any) -> DeliveryPolicy:
        """How this message travels."""
        return policy_of(message.__class__)

    def random(self) -> Random:
        """The actor's own random stream, named by its path: the same in each run of a seed."""
        if self.rng is None:
            self.rng = Random(f"{self.system.seed}:{self.path}")  # noqa: S311 - not for secrets
        return self.rng

    # --- messages in ---------------------------------------------------------------------------

    def deliver(self, envelope: Envelope) -> None:
        """Queue a message; what finds no room or no actor becomes a dead letter."""
        if self.open:
            if self.task is None and envelope.kind == ASK and envelope.lane == Lane.SAFETY:
                self.settle_error(
                    envelope,
                    UnavailableError(
                        f"{self.path} is backing off before restart {self.restarts + 1}; "
                        f"{type(envelope.message).__name__} is not answered, act on the safe side"
                    ),
                )
                return
            refused = self.mailbox.put(envelope)
            if refused is not None:
                self.refuse(refused, Undelivered.FULL)
        else:
            self.refuse(envelope, Undelivered.DEAD)

    def deliver_conflating(self, envelope: SpecialEnvelope, key: Hashable) -> None:
        """Queue a message in place of a queued one with the same key (rule M2)."""
        if self.open:
            refused = self.mailbox.put_conflating(envelope, key)
            if refused is not None:
                self.refuse(refused, Undelivered.FULL)
        else:
            self.refuse(envelope, Undelivered.DEAD)

    def sweep(self) -> None:
        """Refuse what another thread queued while the mailbox was being closed (trap T6)."""
        if not self.open:
            for envelope in self.mailbox.drain():
                self.refuse(envelope, Undelivered.DEAD)

    def control(self, order: Any) -> None:
        """Queue an order for the receive loop, on the system lane."""
        now_s = self.system.now()
        self.mailbox.put(ControlEnvelope(order, None, now_s, 0, Lane.SYSTEM))

    def refuse(self, envelope: Envelope, reason: Undelivered) -> None:
        """Make a message that will not be handled a dead letter, and answer its asker."""
        if envelope.kind == CONTROL:
            return
        if envelope.kind == SPECIAL:
            envelope.leave()  # type: ignore[attr-defined]  # kind says it is special
        self.dead_letter(envelope, reason)
        if envelope.reply_to is not None:
            self.settle_error(envelope, self._refusal(envelope, reason))

    def dead_letter(self, envelope: Envelope, reason: Undelivered, message: Any = None) -> None:
        """Record a dead letter of this actor."""
        if isinstance(envelope.message, DeadLetter) and reason is Undelivered.DEAD:
            return
        self.system.dead_letters.add(
            envelope, reason, target=self.path, incarnation=self.incarnation, message=message
        )

    def _refusal(self, envelope: Envelope, reason: Undelivered) -> Exception:
        what = type(envelope.message).__name__
        if reason is Undelivered.FULL:
            return MailboxFullError(
                f"{self.path} has no room for {what}: lane {Lane(envelope.lane).name} is full; "
                "ask less often or give the lane more capacity"
            )
        if reason is Undelivered.EXPIRED:
            return ExpiredError(f"{what} to {self.path} expired before it was handled")
        if reason is Undelivered.POISON:
            return PoisonMessageError(
                f"{what} crashed {self.path} three times running and is not handled again"
            )
        return DeadActorError(f"{self.path} is {self.state} and does not answer {what}")

    # --- replies out ---------------------------------------------------------------------------

    def settle(self, envelope: Envelope, value: Any) -> None:
        """Give the reply; too late it becomes a dead letter (rule A1)."""
        future: Any = envelope.reply_to
        if future is None:
            return
        if future.done():
            self.dead_letter(envelope, Undelivered.LATE_REPLY, value)
        else:
            future.set_result(value)

    def settle_error(self, envelope: Envelope, error: BaseException) -> None:
        """Give an error as the reply, if anybody still waits."""
        future: Any = envelope.reply_to
        if future is not None and not future.done():
            if not isinstance(error, Exception) or isinstance(error, StopIteration):
                # What would end the asker's loop, or cannot pass through a future (trap T5).
                error = RuntimeError(f"{self.path} raised {type(error).__name__}: {error}")
            future.set_exception(error)

    # --- interruption and failure from outside the handler -------------------------------------

    def interrupt(self, lane: int) -> None:
        """Cancel the awaiting handler for an interrupting message (rule M4).

        A handler of another interrupting message of the same or a more urgent lane is left alone:
        an emergency repeated every second must not keep cancelling its own handling.
        """
        current = self.scope.current
        if current is None:
            return
        if (
            current.kind != CONTROL
            and current.lane <= lane
            and self.policy(current.message).interrupts
        ):
            return
        self.cancel_handler()

    def cancel_handler(self, *, force: bool = False) -> None:
        """Cancel the handler if it awaits; a shield defers this unless forced."""
        task = self.task
        if task is None or self.interrupting or self.scope.current is None:
            return
        if task is self.system.current_task():
            return  # the handler itself: it is running, not awaiting
        if self.shield is not None and not force:
            self.shield.wanted()
            return
        self.interrupting = True
        task.cancel()

    def fail(self, error: BaseException) -> None:
        """Crash the actor for a reason outside its handler (owned task, link, restart limit)."""
        if self.state is State.STARTING:
            if self.doom is None and self.task is not None:
                self.doom = error
                if self.task is not self.system.current_task():
                    self.task.cancel()
        elif self.state is State.RUNNING:
            self.control(error)
            self.cancel_handler(force=True)

    # --- stopping ------------------------------------------------------------------------------

    def request_stop(self, reason: Reason) -> None:
        """Have the actor stop after the current handler, before anything queued."""
        if self.state in (State.STARTING, State.RUNNING):
            self.control(Exit(reason=reason))

    def kill(self) -> None:
        """Cancel it now: `finally` blocks run, `on_stop` does not."""
        if self.task is not None and not self.task.done() and self.state is not State.STOPPING:
            self.killing = True
            self.task.cancel()

    def when_ended(self) -> asyncio.Future[Exit]:
        """Done when the running incarnation has ended."""
        if self.ended is None:
            self.ended = self.system.loop.create_future()
        return self.ended

    def lose_power(self) -> None:
        """Be gone without a trace: what the power cut leaves of an actor is its address."""
        self.open = False
        self.state = State.STOPPED
        self.end_reason = Reason.POWER_CUT
        for timer in list(self.timers or ()):
            timer.cancel()
        self.mailbox = Mailbox(DEFAULT_LANES)
        self.timers = self.tasks = self.deferreds = self.stash = None
        self.watchers = self.watching = self.links = None
        self.actor = self.task = self.guardian = self.worker = None

    def start_failed(self) -> bool:
        """Whether the present or last incarnation ended before it ran."""
        started = self.started
        return started is not None and started.done() and started.result() is not None

    # --- housekeeping --------------------------------------------------------------------------

    def forget_timer(self, timer: TimerHandle) -> None:
        """Called by a timer that is over."""
        if self.timers is not None:
            self.timers.pop(timer, None)

    def forget_deferred(self, envelope: AskEnvelope) -> None:
        """Called by a deferred reply that is given."""
        if self.deferreds is not None:
            self.deferreds.pop(envelope, None)
