"""Experts' orders about alerts: how each goes to the alert handler and reads in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from actors.alert_handler.messages import (
    ChangeFollowUp,
    NoteByHand,
    StopFollowUp,
    SwitchStrategy,
)
from actors.journal.messages import JournalEntry, Severity

if TYPE_CHECKING:
    from datetime import datetime

    from actors.web_gateway.messages import ExpertWish
    from pyros.actor import Actor, ActorRef


async def carry_out(wish: ExpertWish, alert_handler: ActorRef[Actor], timeout_s: float) -> str:
    """Ask the alert handler; answers what follows from it, in one sentence.

    Args:
        wish: What the expert wants.
        alert_handler: Whom to ask.
        timeout_s: Loop seconds until it must be done.

    Raises:
        PyrosError: When it is refused, is not answered in time, or nobody is there.
    """
    answer = await alert_handler.ask(wish, timeout_s=timeout_s)
    if not isinstance(wish, NoteByHand):
        return answer
    if wish.alert_id is None:
        return f"event entered as {answer}; what was decided is among the alerts"
    return f"position of {wish.alert_id} corrected by {answer}"


def what_of(wish: ExpertWish) -> str:
    """What is ordered, in a few words."""
    match wish:
        case NoteByHand(alert_id=None):
            return "a new event by hand"
        case NoteByHand():
            return f"another position of {wish.alert_id}"
        case StopFollowUp():
            return f"the end of the follow-up of {wish.alert_id}"
        case ChangeFollowUp():
            return f"strategy {wish.strategy} for {wish.alert_id}"
        case SwitchStrategy(name=None):
            return "strategies as the files have them"
        case SwitchStrategy():
            return f"{wish.name} as default strategy"
        case _:
            assert_never(wish)


def journal_entry(
    wish: ExpertWish,
    *,
    subject: str,
    now_utc: datetime,
    outcome: str = "",
    failed: bool = False,
) -> JournalEntry:
    """The order, or its refusal, as the journal tells it: who ordered what and why."""
    what = what_of(wish)
    text = f"{wish.who} ordered {what}: {wish.why}"
    severity: Severity = "notice"
    if failed:
        text, severity = f"{what} ordered by {wish.who} was not carried out: {outcome}", "warning"
    alert_id = None if isinstance(wish, SwitchStrategy) else wish.alert_id
    return JournalEntry(
        kind="operator",
        subject=subject,
        text=text,
        time_utc=now_utc,
        data={"action": type(wish).__name__, "why": wish.why, "alert": alert_id},
        severity=severity,
        who=wish.who,
    )
