"""The virtual loop: time stands still while there is work, and jumps to the next timer else.

A night passes in seconds, the same way each time. External work (an executor, aiosqlite's threads)
would make the order of events depend on the machine, so while such work is outstanding time does
not move, and what other threads bring by `call_soon_threadsafe` is parked until the loop is idle,
then delivered one completion at a time in the order in which the work was submitted (not in which
it finished).

How work is known: `run_in_executor` counts its own; a future made by a library of
`THREADED_LIBRARIES` counts as a job from its creation to its completion (these libraries make it
just before they submit); and `hold()` stops time around anything else. If nothing at all can happen
any more, the loop raises `VirtualDeadlockError` that names the waiting tasks instead of hanging.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import selectors
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from pyros.actor.loops.real import as_coroutine
from pyros.clock import LoopClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from concurrent.futures import Executor, Future
    from contextvars import Context

T = TypeVar("T")

DEFAULT_START_UNIX_S = 1_795_471_200.0
"""2026-11-23T22:00:00Z: a fixed date, so that a run that gives none is still reproducible."""

THREADED_LIBRARIES = frozenset({"aiosqlite.core"})
"""Modules whose loop futures are always completed by a thread of their own."""

POWER_DOMAIN: ContextVar[object | None] = ContextVar("pyros_power_domain", default=None)
"""What a task loses power with (its actor system); None for tasks outside any system."""

_GRAVEYARD: list[asyncio.Task[Any]] = []  # cut tasks: collecting one would run its `finally` blocks


class VirtualDeadlockError(RuntimeError):
    """Every task waits and no timer, thread or socket can wake one: nothing can happen any more."""


class _Job(asyncio.Future[Any]):
    """A future that a thread completes; `number` is its place in the order of submission."""

    number: int


def _transfer(job: asyncio.Future[Any], work: Future[Any]) -> None:
    if job.cancelled():
        return
    if work.cancelled():
        job.cancel()
    elif (error := work.exception()) is not None:
        job.set_exception(error)
    else:
        job.set_result(work.result())


class _VirtualSelector(selectors.DefaultSelector):
    """Where the loop would sleep, the loop decides what happens next."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or self.loop.busy() or self.loop.idle(timeout):
            return events
        return super().select(0.5)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time.

    Args:
        start_unix_s: The observatory's UTC at loop time 0.
    """

    speed: float = 1.0
    wall_patience_s: ClassVar[float] = 30.0
    """Wall seconds that outstanding external work may take before the loop gives up."""
    wall_silence_s: ClassVar[float] = 2.0
    """Wall seconds that a loop without timers and work waits for other threads or sockets."""

    def __init__(self, *, start_unix_s: float = DEFAULT_START_UNIX_S) -> None:
        selector = _VirtualSelector()
        selector.loop = self
        self._virtual(start_unix_s)
        super().__init__(selector)

    def _virtual(self, start_unix_s: float) -> None:
        self._now_s = 0.0
        self._epoch_unix_s = start_unix_s
        self._numbers = count(1)
        self._jobs: dict[int, _Job] = {}
        self._holds = 0
        self._parked: collections.deque[asyncio.Handle] = collections.deque()
        self._done: dict[int, asyncio.Handle] = {}
        self._cut: set[object] = set()
        self._domains: dict[asyncio.Task[Any], object] = {}
        self._stuck_since_s: float | None = None

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._now_s

    def clock(self) -> LoopClock:
        """The observatory's clock on this loop."""
        return LoopClock(self, epoch_unix_s=self._epoch_unix_s, epoch_loop_s=0.0)

    def stall(self, seconds: float) -> None:
        """Let time pass without running anything, as a loop that something holds."""
        self._now_s += seconds

    # --- external work -------------------------------------------------------------------------

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Keep time from moving while external work that the loop does not know is outstanding."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    def create_job(self) -> asyncio.Future[Any]:
        """A future that another thread will complete by `call_soon_threadsafe(f, future, ...)`."""
        job = _Job(loop=self)
        job.number = next(self._numbers)
        self._jobs[job.number] = job
        return job

    def create_future(self) -> asyncio.Future[Any]:
        """As asyncio's, but numbered as external work when a threaded library asks."""
        if sys._getframe(1).f_globals.get("__name__") in THREADED_LIBRARIES:  # noqa: SLF001 - documented
            return self.create_job()
        return asyncio.Future(loop=self)

    def run_in_executor(  # type: ignore[override]  # typeshed's generics over *args differ by version
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """As asyncio's; time stands still until the result is delivered."""
        if executor is None:
            executor = self._default_executor  # type: ignore[attr-defined]  # asyncio's own
            if executor is None:
                pool = ThreadPoolExecutor(thread_name_prefix="asyncio")
                self.set_default_executor(pool)
                executor = pool
        job = self.create_job()
        work = executor.submit(func, *args)
        work.add_done_callback(lambda done: self.call_soon_threadsafe(_transfer, job, done))
        return job

    def call_soon_threadsafe(  # type: ignore[override]  # typeshed's TypeVarTuple form differs
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's, but what comes from another thread waits until the loop is idle."""
        number = args[0].number if args and isinstance(args[0], _Job) else None
        here = threading.get_ident() == self._thread_id  # type: ignore[attr-defined]  # asyncio's
        if here and number not in self._jobs:
            return self.call_soon(callback, *args, context=context)
        self._check_closed()  # type: ignore[attr-defined]  # asyncio's own
        handle = asyncio.Handle(callback, args, self, context)
        if number is None:
            self._parked.append(handle)
        else:  # also from here: a job may be over before its callback is set
            self._done[number] = handle
        self._write_to_self()  # type: ignore[attr-defined]  # asyncio's own
        return handle

    # --- what happens when nothing is ready ----------------------------------------------------

    def busy(self) -> bool:
        """Whether callbacks are ready, or the loop is to stop (for the selector)."""
        return bool(self._ready) or self._stopping  # type: ignore[attr-defined]  # asyncio's own

    def idle(self, timeout: float | None) -> bool:
        """Deliver a completion or move time; False to sleep at the wall for other threads."""
        if self._timer_is_due():
            return True  # before any completion: which came first at the wall must not matter
        if self._parked:
            self._stuck_since_s = None
            while self._parked:
                self._ready.append(self._parked.popleft())  # type: ignore[attr-defined]  # asyncio's
            return True
        if self._jobs:
            oldest = next(iter(self._jobs))
            handle = self._done.pop(oldest, None)
            if handle is not None:
                del self._jobs[oldest]
                self._stuck_since_s = None
                self._ready.append(handle)  # type: ignore[attr-defined]  # asyncio's own queue
                return True
        if self._jobs or self._holds:
            why = f"{len(self._jobs)} jobs and {self._holds} holds outstanding"
            return self._patience(why, self.wall_patience_s)
        if timeout is None:
            sockets = len(self._selector.get_map()) - 1  # type: ignore[attr-defined]  # asyncio's
            others = threading.active_count() > 1 or sockets > 0
            return self._patience("no timer is set", self.wall_silence_s if others else 0.0)
        if timeout > 0:
            self._stuck_since_s = None
            self._now_s = max(self._now_s, self._scheduled[0]._when)  # type: ignore[attr-defined]  # noqa: SLF001
        return True

    def _timer_is_due(self) -> bool:
        """Whether the loop itself will run a timer in this turn (asyncio's own condition)."""
        timers = self._scheduled  # type: ignore[attr-defined]  # asyncio's own heap
        end_s = self._now_s + self._clock_resolution  # type: ignore[attr-defined]  # asyncio's own
        return bool(timers) and timers[0]._when < end_s  # noqa: SLF001

    def _patience(self, why: str, wall_s: float) -> bool:
        now_s = time.monotonic()
        if self._stuck_since_s is None:
            self._stuck_since_s = now_s
        if now_s - self._stuck_since_s >= wall_s:
            self._stuck_since_s = None
            raise VirtualDeadlockError(self._describe(f"{why} for {wall_s:g} s at the wall"))
        return False

    def _describe(self, why: str) -> str:
        waiting = sorted(task.get_name() for task in asyncio.all_tasks(self))
        return (
            f"virtual time cannot go on at {self._now_s:.3f} s: {why}; waiting tasks: "
            f"{', '.join(waiting[:20]) or 'none'}; complete what they wait for, or give it a timer"
        )

    # --- power cut -----------------------------------------------------------------------------

    def create_task(self, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """As asyncio's; remembers the power domain of the creator."""
        task: asyncio.Task[Any] = super().create_task(coro, **kwargs)
        context = kwargs.get("context")
        domain = POWER_DOMAIN.get() if context is None else context.get(POWER_DOMAIN)
        if domain is not None:
            self._domains[task] = domain
            task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._domains.pop(task, None)

    def cut_power(self, domain: object) -> int:
        """Freeze every task of a power domain for ever, without `finally`; returns how many.

        A frozen task is never resumed and never collected. Callbacks scheduled by its context's
        timers still run: their owner must ignore them.
        """
        frozen = [task for task, owner in self._domains.items() if owner is domain]
        for task in frozen:
            del self._domains[task]
            asyncio.tasks._unregister_task(task)  # noqa: SLF001 - offered to implementors of loops
            self._cut.add(task)
        if frozen:
            self.call_soon = self._call_soon_unless_cut  # type: ignore[method-assign, assignment]  # only now
        _GRAVEYARD.extend(frozen)
        ready = self._ready  # type: ignore[attr-defined]  # asyncio's own queue
        alive = [handle for handle in ready if not self._is_cut(handle._callback)]  # noqa: SLF001
        ready.clear()
        ready.extend(alive)
        return len(frozen)

    def _is_cut(self, callback: object) -> bool:
        return getattr(callback, "__self__", None) in self._cut

    def _call_soon_unless_cut(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """`call_soon` after a power cut: steps of tasks that lost power are dropped."""
        if self._is_cut(callback):
            return asyncio.Handle(callback, args, self, context)
        return super().call_soon(callback, *args, context=context)


def run_virtual(
    main: Coroutine[Any, Any, T] | Callable[[], Coroutine[Any, Any, T]],
    *,
    start_unix_s: float = DEFAULT_START_UNIX_S,
) -> T:
    """Run `main` (a coroutine, or a function that makes one) to its end in virtual time.

    Args:
        main: What to run.
        start_unix_s: The observatory's UTC at the start.

    Raises:
        VirtualDeadlockError: When nothing can happen any more before `main` ended.
    """

    def make_loop() -> VirtualLoop:
        return VirtualLoop(start_unix_s=start_unix_s)

    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(as_coroutine(main))


def hold() -> contextlib.AbstractContextManager[None]:
    """Keep virtual time from moving during external work; nothing to do on other loops.

    with hold():
        await library.call_that_runs_in_a_thread()
    """
    loop = asyncio.get_running_loop()
    return loop.hold() if isinstance(loop, VirtualLoop) else contextlib.nullcontext()


@contextlib.contextmanager
def virtual_time(*, start_unix_s: float = DEFAULT_START_UNIX_S) -> Iterator[VirtualLoop]:
    """Make the running loop virtual for a while, whoever made it.

    On a `VirtualLoop` this only hands it out. Another selector loop (`asyncio.run`, pytest-asyncio)
    becomes virtual until the end of the block; timers set before keep their distance.

    Raises:
        RuntimeError: When the loop cannot be made virtual (uvloop, Windows' proactor).
    """
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        yield loop
        return
    if not isinstance(loop, asyncio.SelectorEventLoop):
        raise RuntimeError(  # noqa: TRY004 - the loop is right, its place is not
            f"{type(loop).__name__} cannot run in virtual time; use run_virtual(main)"
        )
    original, selector = type(loop), loop._selector  # type: ignore[attr-defined]  # noqa: SLF001
    selector_class = type(selector)
    _shift_timers(loop, -loop.time())
    loop.__class__ = VirtualLoop
    virtual = cast("VirtualLoop", loop)
    virtual._virtual(start_unix_s)  # noqa: SLF001 - what the constructor would have done
    selector.loop = virtual
    selector.__class__ = _VirtualSelector
    try:
        yield virtual
    finally:
        now_s = virtual.time()
        loop.__dict__.pop("call_soon", None)  # a power cut may have left its filter
        selector.__class__ = selector_class
        loop.__class__ = original
        _shift_timers(loop, loop.time() - now_s)


def _shift_timers(loop: asyncio.AbstractEventLoop, by_s: float) -> None:
    """Move what is scheduled along with the loop's time: all by the same, so the order holds."""
    for handle in loop._scheduled:  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio's own heap
        handle._when += by_s  # noqa: SLF001 - as above
