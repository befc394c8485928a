"""What would the plan be if ...: the same repair on a copy, the live plan is never touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyros.scheduling.repair import Repaired, repair

if TYPE_CHECKING:
    from collections.abc import Sequence as Events

    from pyros.scheduling.events import Event
    from pyros.scheduling.instance import Instance
    from pyros.scheduling.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The answer to a question.

    Args:
        plan: The plan as it would be.
        value_change: Its value less the live plan's.
        lost: Ids that would no longer be planned.
        gained: Ids that would newly be planned.
        moved_s: Ids that would start at another time, with the difference in seconds.
    """

    plan: Plan
    value_change: float
    lost: tuple[str, ...]
    gained: tuple[str, ...]
    moved_s: dict[str, int]


def what_if(
    instance: Instance,
    plan: Plan,
    events: Events[Event],
    *,
    now_s: float,
) -> WhatIf:
    """The plan if these events came, one after the other.

    Args:
        instance: What the live plan was made for.
        plan: The live plan.
        events: What would happen (a closure until 23:00, a lost camera, a burst).
        now_s: Present, seconds after the night's start.
    """
    step = Repaired(instance=instance, plan=plan, dropped=(), moved_s={})
    for event in events:
        step = repair(step.instance, step.plan, event, now_s=now_s)
    after = step.plan
    before = {p.id: p.start_s for p in plan.placements}
    starts = {p.id: p.start_s for p in after.placements}
    return WhatIf(
        plan=after,
        value_change=after.value - plan.value,
        lost=tuple(item for item in before if item not in starts),
        gained=tuple(item for item in starts if item not in before),
        moved_s={
            item: starts[item] - start
            for item, start in before.items()
            if item in starts and starts[item] != start
        },
    )
