"""Operators' orders: to whom each goes, and how it reads in the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from actors.alert_handler.messages import InjectTestAlert
from actors.device.messages import Command
from actors.journal.messages import JournalEntry, Severity
from actors.majordome.messages import AbortSequence, CloseDome, Pause, Resume
from actors.web_gateway.messages import OperatorOrder, OrderAction
from pyros.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyros.actor import Actor, ActorRef

LOCAL_SOURCE = "http"
"""Source of packets that this machine posts without a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderParties:
    """Who carries out what an operator may order.

    Attributes:
        majordome: Pauses, resumes, aborts, closes.
        alert_handler: Injects test alerts.
        alert_inlet: Takes raw packets that come by HTTP from this machine.
        token_inlets: Take those that come with a token, by the token's name.
        domes: Asked to close directly when the majordome does not answer.
    """

    majordome: ActorRef[Actor]
    alert_handler: ActorRef[Actor]
    alert_inlet: ActorRef[Actor]
    domes: tuple[ActorRef[Actor], ...] = ()
    token_inlets: Mapping[str, ActorRef[Actor]] = field(default_factory=dict)

    def inlet_of(self, source: str) -> ActorRef[Actor] | None:
        """Who takes the packets of a source; None when there is no such source."""
        return self.alert_inlet if source == LOCAL_SOURCE else self.token_inlets.get(source)


async def carry_out(order: OperatorOrder, parties: OrderParties, timeout_s: float) -> str:
    """Ask whoever carries the order out; answers what follows from it, in one sentence.

    Args:
        order: What the operator wants.
        parties: Whom to ask.
        timeout_s: Loop seconds until it must be accepted.

    Raises:
        PyrosError: When it is refused, is not answered in time, or nobody is there.
    """
    who, why = order.who, order.why
    match order.action:
        case OrderAction.PAUSE:
            done = await parties.majordome.ask(Pause(who=who, why=why), timeout_s=timeout_s)
        case OrderAction.RESUME:
            done = await parties.majordome.ask(Resume(who=who, why=why), timeout_s=timeout_s)
        case OrderAction.ABORT:
            done = await parties.majordome.ask(AbortSequence(who=who, why=why), timeout_s=timeout_s)
        case OrderAction.CLOSE_DOME:
            return await _close(order, parties, timeout_s)
        case OrderAction.INJECT_ALERT:
            ivorn = await parties.alert_handler.ask(
                InjectTestAlert(kind=order.alert_kind, ra_deg=None, dec_deg=None, who=who, why=why),
                timeout_s=timeout_s,
            )
            return f"test alert {ivorn} injected"
        case _:
            assert_never(order.action)
    return done.text


async def _close(order: OperatorOrder, parties: OrderParties, timeout_s: float) -> str:
    """Closing must not hang on the majordome: without its answer the domes are asked directly."""
    try:
        done = await parties.majordome.ask(
            CloseDome(who=order.who, why=order.why), timeout_s=timeout_s
        )
    except TransientError as error:
        if not parties.domes:
            raise
        cause = f"operator {order.who}: {order.why}"
        for dome in parties.domes:
            dome.tell(Command(verb="close", args={}, cause=cause))
        names = ", ".join(dome.path for dome in parties.domes)
        return f"the majordome does not answer ({error}); {names} told to close directly"
    return done.text


def journal_entry(
    order: OperatorOrder,
    *,
    subject: str,
    now_utc: datetime,
    outcome: str = "",
    failed: bool = False,
) -> JournalEntry:
    """The order, or its refusal, as the journal tells it: who ordered what and why."""
    what = f"{order.action} {order.alert_kind}".strip()
    text = f"{order.who} ordered {what}: {order.why}"
    severity: Severity = "notice"
    if failed:
        text, severity = f"{what} ordered by {order.who} was not carried out: {outcome}", "warning"
    return JournalEntry(
        kind="operator",
        subject=subject,
        text=text,
        time_utc=now_utc,
        data={"action": str(order.action), "why": order.why, "alert_kind": order.alert_kind},
        severity=severity,
        who=order.who,
    )
