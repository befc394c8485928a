"""What follows from the exit of a child: a pure decision from its specification and the exit."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from pyros.actor.child_spec import ChildSpec, Restart
from pyros.actor.lifecycle import Reason

if TYPE_CHECKING:
    from pyros.actor.lifecycle import Exit


class Verdict(Enum):
    """What the guardian does next."""

    RESTART = "restart"
    RETRY = "retry"
    REST = "rest"
    ESCALATE = "escalate"


def verdict(spec: ChildSpec[Any], exit_: Exit) -> Verdict:
    """What to do about a child that ended by itself (rules L2, S2, S5)."""
    if exit_.escalate:
        return Verdict.ESCALATE
    if exit_.stop:
        return Verdict.REST
    if exit_.reason is Reason.START_FAILED and spec.start == "background":
        return Verdict.RETRY
    if spec.restart is Restart.TEMPORARY:
        return Verdict.REST
    if spec.restart is Restart.TRANSIENT and not exit_.reason.abnormal:
        return Verdict.REST
    return Verdict.RESTART
