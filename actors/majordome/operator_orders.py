"""What an operator's order does: to the hold, to what runs, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from actors.majordome.conduct import OperatorHold
from actors.majordome.messages import OPERATOR_ABORT, AbortSequence, CloseDome, Pause, Resume

if TYPE_CHECKING:
    OperatorOrder = Pause | Resume | AbortSequence | CloseDome


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEffect:
    """What follows from an order.

    Attributes:
        hold: The hold from now on.
        abort: Why what runs is aborted, None when it goes on.
        text: What the operator is told.
    """

    hold: OperatorHold | None
    abort: str | None
    text: str


def effect_of(
    order: OperatorOrder, *, hold: OperatorHold | None, running: str | None
) -> OrderEffect:
    """The effect of an order.

    Args:
        order: What the operator wants.
        hold: The hold in force.
        running: Name of what is executed, None when nothing is.
    """
    match order:
        case Pause(who=who, why=why):
            return OrderEffect(
                hold=OperatorHold(who=who, why=why, close=False),
                abort=f"paused by {who}: {why}",
                text="paused: what ran is interrupted, nothing new starts",
            )
        case CloseDome(who=who, why=why):
            return OrderEffect(
                hold=OperatorHold(who=who, why=why, close=True),
                abort=f"closed by {who}: {why}",
                text="closing dome and cover, parking; stays closed until resumed",
            )
        case Resume():
            return OrderEffect(hold=None, abort=None, text="automatic again")
        case AbortSequence(who=who, why=why):
            return OrderEffect(
                hold=hold,
                abort=f"{OPERATOR_ABORT} {who}: {why}",
                text=f"{running} is interrupted" if running else "nothing was running",
            )
        case _:
            assert_never(order)
