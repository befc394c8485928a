"""The scheduler of one telescope: a thin adapter between the observatory and the planner.

It is the only one who moves sequences between states; each move and the journal line that explains
it are one transaction. Triggers of a new plan coalesce: however many come at once, one is made.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from actors.archive.messages import CloseRequest
from actors.majordome.messages import ModeChanged
from actors.scheduler import own_messages as own
from actors.scheduler.background_search import BackgroundSearch
from actors.scheduler.batches import Batches
from actors.scheduler.book import WAITING, Book, Move
from actors.scheduler.intake import Intake
from actors.scheduler.ledger import Accounts, booking, closings
from actors.scheduler.messages import (
    ChannelAvailability,
    EndNight,
    GetNext,
    NextSequence,
    NightClosed,
    PlanPublished,
    Replan,
    SequenceBegun,
    StartNight,
    Submit,
    Withdraw,
)
from actors.scheduler.planning import NightPlanning, PlanQuestion
from actors.scheduler.records import (
    Batch,
    availability_trigger,
    plan_entry,
    plan_version,
    state_changed,
)
from actors.sequencer.messages import SequenceEnded
from pyros.actor import Actor, Message
from pyros.actor.loops import VirtualLoop
from pyros.clock import unix_from_datetime
from pyros.domain.observatory import Mode
from pyros.domain.sequence import SequenceState
from pyros.scheduling.worker import run_job
from pyros.sky.twilight import night_label
from pyros.store import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.scheduler.book import Entry
    from actors.scheduler.settings import SchedulerSettings
    from pyros.actor import ActorRef, TimerHandle
    from pyros.domain.programme import ScientificProgramme
    from pyros.domain.request import Request
    from pyros.domain.sequence import ChannelTimes
    from pyros.scheduling.worker import SearchAnswer, SearchJob
    from pyros.sky.site import Site
    from pyros.store import LedgerEntry, Store

_S = SequenceState
_TICK_S = 30.0
_PLAN_DEADLINE_S = 120.0
_SHUT = frozenset({Mode.PAUSED, Mode.MANUAL, Mode.EMERGENCY})


class Scheduler(Actor):
    """Plans one telescope's nights.

    Args:
        unit: Telescope id.
        site: Where it stands.
        store: The database.
        programmes: All programmes.
        nightly: Requests that come back every night.
        channel_times: Readout and filter change of each channel of the telescope.
        channels_by_unit: Channels of every telescope of the site.
        settings: Planner's figures.
        archive: Who closes the directories of finished requests.
    """

    def __init__(
        self,
        *,
        unit: str,
        site: Site,
        store: Store,
        programmes: tuple[ScientificProgramme, ...],
        nightly: tuple[Request, ...],
        channel_times: Mapping[str, ChannelTimes],
        channels_by_unit: Mapping[str, tuple[str, ...]],
        settings: SchedulerSettings,
        archive: ActorRef[Any],
    ) -> None:
        super().__init__()
        self._unit = unit
        self._site = site
        self._store = store
        self._programmes = programmes
        self._nightly = nightly
        self._channel_times = channel_times
        self._settings = settings
        self._archive = archive
        self._book = Book()
        self._intake = Intake(
            unit=unit,
            store=store,
            book=self._book,
            programmes=programmes,
            channel_times=channel_times,
            channels_by_unit=channels_by_unit,
        )
        self._accounts = Accounts(store, unit)
        self._planning: NightPlanning | None = None
        self._available: tuple[str, ...] = tuple(sorted(channel_times))
        self._triggers: list[str] = []
        self._plan_timer: TimerHandle | None = None
        self._batches = Batches(store)
        self._search = BackgroundSearch(settings.search_every_s)
        self._paused = False

    async def on_start(self) -> None:
        """Read what is asked for, and put right what a crash left behind."""
        await self._intake.reload()
        await self._make(self._book.recovered())
        await self._quota_s()
        self.subscribe(SequenceEnded, ModeChanged)
        self.every(_TICK_S, own.Tick())

    async def on_stop(self) -> None:
        """No search outlives the scheduler."""
        await self._search.stop()

    async def on_receive(self, message: Message) -> Any:
        """Answer the majordome, take in requests and ends, and plan."""
        match message:
            case StartNight():
                return await self._start_night(message)
            case EndNight():
                return await self._end_night(message.night)
            case GetNext():
                return self._next()
            case SequenceBegun():
                await self._begun(message)
            case SequenceEnded():
                await self._ended(message)
            case Submit():
                return await self._submit(message.request)
            case ChannelAvailability():
                self._channels(message.available)
            case Withdraw():
                await self._withdraw(message)
            case Replan():
                self._ask_for_plan(message.trigger)
            case own.Plan():
                self._plan_timer = None
                if self._planning is not None:
                    await self._plan(self._planning)
            case ModeChanged():
                self._mode(message)
            case own.Search():
                await self._improve()
            case own.Searched():
                if self._planning is not None and self._planning.night == message.night:
                    await self._take(self._planning, message.answer)
            case own.Tick():
                await self._pending()
            case _:
                return await super().on_receive(message)
        return None

    async def _start_night(self, order: StartNight) -> PlanPublished:
        planning = self._planning
        if planning is None or planning.night != order.night:
            now_utc = self.clock.now()
            for refused in await self._intake.take_nightly(self._nightly, order.night, now_utc):
                self.publish(refused)
            await self._make(self._book.night_started())
            planning = NightPlanning(
                unit=self._unit,
                site=self._site,
                night=order.night,
                start_unix_s=unix_from_datetime(order.dark_start_utc),
                end_unix_s=unix_from_datetime(order.dark_end_utc),
                programmes=self._programmes,
                channel_times=self._channel_times,
                settings=self._settings,
                version=await self._store.plans.last_version(order.night),
            )
            self._planning = planning
            self._search.new_night()
        self._triggers.append("night start")
        return await self._plan(planning)

    async def _end_night(self, night: str) -> NightClosed:
        planning, self._planning = self._planning, None
        reasons = planning.reasons() if planning is not None else {}
        await self._make(self._book.night_ended(reasons))
        states = (entry.state for entry in self._book.entries.values())
        counts = Counter(state.value for state in states if state is not _S.TO_BE_PLANNED)
        await self._close_finished()
        await self._quota_s()
        closed = NightClosed(night=night, counts=dict(sorted(counts.items())))
        self.publish(closed)
        return closed

    def _waiting(self) -> set[str]:
        return {entry.sequence.sequence_id for entry in self._book.in_states(*WAITING)}

    def _next(self) -> NextSequence | None:
        planning = self._planning
        if planning is None:
            return None
        found = planning.next_start(self.clock.unix_s(), self._waiting())
        if found is None:
            return None
        sequence = self._book.entries[found.sequence_id].sequence
        return NextSequence(sequence=sequence, start_utc=found.start_utc, end_utc=found.end_utc)

    async def _begun(self, begun: SequenceBegun) -> None:
        identity = begun.sequence.sequence_id
        await self._make(self._book.move(identity, _S.EXECUTING, "on the telescope"))
        if self._planning is not None:
            self._planning.begun(identity, self.clock.unix_s())
            if not self._planning.places(identity):
                self._ask_for_plan(f"{identity} begun")

    async def _ended(self, ended: SequenceEnded) -> None:
        entry = self._book.entries.get(ended.sequence_id)
        if entry is None:
            return
        planning = self._planning
        used = booking(
            ended,
            entry.sequence.programme_id,
            night=night_label(self._site, unix_from_datetime(ended.started_utc)),
            telescope=self._unit,
            bonus=planning is not None and planning.is_bonus(ended.sequence_id),
        )
        await self._make(
            (
                *self._book.move(ended.sequence_id, ended.state, ended.reason),
                *self._book.consequences(ended.sequence_id, ended.state),
            ),
            [used],
        )
        if planning is not None:
            planning.ended(ended.sequence_id)
            self._ask_for_plan(f"{ended.sequence_id} {ended.state}")
        await self._close_finished()

    async def _close_finished(self) -> None:
        for request_id in self._book.finished_requests(night_over=self._planning is None):
            self._book.forget(request_id)
            try:
                await self._store.requests.close(request_id, time_utc=self.clock.now())
            except StoreUnavailableError as error:
                self.log.warning("request %s is finished but not closed: %s", request_id, error)
            self._archive.tell(CloseRequest(request_id=request_id))

    async def _submit(self, request: Request) -> tuple[str, ...]:
        request = replace(request, telescope=request.telescope or self._unit)
        by = "alert" if request.alert_id else "user"
        if await self._intake.take(request, submitted_by=by, now_utc=self.clock.now()):
            await self._make(self._book.accepted(request))
            await self._quota_s()
            self._ask_for_plan(f"request {request.request_id} submitted")
        return tuple(sequence.sequence_id for sequence in request.sequences)

    async def _withdraw(self, order: Withdraw) -> None:
        moves = self._book.withdrawn(order.alert_id, order.reason)
        if moves:
            await self._make(moves)
            self._ask_for_plan(f"{order.alert_id} withdrawn")
            await self._close_finished()

    def _channels(self, available: tuple[str, ...]) -> None:
        if available != self._available:
            before, self._available = self._available, available
            self._ask_for_plan(availability_trigger(before, available))

    def _mode(self, changed: ModeChanged) -> None:
        paused = changed.mode in _SHUT
        if paused is not self._paused:
            self._paused = paused
            self._ask_for_plan(f"{changed.mode}: {changed.reason}")

    def _ask_for_plan(self, trigger: str) -> None:
        if self._planning is None:
            return
        self._triggers.append(trigger)
        if self._plan_timer is None:
            wait_s = self.clock.wall_to_loop_s(self._settings.coalesce_s)
            self._plan_timer = self.tell_later(wait_s, own.Plan())

    async def _plan(self, planning: NightPlanning) -> PlanPublished:
        triggers, self._triggers = self._triggers, []
        question = PlanQuestion(
            entries={entry.sequence.sequence_id: entry for entry in self._open()},
            lost_channels=tuple(sorted(set(self._channel_times) - set(self._available))),
            now_utc=self.clock.now(),
            trigger="; ".join(dict.fromkeys(triggers)) or "asked",
            quota_s=await self._quota_s(),
            paused=self._paused,
        )
        published = await self.blocking(planning.plan, question, deadline_s=_PLAN_DEADLINE_S)
        await self._publish_plan(planning, published)
        if self._search.due(self.clock.unix_s()):
            self.ref.tell(own.Search())
        return published

    async def _quota_s(self) -> dict[str, float]:
        """What the programmes may still be charged tonight; whoever watches hears of changes."""
        planning = self._planning
        night = planning.night if planning is not None else None
        await self._accounts.read(night, self._batches.closings(), self.log)
        left_s = self._accounts.tonight_s(planning.dark_s, self._open()) if planning else {}
        if (news := self._accounts.news(left_s)) is not None:
            self.publish(news)
        return left_s

    def _open(self) -> tuple[Entry, ...]:
        return self._book.in_states(*WAITING, _S.UNPLANNABLE, _S.EXECUTING)

    async def _improve(self) -> None:
        """Search apart; in virtual time here, where a search takes no time."""
        planning, virtual = self._planning, isinstance(self.system.loop, VirtualLoop)
        lead_s = 0.0 if virtual else self.clock.wall_to_loop_s(self._settings.search_lead_s)
        if planning is None or (job := planning.search_job(self.clock.unix_s(), lead_s)) is None:
            return
        if virtual:
            answer = await self.blocking(run_job, job, deadline_s=_PLAN_DEADLINE_S)
            await self._take(planning, answer)
        else:
            self.start_task(self._search_apart(job, planning.night), name="search")

    async def _search_apart(self, job: SearchJob, night: str) -> None:
        answer = await self._search.run(job)
        if answer is None:
            self.log.warning("the search process died; the next search gets a new one")
        else:
            self.ref.tell(own.Searched(night=night, answer=answer))

    async def _take(self, planning: NightPlanning, answer: SearchAnswer) -> None:
        published = planning.searched(answer, self.clock.now())
        if published is not None:
            await self._publish_plan(planning, published)

    async def _publish_plan(self, planning: NightPlanning, published: PlanPublished) -> None:
        await self._make(planning.state_moves(self._book))
        try:
            await self._store.plans.add(plan_version(published))
        except StoreUnavailableError as error:
            self.log.warning("plan %d is not stored: %s", published.version, error)
        self.publish(published)
        self.publish(plan_entry(self.path, published))

    async def _pending(self) -> None:
        """PLANNED sequences whose start is near become PENDING; a plan that lags is renewed."""
        planning = self._planning
        if planning is None:
            return
        horizon_utc = self.clock.now() + timedelta(seconds=self._settings.pending_before_s)
        due = () if self._paused else planning.near(horizon_utc)
        moves = [
            move
            for identity in due
            if (entry := self._book.entries.get(identity)) is not None and entry.state is _S.PLANNED
            for move in self._book.move(identity, _S.PENDING, "its start is near")
        ]
        await self._make(tuple(moves))
        overdue = planning.overdue(self.clock.unix_s(), self._waiting())
        if overdue is not None:
            self._ask_for_plan(overdue)

    async def _make(self, moves: Iterable[Move], ledger: list[LedgerEntry] | None = None) -> None:
        """Store moves with their journal lines, make them true, and tell everyone.

        Without a database the moves are made all the same and stored when it is back: a night is
        not lost to a full disk.
        """
        moves = list(moves)
        if not moves and not ledger:
            return
        time_utc = self.clock.now()
        self._book.apply(moves)
        bookings = ledger or []
        closed = closings(moves, bookings, self._book.entries)
        self._batches.add(Batch(moves=moves, bookings=bookings, closings=closed))
        for written in await self._batches.save(time_utc, self.log):
            self.publish(written)
        for move in moves:
            self.publish(state_changed(move, self._book.entries[move.sequence_id], time_utc))
