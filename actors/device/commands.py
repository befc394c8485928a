"""The life of a command: asked, sent, accepted, verified, or why not. Pure.

A `Desk` holds the commands of one slot of a device: one runs, others wait. Each function takes the
desk and the moment and gives the next desk and the effects that the actor carries out: `Send` puts
a command on the wire, `Finish` answers whoever asked, `Join` lets one share another's outcome.

A command is DONE when telemetry shows its post-condition. Without any reply within the time to
answer it is sent again under the same id (the device obeys an id once) as often as its policy says,
then it has FAILED. What comes late, twice, or for somebody else changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from actors.device import postconditions
from actors.device.policies import policy
from pyros.domain.device import CommandOutcome, CommandStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from protocols.payloads import Value
    from pyros.domain.device import DeviceKind, Reading


class Phase(StrEnum):
    """Where a command is: waiting, on the wire, or taken up by the device."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A command that has not ended.

    Attributes:
        command_id: Id within PyROS; the wire id adds the attempt.
        verb: What is asked.
        args: Its arguments.
        cause: Who or what asked.
        asked_utc: When it was asked.
        deadline_s: Loop seconds from its start in which it must be done.
        phase: Where it is.
        sent_utc: When it was first sent; None while it waits.
        before: Readings when it was sent.
        attempt: 1-based number of the attempt; each has a wire id of its own.
        sends: Publications of this attempt.
        answer_by_s: Loop time until which the device must reply.
        fail_by_s: Loop time until which it must be done.
        told_done: Whether the device said that it is done.
        traceparent: W3C trace context of what asked; it travels with the command.
    """

    command_id: str
    verb: str
    args: Mapping[str, Value]
    cause: str
    asked_utc: datetime
    deadline_s: float
    phase: Phase = Phase.QUEUED
    sent_utc: datetime | None = None
    before: Mapping[str, Reading] = field(default_factory=dict)
    attempt: int = 1
    sends: int = 0
    answer_by_s: float = 0.0
    fail_by_s: float = 0.0
    told_done: bool = False
    traceparent: str = ""

    @property
    def wire_id(self) -> str:
        """The id the device sees and replies under."""
        return f"{self.command_id}.{self.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the decisions hang on beside the desk.

    Attributes:
        kind: Kind of device.
        now_s: Loop time.
        now_utc: The observatory's time.
        answer_s: Loop seconds the device has to reply.
        readings: Readings as they are worth now.
    """

    kind: DeviceKind
    now_s: float
    now_utc: datetime
    answer_s: float
    readings: Mapping[str, Reading]


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: publish the command."""

    pending: Pending


@dataclass(frozen=True, slots=True)
class Finish:
    """Effect: answer whoever asked for the command."""

    pending: Pending
    status: CommandStatus
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Join:
    """Effect: whoever asked `command_id` gets the outcome of the running command."""

    command_id: str
    running_id: str


Effect = Send | Finish | Join
ReplyState = Literal["accepted", "progress", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The commands of one slot.

    Attributes:
        running: The one on the wire.
        waiting: Those behind it, oldest first.
        unsettled: The last one that was sent did not end DONE: the device may still act on it, so
            that what telemetry shows now does not spare the next command.
    """

    running: Pending | None = None
    waiting: tuple[Pending, ...] = ()
    unsettled: bool = False

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits."""
        return self.running is None and not self.waiting

    @property
    def due_s(self) -> float | None:
        """Loop time of the running command's next limit, None when idle."""
        if self.running is None:
            return None
        if self.running.phase is Phase.SENT:
            return min(self.running.answer_by_s, self.running.fail_by_s)
        return self.running.fail_by_s


Outcome = tuple[Desk, list[Effect]]


def done(pending: Pending, moment: Moment) -> bool:
    """Whether telemetry shows that a sent command has reached what it asks for."""
    if pending.sent_utc is None:
        return False
    sight = postconditions.Sight(pending.args, pending.before, moment.readings)
    if not postconditions.holds(moment.kind, pending.verb, sight):
        return False
    return pending.told_done or postconditions.witnessed(
        moment.kind, moment.readings, pending.sent_utc
    )


def _already(pending: Pending, moment: Moment) -> bool:
    if not policy(moment.kind, pending.verb).skips:
        return False
    sight = postconditions.Sight(pending.args, moment.readings, moment.readings)
    return postconditions.holds(moment.kind, pending.verb, sight)


def _sent(pending: Pending, moment: Moment) -> Pending:
    return replace(
        pending,
        phase=Phase.SENT,
        sends=pending.sends + 1,
        answer_by_s=moment.now_s + moment.answer_s,
    )


def _begin(pending: Pending, moment: Moment) -> Pending:
    return _sent(
        replace(
            pending,
            sent_utc=moment.now_utc,
            before=dict(moment.readings),
            fail_by_s=moment.now_s + pending.deadline_s,
        ),
        moment,
    )


def _advance(desk: Desk, moment: Moment) -> Outcome:
    """Start the next command that waits; those that hold already end at once."""
    effects: list[Effect] = []
    waiting = list(desk.waiting)
    while desk.running is None and waiting:
        following = waiting.pop(0)
        if not desk.unsettled and _already(following, moment):
            effects.append(Finish(following, CommandStatus.DONE, "already so"))
            continue
        started = _begin(following, moment)
        desk = replace(desk, running=started)
        effects.append(Send(started))
    return replace(desk, waiting=tuple(waiting)), effects


def _finish(desk: Desk, status: CommandStatus, detail: str, moment: Moment) -> Outcome:
    assert desk.running is not None  # noqa: S101 - callers looked
    ended = Finish(desk.running, status, detail)
    unsettled = status is not CommandStatus.DONE
    following, effects = _advance(replace(desk, running=None, unsettled=unsettled), moment)
    return following, [ended, *effects]


def ask(desk: Desk, pending: Pending, moment: Moment, *, queue_limit: int) -> Outcome:
    """A command is asked: it starts, waits, shares a running one's outcome, or is rejected."""
    rule = policy(moment.kind, pending.verb)
    effects: list[Effect] = []
    running = desk.running
    same = running is not None and (running.verb, dict(running.args)) == (
        pending.verb,
        dict(pending.args),
    )
    if running is not None and same and rule.joins and not desk.waiting:
        return desk, [Join(pending.command_id, running.command_id)]
    superseded = f"superseded by {pending.verb} {pending.command_id}"
    kept = tuple(other for other in desk.waiting if other.verb not in rule.supersedes)
    effects.extend(
        Finish(other, CommandStatus.ABORTED, superseded)
        for other in desk.waiting
        if other.verb in rule.supersedes
    )
    unsettled = desk.unsettled
    if running is not None and running.verb in rule.supersedes:
        effects.append(Finish(running, CommandStatus.ABORTED, superseded))
        running, unsettled = None, True
    if running is not None and len(kept) >= queue_limit:
        text = f"{len(kept)} commands wait already; ask again when {running.verb} has ended"
        effects.append(Finish(pending, CommandStatus.REJECTED, text))
        return replace(desk, waiting=kept), effects
    if running is None:
        # What supersedes goes first: those that wait were asked of a state that is gone.
        following, more = _advance(Desk(waiting=(pending, *kept), unsettled=unsettled), moment)
    else:
        following, more = replace(desk, waiting=(*kept, pending)), []
    return following, [*effects, *more]


def reply(desk: Desk, wire_id: str, state: ReplyState, detail: str, moment: Moment) -> Outcome:
    """The device replied; replies to anything but the running attempt change nothing."""
    running = desk.running
    if running is None or running.wire_id != wire_id:
        return desk, []
    if state == "failed":
        if running.attempt < policy(moment.kind, running.verb).attempts:
            again = _sent(
                replace(running, attempt=running.attempt + 1, sends=0, told_done=False), moment
            )
            return replace(desk, running=again), [Send(again)]
        return _finish(desk, CommandStatus.FAILED, detail or "the device says failed", moment)
    taken = replace(running, phase=Phase.ACCEPTED, told_done=running.told_done or state == "done")
    return check(replace(desk, running=taken), moment)


def check(desk: Desk, moment: Moment) -> Outcome:
    """Telemetry came: end the running command if its post-condition is seen."""
    if desk.running is not None and done(desk.running, moment):
        return _finish(desk, CommandStatus.DONE, "", moment)
    return desk, []


def elapse(desk: Desk, moment: Moment) -> Outcome:
    """Time passed: end or repeat what is overdue."""
    running = desk.running
    if running is None:
        return desk, []
    if done(running, moment):
        return _finish(desk, CommandStatus.DONE, "", moment)
    if moment.now_s >= running.fail_by_s:
        told = (
            "the device said done, telemetry does not show it" if running.told_done else "not done"
        )
        return _finish(desk, CommandStatus.TIMEOUT, f"{told} {_in_time(running)}", moment)
    if running.phase is Phase.SENT and moment.now_s >= running.answer_by_s:
        if running.sends < policy(moment.kind, running.verb).sends:
            again = _sent(running, moment)
            return replace(desk, running=again), [Send(again)]
        times = "" if running.sends == 1 else f", sent {running.sends} times"
        return _finish(desk, CommandStatus.FAILED, f"no answer from the device{times}", moment)
    return desk, []


def _in_time(pending: Pending) -> str:
    return f"within {pending.deadline_s:g} s"


def drop(desk: Desk, status: CommandStatus, detail: str) -> Outcome:
    """End everything: an abort, or the device is lost."""
    pendings = ((desk.running,) if desk.running is not None else ()) + desk.waiting
    unsettled = desk.unsettled or desk.running is not None
    return Desk(unsettled=unsettled), [Finish(pending, status, detail) for pending in pendings]


def nothing_to_do(verb: str, now_utc: datetime) -> CommandOutcome:
    """The outcome of a command that found nothing to do."""
    return CommandOutcome(
        command_id="",
        verb=verb,
        status=CommandStatus.DONE,
        detail="",
        started_utc=now_utc,
        finished_utc=now_utc,
    )
