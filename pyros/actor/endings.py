"""Endings: what becomes of an actor whose incarnation is over: rest, finish, or abandonment."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyros.actor import relations
from pyros.actor.dead_letters import Undelivered
from pyros.actor.envelope import ControlEnvelope
from pyros.actor.lifecycle import Exit, Reason, State
from pyros.actor.mailbox import Mailbox
from pyros.actor.message import Lane
from pyros.actor.scope import Scope

if TYPE_CHECKING:
    from pyros.actor.cell import Cell


def incarnation_ended(cell: Cell, exit_: Exit) -> None:
    """An incarnation is over: its links fall, then its parent's guardian decides what follows."""
    cell.end_reason = exit_.reason
    if cell.links is not None:
        relations.spread_exit(cell, exit_)
    parent = cell.parent
    guardian = None if parent is None else parent.guardian
    child = None if guardian is None else guardian.children.get(cell.name)
    if guardian is not None and child is not None and child.cell is cell:
        guardian.child_ended(child, exit_)
        return
    finish(cell, exit_)
    if parent is None:
        cell.system.root_ended(exit_)


def rest(cell: Cell, exit_: Exit) -> None:
    """The actor waits for its restart; its messages are kept or dropped, as its spec says (L5)."""
    log = cell.system.log_of(cell)
    level = logging.WARNING if exit_.reason.abnormal else logging.INFO
    log.log(level, "%s; incarnation %d is over", exit_.describe(), cell.incarnation)
    if exit_.error is not None:
        cell.last_error = exit_.error
    if cell.spec is not None and cell.spec.on_crash == "drop":
        for envelope in cell.mailbox.drain():
            cell.refuse(envelope, Undelivered.DEAD)
    cell.become(State.BACKOFF, exit_.describe())


def finish(cell: Cell, exit_: Exit) -> None:
    """The actor is gone for good: mailbox closed, watchers told, address free."""
    if cell.state is State.STOPPED:
        return
    system = cell.system
    if exit_.error is not None:
        cell.last_error = exit_.error
        if exit_.reason.abnormal:
            system.log_of(cell).error("ended: %s", exit_.describe())
    cell.open = False
    cell.end_reason = exit_.reason
    cell.become(State.STOPPED, exit_.describe())
    for envelope in cell.mailbox.drain():
        cell.refuse(envelope, Undelivered.DEAD)
    cell.mailbox.release_senders()
    system.events.unsubscribe(cell.ref)
    relations.announce_end(cell, exit_)
    system.addresses.move_out(cell)


def abandon(cell: Cell, why: str) -> None:
    """Give up an incarnation that does not end: a zombie, which keeps nothing of the cell (S6)."""
    task = cell.task
    if task is None or cell.spec is None:
        return
    cell.system.report_zombie(cell, task, why)
    old, cell.mailbox = cell.mailbox, Mailbox(cell.spec.lane_specs())
    cell.mailbox.put_back(old.drain())
    now_s = cell.system.now()  # should it ever return from what it does, it shall stop
    old.put(ControlEnvelope(Exit(reason=Reason.KILLED), None, now_s, 0, Lane.SYSTEM))
    cell.scope = Scope(cell, blocks=True)
    cell.actor = None
    cell.task = None
    cell.guardian = None
    incarnation_ended(cell, Exit(reason=Reason.KILLED))
