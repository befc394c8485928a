"""The majordome's conduct, decided from a picture of the observatory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.majordome.conduct import (
    Closed,
    OperatorHold,
    Procedure,
    Situation,
    conduct,
    sky_phase,
)
from actors.majordome.settings import MajordomeSettings
from pyros.domain.observatory import Mode, SkyPhase
from pyros.domain.verdict import Reason, Safety, Verdict

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
SETTINGS = MajordomeSettings()


def verdict(safety: Safety = Safety.SAFE, *, age_s: float = 1.0) -> Verdict:
    reasons = () if safety is Safety.SAFE else (Reason(code="RAIN", text="wx-1 reports rain"),)
    return Verdict(safety=safety, reasons=reasons, time_utc=NOW - timedelta(seconds=age_s))


OBSERVING = Situation(
    mode=Mode.OBSERVING,
    phase=SkyPhase.NIGHT,
    verdict=verdict(),
    closed=Closed.NO,
    opened=True,
    blocking_lost=(),
    hold=None,
    procedure=None,
    not_before_utc=None,
    close_again_utc=None,
    calibrations_due=None,
    stopping=False,
    devices_known=True,
)
CLOSED_BY_DAY = replace(
    OBSERVING, mode=Mode.STANDBY, phase=SkyPhase.DAY, closed=Closed.YES, opened=False
)


def test_conduct_observes_when_open_safe_and_dark() -> None:
    """An open, safe, dark observatory executes its plan."""
    decision = conduct(OBSERVING, NOW, SETTINGS)
    assert decision.mode is Mode.OBSERVING
    assert decision.observe
    assert decision.start is None


@pytest.mark.parametrize("safety", [Safety.UNSAFE, Safety.UNKNOWN])
def test_conduct_closes_when_not_safe(safety: Safety) -> None:
    """Unknown closes as surely as unsafe, and says why."""
    decision = conduct(replace(OBSERVING, verdict=verdict(safety)), NOW, SETTINGS)
    assert decision.start is Procedure.CLOSE
    assert not decision.observe
    assert "rain" in decision.reason


def test_conduct_closes_when_the_verdict_is_old() -> None:
    """A verdict that nobody renewed is no verdict."""
    old = replace(OBSERVING, verdict=verdict(age_s=SETTINGS.verdict_ttl_s + 1))
    assert conduct(old, NOW, SETTINGS).start is Procedure.CLOSE


def test_conduct_cancels_an_opening_when_it_becomes_unsafe() -> None:
    """Nobody waits for a dome to open in order to close it."""
    opening = replace(
        OBSERVING, procedure=Procedure.OPEN, opened=False, verdict=verdict(Safety.UNSAFE)
    )
    decision = conduct(opening, NOW, SETTINGS)
    assert decision.cancel
    assert decision.start is Procedure.CLOSE


def test_conduct_stays_shut_by_day() -> None:
    """By day, closed, with nothing due: STANDBY."""
    decision = conduct(CLOSED_BY_DAY, NOW, SETTINGS)
    assert decision.mode is Mode.STANDBY
    assert decision.start is None


def test_conduct_takes_calibrations_once_closed_after_the_night() -> None:
    """Calibrations begin only when everything is verified closed."""
    due = replace(CLOSED_BY_DAY, phase=SkyPhase.DAWN, calibrations_due="2026-11-23")
    assert conduct(due, NOW, SETTINGS).start is Procedure.CALIBRATE
    still_open = replace(due, closed=Closed.NO, opened=True)
    assert conduct(still_open, NOW, SETTINGS).start is Procedure.CLOSE


def test_conduct_keeps_an_operators_hold() -> None:
    """A pause starts nothing and does not close by itself; a close order closes."""
    pause = OperatorHold(who="marie", why="dew on the mirror?", close=False)
    held = conduct(replace(OBSERVING, hold=pause), NOW, SETTINGS)
    assert held.mode is Mode.PAUSED
    assert held.start is None
    assert "marie" in held.reason
    closed = conduct(replace(OBSERVING, hold=replace(pause, close=True)), NOW, SETTINGS)
    assert closed.start is Procedure.CLOSE


def test_conduct_pauses_then_closes_when_a_blocking_device_is_lost() -> None:
    """A short absence pauses; a long one closes."""
    lost = ("t1/telescope", NOW - timedelta(seconds=5))
    assert conduct(replace(OBSERVING, blocking_lost=(lost,)), NOW, SETTINGS).mode is Mode.PAUSED
    long_lost = ("t1/telescope", NOW - timedelta(seconds=SETTINGS.blocking_grace_s))
    decision = conduct(replace(OBSERVING, blocking_lost=(long_lost,)), NOW, SETTINGS)
    assert decision.start is Procedure.CLOSE


def test_conduct_waits_after_a_failed_opening() -> None:
    """The ladder's wait is kept, to the second."""
    waiting = replace(
        OBSERVING, opened=False, closed=Closed.YES, not_before_utc=NOW + timedelta(seconds=30)
    )
    assert conduct(waiting, NOW, SETTINGS).start is None
    over = replace(waiting, not_before_utc=NOW)
    assert conduct(over, NOW, SETTINGS).start is Procedure.OPEN


def test_conduct_waits_to_see_what_a_closing_achieved() -> None:
    """A closing that has just ended is not begun again before telemetry can show its effect."""
    unseen = replace(
        OBSERVING,
        verdict=verdict(Safety.UNSAFE),
        closed=Closed.UNKNOWN,
        opened=False,
        close_again_utc=NOW + timedelta(seconds=5),
    )
    assert conduct(unseen, NOW, SETTINGS).start is None
    later = conduct(replace(unseen, close_again_utc=NOW), NOW, SETTINGS)
    assert later.start is Procedure.CLOSE


def test_conduct_stopping_closes_even_with_unknown_devices() -> None:
    """A process that goes down leaves a closed observatory behind."""
    stopping = replace(OBSERVING, stopping=True, devices_known=False)
    decision = conduct(stopping, NOW, SETTINGS)
    assert decision.mode is Mode.STOPPING
    assert decision.start is Procedure.CLOSE


@pytest.mark.parametrize(
    ("altitude_deg", "rising", "phase"),
    [
        (10.0, False, SkyPhase.DAY),
        (-6.0, False, SkyPhase.DUSK),
        (-11.999, True, SkyPhase.DAWN),
        (-12.0, False, SkyPhase.NIGHT),
        (-12.0, True, SkyPhase.NIGHT),
        (-40.0, True, SkyPhase.NIGHT),
    ],
)
def test_sky_phase_belongs_to_the_darker_side_at_its_limit(
    altitude_deg: float, rising: bool, phase: SkyPhase
) -> None:
    """-12.0 exactly is night, so that a boundary value cannot jam the machine."""
    assert sky_phase(altitude_deg, rising=rising, settings=SETTINGS) is phase


situations = st.builds(
    Situation,
    mode=st.sampled_from(Mode),
    phase=st.one_of(st.none(), st.sampled_from(SkyPhase)),
    verdict=st.one_of(
        st.none(), st.builds(verdict, st.sampled_from(Safety), age_s=st.floats(0, 100))
    ),
    closed=st.sampled_from(Closed),
    opened=st.booleans(),
    blocking_lost=st.sampled_from([(), (("t1/dome", NOW - timedelta(seconds=300)),)]),
    hold=st.sampled_from(
        [
            None,
            OperatorHold(who="a", why="b", close=False),
            OperatorHold(who="a", why="b", close=True),
        ]
    ),
    procedure=st.one_of(st.none(), st.sampled_from(Procedure)),
    not_before_utc=st.sampled_from([None, NOW + timedelta(seconds=60)]),
    close_again_utc=st.sampled_from([None, NOW, NOW + timedelta(seconds=5)]),
    calibrations_due=st.sampled_from([None, "2026-11-23"]),
    stopping=st.booleans(),
    devices_known=st.booleans(),
)


@given(situation=situations)
def test_conduct_never_observes_or_opens_unless_safe_and_dark(situation: Situation) -> None:
    """Whatever is known, opening and observing need a fresh SAFE verdict and a dark sky."""
    decision = conduct(situation, NOW, SETTINGS)
    if decision.observe or decision.start is Procedure.OPEN:
        assert situation.verdict is not None
        assert situation.verdict.safety is Safety.SAFE
        assert (NOW - situation.verdict.time_utc).total_seconds() <= SETTINGS.verdict_ttl_s
        assert situation.phase in (SkyPhase.NIGHT, SkyPhase.DUSK)
        assert situation.hold is None
        assert not situation.blocking_lost
        assert not situation.stopping


@given(situation=situations)
def test_conduct_is_never_idle_while_open_and_not_allowed_to_be(situation: Situation) -> None:
    """What is open and must not be is being closed, always."""
    known = replace(situation, devices_known=True, closed=Closed.NO)
    if known.verdict is None or known.verdict.safety is not Safety.SAFE:
        decision = conduct(known, NOW, SETTINGS)
        assert (
            decision.start is Procedure.CLOSE
            or (known.close_again_utc is not None and known.close_again_utc > NOW)
            or known.procedure is Procedure.CLOSE
            or (known.procedure is Procedure.CALIBRATE and not decision.observe)
        )
