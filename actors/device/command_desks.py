"""The desks of one device and who waits at them: joins askers to outcomes, counts command ids.

Between the pure `commands` and the actor: it keeps the current desk of each slot and hands the
actor what is left to do (`Send`, `Finish`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from actors.device import commands
from actors.device.commands import Desk, Finish, Join, Pending, Send
from actors.device.policies import SLOTS, policy
from protocols.device_table import DEVICE_TABLE
from pyros.domain.device import USABLE, CommandOutcome, CommandStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from actors.device.commands import Moment, ReplyState
    from actors.device.policies import Slot
    from protocols.payloads import Value
    from pyros.actor import Deferred
    from pyros.domain.device import DeviceKind, DeviceState

ToDo = list[Send | Finish]


def malformed(kind: DeviceKind, verb: str, args: Mapping[str, Value]) -> str:
    """What is wrong with a command whatever the device's state; empty when nothing is."""
    rows = DEVICE_TABLE[kind].commands
    row = rows.get(verb)
    if row is None:
        return f"a {kind} has no command {verb!r}; known: {', '.join(sorted(rows)) or 'none'}"
    if set(args) != set(row.arguments):
        wanted = ", ".join(row.arguments) or "no arguments"
        return f"{verb} takes {wanted}; got {', '.join(sorted(args)) or 'none'}"
    for name, value in sorted(args.items()):
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return f"{verb}: {name} = {value}; give a finite value"
    return ""


def not_now(kind: DeviceKind, verb: str, state: DeviceState, reason: str, *, link_up: bool) -> str:
    """Why the device's state forbids a command; empty when it does not.

    Commands that can only make things safer are tried in every state.
    """
    if policy(kind, verb).safe:
        return ""
    if state not in USABLE:
        return f"the device is {state}" + (f": {reason}" if reason else "")
    return "" if link_up else "the MQTT link is down"


class CommandDesks:
    """All commands of one device that have not ended.

    Args:
        kind: What the device is.
        name: Its id, the first part of command ids.
        queue_limit: Commands that may wait in a slot.
    """

    def __init__(self, kind: DeviceKind, *, name: str, queue_limit: int) -> None:
        self._kind = kind
        self._name = name
        self._queue_limit = queue_limit
        self._desks: dict[Slot, Desk] = {slot: Desk() for slot in SLOTS}
        self._askers: dict[str, list[Deferred[CommandOutcome]]] = {}
        self._given = 0

    def __getitem__(self, slot: Slot) -> Desk:
        return self._desks[slot]

    @property
    def running(self) -> Pending | None:
        """The command that keeps the device busy, if any."""
        return self._desks["main"].running or self._desks["cover"].running

    @property
    def waits(self) -> bool:
        """Whether telemetry could end a command."""
        desks = self._desks
        return (
            desks["main"].running is not None
            or desks["cover"].running is not None
            or desks["cooling"].running is not None
        )

    @property
    def due_s(self) -> float | None:
        """Loop time of the first limit of any running command."""
        dues = (desk.due_s for desk in self._desks.values())
        return min((due_s for due_s in dues if due_s is not None), default=None)

    def pending(
        self,
        verb: str,
        args: Mapping[str, Value],
        *,
        cause: str,
        now_utc: datetime,
        boot: str,
        traceparent: str,
        asker: Deferred[CommandOutcome] | None,
    ) -> Pending:
        """A command with the next id, and who waits for its end.

        Args:
            verb: What is asked.
            args: Its arguments.
            cause: Who or what asked.
            now_utc: When it is asked.
            boot: Makes ids differ from those of earlier runs, which the device may remember.
            traceparent: W3C trace context of what asks.
            asker: Who is answered, None when nobody waits.
        """
        self._given += 1
        command_id = f"{self._name}-{boot}-{self._given}"
        if asker is not None:
            self._askers[command_id] = [asker]
        return Pending(
            command_id=command_id,
            verb=verb,
            args=dict(args),
            cause=cause,
            asked_utc=now_utc,
            deadline_s=0.0,
            traceparent=traceparent,
        )

    def ask(self, pending: Pending, moment: Moment, *, deadline_s: float) -> ToDo:
        """A command that may be given is asked."""
        slot = policy(self._kind, pending.verb).slot
        pending = replace(pending, deadline_s=deadline_s)
        return self._keep(
            slot,
            commands.ask(self._desks[slot], pending, moment, queue_limit=self._queue_limit),
        )

    def reply(self, wire_id: str, state: ReplyState, detail: str, moment: Moment) -> ToDo:
        """The device replied to a command."""
        return [
            effect
            for slot in SLOTS
            for effect in self._keep(
                slot, commands.reply(self._desks[slot], wire_id, state, detail, moment)
            )
        ]

    def check(self, moment: Moment) -> ToDo:
        """Telemetry came."""
        return [
            effect
            for slot in SLOTS
            for effect in self._keep(slot, commands.check(self._desks[slot], moment))
        ]

    def elapse(self, moment: Moment) -> ToDo:
        """Time passed."""
        return [
            effect
            for slot in SLOTS
            for effect in self._keep(slot, commands.elapse(self._desks[slot], moment))
        ]

    def drop(self, slots: tuple[Slot, ...], status: CommandStatus, detail: str) -> ToDo:
        """End everything in some slots."""
        return [
            effect
            for slot in slots
            for effect in self._keep(slot, commands.drop(self._desks[slot], status, detail))
        ]

    def answer(self, finish: Finish, now_utc: datetime) -> CommandOutcome:
        """Tell everyone who waits how a command ended."""
        pending = finish.pending
        outcome = CommandOutcome(
            command_id=pending.command_id,
            verb=pending.verb,
            status=finish.status,
            detail=finish.detail,
            started_utc=pending.asked_utc,
            finished_utc=now_utc,
        )
        for asker in self._askers.pop(pending.command_id, ()):
            asker.set(outcome)
        return outcome

    def _keep(self, slot: Slot, outcome: commands.Outcome) -> ToDo:
        self._desks[slot], effects = outcome
        left: ToDo = []
        for effect in effects:
            if isinstance(effect, Join):
                waiting = self._askers.setdefault(effect.running_id, [])
                waiting.extend(self._askers.pop(effect.command_id, ()))
            else:
                left.append(effect)
        return left
