"""The system: a tree of actors on one event loop, with its event bus, dead letters, trace and shutdown.

Several may live in one process and on one loop: nothing here is global, and asyncio actors are not in
pykka's registry, which is.
"""

from __future__ import annotations

import asyncio
from _thread import get_ident
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, cast
from weakref import WeakValueDictionary

from pyros.actor import relations
from pyros.actor.actor import Actor
from pyros.actor.cell import Cell
from pyros.actor.child_spec import ChildSpec, Directive, SupervisorSpec
from pyros.actor.dead_letters import DeadLetters, Undelivered
from pyros.actor.deadlines import Deadlines
from pyros.actor.errors import BadSpecError
from pyros.actor.event_bus import EventBus
from pyros.actor.guardian import Guardian
from pyros.actor.incarnation import launch
from pyros.actor.lifecycle import Exit, Reason, State
from pyros.actor.loops.real import clock_for, speed_of
from pyros.actor.loops.virtual import VirtualLoop
from pyros.actor.mailbox import Mailbox
from pyros.actor.pykka_bases import A
from pyros.actor.ref import ActorRef, timeout_error
from pyros.actor.scope import Scope
from pyros.actor.shutdown import (
    FLUSH,
    MAKE_SAFE,
    QUIESCE,
    STOP_TREE,
    Phase,
    PhaseOutcome,
    Shutdown,
    nothing,
)
from pyros.actor.tracing import Trace
from pyros.actor.tree import ActorInfo, tree_of
from pyros.log import BoundLogger, bound_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from types import TracebackType

    from pyros.actor.envelope import AskEnvelope
    from pyros.clock import Clock

_STOP_TREE_DEADLINE_S = 60.0


class ActorSystem:
    """A tree of supervised actors.

    Args:
        name: For logs and trace ids.
        seed: Of every random stream in it.
        clock: The observatory's time; the running loop's own when None.
        root: How the root supervises (its name and children are ignored); one-for-one when None.
    """

    def __init__(
        self,
        *,
        name: str = "pyros",
        seed: int = 0,
        clock: Clock | None = None,
        root: SupervisorSpec | None = None,
    ) -> None:
        self.name = name
        self.seed = seed
        self.log = bound_logger(name)
        self.events = EventBus()
        self.trace = Trace(seed=seed, name=name)
        self.new_trace = self.trace.new
        self.dead_letters = DeadLetters(self.events, self.log, self._now)
        self.thread_id = get_ident()
        self.speed = 1.0
        self.now: Callable[[], float] = _not_started
        self.zombies: list[tuple[str, str]] = []
        self.lost_threads: list[tuple[str, str]] = []
        self._given_clock = clock
        self._root_spec = root or SupervisorSpec(name="root")
        self._cells: dict[str, Cell] = {}
        self._vacant: WeakValueDictionary[str, Cell] = WeakValueDictionary()
        self._incarnations: dict[str, int] = {}
        self._root: Cell | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._inbound: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._scheduled = False
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
        self.speed = speed_of(self.loop)
        plain = type(self.loop).time is asyncio.BaseEventLoop.time
        self.now = monotonic if plain else self.loop.time
        self.clock: Clock = self._given_clock or clock_for(self.loop)
        self.deadlines = Deadlines(self.loop, self._expire)
        self.current_task = _current_task_of(self.loop)
        self.failed: asyncio.Future[Exit] = self.loop.create_future()
        self._shutdown = Shutdown(self.log, self._now, self.speed)
        for phase, action, after, deadline_s in (
            (QUIESCE, nothing, (), 10.0),
            (MAKE_SAFE, nothing, (QUIESCE,), 120.0),
            (FLUSH, nothing, (MAKE_SAFE,), 10.0),
            (STOP_TREE, self._stop_tree, (FLUSH,), _STOP_TREE_DEADLINE_S),
        ):
            self.shutdown_phase(phase, action, after=after, deadline_s=deadline_s)
        self._root = cell = self._cells["/"] = Cell(self, "/")
        cell.adopt(self._root_spec, None)
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
        await self.shutdown("end of context" if error is None else f"{type(error).__name__}: {error}")

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
                hurried=name not in (MAKE_SAFE, STOP_TREE),
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
            if not self._shutting.done():
                self._shutting.set_result(self._shutdown.outcomes)
        return outcomes

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

    def ref(self, path: str, kind: type[A] = Actor) -> ActorRef[A]:  # type: ignore[assignment]  # default of a TypeVar
        """The reference of a path, whether an actor lives there yet or not.

        Raises:
            BadSpecError: When the path is not absolute.
        """
        return self._cell(path).ref

    def tree(self) -> list[ActorInfo]:
        """All actors: what they are and what they are doing."""
        return tree_of(self._root, self.now())

    async def stop_actor(self, cell: Cell, reason: Reason) -> bool:
        """Stop an actor for good (see `ActorRef.stop`)."""
        if not cell.open:
            return False
        parent = cell.parent
        guardian = None if parent is None else parent.guardian
        child = None if guardian is None else guardian.children.get(cell.path.rpartition("/")[2])
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
        cell = self._cells.get(path)
        if cell is None or not isinstance(cell.actor, Actor):
            state = "does not exist" if cell is None else f"is {cell.state}"
            raise BadSpecError(f"{path} {state} and can have no children; spawn it first")
        return cell.actor.guardian()

    def _cell(self, path: str) -> Cell:
        cell = self._cells.get(path) or self._vacant.get(path)
        if cell is None:
            if not path.startswith("/") or (path != "/" and path.endswith("/")) or "//" in path:
                raise BadSpecError(f"{path!r} is no path; write /parent/child")
            cell = self._vacant[path] = Cell(self, path)
        return cell

    # --- for the kernel ------------------------------------------------------------------------

    def enrol(self, parent: Cell, spec: ChildSpec[Any]) -> Cell:
        """The cell of a new child."""
        path = f"{parent.path.rstrip('/')}/{spec.name}"
        cell = self._cell(path)
        cell.adopt(spec, parent)
        self._cells[path] = cell
        self._vacant.pop(path, None)
        return cell

    def next_incarnation(self, cell: Cell) -> int:
        """The number of the incarnation that starts now at a path."""
        number = self._incarnations.get(cell.path, 0) + 1
        self._incarnations[cell.path] = number
        return number

    def incarnation_ended(self, cell: Cell, exit_: Exit) -> None:
        """An incarnation is over: its links fall, its parent's guardian decides what follows."""
        cell.end_reason = exit_.reason
        if cell.links is not None:
            relations.spread_exit(cell, exit_)
        parent = cell.parent
        guardian = None if parent is None else parent.guardian
        child = None if guardian is None else guardian.children.get(cell.path.rpartition("/")[2])
        if guardian is not None and child is not None and child.cell is cell:
            guardian.child_ended(child, exit_)
        else:
            self.finish(cell, exit_)
            if parent is None and exit_.reason is not Reason.SHUTDOWN:
                self.log.critical("the root of the tree ended: %s", exit_.describe())
                if not self.failed.done():
                    self.failed.set_result(exit_)

    def rest(self, cell: Cell, exit_: Exit) -> None:
        """An actor waits for its restart: messages are kept, or dropped if its spec says so (L5)."""
        level = "%s, restarts later" if exit_.reason.abnormal else "%s, starts again"
        self.log_of(cell).warning(level, exit_.describe())
        if exit_.error is not None:
            cell.last_error = exit_.error
        if cell.spec is not None and cell.spec.on_crash == "drop":
            for envelope in cell.mailbox.drain():
                cell.refuse(envelope, Undelivered.DEAD)
        cell.become(State.BACKOFF, exit_.describe())

    def finish(self, cell: Cell, exit_: Exit) -> None:
        """An actor is gone for good: mailbox closed, watchers told, address free."""
        if cell.state is State.STOPPED:
            return
        if exit_.error is not None:
            cell.last_error = exit_.error
        if exit_.reason.abnormal and exit_.error is not None:
            self.log_of(cell).error("ended: %s", exit_.describe())
        cell.open = False
        cell.end_reason = exit_.reason
        cell.become(State.STOPPED, exit_.describe())
        for envelope in cell.mailbox.drain():
            cell.refuse(envelope, Undelivered.DEAD)
        cell.mailbox.release_senders()
        self.events.unsubscribe(cell.ref)
        relations.announce_end(cell, exit_)
        if self._cells.get(cell.path) is cell:
            del self._cells[cell.path]
            self._vacant[cell.path] = cell

    def abandon(self, cell: Cell, why: str) -> None:
        """Give up an incarnation that does not end: a zombie (rule S6)."""
        task = cell.task
        if task is None:
            return
        self.report_zombie(cell, task, why)
        old = cell.mailbox
        assert cell.spec is not None  # noqa: S101 - it runs
        cell.mailbox = Mailbox(cell.spec.lane_specs())
        cell.mailbox.put_back(old.drain())
        cell.scope = Scope(cell, blocks=True)
        cell.actor = None
        cell.task = None
        cell.guardian = None
        self.incarnation_ended(cell, Exit(reason=Reason.KILLED))

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

    def spawn_task(self, coro: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run kernel work that no actor owns; kept from being collected (trap P3)."""
        task = self.loop.create_task(coro, name=name)
        self._tasks[task] = None
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.error("%s failed", task.get_name(), exc_info=error)

    def watch(self, watcher: Cell, target: ActorRef[Any]) -> None:
        """See `Actor.watch`."""
        relations.watch(watcher, target._cell)  # noqa: SLF001 - a reference and the kernel are one

    def unwatch(self, watcher: Cell, target: ActorRef[Any]) -> None:
        """See `Actor.unwatch`."""
        relations.unwatch(watcher, target._cell)  # noqa: SLF001 - as above

    def link(self, one: Cell, other: ActorRef[Any]) -> None:
        """See `Actor.link`."""
        relations.link(one, other._cell)  # noqa: SLF001 - as above

    def unlink(self, one: Cell, other: ActorRef[Any]) -> None:
        """See `Actor.unlink`."""
        relations.unlink(one, other._cell)  # noqa: SLF001 - as above

    def _expire(self, payload: tuple[Cell, AskEnvelope]) -> None:
        cell, envelope = payload
        cell.settle_error(envelope, timeout_error(cell, envelope))

    # --- other threads -------------------------------------------------------------------------

    def on_loop(self, fn: Callable[..., Any], *args: Any) -> None:
        """Call `fn` now on the loop's thread, else soon from another one."""
        if get_ident() == self.thread_id:
            fn(*args)
        else:
            self.post(fn, *args)

    def post(self, fn: Callable[..., Any], *args: Any) -> None:
        """Call `fn` on the loop's thread soon; one wake-up for many posts (trap P7)."""
        self._inbound.append((fn, args))
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon_threadsafe(self._drain_inbound)

    def _drain_inbound(self) -> None:
        self._scheduled = False
        while self._inbound:
            fn, args = self._inbound.popleft()
            fn(*args)

    # --- power cut -----------------------------------------------------------------------------

    def on_power_cut(self, hook: Callable[[], None]) -> None:
        """Call `hook` when the power is cut: sever a link, roll back a connection."""
        self._power_hooks.append(hook)

    def power_cut(self) -> None:
        """Lose every actor at once, as kill -9 would: no `finally`, no `on_stop`, no late effect.

        Raises:
            RuntimeError: Outside virtual time, where tasks cannot be frozen.
        """
        loop = self.loop
        if not isinstance(loop, VirtualLoop):
            raise RuntimeError("power_cut() needs the virtual loop; elsewhere kill the process")
        loop.cut_power(self)
        self.deadlines.close()
        for cell in list(self._cells.values()):
            cell.lose_power()
        self._cells.clear()
        self._root = None
        if self._shutting is None:
            self._shutting = loop.create_future()
            self._shutting.set_result([])
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
