"""The run through one night's plan: asks what comes next, has it executed, lets bursts go first.

Owned by the majordome, which says when it may run (`go`) and when not (`hold`); the run never
decides about safety. At most one sequence is executed at a time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from actors.device.messages import Command
from actors.journal.messages import JournalEntry
from actors.scheduler.messages import EndNight, GetNext, SequenceBegun, StartNight
from actors.sequencer.messages import AbortExecution, AlertStage, Execute
from pyros.actor import Rejected
from pyros.clock import datetime_from_unix
from pyros.domain.sequence import duration_s
from pyros.sky.twilight import night_label

if TYPE_CHECKING:
    from actors.majordome.messages import TargetOfOpportunity
    from actors.majordome.settings import MajordomeSettings
    from pyros.actor import Actor, ActorRef
    from pyros.domain.sequence import Sequence
    from pyros.sky.site import Site

_EXECUTE_TIMEOUT_S = 6 * 3600.0
_SCHEDULER_TIMEOUT_S = 120.0
_AFTER_REFUSAL_S = 10.0
_RANKS_KEPT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What is being executed; `rank` is None for routine work."""

    sequence: Sequence
    rank: int | None


def may_go_first(too: TargetOfOpportunity, running: Running | None) -> tuple[bool, str]:
    """Whether a burst may interrupt what runs, and why.

    A better burst interrupts a worse one, never the other way round; ties keep what runs.
    """
    if running is None:
        return True, "nothing runs"
    if too.again and running.sequence.alert_id == too.alert_id:
        return True, "it continues its own follow-up"
    if running.sequence.sequence_id == too.sequence.sequence_id:
        return False, "it runs already"
    if too.may_interrupt == "nothing":
        return False, "its strategy interrupts nothing"
    if running.rank is None:
        return True, f"it interrupts routine work ({running.sequence.name})"
    if too.may_interrupt == "routine":
        return False, f"alert {running.sequence.alert_id} runs and it interrupts routine work only"
    if too.rank < running.rank:
        return True, f"its rank is better than {running.rank} of {running.sequence.alert_id}"
    return False, f"alert {running.sequence.alert_id} of rank {running.rank} runs"


class NightRun:
    """Executes the plan of one night on one telescope.

    Args:
        actor: The majordome: lends clock, tasks and the right to publish.
        scheduler: Who says what comes next.
        sequencer: Who executes.
        telescope: Told to slew to a burst before anything slower.
        settings: The observer's name.
        site: Names the night of a burst that comes before the plan's night has begun.
    """

    def __init__(
        self,
        *,
        actor: Actor,
        scheduler: ActorRef[Any],
        sequencer: ActorRef[Any],
        telescope: ActorRef[Any],
        settings: MajordomeSettings,
        site: Site,
    ) -> None:
        self._actor = actor
        self._site = site
        self._scheduler = scheduler
        self._sequencer = sequencer
        self._telescope = telescope
        self._settings = settings
        self._night: str | None = None
        self._running: Running | None = None
        self._allowed = asyncio.Event()
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._loop: asyncio.Task[None] | None = None
        self._ranks: dict[str, int] = {}

    def note_rank(self, alert_id: str, rank: int) -> None:
        """Remember how good a burst is, for when the plan begins it."""
        self._ranks[alert_id] = rank
        if len(self._ranks) > _RANKS_KEPT:
            del self._ranks[next(iter(self._ranks))]

    def begin(self, night: str, span_unix_s: tuple[float, float] | None) -> None:
        """The night has begun: have it planned. `span_unix_s` is None where it never gets dark."""
        if span_unix_s is None or self._night == night:
            return
        self._night = night
        start_s, end_s = span_unix_s
        order = StartNight(
            night=night,
            dark_start_utc=datetime_from_unix(start_s),
            dark_end_utc=datetime_from_unix(end_s),
        )
        self._actor.start_task(self._start(order), name=f"start night {night}")

    async def _start(self, order: StartNight) -> None:
        await self._scheduler.ask(order, timeout_s=_SCHEDULER_TIMEOUT_S)
        self._loop = self._actor.start_task(self._execute_plan(), name=f"night {order.night}")

    def end(self, reason: str) -> str | None:
        """The night is over: abort, close the books; the label of the night that ended."""
        night, self._night = self._night, None
        if night is None:
            return None
        if self._loop is not None:
            self._loop.cancel()
            self._loop = None
        self._sequencer.tell(AbortExecution(reason=reason))
        self._actor.start_task(self._close_books(night), name=f"end night {night}")
        return night

    async def _close_books(self, night: str) -> None:
        await self._idle.wait()
        await self._scheduler.ask(EndNight(night=night), timeout_s=_SCHEDULER_TIMEOUT_S)

    def go(self) -> None:
        """The plan may be executed."""
        self._allowed.set()

    def hold(self, reason: str) -> None:
        """Nothing may run: what does is aborted, once."""
        if self._allowed.is_set():
            self._allowed.clear()
            self._changed.set()
            if self._running is not None:
                self._sequencer.tell(AbortExecution(reason=reason))

    def plan_changed(self) -> None:
        """A new plan is published: ask again what comes next."""
        self._changed.set()

    async def idle(self) -> None:
        """Wait until nothing is executed any more."""
        await self._idle.wait()

    def running_alert(self) -> str | None:
        """The alert event being followed up, None when none is."""
        return self._running.sequence.alert_id if self._running is not None else None

    def running_name(self) -> str | None:
        """Name of the sequence being executed, None when none is."""
        return self._running.sequence.name if self._running is not None else None

    def preempt(self, too: TargetOfOpportunity) -> bool:
        """Execute a burst's sequence at once, if it may interrupt what runs.

        Returns:
            Whether it goes first; otherwise the plan decides when it is observed.
        """
        running = self._running
        allowed, why = may_go_first(too, running)
        name = running.sequence.sequence_id if running is not None else None
        self._journal(
            f"alert {too.alert_id} (rank {too.rank}) {'goes first' if allowed else 'waits'}: {why}",
            {"alert": too.alert_id, "rank": too.rank, "running": name, "why": why},
        )
        if allowed:
            self._slew_at_once(too, interrupts=running is not None)
            self._actor.start_task(
                self._execute(
                    too.sequence,
                    rank=too.rank,
                    preempt=True,
                    received_monotonic_s=too.received_monotonic_s,
                ),
                name=f"alert {too.alert_id}",
            )
        return allowed

    def _slew_at_once(self, too: TargetOfOpportunity, *, interrupts: bool) -> None:
        """Send the slew before anything else; the sequencer's own then shares its outcome.

        A slew supersedes whatever motion runs; exposures are aborted and saved meanwhile.
        """
        target = too.sequence.target
        self._telescope.tell(
            Command(
                verb="slew",
                args={"ra_deg": target.ra_deg, "dec_deg": target.dec_deg},
                cause=too.sequence.sequence_id,
            )
        )
        clock = self._actor.clock
        after_s = (clock.monotonic_s() - too.received_monotonic_s) / clock.wall_to_loop_s(1.0)
        for stage in ("interrupted", "slew-command") if interrupts else ("slew-command",):
            self._actor.publish(
                AlertStage(
                    alert_id=too.alert_id,
                    stage=stage,
                    time_utc=clock.now(),
                    after_ms=1000.0 * after_s,
                )
            )

    async def _execute_plan(self) -> None:
        """Until cancelled: the next sequence of the plan, when allowed, at its time."""
        while True:
            await self._allowed.wait()
            await self._idle.wait()
            self._changed.clear()
            following = await self._scheduler.ask(GetNext(), timeout_s=_SCHEDULER_TIMEOUT_S)
            if following is None:
                await self._changed.wait()
                continue
            wait_s = (following.start_utc - self._actor.clock.now()).total_seconds()
            if wait_s > 0:
                await self._wait_for_change(wait_s)
                continue
            if not self._allowed.is_set() or not self._idle.is_set():
                continue
            await self._execute(
                following.sequence,
                rank=self._ranks.get(following.sequence.alert_id or ""),
                preempt=False,
                received_monotonic_s=None,
            )

    async def _wait_for_change(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _execute(
        self,
        sequence: Sequence,
        *,
        rank: int | None,
        preempt: bool,
        received_monotonic_s: float | None,
    ) -> None:
        running = Running(sequence=sequence, rank=rank)
        self._running = running
        self._idle.clear()
        now_utc = self._actor.clock.now()
        order = Execute(
            sequence=sequence,
            night=self._night or night_label(self._site, self._actor.clock.unix_s()),
            observer=self._settings.observer,
            received_monotonic_s=received_monotonic_s,
            preempt=preempt,
        )
        answer = asyncio.ensure_future(self._sequencer.ask(order, timeout_s=_EXECUTE_TIMEOUT_S))
        expected_end_utc = now_utc + timedelta(seconds=duration_s(sequence, {}))
        self._scheduler.tell(SequenceBegun(sequence=sequence, expected_end_utc=expected_end_utc))
        try:
            await answer
        except Rejected as refusal:
            self._journal(f"{sequence.sequence_id} was refused: {refusal}", {})
            await asyncio.sleep(_AFTER_REFUSAL_S)
        finally:
            answer.cancel()
            if self._running is running:
                self._running = None
                self._idle.set()

    def _journal(self, text: str, data: dict[str, object]) -> None:
        self._actor.publish(
            JournalEntry(
                kind="decision",
                subject=self._actor.path,
                text=text,
                time_utc=self._actor.clock.now(),
                data=data,
                severity="notice",
                who="majordome",
            )
        )
