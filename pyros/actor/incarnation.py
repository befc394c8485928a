"""One incarnation of an actor: made, started, served, wound down; then its guardian decides.

The order of an ending (rules L1, S6): `on_failure` (after a crash), owned timers and tasks
cancelled, children stopped in reverse order, `on_stop`, blocking thread released, unanswered
replies failed.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import pykka

from pyros.actor.endings import incarnation_ended
from pyros.actor.errors import BadActorError, DeadActorError
from pyros.actor.lifecycle import Exit, Reason, State
from pyros.actor.owned_tasks import cancel_owned
from pyros.actor.receive_loop import serve
from pyros.actor.scope import CURRENT

if TYPE_CHECKING:
    from pyros.actor.actor import Actor
    from pyros.actor.cell import Cell

BIRTH: ContextVar[Cell | None] = ContextVar("pyros_birth", default=None)
"""The cell whose actor is being made, so that `__init__` may use `self.actor_ref` (trap P4)."""


def launch(cell: Cell) -> asyncio.Future[Exit | None]:
    """Start the next incarnation; the future is None when it runs, or says why it does not (L2)."""
    system = cell.system
    cell.incarnation = system.addresses.next_incarnation(cell.path)
    cell.open = True
    cell.killing = cell.interrupting = False
    cell.doom = None
    cell.ended = None
    cell.become(State.STARTING)
    started = cell.started = system.loop.create_future()
    context = system.context()
    context.run(CURRENT.set, cell.scope)
    task = system.loop.create_task(_live(cell, started), name=cell.path, context=context)
    cell.task = task
    task.add_done_callback(partial(_see_to_it, cell, started))
    return started


def _see_to_it(cell: Cell, started: asyncio.Future[Exit | None], task: asyncio.Task[None]) -> None:
    """End an incarnation whose task did not: it was cancelled before its first step."""
    if cell.task is task:
        error = cell.doom if task.cancelled() else task.exception()
        reason = Reason.KILLED if error is None else Reason.START_FAILED
        _end(cell, started, Exit(reason=reason, error=error))


async def _live(cell: Cell, started: asyncio.Future[Exit | None]) -> None:
    actor: Actor | None = None
    exit_ = Exit(reason=Reason.KILLED)
    try:
        actor = _give_birth(cell)
        await _hook(actor.on_start())
        if cell.doom is not None:  # it failed meanwhile, and the start swallowed that
            raise cell.doom  # noqa: TRY301 - the handlers below are the ones for it
    except asyncio.CancelledError as cancelled:
        if cell.doom is not None or not cancelling(cell.task):
            exit_ = Exit(reason=Reason.START_FAILED, error=cell.doom or cancelled)
        _take_back_cancels(cell)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a start raises is its failure
        exit_ = Exit(reason=Reason.START_FAILED, error=error)
    else:
        if not cell.killing:
            cell.become(State.RUNNING)
            started.set_result(None)
            exit_ = await _serve(cell, actor)
    if cell.task is not asyncio.current_task():
        return  # it was given up as a zombie: the cell has gone on without it
    _take_back_cancels(cell)
    try:
        await _wind_down(cell, actor, exit_, ran=started.done())
    except asyncio.CancelledError:
        _take_back_cancels(cell)
    if cell.task is asyncio.current_task():
        _end(cell, started, exit_)


async def _serve(cell: Cell, actor: Actor) -> Exit:
    try:
        return await serve(cell, actor)
    except asyncio.CancelledError:
        _take_back_cancels(cell)
        return Exit(reason=Reason.KILLED)


def _give_birth(cell: Cell) -> Actor:
    from pyros.actor.actor import Actor  # noqa: PLC0415 - actors know cells, cells make actors
    from pyros.actor.threading_bridge import ThreadHost  # noqa: PLC0415 - as above

    assert cell.spec is not None  # noqa: S101 - set by adopt()
    token = BIRTH.set(cell)
    try:
        made = cell.spec.factory()
    finally:
        BIRTH.reset(token)
    actor = ThreadHost(made) if isinstance(made, pykka.ThreadingActor) else made
    if not isinstance(actor, Actor):
        raise BadActorError(
            f"{cell.path}: factory returned {type(made).__name__}, which is no pyros Actor; "
            "subclass pyros.actor.Actor or pyros.actor.ThreadingActor"
        )
    actor.attach(cell)
    cell.actor = actor
    return actor


async def _wind_down(cell: Cell, actor: Actor | None, exit_: Exit, *, ran: bool) -> None:
    cell.scope.current = None
    cell.become(State.STOPPING, exit_.describe())
    cell.shield = None
    if actor is not None and exit_.error is not None:
        await _guarded(cell, "on_failure", actor.on_failure(exit_.error))
    for timer in list(cell.timers or ()):
        timer.cancel()
    cell.timers = None
    await cancel_owned(cell)
    if cell.guardian is not None:
        guardian = cell.guardian
        if not await _guarded(cell, "stopping its children", guardian.stop_all()):
            guardian.kill_all()
        cell.guardian = None
    if actor is not None and ran and not cell.killing:
        await _guarded(cell, "on_stop", actor.on_stop())
    if cell.worker is not None:
        cell.worker.close()
        cell.worker = None


def _end(cell: Cell, started: asyncio.Future[Exit | None], exit_: Exit) -> None:
    deferreds, cell.deferreds = cell.deferreds, None
    for envelope in deferreds or ():
        cell.settle_error(envelope, DeadActorError(f"{cell.path} ended before it answered"))
    stash, cell.stash = cell.stash, None
    if stash:
        cell.mailbox.put_back(stash)
    cell.mailbox.forget_orders()
    cell.actor = None
    cell.task = None
    if not started.done():
        started.set_result(exit_)
    ended, cell.ended = cell.ended, None
    incarnation_ended(cell, exit_)
    if ended is not None and not ended.done():
        ended.set_result(exit_)


async def _guarded(cell: Cell, hook: str, call: Any) -> bool:
    """Run a hook that must not keep the actor from ending; its failure is logged."""
    try:
        await _hook(call)
    except asyncio.CancelledError:
        _take_back_cancels(cell)
        cell.system.log_of(cell).warning("%s was cancelled at its deadline", hook)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - reported, and the ending goes on
        cell.last_error = error
        cell.system.log_of(cell).error("%s failed: %s: %s", hook, type(error).__name__, error)
    else:
        return True
    return False


async def _hook(call: Any) -> None:
    if call is not None:
        await call


def cancelling(task: asyncio.Task[None] | None) -> bool:
    """Whether somebody cancelled the task, rather than something that it awaits."""
    return task is not None and task.cancelling() > 0


def _take_back_cancels(cell: Cell) -> None:
    if cell.task is not None:
        while cell.task.cancelling():
            cell.task.uncancel()
