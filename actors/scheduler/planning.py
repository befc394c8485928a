"""The planning of one night on one telescope: windows once, then a plan for each question.

Runs in an executor, one question at a time: it is the actor's own and nobody else touches it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from actors.scheduler.book import WAITING, Book, Move
from actors.scheduler.messages import NotScheduled, PlanPublished, ScheduledSequence
from actors.scheduler.translate import (
    NightSky,
    as_bonus,
    instance,
    not_scheduled,
    planner_sequence,
    scheduled,
    sequence_windows,
)
from pyros.clock import datetime_from_unix, unix_from_datetime
from pyros.domain.sequence import SequenceState, duration_s
from pyros.scheduling.instance import Committed
from pyros.scheduling.night_plan import plan_night
from pyros.scheduling.repair import refit
from pyros.scheduling.worker import SearchJob, worth_publishing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from actors.scheduler.book import Entry
    from actors.scheduler.settings import SchedulerSettings
    from pyros.domain.programme import ScientificProgramme
    from pyros.domain.sequence import ChannelTimes
    from pyros.scheduling.instance import Instance, Sequence
    from pyros.scheduling.plan import Plan
    from pyros.scheduling.worker import SearchAnswer
    from pyros.sky.site import Site

_UNPLANNABLE_CODES = frozenset(
    {"BELOW_HORIZON", "MOON", "USER_WINDOW", "TOO_LONG_FOR_WINDOW", "NEVER_VISIBLE", "DEVICE_DOWN"}
)
"""Reasons that no other plan of tonight would change, as things stand."""
_PLANNABLE = (SequenceState.TO_BE_PLANNED, SequenceState.UNPLANNABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanQuestion:
    """What a plan is asked for.

    Attributes:
        entries: Sequences that wait or run, by id.
        lost_channels: Cameras that cannot be used.
        now_utc: The present; nothing is planned before it.
        trigger: What led to the question.
        quota_s: Seconds each programme may still be charged tonight.
        paused: Whether the observatory is shut at present.
    """

    entries: Mapping[str, Entry]
    lost_channels: tuple[str, ...]
    now_utc: datetime
    trigger: str
    quota_s: Mapping[str, float]
    paused: bool = False


class NightPlanning:
    """One night.

    Args:
        unit: Telescope id.
        site: Where it stands.
        night: Night label.
        start_unix_s: Start of the dark time, second 0 of plans.
        end_unix_s: End of the dark time.
        programmes: All programmes.
        channel_times: Overheads of the channels.
        settings: Planner's figures.
        version: Last plan version of this night that was stored.
    """

    def __init__(
        self,
        *,
        unit: str,
        site: Site,
        night: str,
        start_unix_s: float,
        end_unix_s: float,
        programmes: tuple[ScientificProgramme, ...],
        channel_times: Mapping[str, ChannelTimes],
        settings: SchedulerSettings,
        version: int,
    ) -> None:
        self.night = night
        self._unit = unit
        self._sky = NightSky.over(site, start_unix_s, end_unix_s)
        self._programmes = {item.programme_id: item for item in programmes}
        self._channel_times = channel_times
        self._settings = settings
        self._version = version
        self._sequences: dict[str, Sequence] = {}
        self._running: dict[str, float] = {}
        self._bonus: set[str] = set()
        self._offered: tuple[str, float] | None = None
        self._entries: Mapping[str, Entry] = {}
        self._instance: Instance | None = None
        self._plan: Plan | None = None
        self.scheduled: tuple[ScheduledSequence, ...] = ()
        self._not_scheduled: tuple[NotScheduled, ...] = ()

    @property
    def dark_s(self) -> float:
        """Length of the dark time."""
        return self._sky.end_unix_s - self._sky.start_unix_s

    def plan(self, question: PlanQuestion) -> PlanPublished:
        """A valid plan for what is left of the night, with a reason for everything left out.

        The first of a night is made whole; after that what can stay where it is stays (`refit`).
        """
        began_s = time.process_time()
        now_s = max(unix_from_datetime(question.now_utc) - self._sky.start_unix_s, 0.0)
        sequences = {
            identity: self._in_words(entry) for identity, entry in question.entries.items()
        }
        if question.paused:
            self._offered = None
        standing = self._standing(sequences, now_s)
        self._instance = instance(
            unit=self._unit,
            sky=self._sky,
            sequences=self._with_bonus(sequences.values(), standing),
            programmes=self._programmes.values(),
            quota_left_s=question.quota_s,
            committed=standing,
            published=self._published_starts(sequences),
            lost_channels=question.lost_channels,
            now_s=now_s,
            closed_s=self._settings.pause_s if question.paused else 0.0,
            settings=self._settings,
        )
        self._entries = question.entries
        if self._plan is None:
            tier, plan = "first", plan_night(self._instance, now_s=now_s)
        else:
            tier, plan = "repair", refit(self._instance, self._plan, now_s=now_s).plan
        return self._adopted(plan, tier, question.trigger, question.now_utc, began_s)

    def _adopted(
        self, plan: Plan, tier: str, trigger: str, now_utc: datetime, began_s: float
    ) -> PlanPublished:
        """Make a plan the one in force."""
        self._version += 1
        self._plan = plan
        priorities = {identity: self._sequences[identity].priority for identity in self._entries}
        self.scheduled = scheduled(plan, self._entries, self._sky, priorities)
        self._not_scheduled = not_scheduled(plan, self._entries, self._sky)
        return PlanPublished(
            night=self.night,
            version=self._version,
            trigger=trigger,
            scheduled=self.scheduled,
            not_scheduled=self._not_scheduled,
            value=plan.value,
            input_hash=plan.input_hash,
            cpu_s=time.process_time() - began_s,
            time_utc=now_utc,
            tier=tier,
        )

    def _standing(self, known: Mapping[str, Sequence], now_s: float) -> list[Committed]:
        """What runs, else what was handed out; what overruns ends now at the earliest.

        A telescope does one thing: what was handed out while an alert took it has no claim.
        """
        standing = self._running or dict([self._offered] if self._offered else [])
        return [
            Committed(
                id=identity,
                start_s=started_s,
                telescope=self._unit,
                end_s=max(started_s + known[identity].duration_s, now_s),
            )
            for identity, started_s in standing.items()
            if identity in known
        ]

    def _frozen(self, now_s: float) -> list[Committed]:
        """What a search may not touch: what runs, and the next of the plan in force."""
        frozen = self._standing(self._sequences, now_s)
        stands = {item.id for item in frozen}
        placements = self._plan.placements if self._plan is not None else ()
        following = next((p for p in placements if p.id not in stands and not p.committed), None)
        if following is not None:
            frozen.append(
                Committed(
                    id=following.id,
                    start_s=float(following.start_s),
                    telescope=following.telescope,
                )
            )
        return frozen

    def search_job(self, now_unix_s: float, lead_s: float) -> SearchJob | None:
        """The search that might improve the plan in force; None when there is nothing to search.

        Args:
            now_unix_s: The present.
            lead_s: Nothing new starts before so many seconds after it.
        """
        if self._instance is None or self._settings.search_iterations <= 0:
            return None
        now_s = max(now_unix_s - self._sky.start_unix_s, 0.0)
        known = {item.id: item for item in self._instance.sequences}
        frozen = tuple(item for item in self._frozen(now_s) if item.id in known)
        if len(frozen) == len(known):
            return None
        return SearchJob(
            version=self._version,
            instance=replace(
                self._instance,
                sequences=self._with_bonus(self._instance.sequences, frozen),
                committed=frozen,
                published=self._published_starts(known),
            ),
            now_s=now_s + lead_s,
            seed=self._version,
            iterations=self._settings.search_iterations,
            compiled=False,
        )

    def searched(self, answer: SearchAnswer, now_utc: datetime) -> PlanPublished | None:
        """A search's plan in force, or None when it is out of date, no better, or too late."""
        began_s = time.process_time()
        now_s = max(unix_from_datetime(now_utc) - self._sky.start_unix_s, 0.0)
        live, version = self._plan, self._version
        if live is None or not worth_publishing(
            answer, live, live_version=version, frozen=self._frozen(now_s), now_s=now_s
        ):
            return None
        plan = answer.plan
        trigger = f"better than plan {version}: {live.value:.1f} -> {plan.value:.1f}"
        return self._adopted(plan, "search", trigger, now_utc, began_s)

    def overdue(self, now_unix_s: float, waiting: set[str]) -> str | None:
        """What has not happened as planned, or None: nothing may be planned into the past."""
        now_s, late_s = now_unix_s - self._sky.start_unix_s, self._settings.late_s
        for identity, started_s in self._running.items():
            if identity not in self._sequences:
                continue
            placed = self._plan.placement(identity) if self._plan is not None else None
            planned_s = started_s + self._sequences[identity].duration_s
            end_s = max(planned_s, placed.end_s if placed is not None else 0.0)
            return f"{identity} overruns" if now_s > end_s + late_s else None
        if self._offered is not None and now_s - self._offered[1] <= late_s:
            return None
        self._offered = None
        for item in self.scheduled:
            if item.sequence_id in waiting:
                planned_s = unix_from_datetime(item.start_utc) - self._sky.start_unix_s
                late = now_s > planned_s + late_s
                return f"{item.sequence_id} has not begun" if late else None
        return None

    def near(self, until_utc: datetime) -> tuple[str, ...]:
        """Ids that are planned to start before an instant."""
        return tuple(i.sequence_id for i in self.scheduled if i.start_utc <= until_utc)

    def _in_words(self, entry: Entry) -> Sequence:
        """The sequence in the planner's words; windows are found once a night."""
        identity = entry.sequence.sequence_id
        if identity not in self._sequences:
            length_s = duration_s(entry.sequence, self._channel_times)
            windows_s, no_window = sequence_windows(self._sky, entry, length_s)
            self._sequences[identity] = planner_sequence(
                entry,
                self._programmes[entry.sequence.programme_id],
                windows_s,
                no_window,
                self._channel_times,
            )
        return self._sequences[identity]

    def is_bonus(self, sequence_id: str) -> bool:
        """Whether a sequence runs, or stands in the plan, beyond its programme's quota."""
        placed = self._plan.placement(sequence_id) if self._plan is not None else None
        return sequence_id in self._bonus or (placed is not None and placed.bonus)

    def _with_bonus(
        self, sequences: Iterable[Sequence], standing: Iterable[Committed]
    ) -> tuple[Sequence, ...]:
        """What stands beyond its quota goes on doing so, and takes no quota from the others."""
        beyond = {item.id for item in standing if self.is_bonus(item.id)}
        return tuple(as_bonus(item) if item.id in beyond else item for item in sequences)

    def _published_starts(self, sequences: Mapping[str, Sequence]) -> dict[str, float]:
        return {
            item.sequence_id: unix_from_datetime(item.start_utc) - self._sky.start_unix_s
            for item in self.scheduled
            if item.sequence_id in sequences
        }

    def next_start(self, now_unix_s: float, waiting: set[str]) -> ScheduledSequence | None:
        """What comes next in the plan's order, as early as its window allows.

        Starting early when the telescope is free costs nothing and keeps a reserve for clouds.
        """
        now_s = now_unix_s - self._sky.start_unix_s
        for item in self.scheduled:
            if item.sequence_id not in waiting:
                continue
            sequence = self._sequences[item.sequence_id]
            start_s = self._earliest_s(sequence, now_s)
            if start_s is None:
                continue
            planned_s = unix_from_datetime(item.start_utc) - self._sky.start_unix_s
            start_s = min(max(start_s, now_s), max(planned_s, now_s))
            # What is handed out to start now stands in the plans made until it has begun.
            self._offered = (item.sequence_id, start_s) if start_s <= now_s else None
            start_utc = datetime_from_unix(self._sky.start_unix_s + start_s)
            end_utc = datetime_from_unix(self._sky.start_unix_s + start_s + sequence.duration_s)
            return replace(item, start_utc=start_utc, end_utc=end_utc)
        return None

    def _earliest_s(self, sequence: Sequence, now_s: float) -> float | None:
        margin_s = self._settings.settle_s
        for low_s, high_s in sequence.windows_s:
            start_s = max(low_s, now_s)
            if start_s + sequence.duration_s + margin_s <= high_s + self._settings.fit_margin_s:
                return start_s
        return None

    def begun(self, sequence_id: str, now_unix_s: float) -> None:
        """A sequence runs: plans keep it where it is, and what it is charged as."""
        self._offered = None
        if self.is_bonus(sequence_id):
            self._bonus.add(sequence_id)
        self._running[sequence_id] = max(now_unix_s - self._sky.start_unix_s, 0.0)

    def places(self, sequence_id: str) -> bool:
        """Whether the last plan has a place for it."""
        return any(item.sequence_id == sequence_id for item in self.scheduled)

    def ended(self, sequence_id: str) -> None:
        """A sequence has ended."""
        self._running.pop(sequence_id, None)
        self._bonus.discard(sequence_id)

    def reasons(self) -> dict[str, str]:
        """Why the last plan left sequences out, by id."""
        return {item.sequence_id: item.text for item in self._not_scheduled}

    def state_moves(self, book: Book) -> tuple[Move, ...]:
        """What the last plan means for the states: PLANNED, back to TO_BE_PLANNED, UNPLANNABLE."""
        moves: list[Move] = []
        for item in self.scheduled:
            entry = book.entries.get(item.sequence_id)
            if entry is not None and entry.state in _PLANNABLE:
                moves += book.move(
                    item.sequence_id,
                    SequenceState.PLANNED,
                    f"at {item.start_utc:%H:%M:%S} by plan {self._version}",
                )
        for left_out in self._not_scheduled:
            entry = book.entries.get(left_out.sequence_id)
            if entry is None or entry.state not in WAITING:
                continue
            if left_out.code in _UNPLANNABLE_CODES:
                moves += book.move(left_out.sequence_id, SequenceState.UNPLANNABLE, left_out.text)
            elif entry.state is not SequenceState.TO_BE_PLANNED:
                moves += book.move(left_out.sequence_id, SequenceState.TO_BE_PLANNED, left_out.text)
        return tuple(moves)
