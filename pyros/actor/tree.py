"""The tree as data: what each actor is doing, cheap enough to look at five times a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pyros.actor.cell import Cell
    from pyros.actor.lifecycle import State


class ActorInfo(NamedTuple):
    """One actor at one moment.

    Attributes:
        path: Its address.
        state: Where it is in its life.
        incarnation: Which incarnation.
        kind: Name of its class; empty when none is running.
        depth: Queued messages per lane: system, safety, command, telemetry.
        oldest_age_s: Loop seconds that the oldest queued message has waited; None when none does.
        handled: Messages handled since it was spawned.
        restarts: Restarts since it was spawned.
        last_error: Its last crash in words; None when it never crashed.
        current: Class name of the message being handled; None when idle.
        since_s: Loop seconds that this has been going on; None when idle.
    """

    path: str
    state: State
    incarnation: int
    kind: str
    depth: tuple[int, int, int, int]
    oldest_age_s: float | None
    handled: int
    restarts: int
    last_error: str | None
    current: str | None
    since_s: float | None


def tree_of(root: Cell | None, now_s: float) -> list[ActorInfo]:
    """All actors below (and with) `root`, parents before children, children in order of start."""
    found: list[ActorInfo] = []
    if root is None:
        return found
    pending = [root]
    while pending:
        cell = pending.pop()
        found.append(info_of(cell, now_s))
        if cell.guardian is not None:
            children = [child.cell for child in cell.guardian.children.values()]
            children.reverse()
            pending.extend(children)
    return found


def info_of(cell: Cell, now_s: float) -> ActorInfo:
    """One actor at one moment."""
    mailbox = cell.mailbox
    oldest_s = mailbox.oldest_sent_s()
    current = cell.scope.current
    error = cell.last_error
    return ActorInfo(
        cell.path,
        cell.state,
        cell.incarnation,
        "" if cell.actor is None else cell.actor.__class__.__name__,
        mailbox.depths(),
        None if oldest_s is None else now_s - oldest_s,
        cell.handled,
        cell.restarts,
        None if error is None else f"{error.__class__.__name__}: {error}",
        None if current is None else current.message.__class__.__name__,
        None if current is None else now_s - cell.since_s,
    )
