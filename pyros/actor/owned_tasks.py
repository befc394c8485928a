"""Owned tasks: coroutines that run beside an actor's handlers and share its fate.

They are cancelled when the actor stops, and an exception in one crashes the actor: nothing dies
unseen.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pyros.actor.envelope import Envelope
from pyros.actor.scope import CURRENT, Scope

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from pyros.actor.cell import Cell

T = TypeVar("T")

GRACE_S: Final = 1.0
"""Wall seconds that cancelled work has for its clean-up before it is reported as a zombie."""


def start_owned(cell: Cell, coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Run a coroutine as a task of this actor (see `Actor.start_task`)."""
    if cell.tasks is None:
        cell.tasks = {}
    scope = Scope(cell, blocks=False, current=_cause(cell.scope.current))
    task = cell.system.loop.create_task(_in_scope(scope, coro), name=f"{cell.path}:{name}")
    cell.tasks[task] = None
    actor = cell.actor

    def done(task: asyncio.Task[T]) -> None:
        if inspect.iscoroutine(coro) and inspect.getcoroutinestate(coro) == inspect.CORO_CREATED:
            coro.close()  # cancelled before its first step
        if cell.tasks is None or cell.actor is not actor:
            return
        cell.tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            cell.fail(error)

    task.add_done_callback(done)
    return task


async def cancel_owned(cell: Cell) -> None:
    """Cancel the tasks of an actor that ends, and wait for them; one that stays is a zombie."""
    tasks, cell.tasks = cell.tasks, None
    if not tasks:
        return
    for task in tasks:
        task.cancel()
    done, pending = await asyncio.wait(tasks, timeout=GRACE_S * cell.system.speed)
    for task in tasks:
        if task in pending:
            cell.system.report_zombie(cell, task, f"task {task.get_name()} outlives its actor")
        elif task in done and not task.cancelled() and (error := task.exception()) is not None:
            log = cell.system.log_of(cell)
            log.warning("task %s failed while it was cancelled: %s", task.get_name(), error)


def _cause(current: Envelope | None) -> Envelope | None:
    """What a task inherits of the message that started it: its trace, nothing else."""
    if current is None:
        return None
    return Envelope(None, current.sender, current.sent_s, current.trace, current.lane)


async def _in_scope(scope: Scope, coro: Coroutine[Any, Any, T]) -> T:
    CURRENT.set(scope)
    try:
        return await coro
    except SystemExit as error:  # contained: a task that raises it would end the loop (trap T5)
        raise RuntimeError(f"task raised SystemExit({error.code})") from error
