"""Tests of requests, their sequences' states, and what moves with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyros.domain.request import Request, RequestKind, RequestStrategy
from pyros.domain.sequence import Album, Plan, Sequence, SequenceState
from pyros.domain.target import Target
from pyros.store import LedgerEntry, StateMove, Store, StoreConflictError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.asyncio

S = SequenceState


def _move(
    sequence_id: str, old: S, new: S, time_utc: datetime, reason: str = "because"
) -> StateMove:
    return StateMove(sequence_id=sequence_id, old=old, new=new, reason=reason, time_utc=time_utc)


async def test_request_comes_back_as_it_was_stored(store: Store, request_of, at):
    """Request, sequences, albums and plans survive in their order."""
    asked = request_of("sn-1", sequences=3)
    await store.requests.add(asked, submitted_by="ana", submitted_utc=at(0))
    assert await store.requests.get("sn-1") == asked
    assert await store.requests.get("sn-2") is None


finite = st.floats(-1e6, 1e6)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
instants = st.datetimes(timezones=st.just(UTC))
plans = st.builds(
    Plan, filter_name=texts, exposure_s=finite, count=st.integers(1, 99), dither_arcsec=finite
)
albums = st.builds(Album, channel=texts, plans=st.lists(plans, max_size=3).map(tuple))
targets = st.builds(
    Target,
    name=texts,
    ra_deg=st.floats(0, 360, exclude_max=True),
    dec_deg=st.floats(-90, 90),
    pm_ra_mas_yr=finite,
    pm_dec_mas_yr=finite,
    epoch_jyear=st.floats(1900, 2100),
)


@st.composite
def requests(draw: Callable[..., object], number: int) -> Request:
    sequences = draw(
        st.lists(
            st.builds(
                Sequence,
                sequence_id=st.just("?"),
                request_id=st.just(f"r{number}"),
                programme_id=texts,
                name=texts,
                target=targets,
                albums=st.lists(albums, max_size=3).map(tuple),
                priority_delta=st.integers(-5, 5),
                earliest_utc=st.none() | instants,
                latest_utc=st.none() | instants,
                mandatory=st.booleans(),
                carry_over=st.booleans(),
                alert_id=st.none() | texts,
                latest_start_utc=st.none() | instants,
            ),
            min_size=1,
            max_size=3,
        )
    )
    assert isinstance(sequences, list)
    return Request(
        request_id=f"r{number}",
        programme_id=str(draw(texts)),
        kind=RequestKind.ALERT,
        name=str(draw(texts)),
        strategy=RequestStrategy.ALL_OR_NOTHING,
        alert_id=str(draw(texts)),
        sequences=tuple(
            replace(one, sequence_id=f"r{number}-{i}") for i, one in enumerate(sequences)
        ),
    )


_numbers = iter(range(1_000_000))


@given(data=st.data())
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("data_dir", ["memory"], indirect=True)
async def test_any_request_survives_the_database(store: Store, data):
    """Whatever the domain allows comes back equal."""
    asked = data.draw(requests(next(_numbers)))
    await store.requests.add(
        asked, submitted_by="x", submitted_utc=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert await store.requests.get(asked.request_id) == asked


async def test_open_requests_come_in_the_order_submitted(store: Store, request_of, at):
    """The scheduler starts from what is not closed, oldest first."""
    for number, name in enumerate(["b", "a", "c"]):
        await store.requests.add(request_of(name), submitted_by="x", submitted_utc=at(number))
    assert [r.request_id for r in await store.requests.open_requests()] == ["b", "a", "c"]


async def test_taken_id_is_a_conflict_and_writes_nothing(store: Store, request_of, line, at):
    """A second request under one id leaves neither rows nor a journal line."""
    await store.requests.add(request_of("a"), submitted_by="x", submitted_utc=at(0))
    with pytest.raises(StoreConflictError, match="UNIQUE"):
        await store.requests.add(
            request_of("a"), submitted_by="x", submitted_utc=at(1), lines=[line("again")]
        )
    assert await store.journal.last_seq() == 0


async def test_move_writes_state_line_and_ledger_together(store: Store, request_of, line, at):
    """One transaction: the state, why, and what it costs."""
    await store.requests.add(request_of("a"), submitted_by="x", submitted_utc=at(0))
    seqs = await store.requests.move(
        [
            _move("a-s1", S.SUBMITTED, S.TO_BE_PLANNED, at(5), "valid"),
            _move("a-s1", S.TO_BE_PLANNED, S.PLANNED, at(6), "placed at 20:10"),
        ],
        lines=[line("placed")],
        ledger=[_entry(at(6))],
    )
    assert seqs == (1,)
    state = (await store.requests.states())["a-s1"]
    assert (state.state, state.reason, state.since_utc) == (S.PLANNED, "placed at 20:10", at(6))
    assert await store.programmes.used_s() == {"agn": 510.0}


def _entry(time_utc: datetime) -> LedgerEntry:
    return LedgerEntry(
        programme_id="agn",
        night="2026-11-23",
        sequence_id="a-s1",
        kind="charge",
        seconds=510.0,
        reason="planned",
        time_utc=time_utc,
    )


@pytest.mark.parametrize("wrong", ["a-s2", "nobody"])
async def test_move_from_a_state_it_is_not_in_changes_nothing(
    store: Store, request_of, line, at, wrong: str
):
    """One wrong move and neither states, nor journal, nor ledger change."""
    await store.requests.add(request_of("a"), submitted_by="x", submitted_utc=at(0))
    with pytest.raises(StoreConflictError, match=f"{wrong}: cannot move PLANNED -> PENDING"):
        await store.requests.move(
            [
                _move("a-s1", S.SUBMITTED, S.TO_BE_PLANNED, at(5)),
                _move(wrong, S.PLANNED, S.PENDING, at(5)),
            ],
            lines=[line("no")],
            ledger=[_entry(at(5))],
        )
    states = await store.requests.states()
    assert {state.state for state in states.values()} == {S.SUBMITTED}
    assert await store.journal.last_seq() == 0
    assert await store.programmes.used_s() == {}


async def test_request_closes_only_when_every_sequence_is_final(store: Store, request_of, at):
    """A directory may lose `_active` only when nothing can come any more."""
    await store.requests.add(request_of("a"), submitted_by="x", submitted_utc=at(0))
    await store.requests.move([_move("a-s1", S.SUBMITTED, S.REJECTED, at(1))])
    with pytest.raises(StoreConflictError, match="cannot close while a-s2 is not"):
        await store.requests.close("a", time_utc=at(2))
    await store.requests.move([_move("a-s2", S.SUBMITTED, S.CANCELLED, at(3))])
    assert await store.requests.closed(["a", "b"]) == []
    await store.requests.close("a", time_utc=at(4))
    assert await store.requests.closed(["a", "b"]) == ["a"]
    assert await store.requests.open_requests() == []
    assert await store.requests.states() == {}
    assert set(await store.requests.states(["a"])) == {"a-s1", "a-s2"}
