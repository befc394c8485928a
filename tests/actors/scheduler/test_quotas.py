"""Quotas as the observatory lives with them: a real scheduler, its database, and a night."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from actors.journal.messages import JournalEntry
from actors.scheduler.actor import Scheduler
from actors.scheduler.messages import (
    EndNight,
    GetNext,
    ProgrammeTime,
    QuotasChanged,
    SequenceBegun,
    StartNight,
    Submit,
)
from actors.scheduler.settings import SchedulerSettings
from actors.sequencer.messages import SequenceEnded
from pyros.actor import Actor, ChildSpec, Message, Rejected
from pyros.clock import datetime_from_unix
from pyros.domain.programme import Grade, ScientificProgramme
from pyros.domain.request import Request, RequestKind, RequestStrategy
from pyros.domain.sequence import Album, ChannelTimes, Plan, Sequence, SequenceState
from pyros.domain.target import Target
from pyros.sky import Night, Site
from pyros.store import Store
from pyros.testing import simulated_system

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pyros.actor import ActorRef, ActorSystem

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("pyros_virtual_loop")]

S = SequenceState
SITE = Site(latitude_deg=31.044, longitude_deg=-115.464, height_m=2830.0)
NIGHT = "2026-11-23"
SPAN = Night(SITE, NIGHT).span(-12.0)
assert SPAN is not None
START_S, END_S = SPAN
DARK_S = END_S - START_S
LONG_S = 20 * 62.0 + 5.0
"""What a sequence takes: twenty exposures of a minute with readouts, one filter."""


def request(
    name: str,
    *,
    sequences: int = 1,
    first_ra_deg: float = 350.0,
    alert: bool = False,
    strategy: RequestStrategy = RequestStrategy.BEST_EFFORT,
) -> Request:
    """So many sequences of twenty minutes, one east of the other."""
    alert_id = "a1" if alert else None
    return Request(
        request_id=name,
        programme_id="p",
        kind=RequestKind.ALERT if alert else RequestKind.ROUTINE,
        name=name,
        strategy=strategy,
        alert_id=alert_id,
        sequences=tuple(
            Sequence(
                sequence_id=f"{name}-{number}",
                request_id=name,
                programme_id="p",
                name=f"field {number}",
                target=Target(name="field", ra_deg=(first_ra_deg + 5 * number) % 360, dec_deg=31.0),
                albums=(
                    Album(
                        channel="cam-vis",
                        plans=(Plan(filter_name="r", exposure_s=60.0, count=20),),
                    ),
                ),
                alert_id=alert_id,
            )
            for number in range(1, sequences + 1)
        ),
    )


class Sink(Actor):
    """Takes what is told to it."""

    async def on_receive(self, message: Message) -> None:
        """Nothing comes of it."""


class Listener(Actor):
    """Keeps the accounts last told, and the journal's warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.told: QuotasChanged | None = None
        self.warnings: list[JournalEntry] = []

    async def on_start(self) -> None:
        """Listen."""
        self.subscribe(QuotasChanged, JournalEntry)

    async def on_receive(self, message: Message) -> None:
        """Keep."""
        match message:
            case QuotasChanged():
                self.told = message
            case JournalEntry(severity="warning"):
                self.warnings.append(message)
            case _:
                pass


@dataclass(kw_only=True)
class Stage:
    """A scheduler at work."""

    system: ActorSystem
    store: Store
    scheduler: ActorRef[Any]
    listener: Listener

    async def time(self) -> ProgrammeTime:
        """What the programme's time is told to be, once all has been heard."""
        await self.settle()
        assert self.listener.told is not None
        return self.listener.told.programmes[0]

    async def settle(self) -> None:
        """Let coalesced plans be made: a virtual second."""
        await asyncio.sleep(1.0)

    async def start_night(self) -> dict[str, bool]:
        """Begin the night; whether each placement is bonus, by sequence."""
        plan = await self.scheduler.ask(
            StartNight(
                night=NIGHT,
                dark_start_utc=datetime_from_unix(START_S),
                dark_end_utc=datetime_from_unix(END_S),
            )
        )
        return {item.sequence_id: item.bonus for item in plan.scheduled}

    async def execute(
        self,
        sequence: Sequence,
        used_s: float,
        state: SequenceState = S.COMPLETED,
        reason: str = "as the test wants",
    ) -> None:
        """Run a sequence for a while and end it."""
        began_utc = self.system.clock.now()
        ended_utc = began_utc + timedelta(seconds=used_s)
        self.scheduler.tell(SequenceBegun(sequence=sequence, expected_end_utc=ended_utc))
        await self.settle()
        told = replace(ended(sequence, state, used_s, began_utc), reason=reason)
        self.system.events.publish(told)
        await self.settle()

    async def kinds(self) -> dict[str, tuple[str, float]]:
        """Kind and seconds of each booking, by sequence."""
        entries = await self.store.programmes.ledger("p")
        return {entry.sequence_id: (entry.kind, entry.seconds) for entry in entries}


def ended(
    sequence: Sequence, state: SequenceState, used_s: float, began_utc: datetime
) -> SequenceEnded:
    """How the sequencer tells of an end."""
    return SequenceEnded(
        sequence_id=sequence.sequence_id, request_id=sequence.request_id, state=state,
        reason="", frames=3, used_s=used_s, started_utc=began_utc,
        ended_utc=began_utc + timedelta(seconds=used_s), alert_id=sequence.alert_id,
    )  # fmt: skip


@asynccontextmanager
async def stage(
    store: Store,
    *,
    quota_s: float,
    share: float = 1.0,
    nightly: tuple[Request, ...] = (),
    readout_s: float = 2.0,
) -> AsyncIterator[Stage]:
    """A scheduler of one telescope on a store, at the beginning of the dark time."""
    programme = ScientificProgramme(
        programme_id="p", name="p", grade=Grade.A, night_share=share, semester_quota_s=quota_s
    )
    times = {"cam-vis": ChannelTimes(readout_s=readout_s, filter_change_s=5.0)}
    await store.programmes.save([programme])
    async with simulated_system() as system:
        await asyncio.sleep(max(0.0, START_S - system.clock.unix_s()))
        listener = Listener()
        await system.spawn(ChildSpec(name="listener", factory=lambda: listener))
        archive = await system.spawn(ChildSpec(name="archive", factory=Sink))
        scheduler = await system.spawn(
            ChildSpec(
                name="scheduler",
                factory=lambda: Scheduler(
                    unit="t1", site=SITE, store=store, programmes=(programme,), nightly=nightly,
                    channel_times=times, channels_by_unit={"t1": ("cam-vis",)},
                    settings=SchedulerSettings(search_iterations=0), archive=archive,
                ),
            )
        )  # fmt: skip
        yield Stage(system=system, store=store, scheduler=scheduler, listener=listener)


async def pragma(store: Store, words: str) -> int:
    """Read or set one of SQLite's numbers on the connection that writes."""
    return await store.database.write(
        lambda c: int(c.exec_driver_sql(f"PRAGMA {words}").scalar_one())
    )


async def test_submission_beyond_the_semester_is_refused_whole() -> None:
    """One clear line, and nothing of the request is kept; what fits is taken and reserved."""
    async with Store(None) as store, stage(store, quota_s=2.5 * LONG_S) as on:
        await on.start_night()
        with pytest.raises(Rejected) as refused:
            await on.scheduler.ask(Submit(request=request("big", sequences=3)))
        line = str(refused.value)
        assert "\n" not in line
        assert line.startswith("request big is refused: programme p has 3112 s of its 3112 s left")
        assert "3735 s are asked: 623 s over; shorten it" in line
        assert await store.requests.get("big") is None
        assert await on.scheduler.ask(GetNext()) is None
        assert await on.scheduler.ask(Submit(request=request("small", sequences=2))) == (
            "small-1",
            "small-2",
        )
        told = await on.time()
        assert (told.reserved_s, told.left_s) == (2 * LONG_S, 0.5 * LONG_S)
        assert told.left_tonight_s == 2.5 * LONG_S  # its own reservations do not count twice
        with pytest.raises(Rejected, match="622 s of its 3112 s left"):
            await on.scheduler.ask(Submit(request=request("more")))


async def test_what_was_accepted_to_the_last_second_is_no_bonus() -> None:
    """Plans count whole seconds, and so do reservations: three of 1245.6 s fill 3738 s."""
    async with Store(None) as store, stage(store, quota_s=3738.0, readout_s=2.03) as on:
        await on.scheduler.ask(Submit(request=request("r", sequences=3)))
        assert set((await on.start_night()).values()) == {False}
        told = await on.time()
        assert (told.reserved_s, told.left_s) == (3738.0, 0.0)


async def test_time_beyond_the_night_share_is_bonus_and_leaves_the_quota() -> None:
    """The plan flags it, the ledger books it so, and only what counts is taken from semester."""
    share = 2.5 * LONG_S / DARK_S
    async with Store(None) as store, stage(store, quota_s=1e5, share=share) as on:
        asked = request("r", sequences=5)
        await on.scheduler.ask(Submit(request=asked))
        bonus = await on.start_night()
        assert sorted(bonus.values()) == [False, False, True, True, True]
        for _ in asked.sequences:
            following = await on.scheduler.ask(GetNext())
            await on.execute(following.sequence, 1300.0)
        kinds = await on.kinds()
        assert sorted(kinds.values()) == [("bonus", 1300.0)] * 3 + [("charge", 1300.0)] * 2
        await on.scheduler.ask(EndNight(night=NIGHT))
        told = await on.time()
        assert (told.charged_s, told.bonus_s, told.reserved_s) == (2600.0, 3900.0, 0.0)
        assert told.left_s == 1e5 - 2600.0
        assert (await store.programmes.accounts())["p"].left_s == told.left_s


async def test_what_began_as_bonus_is_booked_as_bonus_after_new_plans() -> None:
    """Plans made while it runs do not turn it into a charge."""
    async with Store(None) as store, stage(store, quota_s=1e5, share=0.0) as on:
        asked = request("r", sequences=3)
        await on.scheduler.ask(Submit(request=asked))
        assert set((await on.start_night()).values()) == {True}
        following = await on.scheduler.ask(GetNext())
        on.scheduler.tell(
            SequenceBegun(sequence=following.sequence, expected_end_utc=following.end_utc)
        )
        for number in range(3):
            await on.settle()
            later = request(f"later-{number}", first_ra_deg=30.0)
            await on.scheduler.ask(Submit(request=later))
        await on.settle()
        now_utc = on.system.clock.now()
        on.system.events.publish(ended(following.sequence, S.COMPLETED, 1250.0, now_utc))
        await on.settle()
        assert await on.kinds() == {following.sequence.sequence_id: ("bonus", 1250.0)}


@pytest.mark.parametrize("state", [S.INTERRUPTED, S.FAILED])
async def test_what_was_not_used_is_given_back(state: SequenceState) -> None:
    """An interrupted or failed sequence costs what it took; siblings it cancels cost nothing."""
    async with Store(None) as store, stage(store, quota_s=3.0 * LONG_S) as on:
        asked = request("r", sequences=3, strategy=RequestStrategy.ALL_OR_NOTHING)
        await on.scheduler.ask(Submit(request=asked))
        await on.start_night()
        assert (await on.time()).left_s == 0.0
        await on.execute(asked.sequences[0], 200.0, state)
        told = await on.time()
        assert (told.charged_s, told.reserved_s) == (200.0, 0.0)
        assert told.left_s == 3.0 * LONG_S - 200.0
        assert await on.scheduler.ask(Submit(request=request("again", sequences=2)))


async def test_what_is_carried_over_keeps_its_time() -> None:
    """Interrupted and begun anew another night: charged for what it took, reserved again."""
    async with Store(None) as store, stage(store, quota_s=3.0 * LONG_S) as on:
        asked = request("r")
        asked = replace(asked, sequences=(replace(asked.sequences[0], carry_over=True),))
        await on.scheduler.ask(Submit(request=asked))
        await on.start_night()
        await on.execute(asked.sequences[0], 200.0, S.INTERRUPTED)
        told = await on.time()
        assert (told.charged_s, told.reserved_s) == (200.0, LONG_S)


async def test_alert_waives_the_quota() -> None:
    """A burst is taken, placed and charged where nothing is left; no routine request is."""
    async with Store(None) as store, stage(store, quota_s=0.0) as on:
        with pytest.raises(Rejected, match="has 0 s of its 0 s left"):
            await on.scheduler.ask(Submit(request=request("r")))
        burst = request("burst", alert=True)
        await on.scheduler.ask(Submit(request=burst))
        assert await on.start_night() == {"burst-1": False}
        await on.execute(burst.sequences[0], 700.0)
        assert await on.kinds() == {"burst-1": ("charge", 700.0)}
        assert (await on.time()).reserved_s == 0.0


async def test_nightly_request_beyond_the_semester_is_refused_in_the_journal() -> None:
    """What is asked every night is taken while the semester lasts, then refused by one line."""
    nightly = (request("one"), request("two", sequences=2), request("three"))
    async with Store(None) as store, stage(store, quota_s=2.2 * LONG_S, nightly=nightly) as on:
        placed = await on.start_night()
        assert set(placed) == {"one-1-20261123", "three-1-20261123"}
        await on.settle()
        (line,) = on.listener.warnings
        assert line.subject == "two-20261123"
        assert "request two-20261123 is refused: programme p has 1494 s" in line.text


async def test_what_expires_with_the_night_is_given_back() -> None:
    """Nothing of it ran: the whole reservation is free again, and everyone is told."""
    async with Store(None) as store, stage(store, quota_s=3.0 * LONG_S) as on:
        await on.scheduler.ask(Submit(request=request("r", sequences=3)))
        await on.start_night()
        assert (await on.time()).left_s == 0.0
        await on.scheduler.ask(EndNight(night=NIGHT))
        told = await on.time()
        assert (told.left_s, told.reserved_s) == (3.0 * LONG_S, 0.0)
        assert told.left_tonight_s is None
        assert await on.kinds() == {}


async def test_restarted_scheduler_holds_what_was_reserved() -> None:
    """The accounts are the database's: nothing is reserved twice, nothing is forgotten."""
    async with Store(None) as store:
        async with stage(store, quota_s=3.0 * LONG_S) as on:
            asked = request("r", sequences=2)
            await on.scheduler.ask(Submit(request=asked))
            await on.start_night()
            await on.execute(asked.sequences[0], 300.0)
        async with stage(store, quota_s=3.0 * LONG_S) as on:
            told = await on.time()
            assert (told.charged_s, told.reserved_s) == (300.0, LONG_S)
            bonus = await on.start_night()
            assert bonus == {"r-2": False}
            told = await on.time()
            assert told.left_tonight_s == 3.0 * LONG_S - 300.0


async def test_full_disk_hides_no_use_from_the_plan(tmp_path: Path) -> None:
    """While bookings wait for the database, tonight's plans count on what was really used."""
    async with Store(tmp_path) as store, stage(store, quota_s=4.0 * LONG_S) as on:
        asked = request("r", sequences=3)
        await on.scheduler.ask(Submit(request=asked))
        await on.start_night()
        before = await on.time()
        pages = await pragma(store, "page_count")
        await pragma(store, f"max_page_count = {pages}")
        await on.execute(asked.sequences[0], 400.0, reason="long " * 50_000)
        told = await on.time()
        assert await on.kinds() == {}
        assert (told.charged_s, told.reserved_s) == (400.0, before.reserved_s - LONG_S)
        assert told.left_tonight_s == 4.0 * LONG_S - 400.0
        await pragma(store, "max_page_count = 1000000")
        await on.execute(asked.sequences[1], 500.0)
        assert set((await on.kinds()).values()) == {("charge", 400.0), ("charge", 500.0)}
        assert (await on.time()).charged_s == 900.0
