"""The system: a tree of actors on one loop, with event bus, dead letters, trace and shutdown.

Several may live in one process and on one loop: nothing here is global, and asyncio actors are not
in pykka's registry, which is.
"""

from __future__ import annotations

import asyncio
import signal
from _thread import get_ident
from contextvars import Context
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, cast, overload

from pyros.actor.actor import Actor
from pyros.actor.address_book import AddressBook
from pyros.actor.child_spec import ChildSpec, Directive, SupervisorSpec
from pyros.actor.dead_letters import DeadLetters
from pyros.actor.deadlines import Deadlines
from pyros.actor.errors import BadSpecError
from pyros.actor.event_bus import EventBus
from pyros.actor.gate import ThreadGate
from pyros.actor.incarnation import launch
from pyros.actor.lifecycle import Exit, Reason
from pyros.actor.loops.real import clock_for, speed_of
from pyros.actor.loops.virtual import POWER_DOMAIN, VirtualLoop
from pyros.actor.power import cut_power
from pyros.actor.ref import ActorRef, timeout_error
from pyros.actor.shutdown import UNHURRIED, Phase, PhaseOutcome, Shutdown, standard_phases
from pyros.actor.tracing import Trace
from pyros.actor.tree import ActorInfo, tree_of
from pyros.actor.watchdog import LoopStalled, Watchdog
from pyros.log import BoundLogger, bound_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from types import TracebackType

    from pyros.actor.cell import Cell
    from pyros.actor.envelope import AskEnvelope, Envelope
    from pyros.actor.guardian import Guardian
    from pyros.actor.pykka_bases import A
    from pyros.clock import Clock


class ActorSystem:
    """A tree of supervised actors.

    Args:
        name: For logs and trace ids.
        seed: Of every random stream in it.
        clock: The observatory's time; the running loop's own when None.
        root: How the root supervises (its name and children are ignored); one-for-one when None.
        watchdog: Whether to name actors that hold the loop; never in virtual time.
    """

    def __init__(
        self,
        *,
        name: str = "pyros",
        seed: int = 0,
        clock: Clock | None = None,
        root: SupervisorSpec | None = None,
        watchdog: bool = True,
    ) -> None:
        self.name = name
        self.seed = seed
        self.log = bound_logger(name)
        self.events = EventBus()
        self.trace = Trace(seed=seed, name=name)
        self.dead_letters = DeadLetters(self.events, self.log, self._now)
        self.thread_id = get_ident()
        self.parks_threads = True
        self.spare_envelopes: list[Envelope] = []
        self.speed = 1.0
        self.now: Callable[[], float] = _not_started
        self.zombies: list[tuple[str, str]] = []
        self.lost_threads: list[tuple[str, str]] = []
        self._given_clock = clock
        self._watch = watchdog
        self.watchdog: Watchdog | None = None
        self._root_spec = root or SupervisorSpec(name="root")
        self.addresses = AddressBook(self)
        self._root: Cell | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._power_hooks: list[Callable[[], None]] = []
        self._shutting: asyncio.Future[list[PhaseOutcome]] | None = None

    def _now(self) -> float:
        return self.now()

    # --- life of the system --------------------------------------------------------------------

    async def start(self) -> None:
        """Bind to the running loop and start the root.

        Raises:
            RuntimeError: When it was started before: a system lives once.
        """
        if self._root is not None:
            raise RuntimeError(f"actor system {self.name!r} was started before; make a new one")
        self.loop = asyncio.get_running_loop()
        self.thread_id = get_ident()
        self.parks_threads = isinstance(self.loop, VirtualLoop)
        self.speed = speed_of(self.loop)
        plain = type(self.loop).time is asyncio.BaseEventLoop.time
        self.now = monotonic if plain else self.loop.time
        self.clock: Clock = self._given_clock or clock_for(self.loop)
        self.gate = ThreadGate(self.loop)
        self.deadlines = Deadlines(self.loop, self._expire)
        self.current_task = _current_task_of(self.loop)
        self._closed: asyncio.Future[None] = self.loop.create_future()
        self.failed: asyncio.Future[Exit] = self.loop.create_future()
        self._shutdown = Shutdown(self.log, self._now, self.speed)
        for phase in standard_phases(self._stop_tree):
            self._shutdown.add(phase)
        if self._watch and not isinstance(self.loop, VirtualLoop):
            self.watchdog = Watchdog(self.loop, self._stalled)
            self.watchdog.start()
        self._root = cell = self.addresses.move_in("/", self._root_spec, None)
        await launch(cell)

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Shut it down in order."""
        await self.shutdown(
            "end of context" if error is None else f"{type(error).__name__}: {error}"
        )

    def shutdown_phase(
        self,
        name: str,
        action: Callable[[], Awaitable[object]],
        *,
        after: tuple[str, ...] = (),
        deadline_s: float = 10.0,
    ) -> None:
        """Add a phase to the shutdown, or replace one (`quiesce`, `make_safe`, `flush`).

        Args:
            name: Its name.
            action: Makes the coroutine that does it.
            after: Phases that must be over before.
            deadline_s: Wall seconds it may take.

        Raises:
            BadSpecError: When the phases would depend on each other in a circle.
        """
        self._shutdown.add(
            Phase(
                name=name,
                action=action,
                after=after,
                deadline_s=deadline_s,
                hurried=name not in UNHURRIED,
            )
        )

    async def shutdown(self, reason: str = "asked to") -> list[PhaseOutcome]:
        """Run the shutdown phases once; a second call meanwhile hurries them and waits."""
        if self._shutting is not None:
            if not self._shutting.done():
                self.log.warning("asked again to shut down (%s): hurrying", reason)
                self._shutdown.hurry()
            return await asyncio.shield(self._shutting)
        self._shutting = self.loop.create_future()
        self.log.info("shutting down: %s", reason)
        try:
            outcomes = await self._shutdown.run()
        finally:
            self.deadlines.close()
            if self.watchdog is not None:
                self.watchdog.stop()
            if not self._shutting.done():
                self._shutting.set_result(self._shutdown.outcomes)
            if not self._closed.done():
                self._closed.set_result(None)
        return outcomes

    def shutdown_on_signals(self, *signals: signal.Signals) -> None:
        """Shut down when the process gets one of these signals; a second one hurries (main thread).

        Args:
            signals: SIGINT and SIGTERM when none is given.
        """
        for number in signals or (signal.SIGINT, signal.SIGTERM):
            self.loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        _ = self.spawn_task(self._shutdown_for(number.name), f"{self.name}:{number.name}")

    async def _shutdown_for(self, reason: str) -> None:
        await self.shutdown(reason)

    async def closed(self) -> Exit | None:
        """Wait until the system has shut down, or its root has failed: then why."""
        ends: list[asyncio.Future[Any]] = [self._closed, self.failed]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return self.failed.result() if self.failed.done() else None

    async def _stop_tree(self) -> None:
        root = self._root
        if root is None or root.task is None:
            return
        ended = root.when_ended()
        root.request_stop(Reason.SHUTDOWN)
        await asyncio.shield(ended)
        for task in list(self._tasks):
            task.cancel()

    # --- actors --------------------------------------------------------------------------------

    async def spawn(self, spec: ChildSpec[A], *, parent: str = "/") -> ActorRef[A]:
        """Start an actor below `parent` and wait until it runs (rule L2).

        Raises:
            StartError: When its `on_start` failed.
            BadSpecError: When the parent is not running or the name is taken.
        """
        cell = await self._guardian(parent).add(spec)
        return cell.ref

    @overload
    def ref(self, path: str) -> ActorRef[Actor]: ...

    @overload
    def ref(self, path: str, kind: type[A]) -> ActorRef[A]: ...

    def ref(self, path: str, kind: type[Any] = Actor) -> ActorRef[Any]:  # noqa: ARG002 - for types
        """The reference of a path, whether an actor lives there yet or not.

        Args:
            path: Absolute, `/devices/tel1/dome`.
            kind: Class of the actor, for the reference's type.

        Raises:
            BadSpecError: When the path is not absolute.
        """
        return self.addresses.cell(path).ref

    def tree(self) -> list[ActorInfo]:
        """All actors: what they are and what they are doing."""
        return tree_of(self._root, self.now())

    async def stop_actor(self, cell: Cell, reason: Reason) -> bool:
        """Stop an actor for good (see `ActorRef.stop`)."""
        if not cell.open:
            return False
        parent = cell.parent
        guardian = None if parent is None else parent.guardian
        child = None if guardian is None else guardian.children.get(cell.name)
        if guardian is None or child is None or child.cell is not cell:
            return False
        if cell.task is not None and cell.task is self.current_task():
            _ = self.spawn_task(guardian.remove(child, reason), f"{cell.path}:stop")
            return True
        await guardian.remove(child, reason)
        return True

    async def restart_child(self, path: str) -> None:
        """Start a stopped static child again (rule S7).

        Raises:
            BadSpecError: When there is no such child or it is alive.
            StartError: When its `on_start` failed.
        """
        parent, _, name = path.rpartition("/")
        await self._guardian(parent or "/").start_again(name)

    def _guardian(self, path: str) -> Guardian:
        cell = self.addresses.find(path)
        if cell is None or not isinstance(cell.actor, Actor):
            state = "does not exist" if cell is None else f"is {cell.state}"
            raise BadSpecError(f"{path} {state} and can have no children; spawn it first")
        return cell.actor.guardian()

    # --- for the kernel ------------------------------------------------------------------------

    def root_ended(self, exit_: Exit) -> None:
        """The root is gone: by shutdown, or because nothing could be restarted any more."""
        if exit_.reason is not Reason.SHUTDOWN:
            self.log.critical("the root of the tree ended: %s", exit_.describe())
            if not self.failed.done():
                self.failed.set_result(exit_)

    def report_zombie(self, cell: Cell, task: asyncio.Task[Any], why: str) -> None:
        """Say which task could not be ended."""
        self.zombies.append((cell.path, why))
        self._tasks[task] = None
        self.log_of(cell).error("zombie: %s", why)

    def note_lost_thread(self, cell: Cell, call: str) -> None:
        """Say which blocking call was given up."""
        self.lost_threads.append((cell.path, call))
        self.log_of(cell).error("blocking call %s exceeded its deadline; thread lost", call)

    def directive(self, cell: Cell, error: BaseException) -> Directive:
        """What the supervisor's decider makes of a crash (rule S5)."""
        parent = cell.parent
        if parent is None or parent.guardian is None:
            return Directive.RESTART
        try:
            return parent.guardian.policy.decider(error)
        except Exception as failure:  # noqa: BLE001 - a broken decider must not hide the crash
            self.log_of(cell).error("decider failed: %s: %s", type(failure).__name__, failure)
            return Directive.RESTART

    def log_of(self, cell: Cell) -> BoundLogger:
        """The logger of an actor, made when first used."""
        if cell.log is None:
            cell.log = bound_logger(cell.path)
        return cast("BoundLogger", cell.log)

    def context(self) -> Context:
        """A fresh context for a task of this system: an actor inherits nothing of its spawner."""
        context = Context()
        context.run(POWER_DOMAIN.set, self)
        return context

    def spawn_task(self, coro: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run kernel work that no actor owns; kept from being collected (trap P3)."""
        task = self.loop.create_task(coro, name=name, context=self.context())
        self._tasks[task] = None
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.error("%s failed", task.get_name(), exc_info=error)

    def _stalled(self, stall: LoopStalled) -> None:
        where = stall.path or "no actor"
        what = stall.handling or "nothing"
        self.log.warning(
            "loop held for %.3f s by %s handling %s\n%s", stall.held_s, where, what, stall.stack
        )
        self.events.publish(stall)

    def _expire(self, payload: tuple[Cell, AskEnvelope]) -> None:
        cell, envelope = payload
        cell.settle_error(envelope, timeout_error(cell, envelope))

    # --- power cut -----------------------------------------------------------------------------

    def on_power_cut(self, hook: Callable[[], None]) -> None:
        """Call `hook` when the power is cut: sever a link, roll back a connection."""
        self._power_hooks.append(hook)

    def power_cut(self) -> None:
        """Lose every actor at once, as kill -9 would: no `finally`, no `on_stop`, no late effect.

        Raises:
            RuntimeError: Outside virtual time, where tasks cannot be frozen.
        """
        cut_power(self)
        if self._shutting is None:
            self._shutting = self.loop.create_future()
            self._shutting.set_result([])
        if not self._closed.done():
            self._closed.set_result(None)
        self._root = None
        for hook in self._power_hooks:
            hook()


def _not_started() -> float:
    return 0.0


def _current_task_of(
    loop: asyncio.AbstractEventLoop,
) -> Callable[[], asyncio.Task[Any] | None]:
    def current() -> asyncio.Task[Any] | None:
        try:
            return asyncio.current_task(loop)
        except RuntimeError:
            return None

    return current
