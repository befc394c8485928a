"""Relations between actors beside supervision: watching (told of the end) and linking (sharing it).

Rules W1 and W2. Both are kept in the cells, so they cost nothing to actors that have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyros.actor.envelope import Envelope
from pyros.actor.errors import LinkedExitError
from pyros.actor.lifecycle import Exit, LinkedExit, Reason, State, Terminated
from pyros.actor.message import Lane

if TYPE_CHECKING:
    from pyros.actor.cell import Cell


def watch(watcher: Cell, target: Cell) -> None:
    """Tell `watcher` once when `target` is gone for good; at once when it already is (W1)."""
    if target.state in (State.ABSENT, State.STOPPED):
        _tell(watcher, target, Exit(reason=_last_reason(target)))
        return
    if target.watchers is None:
        target.watchers = {}
    target.watchers[watcher] = None
    if watcher.watching is None:
        watcher.watching = {}
    watcher.watching[target] = None


def unwatch(watcher: Cell, target: Cell) -> None:
    """Watch no more, and take back a `Terminated` that is still queued (W1)."""
    if target.watchers is not None:
        target.watchers.pop(watcher, None)
    if watcher.watching is not None:
        watcher.watching.pop(target, None)
    queue = watcher.mailbox.queues[Lane.SYSTEM]
    if queue:
        for envelope in [*queue]:
            message = envelope.message
            if isinstance(message, Terminated) and message.ref is target.ref:
                queue.remove(envelope)


def announce_end(cell: Cell, exit_: Exit) -> None:
    """Tell the watchers of a cell that is gone for good, and end its own watching."""
    watchers, cell.watchers = cell.watchers, None
    for watcher in watchers or ():
        if watcher.watching is not None:
            watcher.watching.pop(cell, None)
        _tell(watcher, cell, exit_)
    watching, cell.watching = cell.watching, None
    for target in watching or ():
        if target.watchers is not None:
            target.watchers.pop(cell, None)


def link(one: Cell, other: Cell) -> None:
    """Share abnormal exits of the present incarnations, both ways (W2).

    Who links to an actor that is not alive shares its end at once.
    """
    if not other.open:
        other.links = {one: None}
        spread_exit(other, Exit(reason=Reason.NEVER_STARTED))
        return
    for cell, partner in ((one, other), (other, one)):
        if cell.links is None:
            cell.links = {}
        cell.links[partner] = None


def unlink(one: Cell, other: Cell) -> None:
    """Share exits no more (W2)."""
    for cell, partner in ((one, other), (other, one)):
        if cell.links is not None:
            cell.links.pop(partner, None)


def spread_exit(cell: Cell, exit_: Exit) -> None:
    """Pass the abnormal exit of an incarnation to its partners, and dissolve the links (W2)."""
    links, cell.links = cell.links, None
    for partner in links or ():
        if partner.links is not None:
            partner.links.pop(cell, None)
        if not exit_.reason.abnormal or partner.actor is None:
            continue
        if partner.actor.trap_exits:
            exit_message = LinkedExit(
                ref=cell.ref,
                reason=exit_.reason,
                incarnation=cell.incarnation,
                error=_words(exit_),
            )
            _put(partner, exit_message)
        else:
            partner.fail(
                LinkedExitError(f"{partner.path} is linked to {cell.path}: {exit_.describe()}")
            )


def _tell(watcher: Cell, target: Cell, exit_: Exit) -> None:
    _put(
        watcher,
        Terminated(
            ref=target.ref,
            reason=exit_.reason,
            incarnation=target.incarnation,
            error=_words(exit_),
        ),
    )


def _put(cell: Cell, message: Terminated | LinkedExit) -> None:
    system = cell.system
    cell.deliver(Envelope(message, None, system.now(), system.trace.new(), Lane.SYSTEM))


def _words(exit_: Exit) -> str | None:
    return None if exit_.error is None else f"{type(exit_.error).__name__}: {exit_.error}"


def _last_reason(target: Cell) -> Reason:
    return Reason.NEVER_STARTED if target.incarnation == 0 else target.end_reason
