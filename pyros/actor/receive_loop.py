"""The receive loop: takes the next message, has the actor handle it, settles the reply, records it.

One handler at a time, first in first out per sender and lane, and the loop yields after 64 messages
or 2 ms so that a full mailbox does not starve others (rule L3, trap P6). Everything that most
messages do not
need is out of line: this loop decides the kernel's speed.
"""

from __future__ import annotations

import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from pyros.actor.child_spec import Directive
from pyros.actor.dead_letters import Undelivered
from pyros.actor.envelope import ASK, CONTROL, SPECIAL, TELL, Envelope
from pyros.actor.errors import DeadActorError, InterruptedHandlerError, Rejected, RestartLimitError
from pyros.actor.interrupts import absorb_cancel
from pyros.actor.lifecycle import Exit, Reason
from pyros.actor.mailbox import COMMAND
from pyros.actor.message import PROXY_KINDS

if TYPE_CHECKING:
    from pyros.actor.actor import Actor
    from pyros.actor.cell import Cell

BATCH: Final = 64
SPARE: Final = 2_000
"""Envelopes kept to be used again: making and collecting one costs as much as queueing it."""
SLICE_S: Final = 0.002
POISON_AFTER: Final = 3

SKIP: Final = Exit(reason=Reason.NORMAL)
"""Not an exit: the message is dealt with, go on with the next one."""


async def serve(cell: Cell, actor: Actor) -> Exit:  # noqa: PLR0912, PLR0915 - one hot loop
    """Handle messages until something ends the incarnation; returns what."""
    system = cell.system
    now = system.now
    loop = system.loop
    record = system.trace.append
    mailbox = cell.mailbox
    pop = mailbox.pop
    scope = cell.scope
    receive = actor.on_receive
    path = cell.path
    spare = system.spare_envelopes
    give_back = spare.append
    slice_s = SLICE_S * system.speed
    envelope = pop()
    while True:
        if envelope is None:
            waiter = mailbox.waiter = asyncio.Future(loop=loop)
            if mailbox.empty():  # another thread may have told meanwhile, and seen no waiter
                await waiter
            else:
                mailbox.waiter = None
            envelope = pop()
            continue
        start_s = now()
        yield_at_s = start_s + slice_s
        commands = mailbox.queues[COMMAND]
        poison = cell.poison
        room = len(spare) < SPARE
        handled = 0
        kind = TELL
        for _ in range(BATCH):
            message = envelope.message
            handler = receive
            plain = type(envelope) is Envelope
            if not plain or poison is not None:
                kind = envelope.kind
                if kind == ASK and poison is None and not envelope.reply_to.done():
                    ended = None
                else:
                    ended = _special(cell, envelope, kind, start_s)
                if ended is not None:
                    if ended is not SKIP:
                        cell.handled += handled
                        return ended
                    if (envelope := pop()) is None:
                        break
                    continue
                if type(message) in PROXY_KINDS:
                    handler = actor._handle_receive  # noqa: SLF001 - pykka's hook for implementors
            scope.current = envelope
            cell.since_s = start_s
            try:
                result = handler(message)
                if type(result) is CoroutineType:
                    result = await result
            except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001 - L4
                outcome, ended = await _failed(cell, envelope, error)
                poison = cell.poison
            else:
                outcome = "ok"
                ended = None
                if not plain and kind == ASK:
                    if envelope.deferred:  # type: ignore[attr-defined]  # kind says it is an ask
                        outcome = "deferred"
                    elif (reply := envelope.reply_to).done():
                        cell.dead_letter(envelope, Undelivered.LATE_REPLY, result)
                    else:
                        reply.set_result(result)
                if cell.interrupting:
                    cell.interrupting = False
                    scope.current = None
                    await absorb_cancel(cell.task)  # type: ignore[arg-type]  # we run in it
            handled += 1
            done_s = now()
            record(
                (
                    envelope.sent_s,
                    envelope.sender,
                    path,
                    type(message).__name__,
                    envelope.lane,
                    start_s,
                    done_s,
                    outcome,
                    envelope.trace,
                )
            )
            if ended is not None:
                cell.handled += handled
                scope.current = None
                return ended
            if plain and room:
                envelope.message = None
                give_back(envelope)
            start_s = done_s
            if done_s >= yield_at_s:
                break
            if commands and not mailbox.preempt:
                envelope = commands.popleft()
            elif (envelope := pop()) is None:
                break
        else:
            mailbox.put_first(envelope)
        cell.handled += handled
        scope.current = None
        if envelope is not None:
            await asyncio.sleep(0)
            envelope = pop()


def _special(cell: Cell, envelope: Envelope, kind: int, now_s: float) -> Exit | None:
    """Deal with what is not a plain tell: SKIP it, end with an `Exit`, or None: handle it."""
    if cell.poison is not None and _is_poison(cell.poison, envelope.message):
        cell.refuse(envelope, Undelivered.POISON)
        return SKIP
    if kind == ASK:
        if envelope.reply_to.done():
            cell.dead_letter(envelope, Undelivered.EXPIRED)
            return SKIP
        return None
    if kind == SPECIAL:
        envelope.leave()  # type: ignore[attr-defined]  # kind says it is special
        expires_s = envelope.expires_s  # type: ignore[attr-defined]  # kind says it is special
        if expires_s is not None and now_s > expires_s:
            cell.refuse(envelope, Undelivered.EXPIRED)
            return SKIP
        return None
    if kind == CONTROL:
        order = envelope.message
        if isinstance(order, Exit):
            return order
        return crash_exit(cell, order) or SKIP
    return None


def _is_poison(poison: tuple[Any, int], message: Any) -> bool:
    return poison[1] >= POISON_AFTER and poison[0] is message


async def _failed(cell: Cell, envelope: Envelope, error: BaseException) -> tuple[str, Exit | None]:
    """Settle a handler's exception: refusal, interruption, kill or crash (rules L4, M4)."""
    task = asyncio.current_task()
    if task is None or task is not cell.task:  # given up as a zombie
        return "killed", Exit(reason=Reason.KILLED)
    if isinstance(error, asyncio.CancelledError):
        if cell.killing or (task.cancelling() and not cell.interrupting):
            cell.settle_error(envelope, DeadActorError(f"{cell.path} was killed while it answered"))
            return "killed", Exit(reason=Reason.KILLED)
        if cell.interrupting:
            cell.interrupting = False
            task.uncancel()
            what = type(envelope.message).__name__
            cell.settle_error(
                envelope,
                InterruptedHandlerError(f"{cell.path} was interrupted while it handled {what}"),
            )
            return "interrupted", None
        error = RuntimeError("the handler awaited something that was cancelled")
    elif cell.interrupting:
        cell.interrupting = False
        await absorb_cancel(task)
    if isinstance(error, Rejected):
        cell.settle_error(envelope, error)
        if envelope.reply_to is None:
            cell.system.log_of(cell).info("rejected %s: %s", type(envelope.message).__name__, error)
        return "rejected", None
    cell.settle_error(envelope, error)
    _note_poison(cell, envelope)
    exit_ = crash_exit(cell, error)
    return "crash", exit_


def crash_exit(cell: Cell, error: BaseException) -> Exit | None:
    """How a crash ends the incarnation; None when the decider says to resume (rule S5)."""
    cell.last_error = error
    if isinstance(error, RestartLimitError):
        return Exit(reason=Reason.RESTART_LIMIT, error=error)
    directive = cell.system.directive(cell, error)
    if directive is Directive.RESUME:
        cell.system.log_of(cell).warning("resumed after %s: %s", type(error).__name__, error)
        return None
    return Exit(
        reason=Reason.CRASH,
        error=error,
        escalate=directive is Directive.ESCALATE,
        stop=directive is Directive.STOP,
    )


def _note_poison(cell: Cell, envelope: Envelope) -> None:
    message = envelope.message
    if cell.poison is not None:
        poison, crashes = cell.poison
        if poison is message:
            cell.poison = (poison, crashes + 1)
            return
    cell.poison = (message, 1)
