"""The life of one exposure: from the command to a checked frame in the spool. Pure.

Two stories run beside each other and may end in any order: the command (the camera is idle again)
and the frame (word of it came, its sum is right). Word of a frame can be lost while PyROS was away;
then the spool is searched before the exposure is given up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pyros.domain.device import CommandStatus

if TYPE_CHECKING:
    from datetime import datetime

    from actors.camera.messages import ExposureContext, FrameKind
    from protocols.payloads import FrameEvent
    from pyros.domain.device import CommandOutcome

GRACE_S = 10.0
"""Observatory seconds between the camera's idleness and the search for a frame without word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One exposure that has not ended.

    Attributes:
        exposure_id: Id the device knows it by.
        exposure_s: Seconds asked.
        kind: Kind of frame.
        context: What it is for.
        asked_utc: When it was asked.
        overdue_s: Loop time after which it is given up.
        opened_utc: When the shutter opened, None before.
        outcome: How the command ended, None before.
        search_s: Loop time to search the spool at, None while word may come.
        frame: Word of the frame, None before.
        aborted: Whether it was cut short by an order.
    """

    exposure_id: str
    exposure_s: float
    kind: FrameKind
    context: ExposureContext
    asked_utc: datetime
    overdue_s: float
    opened_utc: datetime | None = None
    outcome: CommandOutcome | None = None
    search_s: float | None = None
    frame: FrameEvent | None = None
    aborted: bool = False

    @property
    def due_s(self) -> float:
        """Loop time at which it next needs a look."""
        return self.overdue_s if self.search_s is None else min(self.search_s, self.overdue_s)


Next = Literal["wait", "search", "give-up"]


def opened(exposure: Exposure, start_utc: datetime) -> Exposure:
    """The shutter opened; the first word of it counts."""
    if exposure.opened_utc is not None:
        return exposure
    return replace(exposure, opened_utc=start_utc)


def commanded(
    exposure: Exposure, outcome: CommandOutcome, now_s: float, *, grace_s: float
) -> tuple[Exposure, Next]:
    """The command ended: a frame may still come unless the camera never began."""
    ended = replace(exposure, outcome=outcome)
    match outcome.status:
        case CommandStatus.REJECTED:
            return ended, "give-up"
        case CommandStatus.DONE:
            pass
        case CommandStatus.ABORTED:
            ended = replace(ended, aborted=True)
        case CommandStatus.FAILED | CommandStatus.TIMEOUT:
            if exposure.opened_utc is None:
                return ended, "give-up"
    if ended.frame is not None:
        return ended, "wait"
    return replace(ended, search_s=now_s + grace_s), "wait"


def looked(exposure: Exposure, now_s: float, *, searched: bool) -> Next:
    """What a look at the clock leads to.

    Args:
        exposure: As it stands.
        now_s: Loop time.
        searched: Whether the spool was searched already.
    """
    if exposure.frame is not None:
        return "wait"  # its sum is being checked
    if exposure.search_s is not None and now_s >= exposure.search_s:
        return "give-up" if searched else "search"
    if now_s >= exposure.overdue_s:
        return "give-up" if searched else "search"
    return "wait"


def failure(exposure: Exposure) -> str:
    """Why there is no frame, for whoever asked."""
    outcome = exposure.outcome
    if outcome is None:
        return "no frame came in time"
    if outcome.status is CommandStatus.DONE:
        return "the camera is idle again, but neither word of the frame nor its file came"
    because = f": {outcome.detail}" if outcome.detail else ""
    return f"expose {outcome.status}{because}"
