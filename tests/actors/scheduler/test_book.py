"""The scheduler's book: which moves an event leads to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.scheduler.book import Book, Move
from actors.scheduler.nightly import request_of_night
from pyros.domain.request import Request, RequestKind, RequestStrategy
from pyros.domain.sequence import (
    FINAL_STATES,
    TRANSITIONS,
    Album,
    Plan,
    Sequence,
    SequenceState,
    may_become,
)
from pyros.domain.target import Target

S = SequenceState


def sequence(identity: str, **changes: object) -> Sequence:
    made = Sequence(
        sequence_id=identity,
        request_id="r",
        programme_id="p",
        name=identity,
        target=Target(name="M 31", ra_deg=10.68479, dec_deg=41.26906),
        albums=(Album(channel="cam-vis", plans=(Plan(filter_name="r", exposure_s=30, count=2),)),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def book(*sequences: Sequence, strategy: RequestStrategy = RequestStrategy.BEST_EFFORT) -> Book:
    filled = Book()
    request = Request(
        request_id="r",
        programme_id="p",
        kind=RequestKind.ROUTINE,
        name="r",
        sequences=sequences,
        strategy=strategy,
    )
    filled.add(request, {})
    return filled


def in_state(filled: Book, identity: str, state: SequenceState) -> None:
    filled.entries[identity].state = state


def test_a_restart_interrupts_what_was_running_and_plans_anew() -> None:
    """Nothing is believed to run after a crash; nothing planned is lost."""
    filled = book(sequence("a"), sequence("b"), sequence("c"))
    in_state(filled, "a", S.EXECUTING)
    in_state(filled, "b", S.PENDING)
    filled.apply(filled.recovered())
    assert filled.entries["a"].state is S.INTERRUPTED
    assert filled.entries["b"].state is S.TO_BE_PLANNED
    assert filled.entries["c"].state is S.TO_BE_PLANNED


def test_the_end_of_the_night_leaves_only_final_states() -> None:
    """What was not begun expires with its reason, or waits when it may be carried over."""
    filled = book(sequence("a"), sequence("b", carry_over=True))
    filled.apply(filled.night_started())
    filled.apply(filled.night_ended({"a": "outbid by M 33"}))
    assert filled.entries["a"].state is S.EXPIRED
    assert filled.entries["a"].reason == "outbid by M 33"
    assert filled.entries["b"].state is S.UNPLANNABLE
    filled.apply(filled.night_started())
    assert filled.entries["b"].state is S.TO_BE_PLANNED


@pytest.mark.parametrize("end", [S.FAILED, S.INTERRUPTED])
def test_all_or_nothing_cancels_the_siblings(end: SequenceState) -> None:
    """One that fails takes those that have not begun with it; what runs goes on."""
    filled = book(
        sequence("a"),
        sequence("b"),
        sequence("c"),
        strategy=RequestStrategy.ALL_OR_NOTHING,
    )
    filled.apply(filled.night_started())
    in_state(filled, "c", S.EXECUTING)
    moves = filled.consequences("a", end)
    assert [(move.sequence_id, move.new) for move in moves] == [("b", S.CANCELLED)]
    assert not filled.consequences("a", S.COMPLETED)


def test_best_effort_spares_the_siblings_unless_it_was_mandatory() -> None:
    """Only a mandatory sequence drags others down."""
    assert not book(sequence("a"), sequence("b")).consequences("a", S.FAILED)
    filled = book(sequence("a", mandatory=True), sequence("b"))
    assert [move.sequence_id for move in filled.consequences("a", S.FAILED)] == ["b"]


def test_a_request_without_its_device_is_not_finished_before_the_night_is() -> None:
    """A camera that comes back brings back what needs it; in the morning it is too late."""
    filled = book(sequence("a"))
    in_state(filled, "a", S.UNPLANNABLE)
    assert filled.finished_requests(night_over=False) == ()
    assert filled.finished_requests(night_over=True) == ("r",)


def test_a_request_is_finished_when_nothing_of_it_can_run_again() -> None:
    """A carried-over sequence keeps its request open."""
    filled = book(sequence("a"), sequence("b", carry_over=True))
    in_state(filled, "a", S.COMPLETED)
    in_state(filled, "b", S.INTERRUPTED)
    assert filled.finished_requests(night_over=True) == ()
    in_state(filled, "b", S.COMPLETED)
    assert filled.finished_requests(night_over=True) == ("r",)
    filled.forget("r")
    assert not filled.entries


@given(start=st.sampled_from(S), goal=st.sampled_from(S))
def test_moves_follow_the_state_machine(start: SequenceState, goal: SequenceState) -> None:
    """Whatever is asked, only edges of the machine are walked, and they lead there or nowhere."""
    filled = book(sequence("a"))
    in_state(filled, "a", start)
    moves: tuple[Move, ...] = filled.move("a", goal, "asked")
    state = start
    for move in moves:
        assert move.old is state
        assert may_become(move.old, move.new)
        state = move.new
    assert not moves or state is goal


def test_every_state_has_its_edges_and_final_states_never_run_again() -> None:
    """The machine is whole: no state is forgotten, and what is over stays over."""
    assert set(TRANSITIONS) == set(S)
    for state in (S.COMPLETED, S.FAILED, S.EXPIRED, S.REJECTED, S.CANCELLED):
        assert not TRANSITIONS[state]
        assert state in FINAL_STATES


def test_nightly_requests_get_the_night_into_their_ids() -> None:
    """Two nights make two requests that never collide."""
    template = next(iter(book(sequence("a"), sequence("b")).entries.values())).request
    first, second = (request_of_night(template, night) for night in ("2026-11-23", "2026-11-24"))
    assert first.request_id == "r-20261123"
    assert [one.sequence_id for one in first.sequences] == ["a-20261123", "b-20261123"]
    assert all(one.request_id == first.request_id for one in first.sequences)
    assert not {one.sequence_id for one in first.sequences} & {
        one.sequence_id for one in second.sequences
    }
