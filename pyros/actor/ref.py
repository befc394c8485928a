"""References: how actors are addressed. A reference outlives restarts and may precede its actor.

`tell` never fails and never waits; `ask` waits for the reply, at most until its deadline, and is
typed by
the request: `started = await telescope.ask(GoTo(...))` is a `SlewStarted`.
"""

from __future__ import annotations

import asyncio
from _thread import get_ident
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, cast, overload

import pykka

from pyros.actor.envelope import AskEnvelope, Envelope, SpecialEnvelope
from pyros.actor.errors import AskCycleError, AskTimeoutError, AskWithoutCallerError
from pyros.actor.future import ReplyFuture
from pyros.actor.lifecycle import Reason, State
from pyros.actor.mailbox import BlockingLane, Overflow
from pyros.actor.message import POLICIES, DeliveryPolicy, Message, Request, check_wire, policy_of
from pyros.actor.proxy import Proxy
from pyros.actor.pykka_bases import A, PykkaRef
from pyros.actor.scope import CURRENT

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pyros.actor.cell import Cell

R = TypeVar("R")

_new_envelope = Envelope.__new__

DEFAULT_TIMEOUT_S: Final = 5.0
"""The deadline of an ask that gives none, wall seconds (rule A1)."""


class _Stopped:
    """pykka's `actor_stopped` event, read from the cell's state."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def is_set(self) -> bool:
        """Whether the actor is not alive."""
        return not self._cell.open


class ActorRef(PykkaRef[A], Generic[A]):
    """The address of an actor, typed by its class.

    Attributes:
        path: Where the actor lives in its system's tree.
    """

    __slots__ = ("_cell", "_proxy", "path")

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._proxy: Proxy[A] | None = None
        self.path = cell.path

    def __repr__(self) -> str:
        return f"<ActorRef {self.path}>"

    def __str__(self) -> str:
        return self.path

    @property
    def cell(self) -> Cell:
        """The kernel's side of the address (for the kernel)."""
        return self._cell

    # --- telling -------------------------------------------------------------------------------

    def tell(self, message: Message) -> None:
        """Send a message and go on. For a dead or full target it becomes a dead letter.

        Raises:
            BadMessageError: When the message's class is mutable.
        """
        cell = self._cell
        system = cell.system
        if system.parks_threads and get_ident() != system.thread_id:
            system.gate.post(self.tell, message)
            return
        try:
            policy = POLICIES[type(message)]
        except KeyError:
            policy = policy_of(type(message))
        scope = CURRENT.get()
        trace: int | str
        if scope is None:
            sender = None
            current = None
        else:
            sender = scope.path
            current = scope.current
        if current is None:
            tracer = system.trace
            trace = tracer.last = tracer.last + 1
        else:
            trace = current.trace
        if policy.fast and cell.open:
            mailbox = cell.mailbox
            queue = mailbox.queues[2]
            if queue is not None and len(queue) < queue.capacity:
                # As Envelope(...) and cell.deliver(...), at half their price, and from any thread:
                # appending is atomic, the loop looks again before it sleeps, and so do we.
                now = system.now  # a local: calling an attribute is slow on Python 3.11
                spare = system.spare_envelopes
                try:
                    envelope = spare.pop() if spare else _new_envelope(Envelope)
                except IndexError:  # another thread took the last one
                    envelope = _new_envelope(Envelope)
                envelope.message = message
                envelope.sender = sender
                envelope.sent_s = now()
                envelope.trace = trace
                envelope.lane = 2
                queue.append(envelope)
                if mailbox.waiter is not None:
                    system.gate.wake(mailbox)
                if not cell.open:  # another thread's view may change at any time
                    system.gate.run(cell.sweep)  # type: ignore[unreachable]  # for one thread, yes
                return
        if get_ident() != system.thread_id:
            system.gate.post(self._tell, message, policy, sender, trace)
        else:
            self._tell(message, policy, sender, trace)

    def tell_traced(self, message: Message, trace_id: str) -> None:
        """Tell a message that continues a trace from outside the process (a W3C trace id)."""
        system = self._cell.system
        if get_ident() != system.thread_id:
            system.gate.post(self.tell_traced, message, trace_id)
            return
        scope = CURRENT.get()
        sender = None if scope is None else scope.path
        self._tell(message, policy_of(message.__class__), sender, trace_id)

    def _tell(
        self, message: Message, policy: DeliveryPolicy, sender: str | None, trace: int | str
    ) -> None:
        cell = self._cell
        now_s = cell.system.now()
        if policy.plain:
            cell.deliver(Envelope(message, sender, now_s, trace, policy.lane))
            return
        if policy.wire:
            check_wire(message)
        envelope = SpecialEnvelope(message, sender, now_s, trace, policy.lane)
        if policy.ttl_s is not None:
            envelope.expires_s = now_s + policy.ttl_s
        key = message.conflation_key() if policy.conflates else None
        if key is not None:
            cell.deliver_conflating(envelope, (message.__class__, key))
        else:
            cell.deliver(envelope)
        if policy.interrupts:
            cell.interrupt(policy.lane)

    async def send(self, message: Message) -> None:
        """Tell, but wait for room in a lane whose overflow policy is `block` (rule M3)."""
        cell = self._cell
        lane = policy_of(message.__class__).lane
        while cell.open and cell.mailbox.is_full(lane):
            queue = cell.mailbox.queues[lane]
            assert queue is not None  # noqa: S101 - a full lane exists
            if queue.overflow is not Overflow.BLOCK:
                break
            room: asyncio.Future[None] = cell.system.loop.create_future()
            assert isinstance(queue, BlockingLane)  # noqa: S101 - its policy says so
            queue.waiting.append(room)
            await room
        self.tell(message)

    # --- asking --------------------------------------------------------------------------------

    @overload
    def ask(
        self, message: Request[R], *, timeout_s: float | None = None
    ) -> Coroutine[Any, Any, R]: ...

    @overload
    def ask(
        self, message: Any, *, block: Literal[False], timeout: float | None = None
    ) -> ReplyFuture[Any]: ...

    @overload
    def ask(self, message: Any, *, block: Literal[True], timeout: float | None = None) -> Any: ...

    def ask(
        self,
        message: Any,
        *,
        timeout_s: float | None = None,
        block: bool | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send a request and await its reply: `reply = await ref.ask(request)`.

        Args:
            message: The request.
            timeout_s: Wall seconds to wait (5 by default), never longer than the asker's own
                deadline.
            block: pykka's form: False returns a future at once, True blocks a plain thread.
            timeout: Seconds to block, with `block=True`.

        Raises:
            AskTimeoutError: When no reply comes in time (rule A1).
            AskCycleError: When the target waits, up the chain, for the asker (rule A2).
            DeadActorError: When the target is dead or dies before answering (rule A3).
            AskWithoutCallerError: When there is no coroutine that could await the reply.
        """
        if block is None:
            # Asking for the loop costs a system call, and who has a scope runs on one.
            if CURRENT.get() is None and asyncio._get_running_loop() is None:  # noqa: SLF001
                raise AskWithoutCallerError(
                    f"ask({type(message).__name__}) to {self.path} from code that no event loop "
                    "runs; await it in a coroutine, or use ask(..., block=True) in a plain thread"
                )
            return self._ask(message, timeout_s)
        future = self._ask_future(message)
        return future.get(timeout=timeout or DEFAULT_TIMEOUT_S) if block else future

    async def _ask(self, message: Any, timeout_s: float | None) -> Any:
        """Ask; its name is what Python prints when nobody awaits it."""
        cell = self._cell
        system = cell.system
        if get_ident() != system.thread_id:
            future = asyncio.run_coroutine_threadsafe(self._ask(message, timeout_s), system.loop)
            return await asyncio.wrap_future(future)
        policy = POLICIES.get(type(message)) or policy_of(type(message))
        span_s = (DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s) * system.speed
        reply: asyncio.Future[Any] = asyncio.Future(loop=system.loop)
        envelope = self._make_ask(message, policy, reply, span_s)
        cell.deliver(envelope)
        if policy.interrupts:
            cell.interrupt(policy.lane)
        if not reply.done():
            deadline_s: float = envelope.deadline_s
            if deadline_s < envelope.sent_s + span_s:  # inherited from an outer ask
                system.deadlines.watch_at(deadline_s, reply, (cell, envelope))
            else:
                system.deadlines.watch(span_s, deadline_s, reply, (cell, envelope))
        return await reply

    _ask.__qualname__ = "ActorRef.ask: await it for the reply, or tell() to send only;"

    def _make_ask(
        self, message: Any, policy: DeliveryPolicy, reply: Any, span_s: float
    ) -> AskEnvelope:
        """The envelope of an ask; its deadline is never later than an outer ask's (rule A1)."""
        cell = self._cell
        system = cell.system
        if policy.wire:
            check_wire(message)
        now = system.now
        now_s = now()
        deadline_s = now_s + span_s
        scope = CURRENT.get()
        chain: tuple[Cell, ...] = ()
        sender: str | None = None
        current = None
        if scope is not None:
            sender = scope.path
            current = scope.current
        trace: int | str
        if current is None:
            tracer = system.trace
            trace = tracer.last = tracer.last + 1
        else:
            trace = current.trace
            outer_s = current.deadline_s
            if outer_s is not None and outer_s < deadline_s:
                deadline_s = outer_s
            if scope is not None and scope.blocks:
                chain = (*current.chain, scope.cell)
                if cell in chain:
                    self._refuse_cycle(message, chain)
        return AskEnvelope(message, sender, now_s, trace, policy.lane, reply, deadline_s, chain)

    def _refuse_cycle(self, message: Any, chain: tuple[Cell, ...]) -> None:
        path = " -> ".join((*(cell.path for cell in chain), self.path))
        raise AskCycleError(
            f"ask({type(message).__name__}) would wait for itself: {path}; answer with a deferred "
            "reply, or ask from an owned task"
        )

    def _ask_future(self, message: Any) -> ReplyFuture[Any]:
        """Pykka's non-blocking ask: sent now, answered into a future of pykka's interface."""
        future: ReplyFuture[Any] = ReplyFuture()
        self._cell.system.gate.run(self._send_ask, message, future)
        return future

    def _send_ask(self, message: Any, future: ReplyFuture[Any]) -> None:
        cell = self._cell
        system = cell.system
        span_s = DEFAULT_TIMEOUT_S * system.speed
        try:
            envelope = self._make_ask(message, policy_of(type(message)), future, span_s)
        except AskCycleError as error:
            future.set_exception(error)
            return
        cell.deliver(envelope)
        if not future.done():
            deadline_s: float = envelope.deadline_s
            system.deadlines.watch_at(deadline_s, cast("Any", future), (cell, envelope))

    # --- life ----------------------------------------------------------------------------------

    def is_alive(self) -> bool:
        """Whether messages reach it: running, starting, or backing off before a restart."""
        return self._cell.open

    @property
    def state(self) -> State:
        """Where it is in its life."""
        return self._cell.state

    @property
    def incarnation(self) -> int:
        """Number of its current or last incarnation; 0 when there was none."""
        return self._cell.incarnation

    async def stop(self) -> bool:
        """Stop the actor for good and wait until it is; False when it was not alive.

        Its supervisor does not start it again. An actor that stops itself waits for nobody.
        """
        return await self._cell.system.stop_actor(self._cell, Reason.SHUTDOWN)

    def kill(self) -> None:
        """Cancel the actor now, without `on_stop`; its supervisor decides what follows."""
        self._cell.kill()

    # --- pykka's form --------------------------------------------------------------------------

    def proxy(self) -> Proxy[A]:
        """An object on which the actor's methods and attributes are awaitable."""
        if self._proxy is None:
            self._proxy = Proxy(self)
        return self._proxy

    async def set(self, name: str, value: Any) -> None:
        """Set an attribute of the actor, between two messages (instead of `proxy.name = value`)."""
        await self._ask(pykka.messages.ProxySetAttr(attr_path=(name,), value=value), None)

    @property
    def actor_class(self) -> type[A]:
        """Class of the running instance; the base class when there is none."""
        actor: Any = self._cell.actor
        return cast(
            "type[A]", pykka.Actor if actor is None else type(getattr(actor, "driver", actor))
        )

    @property
    def actor_urn(self) -> str:
        """Pykka's identity: here the path, stable and reproducible."""
        return f"urn:pyros:{self._cell.system.name}:{self.path}"

    @property
    def actor_inbox(self) -> Any:
        """The mailbox."""
        return self._cell.mailbox

    @property
    def actor_stopped(self) -> Any:
        """Pykka's stopped flag."""
        return _Stopped(self._cell)

    def _actor_weakref(self) -> Any:
        return self._cell.actor


def timeout_error(cell: Cell, envelope: AskEnvelope) -> AskTimeoutError:
    """What an ask that got no reply in time raises (rule A1)."""
    now_s = cell.system.now()
    depth = sum(cell.mailbox.depths())
    return AskTimeoutError(
        f"{type(envelope.message).__name__} to {cell.path} ({cell.state}) got no reply in "
        f"{now_s - envelope.sent_s:.3f} s; {depth} messages queue there"
    )
