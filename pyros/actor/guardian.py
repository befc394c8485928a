"""The guardian of an actor's children: starts them in order, restarts what fails, stops in reverse.

It never blocks its actor: restarts run in tasks of their own, so a hanging start does not keep the
supervisor from terminating, deleting or stopping children meanwhile (rule S7). What to do about an
exit is decided by a pure function (`verdict.py`).
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from pyros.actor.backoff import Backoff, RestartBudget
from pyros.actor.child import Child
from pyros.actor.child_spec import ChildSpec, Restart, Strategy, Supervision, SupervisorSpec
from pyros.actor.endings import abandon, finish, rest
from pyros.actor.errors import BadSpecError, EscalatedError, RestartLimitError, StartError
from pyros.actor.incarnation import launch
from pyros.actor.lifecycle import Exit, Reason, State
from pyros.actor.owned_tasks import GRACE_S
from pyros.actor.verdict import Verdict, verdict

if TYPE_CHECKING:
    from pyros.actor.cell import Cell


class Guardian:
    """The children of one actor.

    Args:
        cell: The actor.
        policy: How it supervises.
    """

    def __init__(self, cell: Cell, policy: Supervision) -> None:
        self.cell = cell
        self.policy = policy
        self.children: dict[str, Child] = {}
        self.closing = False
        self._budget = RestartBudget(policy.max_restarts, policy.window_s)
        self._group: asyncio.Task[None] | None = None
        self._failed: dict[Child, None] = {}  # whose failure a group restart has yet to mend

    # --- starting ------------------------------------------------------------------------------

    async def add(self, spec: ChildSpec[Any], *, static: bool = False) -> Cell:
        """Start a new child and wait until it runs (rule L2).

        Raises:
            BadSpecError: When a living child has that name, or the actor is stopping.
            StartError: When its `on_start` failed; the child is forgotten.
        """
        child = self._enrol(spec, static=static)
        if spec.start == "background":
            self._begin(child)
            return child.cell
        try:
            await self._start(child)
        except StartError:
            if self.children.get(spec.name) is child:
                del self.children[spec.name]
            finish(child.cell, Exit(reason=Reason.START_FAILED))
            raise
        except asyncio.CancelledError:
            await self.remove(child, Reason.SHUTDOWN)
            raise
        return child.cell

    def _enrol(self, spec: ChildSpec[Any], *, static: bool) -> Child:
        known = self.children.get(spec.name)
        if known is not None and known.cell.state is not State.STOPPED:
            raise BadSpecError(
                f"{known.cell.path} exists and is {known.cell.state}; stop it first or choose "
                "another name"
            )
        if self.closing:
            raise BadSpecError(f"{self.cell.path} is stopping and takes no child {spec.name!r}")
        if spec.significant and self.policy.auto_shutdown == "never":
            raise BadSpecError(
                f"child {spec.name!r} is significant, but {self.cell.path} has auto_shutdown "
                "'never'; set it to 'any' or 'all'"
            )
        self.children.pop(spec.name, None)
        cell = self._move_in(spec)
        child = self.children[spec.name] = Child(spec, cell, static=static)
        return child

    def _move_in(self, spec: ChildSpec[Any]) -> Cell:
        path = f"{self.cell.path.rstrip('/')}/{spec.name}"
        return self.cell.system.addresses.move_in(path, spec, self.cell)

    def _begin(self, child: Child) -> None:
        child.started_s = self.cell.system.now()
        _ = launch(child.cell)

    async def _start(self, child: Child) -> None:
        """Start a child and wait for it; a start that is under way is joined."""
        cell = child.cell
        if cell.state is State.RUNNING:
            return
        child.starting = True
        try:
            if cell.state is not State.STARTING:
                self._begin(child)
            assert cell.started is not None  # noqa: S101 - launched
            failure = await asyncio.shield(cell.started)
        finally:
            child.starting = False
        if failure is not None:
            raise StartError(f"{cell.path} did not start: {failure.describe()}") from failure.error

    # --- what happens to children --------------------------------------------------------------

    def child_ended(self, child: Child, exit_: Exit) -> None:
        """An incarnation of a child is over; called by the system, once each."""
        if child.keep or (child.starting and not child.stopping and child.cell.start_failed()):
            rest(child.cell, exit_)  # who stops or starts it goes on from here
            return
        if child.stopping or self.closing:
            finish(child.cell, exit_)
            return
        match verdict(child.spec, exit_):
            case Verdict.REST:
                self._forget(child, exit_)
            case Verdict.RETRY:
                rest(child.cell, exit_)
                self._revive(child)
            case Verdict.ESCALATE:
                rest(child.cell, exit_)
                self._give_up(
                    EscalatedError(f"{child.cell.path} escalated: {exit_.describe()}"), exit_.error
                )
            case Verdict.RESTART:
                self._restart(child, exit_)

    def _forget(self, child: Child, exit_: Exit) -> None:
        finish(child.cell, exit_)
        if not child.static or child.spec.restart is Restart.TEMPORARY:
            self.children.pop(child.spec.name, None)
        if child.spec.significant and not exit_.stop:
            self._significant_ended()

    def _significant_ended(self) -> None:
        match self.policy.auto_shutdown:
            case "never":
                return
            case "all":
                for child in self.children.values():
                    if child.spec.significant and child.cell.state is not State.STOPPED:
                        return
            case "any":
                pass
        self.cell.request_stop(Reason.SHUTDOWN)

    def _restart(self, child: Child, exit_: Exit) -> None:
        system = self.cell.system
        if system.now() - child.started_s >= self._backoff(child).healthy_s:
            child.failures = 0
        rest(child.cell, exit_)
        if not self._spend(child, exit_.describe(), exit_.error):
            return
        if self.policy.strategy is Strategy.ONE_FOR_ONE:
            self._revive(child)
        else:
            self._regroup(child)

    def _spend(self, child: Child, why: str, cause: BaseException | None) -> bool:
        if self._budget.spend(self.cell.system.now()):
            return True
        self._give_up(
            RestartLimitError(
                f"{self.cell.path}: more than {self._budget.max_restarts} restarts in "
                f"{self._budget.window_s:g} s, the last for {child.cell.path} ({why})"
            ),
            cause,
        )
        return False

    def _give_up(self, error: Exception, cause: BaseException | None) -> None:
        error.__cause__ = cause
        self.closing = True
        self._cancel_recoveries()
        self.cell.fail(error)

    # --- restarting ----------------------------------------------------------------------------

    def _backoff(self, child: Child) -> Backoff:
        if child.spec.backoff is None or isinstance(child.spec, SupervisorSpec):
            return self.policy.backoff
        return child.spec.backoff

    async def _pause_before(self, child: Child) -> None:
        delay_s = self._backoff(child).delay_s(child.failures, self.cell.random())
        child.failures += 1
        if delay_s > 0:
            await asyncio.sleep(delay_s)

    def _revive(self, child: Child) -> None:
        """Restart one child alone, in a task (rules S1, S4, S7)."""
        self._cancel_revival(child)
        child.revival = self.cell.system.spawn_task(
            self._revival(child), f"{child.cell.path}:restart"
        )

    async def _revival(self, child: Child) -> None:
        while not self.closing:
            await self._pause_before(child)
            if child.cell.state is not State.BACKOFF:
                return  # a group restart came first, or it was stopped
            child.cell.restarts += 1
            if child.spec.start == "background":
                self._begin(child)
                return
            try:
                await self._start(child)
            except StartError as error:
                if not self._spend(child, str(error), error.__cause__):
                    return
            else:
                return

    def _regroup(self, child: Child) -> None:
        """Restart a child and those that its failure concerns, in a task (rule S1)."""
        self._failed[child] = None
        earlier, self._group = self._group, None
        if earlier is not None:
            earlier.cancel()
        self._group = self.cell.system.spawn_task(
            self._regroup_around(child, earlier), f"{self.cell.path}:restart"
        )

    async def _regroup_around(self, failed: Child, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        while not self.closing:
            for child in reversed(self._concerned()):
                await self._halt(child)
            await self._pause_before(failed)
            again = await self._start_resting()
            if again is None:
                self._failed.clear()
                return
            failed = again
            self._failed[failed] = None

    def _concerned(self) -> list[Child]:
        """Whom the unmended failures concern: all, or the first that failed and those after it."""
        children = list(self.children.values())
        if self.policy.strategy is not Strategy.REST_FOR_ONE:
            return children
        places = [number for number, child in enumerate(children) if child in self._failed]
        return children[min(places, default=len(children)) :]

    async def _halt(self, child: Child) -> None:
        """Stop a child as a bystander of another's failure, to be started again (rule S2)."""
        if child.cell.state in (State.BACKOFF, State.STOPPED):
            return
        if child.spec.restart is Restart.TEMPORARY:
            await self.stop(child)
            self.children.pop(child.spec.name, None)
        else:
            await self._stop(child, keep=True)

    async def _start_resting(self) -> Child | None:
        """Start what rests, in order; returns the child that failed to start, if any."""
        for child in list(self.children.values()):
            if child.cell.state not in (State.BACKOFF, State.STARTING):
                continue
            if child.cell.state is State.BACKOFF:
                child.cell.restarts += 1
            if child.spec.start == "background":
                if child.cell.state is State.BACKOFF:
                    self._begin(child)
                continue
            try:
                await self._start(child)
            except StartError as error:
                if child.cell.state is not State.BACKOFF:
                    continue  # it was terminated meanwhile (rule S7)
                if not self._spend(child, str(error), error.__cause__):
                    return None
                return child
            self._failed.pop(child, None)
        return None

    # --- stopping ------------------------------------------------------------------------------

    async def stop(self, child: Child, reason: Reason = Reason.SHUTDOWN) -> None:
        """Stop a child for good, whatever it is doing (rule S6)."""
        self._cancel_revival(child)
        await self._stop(child, keep=False, reason=reason)

    async def _stop(self, child: Child, *, keep: bool, reason: Reason = Reason.SHUTDOWN) -> None:
        cell = child.cell
        if cell.task is None:
            if not keep and cell.state is not State.STOPPED:
                finish(cell, Exit(reason=reason))
        elif keep and child.stopping and not child.keep:
            await _wait(cell.when_ended(), math.inf)  # somebody is stopping it for good
        else:
            child.keep = keep
            child.stopping += 1
            ended = cell.when_ended()
            if child.spec.stop_timeout_s == 0:
                cell.kill()
            else:
                cell.request_stop(reason)
            # A stop, once begun, must end as one, whatever becomes of who began it.
            seeing_off = cell.system.spawn_task(self._see_off(child, ended), f"{cell.path}:stop")
            await asyncio.shield(seeing_off)

    async def _see_off(self, child: Child, ended: asyncio.Future[Exit]) -> None:
        """Wait for it, cancel it at its deadline, give it up after that (rule S6)."""
        cell = child.cell
        system = cell.system
        timeout_s = child.spec.stop_timeout_s * system.speed
        try:
            if timeout_s > 0:
                if await _wait(ended, timeout_s):
                    return
                if cell.task is not None:
                    system.log_of(cell).warning("did not stop in %g s, is cancelled", timeout_s)
                    cell.task.cancel()
            if not await _wait(ended, 2 * GRACE_S * system.speed):
                abandon(cell, "neither stops nor yields to cancellation")
        finally:
            child.stopping -= 1
            if not child.stopping:
                child.keep = False

    async def remove(self, child: Child, reason: Reason) -> None:
        """Stop a child for good and forget it; a static one stays known, to be started again."""
        await self.stop(child, reason)
        if not child.static and self.children.get(child.spec.name) is child:
            del self.children[child.spec.name]

    async def start_again(self, name: str) -> None:
        """Start a stopped static child again.

        Raises:
            BadSpecError: When there is none of that name, or it is alive.
            StartError: When its `on_start` failed; it stays stopped.
        """
        child = self.children.get(name)
        if self.closing:
            raise BadSpecError(f"{self.cell.path} is stopping and starts no child {name!r}")
        if child is None or child.cell.state is not State.STOPPED:
            state = "unknown" if child is None else str(child.cell.state)
            raise BadSpecError(f"{self.cell.path}/{name} is {state}; only a stopped child restarts")
        cell = self._move_in(child.spec)
        child.cell = cell
        try:
            await self._start(child)
        except StartError:
            finish(cell, Exit(reason=Reason.START_FAILED))
            raise

    async def stop_all(self) -> None:
        """Stop all children in reverse order of their start (rule S6)."""
        self.closing = True
        self._cancel_recoveries()
        for child in reversed(list(self.children.values())):
            await self.stop(child)
        self.children.clear()

    def kill_all(self) -> None:
        """Kill what is left of the children, for a guardian that has no time to stop them."""
        for child in reversed(list(self.children.values())):
            child.cell.kill()

    def _cancel_revival(self, child: Child) -> None:
        revival, child.revival = child.revival, None
        if revival is not None and revival is not self.cell.system.current_task():
            revival.cancel()

    def _cancel_recoveries(self) -> None:
        if self._group is not None and self._group is not self.cell.system.current_task():
            self._group.cancel()
        for child in self.children.values():
            self._cancel_revival(child)


async def _wait(ended: asyncio.Future[Exit], timeout_s: float) -> bool:
    done, _ = await asyncio.wait([ended], timeout=None if timeout_s == math.inf else timeout_s)
    return bool(done)
