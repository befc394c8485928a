"""What a guardian keeps of one child beside its cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from pyros.actor.cell import Cell
    from pyros.actor.child_spec import ChildSpec


class Child:
    """A child, and what its guardian is doing with it.

    Attributes:
        spec: Its specification.
        cell: Its cell.
        static: Whether it comes from the supervisor's own specification.
        failures: Restarts since it was last healthy: the `n` of the back-off (rule S4).
        started_s: Loop second of its last start.
        starting: Whether guardian code awaits its start and decides itself about a failure.
        stopping: How many are stopping it just now (a group restart, an operator).
        keep: While being stopped: whether to restart it later, mailbox kept.
        revival: The task that restarts it alone.
    """

    __slots__ = (
        "cell",
        "failures",
        "keep",
        "revival",
        "spec",
        "started_s",
        "starting",
        "static",
        "stopping",
    )

    def __init__(self, spec: ChildSpec[Any], cell: Cell, *, static: bool) -> None:
        self.spec = spec
        self.cell = cell
        self.static = static
        self.failures = 0
        self.started_s = 0.0
        self.starting = False
        self.stopping = 0
        self.keep = False
        self.revival: asyncio.Task[None] | None = None
