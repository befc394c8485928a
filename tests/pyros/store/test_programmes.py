"""Tests of programmes and the ledger of their time."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from itertools import pairwise

import pytest

from pyros.domain.programme import Grade, ScientificProgramme
from pyros.domain.sequence import SequenceState
from pyros.scheduling.quota_ledger import Account, QuotaExceededError
from pyros.store import LedgerEntry, StateMove, Store, StoreConflictError

pytestmark = pytest.mark.asyncio


S = SequenceState


def _programme(programme_id: str, share: float = 0.25) -> ScientificProgramme:
    return ScientificProgramme(
        programme_id=programme_id,
        name=programme_id.upper(),
        grade=Grade.A,
        night_share=share,
        semester_quota_s=200_000.0,
    )


async def test_programmes_are_replaced_by_id(store: Store):
    """Saving the configuration again brings changes and keeps the others."""
    await store.programmes.save([_programme("b"), _programme("a")])
    await store.programmes.save([_programme("b", share=0.5)])
    assert await store.programmes.all() == [_programme("a"), _programme("b", share=0.5)]


async def test_ledger_adds_up_charges_and_refunds_by_night(store: Store, at):
    """What a programme used is what was charged less what was given back, in the nights asked."""

    def entry(night: str, kind: str, seconds: float) -> LedgerEntry:
        return LedgerEntry(
            programme_id="agn",
            night=night,
            sequence_id="s",
            kind=kind,  # type: ignore[arg-type]  # both are written below
            seconds=seconds,
            reason="",
            time_utc=at(0),
        )

    await store.programmes.book(
        [
            entry("2026-11-22", "charge", 100.0),
            entry("2026-11-23", "charge", 60.0),
            entry("2026-11-23", "refund", 15.0),
        ]
    )
    assert await store.programmes.used_s() == {"agn": 145.0}
    assert await store.programmes.used_s(from_night="2026-11-23") == {"agn": 45.0}
    assert await store.programmes.used_s(until_night="2026-11-22") == {"agn": 100.0}
    kinds = [entry.kind for entry in await store.programmes.ledger("agn")]
    assert kinds == ["refund", "charge", "charge"]
    assert await store.programmes.ledger("sn") == []


def _entry(at, night: str, kind: str, seconds: float, telescope: str = "t1") -> LedgerEntry:
    return LedgerEntry(
        programme_id="agn",
        night=night,
        sequence_id="s",
        kind=kind,  # type: ignore[arg-type]  # the tests write all kinds
        seconds=seconds,
        reason="",
        time_utc=at(0),
        telescope=telescope,
    )


async def test_bonus_is_booked_and_never_counted(store: Store, at):
    """Time beyond the quota stands in the ledger and in the account, not in what is used."""
    await store.programmes.save([_programme("agn")])
    await store.programmes.book(
        [
            _entry(at, "2026-11-22", "charge", 100.0),
            _entry(at, "2026-11-23", "charge", 60.0, "t2"),
            _entry(at, "2026-11-23", "bonus", 900.0),
            _entry(at, "2026-11-23", "refund", 10.0),
        ]
    )
    assert await store.programmes.used_s() == {"agn": 150.0}
    tonight = {"from_night": "2026-11-23", "until_night": "2026-11-23"}
    assert await store.programmes.used_s(**tonight, telescope="t2") == {"agn": 60.0}
    assert await store.programmes.used_s(**tonight, telescope="t1") == {"agn": -10.0}
    assert (await store.programmes.accounts())["agn"] == Account(
        programme="agn", allocation_s=200_000.0, night_share=0.25, charged_s=150.0, bonus_s=900.0
    )


async def test_semester_begins_on_its_night(store: Store, at):
    """What was done, charged or as bonus, before the semester's first night is not counted."""
    await store.programmes.save([replace(_programme("agn"), semester_from="2026-11-23")])
    await store.programmes.book(
        [
            _entry(at, "2026-11-22", "charge", 100.0),
            _entry(at, "2026-11-22", "bonus", 50.0),
            _entry(at, "2026-11-23", "charge", 60.0),
        ]
    )
    account = (await store.programmes.accounts())["agn"]
    assert (account.charged_s, account.bonus_s) == (60.0, 0.0)


def _moves(at, sequence_id: str, *states: SequenceState) -> list[StateMove]:
    return [
        StateMove(sequence_id=sequence_id, old=old, new=new, reason="", time_utc=at(1))
        for old, new in pairwise(states)
    ]


async def test_submitted_time_is_reserved_until_its_sequence_ends(store: Store, request_of, at):
    """Reserved when stored, held while it may run, given back by each way of ending."""
    await store.programmes.save([_programme("agn")])
    asked = request_of("a", sequences=6)
    carried = replace(asked.sequences[5], carry_over=True)
    asked = replace(asked, sequences=(*asked.sequences[:5], carried))
    seconds = {item.sequence_id: 10.0**i for i, item in enumerate(asked.sequences)}
    await store.requests.add(asked, submitted_by="x", submitted_utc=at(0), reserved_s=seconds)

    async def reserved_s() -> float:
        return (await store.programmes.accounts())["agn"].reserved_s

    assert await reserved_s() == 111_111.0
    assert (await store.requests.states())["a-s3"].reserved_s == 100.0
    executed = (S.SUBMITTED, S.TO_BE_PLANNED, S.EXECUTING)
    await store.requests.move(_moves(at, "a-s1", *executed))
    assert await reserved_s() == 111_111.0
    await store.requests.move(_moves(at, "a-s1", S.EXECUTING, S.COMPLETED))
    assert await reserved_s() == 111_110.0
    await store.requests.move(_moves(at, "a-s2", *executed, S.FAILED))
    assert await reserved_s() == 111_100.0
    await store.requests.move(_moves(at, "a-s3", *executed, S.INTERRUPTED))
    assert await reserved_s() == 111_000.0
    await store.requests.move(_moves(at, "a-s4", S.SUBMITTED, S.TO_BE_PLANNED, S.CANCELLED))
    assert await reserved_s() == 110_000.0
    await store.requests.move(_moves(at, "a-s5", S.SUBMITTED, S.TO_BE_PLANNED, S.UNPLANNABLE))
    await store.requests.move(_moves(at, "a-s6", *executed, S.INTERRUPTED))
    assert await reserved_s() == 110_000.0
    await store.requests.close("a", time_utc=at(2))
    assert await reserved_s() == 0.0


async def test_request_beyond_the_semester_leaves_nothing_behind(store: Store, request_of, at):
    """All sequences or none: one second over, and neither rows nor reservations are there."""
    await store.programmes.save([_programme("agn")])
    await store.programmes.book([_entry(at, "2026-11-22", "charge", 150_000.0)])
    half = {"a-s1": 25_000.0, "a-s2": 25_000.5}
    with pytest.raises(QuotaExceededError, match=r"50000 s of its 200000 s left.*: 1 s over"):
        await store.requests.add(
            request_of("a"), submitted_by="x", submitted_utc=at(0), reserved_s=half
        )
    assert await store.requests.open_requests() == []
    assert (await store.programmes.accounts())["agn"].left_s == 50_000.0
    fits = {"a-s1": 25_000.0, "a-s2": 25_000.0}
    await store.requests.add(
        request_of("a"), submitted_by="x", submitted_utc=at(0), reserved_s=fits
    )
    assert (await store.programmes.accounts())["agn"].left_s == 0.0


async def test_requests_at_once_do_not_share_what_is_left(store: Store, request_of, at):
    """Of many submitted in the same moment just so many are taken as fit."""
    await store.programmes.save([_programme("agn")])
    answers = await asyncio.gather(
        *(
            store.requests.add(
                request_of(f"r{number}", sequences=1),
                submitted_by="x",
                submitted_utc=at(0),
                reserved_s={f"r{number}-s1": 60_000.0},
            )
            for number in range(8)
        ),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, QuotaExceededError)]
    assert len(refused) == 5
    assert len(await store.requests.open_requests()) == 3


async def test_time_is_not_reserved_for_an_unknown_programme(store: Store, request_of, at):
    """Whose quota it is must be known; the text says what to do."""
    with pytest.raises(StoreConflictError, match="programme agn is not stored; save it first"):
        await store.requests.add(
            request_of("a"), submitted_by="x", submitted_utc=at(0), reserved_s={"a-s1": 1.0}
        )


@pytest.mark.parametrize("seconds", [-1.0, math.nan])
async def test_ledger_refuses_negative_amounts(at, seconds: float):
    """A negative charge would be a refund that nobody sees."""
    with pytest.raises(ValueError, match="book the other kind"):
        LedgerEntry(
            programme_id="agn",
            night="n",
            sequence_id="s",
            kind="charge",
            seconds=seconds,
            reason="",
            time_utc=at(0),
        )
