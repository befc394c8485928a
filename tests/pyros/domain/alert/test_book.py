"""The whole decision about each notice, over chains of notices as they really arrived."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from protocols.alert_rules import load_rules
from pyros.domain.alert.book import Action, AlertBook, Outcome, receive
from pyros.domain.alert.event import EventError, EventState, needs_repointing, step
from pyros.domain.alert.gate import Decision, Observability
from pyros.domain.alert.notice import Citation, Notice
from tests.pyros.domain.alert.notices import T0_UTC, gbm, made, recorded

RULES = load_rules()


def run(*notices: Notice, now_s: float = 5.0) -> tuple[AlertBook, list[Outcome]]:
    """Take notices in, each some seconds after it was written."""
    book, outcomes = AlertBook(), []
    for notice in notices:
        written_utc = notice.notice_utc or notice.t0_utc or T0_UTC
        book, outcome = receive(book, notice, written_utc + timedelta(seconds=now_s), RULES)
        outcomes.append(outcome)
    return book, outcomes


def state(book: AlertBook) -> EventState:
    """The state of the newest event."""
    return book.events[0].state


def test_book_follows_a_svom_burst_from_trigger_to_x_ray_position() -> None:
    """GRM opens without a place, ECLAIRs points, MXT refines; T0 stays the first."""
    book, outcomes = run(
        recorded("svom/sb26050402_grm_345.xml"),
        recorded("svom/sb26050402_eclairs_312.xml"),
        recorded("svom/sb26050402_mxt_50.xml"),
    )
    assert [o.action for o in outcomes] == [Action.NONE, Action.OBSERVE, Action.UPDATE]
    assert outcomes[1].strategy is not None
    assert outcomes[1].strategy.name == "grb-localised"
    assert outcomes[2].best_changed
    assert len(book.events) == 1
    assert book.events[0].t0_utc == recorded("svom/sb26050402_grm_345.xml").t0_utc


def test_book_makes_one_event_of_two_satellites() -> None:
    """GBM's wide burst becomes Swift's point, under one key."""
    book, outcomes = run(gbm(7), made(1, t0_s=2.0))
    assert {o.key for o in outcomes} == {book.events[0].key}
    assert [o.strategy.name for o in outcomes if o.strategy] == ["grb-wide", "grb-localised"]
    assert "odds" in outcomes[1].how


def test_book_merges_two_events_when_a_later_notice_tells() -> None:
    """Two triggers without places 30 s apart are two events until the place shows they are one."""
    nowhere = {"ra_deg": None, "dec_deg": None, "error_deg": None}
    book, _ = run(made(1, packet_type=60, **nowhere), gbm(7, t0_s=70.0, packet_type=110, **nowhere))
    assert len(book.events) == 2
    swift = made(1)
    after = swift.received_utc + timedelta(seconds=80)
    book, _ = receive(book, replace(swift, notice_id="pos", content_sha256="p"), after, RULES)
    book, last = receive(
        book,
        replace(gbm(7, t0_s=70.0), notice_id="flt", content_sha256="f"),
        after + timedelta(seconds=1),
        RULES,
    )
    assert "merged with" in last.how
    assert sorted(e.state for e in book.events) == [EventState.ACCEPTED, EventState.MERGED]


def test_book_ignores_tests_strangers_and_housekeeping_without_a_trace() -> None:
    """What may not act cannot attach itself to a burst either."""
    book, outcomes = run(
        made(1),
        made(2, test=True, role="test"),
        made(3, source="stranger"),
        recorded("swift/SC_Slew_973140-576.xml"),
    )
    assert len(book.events) == 1
    assert [o.action for o in outcomes[1:]] == [Action.NONE] * 3


def test_book_knows_a_duplicate_from_a_revision() -> None:
    """The same bytes change nothing; the same id with another position is taken as an update."""
    burst = made(1)
    moved = replace(burst, ra_deg=101.0, content_sha256="other")
    _, outcomes = run(burst, burst, moved)
    assert [o.action for o in outcomes] == [Action.OBSERVE, Action.DUPLICATE, Action.UPDATE]


def test_book_stops_for_a_retraction_and_starts_again_for_an_unretraction() -> None:
    """SVOM 219 ends its burst; a notice of the same burst after it revives the event."""
    eclairs = recorded("svom/sb26030408_eclairs_303.xml")
    retraction = recorded("svom/sb26030408_eclairs_304.xml")
    book, outcomes = run(eclairs, retraction)
    assert outcomes[1].action is Action.STOP
    assert state(book) is EventState.RETRACTED
    again = replace(eclairs, notice_id=f"{eclairs.notice_id}2", content_sha256="2", cites=())
    when = retraction.received_utc + timedelta(seconds=30)
    book, outcome = receive(book, again, when, RULES)
    assert outcome.action is Action.OBSERVE
    assert state(book) is EventState.ACCEPTED


def test_book_keeps_an_event_alive_that_another_mission_saw() -> None:
    """Swift takes its trigger back; Fermi's notice still stands."""
    retraction = made(
        99,
        event_id="1",
        retraction=True,
        ra_deg=None,
        dec_deg=None,
        error_deg=None,
        classification=None,
        cites=(Citation(ivorn=made(1).notice_id, kind="retraction"),),
    )
    fermi = gbm(7, t0_s=1.0, authority="gov.other/fermi")
    book, outcomes = run(made(1), fermi, retraction)
    assert outcomes[2].action is Action.UPDATE
    assert outcomes[2].best == fermi, "what stands is where it is now"
    assert state(book) is EventState.ACCEPTED
    assert [n.mission for n in book.events[0].live] == ["Fermi"]


def test_book_lets_only_the_author_retract() -> None:
    """Another authority's retraction takes nothing back."""
    foreign = made(
        99,
        event_id="1",
        authority="gwnet/lvc",
        retraction=True,
        ra_deg=None,
        dec_deg=None,
        error_deg=None,
        classification=None,
        cites=(Citation(ivorn=made(1).notice_id, kind="retraction"),),
    )
    book, outcomes = run(made(1), foreign)
    assert outcomes[1].action is Action.NONE
    assert state(book) is EventState.ACCEPTED


def test_book_stops_when_the_only_mission_says_it_was_no_burst() -> None:
    """BAT's quick look acts, and the full position that names a known source stops it."""
    look = made(1, packet_type=97, packet_name="BAT quick-look position")
    verdict = made(2, event_id="1", classification="KNOWN_SOURCE")
    book, outcomes = run(look, verdict)
    assert [o.action for o in outcomes] == [Action.OBSERVE, Action.STOP]
    assert state(book) is EventState.IGNORED


def test_book_defers_what_is_not_visible_and_observes_it_later() -> None:
    """A hidden burst waits for its window; a notice when it is up begins it."""
    hidden = Observability(
        now=False, text="altitude -10 deg", next_start_utc=T0_UTC + timedelta(hours=3)
    )
    book, outcome = receive(AlertBook(), made(1), T0_UTC + timedelta(seconds=30), RULES, hidden)
    assert (outcome.action, outcome.not_before_utc) == (Action.DEFER, hidden.next_start_utc)
    better = replace(made(1), notice_id="better", content_sha256="b", error_deg=0.01)
    up = Observability(now=True, text="altitude 40 deg")
    book, outcome = receive(book, better, T0_UTC + timedelta(hours=3), RULES, up)
    assert outcome.action is Action.OBSERVE
    assert state(book) is EventState.ACCEPTED


def test_book_forgets_what_can_join_nothing() -> None:
    """Memory stays flat: events and trigger times leave with the association's reach."""
    book = AlertBook()
    for day in range(60):
        notice = made(day + 1, t0_s=day * 86_400.0)
        book, _ = receive(book, notice, notice.received_utc, RULES)
        idle = step(book.events[0], EventState.CLOSED, notice.received_utc, "done")
        book = book.with_event(idle, RULES.association)
    assert len(book.events) <= 8
    assert len(book.trigger_times["Swift"]) <= 31
    assert book.opened == 60


def test_book_holds_the_flood_of_a_source() -> None:
    """A source that opens more events than it may waits for an operator; memory stays flat."""
    limit = RULES.gate.source("file").max_triggers_per_hour
    book, outcomes = run(*(made(n, t0_s=n * 1.5) for n in range(1, limit + 200)))
    assert [o.action for o in outcomes[limit:]] == [Action.HOLD] * 199
    assert len(book.events) == limit
    assert "an operator decides" in outcomes[-1].judgement.reasons[0].text


def test_book_is_not_filled_by_one_burst_told_for_ever() -> None:
    """Notices of one burst beyond the limit change nothing; another mission is still heard."""
    limit = RULES.gate.source("file").max_notices_per_event
    book, outcomes = run(*(made(n, event_id="1") for n in range(limit + 50)))
    assert {o.action for o in outcomes[limit:]} == {Action.NONE}
    assert outcomes[-1].judgement.decision is Decision.HELD
    assert f"sent {limit} notices of this burst" in outcomes[-1].judgement.reasons[0].text
    assert len(book.events[0].notices) == limit


def test_book_is_deterministic() -> None:
    """The same notices give the same book."""
    notices = (gbm(7), made(1, t0_s=2.0), made(2, t0_s=4000.0))
    assert run(*notices) == run(*notices)


def test_event_refuses_steps_it_does_not_have() -> None:
    """A merged event goes nowhere."""
    book, _ = run(made(1))
    event = step(book.events[0], EventState.OBSERVING, T0_UTC, "on target")
    assert step(event, EventState.OBSERVING, T0_UTC, "again") is event
    with pytest.raises(EventError, match="OBSERVING to IGNORED"):
        step(event, EventState.IGNORED, T0_UTC, "no")


def test_event_repoints_only_when_the_target_leaves_the_inner_field() -> None:
    """A better position within the inner field moves nothing."""
    near, far = made(1, ra_deg=100.01), made(1, ra_deg=100.5)
    assert not needs_repointing((100.0, 20.0), near, inner_field_deg=0.1)[0]
    moves, text = needs_repointing((100.0, 20.0), far, inner_field_deg=0.1)
    assert moves
    assert "arcmin" in text


def test_strategy_is_chosen_by_what_all_notices_say() -> None:
    """A gravitational wave with matter and one without take different strategies."""
    gw = {
        "mission": "LVK",
        "stream": "lvk",
        "packet_type": "INITIAL",
        "classification": "GW",
        "event_id": "S260504a",
        "authority": "igwn",
        "error_deg": 8.0,
    }
    matter = made(5, significance={"significant": 1.0, "has_ns": 0.9, "far_hz": 1e-9}, **gw)
    black = made(6, significance={"significant": 1.0, "has_ns": 0.0, "far_hz": 1e-9}, **gw)
    names = [
        outcome.strategy.name for n in (matter, black) for outcome in run(n)[1] if outcome.strategy
    ]
    assert names == ["gw-with-matter", "gw-other"]


def test_old_bursts_are_refused_with_their_age() -> None:
    """A raw recorded burst is months old."""
    burst = recorded("swift/BAT_GRB_Pos_1194500-314.xml")
    now_utc = datetime(2026, 11, 23, tzinfo=T0_UTC.tzinfo)
    _, outcome = receive(AlertBook(), burst, now_utc, RULES)
    assert outcome.action is Action.NONE
    assert outcome.judgement.reasons[0].code == "too-old"
