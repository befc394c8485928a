"""The supervisor: an actor that only has children, given in its specification.

How it restarts them is its guardian's work; the supervisor starts them in order in its own
`on_start`, so a supervisor whose child does not start fails with it, and its parent decides (rules
L2, S1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyros.actor.actor import Actor
from pyros.actor.child_spec import SupervisorSpec

if TYPE_CHECKING:
    from pyros.actor.child_spec import Supervision


class Supervisor(Actor):
    """Starts, watches over and stops the children of its `SupervisorSpec`."""

    def supervision_policy(self) -> Supervision:
        """How it supervises, from its specification."""
        spec = self.cell.spec
        return spec.supervision() if isinstance(spec, SupervisorSpec) else self.supervision

    async def on_start(self) -> None:
        """Start the static children in order; the guardian stops them in reverse if one fails."""
        spec = self.cell.spec
        if isinstance(spec, SupervisorSpec):
            for child in spec.children:
                await self.guardian().add(child, static=True)
