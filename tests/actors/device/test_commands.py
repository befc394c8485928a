"""The command desk: life of a command without any wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.device.commands import (
    Desk,
    Finish,
    Join,
    Moment,
    Pending,
    Phase,
    Send,
    ask,
    check,
    drop,
    elapse,
    reply,
)
from protocols.device_table import DEVICE_TABLE
from pyros.domain.device import CommandStatus, DeviceKind, Reading

T0 = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
LIMIT = 4


def moment(at_s: float, kind: DeviceKind = DeviceKind.DOME, /, **values: object) -> Moment:
    """A moment `at_s` seconds after T0, with every reading taken then."""
    now = T0 + timedelta(seconds=at_s)
    readings = {name: Reading(value=value, unit="", time_utc=now) for name, value in values.items()}
    return Moment(kind=kind, now_s=at_s, now_utc=now, answer_s=5.0, readings=readings)


def pending(name: str, verb: str, **args: float | str | bool) -> Pending:
    return Pending(
        command_id=name, verb=verb, args=args, cause="test", asked_utc=T0, deadline_s=120.0
    )


def closed_dome_opening() -> Desk:
    desk, effects = ask(
        Desk(), pending("c1", "open"), moment(0.0, shutter="closed"), queue_limit=LIMIT
    )
    assert [type(effect) for effect in effects] == [Send]
    return desk


def test_command_is_done_only_when_telemetry_shows_it() -> None:
    """Neither the device's "done" nor its acceptance ends a command; the open shutter does."""
    desk = closed_dome_opening()
    desk, effects = reply(desk, "c1.1", "accepted", "", moment(0.1, shutter="closed"))
    assert (effects, desk.running.phase) == ([], Phase.ACCEPTED)
    desk, effects = reply(desk, "c1.1", "done", "", moment(1.0, shutter="opening"))
    assert effects == []
    desk, effects = check(desk, moment(60.0, shutter="open"))
    assert [(effect.pending.command_id, effect.status) for effect in effects] == [
        ("c1", CommandStatus.DONE)
    ]
    assert desk.idle


def test_command_needs_a_reading_taken_after_it_was_sent() -> None:
    """Telemetry from before the command does not prove a slew that starts and ends at one place."""
    before = moment(
        0.0, DeviceKind.TELESCOPE, ra_deg=10.0, dec_deg=20.0, slewing=False, tracking=True
    )
    desk, _ = ask(
        Desk(), pending("c1", "slew", ra_deg=10.0, dec_deg=20.0), before, queue_limit=LIMIT
    )
    _, effects = check(desk, replace(before, now_s=3.0))
    assert effects == []
    later = moment(
        4.0, DeviceKind.TELESCOPE, ra_deg=10.0, dec_deg=20.0, slewing=False, tracking=True
    )
    _, effects = check(desk, later)
    assert [effect.status for effect in effects] == [CommandStatus.DONE]


def test_command_that_holds_already_ends_without_a_word_on_the_wire() -> None:
    """Asking a parked telescope to park is DONE, never an error."""
    parked = moment(0.0, DeviceKind.TELESCOPE, parked=True, slewing=False)
    desk, effects = ask(Desk(), pending("c1", "park"), parked, queue_limit=LIMIT)
    assert [(type(effect), effect.status) for effect in effects] == [(Finish, CommandStatus.DONE)]
    assert desk.idle


def test_close_is_sent_though_the_shutter_still_reads_closed() -> None:
    """A close that supersedes an open is not spared by telemetry from before the open moved."""
    desk, effects = ask(
        closed_dome_opening(),
        pending("c2", "close"),
        moment(0.1, shutter="closed"),
        queue_limit=LIMIT,
    )
    assert [type(effect) for effect in effects] == [Finish, Send]
    assert (effects[0].status, effects[1].pending.verb) == (CommandStatus.ABORTED, "close")
    desk, effects = elapse(desk, moment(0.2, shutter="closed"))
    assert [effect.status for effect in effects] == [CommandStatus.DONE]


def test_close_is_sent_after_an_open_that_was_dropped() -> None:
    """After an abort nothing is taken for granted: the device may still act on what it got."""
    desk, _ = drop(closed_dome_opening(), CommandStatus.ABORTED, "stop")
    _, effects = ask(desk, pending("c2", "close"), moment(1.0, shutter="closed"), queue_limit=LIMIT)
    assert [type(effect) for effect in effects] == [Send]


def test_silence_fails_a_command_after_its_last_send() -> None:
    """`open` is sent once, `close` three times under one id, before silence is final."""
    desk = closed_dome_opening()
    _, effects = elapse(desk, moment(5.0, shutter="closed"))
    assert [(effect.status, effect.detail) for effect in effects] == [
        (CommandStatus.FAILED, "no answer from the device")
    ]
    desk, _ = ask(Desk(), pending("c2", "close"), moment(0.0, shutter="open"), queue_limit=LIMIT)
    wire_ids = []
    for now_s in (5.0, 10.0):
        desk, effects = elapse(desk, moment(now_s, shutter="open"))
        wire_ids += [effect.pending.wire_id for effect in effects]
    assert wire_ids == ["c2.1", "c2.1"]
    _, effects = elapse(desk, moment(15.0, shutter="open"))
    assert [effect.status for effect in effects] == [CommandStatus.FAILED]


def test_lost_replies_do_not_fail_what_telemetry_shows() -> None:
    """A command whose every reply is lost is DONE when its post-condition is seen in time."""
    _, effects = elapse(closed_dome_opening(), moment(5.0, shutter="open"))
    assert [effect.status for effect in effects] == [CommandStatus.DONE]


def test_failed_is_tried_again_under_a_new_id_as_often_as_its_policy_says() -> None:
    """A device that says failed is asked anew; an old id would only repeat the old answer."""
    desk, _ = ask(Desk(), pending("c1", "close"), moment(0.0, shutter="open"), queue_limit=LIMIT)
    for wire_id, following in (("c1.1", "c1.2"), ("c1.2", "c1.3")):
        desk, effects = reply(desk, wire_id, "failed", "jammed", moment(1.0, shutter="open"))
        assert [effect.pending.wire_id for effect in effects] == [following]
    _, effects = reply(desk, "c1.3", "failed", "jammed", moment(2.0, shutter="open"))
    assert [(effect.status, effect.detail) for effect in effects] == [
        (CommandStatus.FAILED, "jammed")
    ]


def test_deadline_ends_a_command_the_device_believes_done() -> None:
    """A device that says done while its shutter stays shut costs a TIMEOUT that says so."""
    desk, _ = reply(closed_dome_opening(), "c1.1", "done", "", moment(1.0, shutter="closed"))
    _, effects = elapse(desk, moment(120.0, shutter="closed"))
    assert effects[0].status is CommandStatus.TIMEOUT
    assert "said done" in effects[0].detail


def test_equal_command_shares_the_running_ones_outcome() -> None:
    """Safety and the majordome both ask to close: one command goes out, both get its end."""
    desk, _ = ask(Desk(), pending("c1", "close"), moment(0.0, shutter="open"), queue_limit=LIMIT)
    same, effects = ask(
        desk, pending("c2", "close"), moment(1.0, shutter="open"), queue_limit=LIMIT
    )
    assert (same, effects) == (desk, [Join("c2", "c1")])


def test_new_slew_supersedes_the_running_one_at_once() -> None:
    """An alert's slew does not wait for the routine slew's end."""
    off = moment(0.0, DeviceKind.TELESCOPE, ra_deg=0.0, dec_deg=0.0, slewing=False, tracking=True)
    desk, _ = ask(Desk(), pending("c1", "slew", ra_deg=90.0, dec_deg=0.0), off, queue_limit=LIMIT)
    desk, effects = ask(
        desk, pending("c2", "slew", ra_deg=45.0, dec_deg=0.0), off, queue_limit=LIMIT
    )
    assert effects[0].status is CommandStatus.ABORTED
    assert (type(effects[1]), effects[1].pending.command_id) == (Send, "c2")


def test_queue_is_bounded_and_says_so() -> None:
    """A flood of commands is rejected, not remembered for later."""
    free = moment(0.0, DeviceKind.FILTER_WHEEL, filter="r", moving=False)
    desk, _ = ask(Desk(), pending("c0", "select", filter="g"), free, queue_limit=LIMIT)
    for number in range(LIMIT):
        desk, effects = ask(
            desk, pending(f"w{number}", "select", filter="z"), free, queue_limit=LIMIT
        )
        assert effects == []
    _, effects = ask(desk, pending("x", "select", filter="i"), free, queue_limit=LIMIT)
    assert [effect.status for effect in effects] == [CommandStatus.REJECTED]


@pytest.mark.parametrize("wire_id", ["c1.2", "c0.1", "", "c1"])
def test_replies_to_others_change_nothing(wire_id: str) -> None:
    """Late, duplicate and foreign replies are harmless."""
    desk = closed_dome_opening()
    assert reply(desk, wire_id, "failed", "", moment(1.0, shutter="closed")) == (desk, [])


_VERBS = sorted(DEVICE_TABLE[DeviceKind.DOME].commands)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(_VERBS)),
        st.tuples(
            st.sampled_from(["accepted", "progress", "done", "failed"]),
            st.sampled_from([f"c{n}.{a}" for n in range(6) for a in (1, 2, 3)]),
        ),
        st.tuples(st.just("shutter"), st.sampled_from(["open", "closed", "opening", "stuck"])),
        st.tuples(st.just("wait"), st.sampled_from(["1", "6", "130"])),
        st.tuples(st.just("drop"), st.just("")),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(_STEPS)
def test_every_command_ends_exactly_once(steps: list[tuple[str, str]]) -> None:
    """Whatever is asked, replied, seen or lost: each command has one end, none hangs."""
    desk, now_s, shutter, asked = Desk(), 0.0, "closed", 0
    ends: dict[str, list[str]] = {}
    joined: dict[str, str] = {}
    for what, value in steps:
        now_s += 0.1
        at = moment(now_s, shutter=shutter, turning=False, azimuth_deg=12.0)
        effects: list = []
        if what == "ask":
            args = {"azimuth_deg": 99.0} if value == "turn" else {}
            desk, effects = ask(desk, pending(f"c{asked}", value, **args), at, queue_limit=LIMIT)
            ends[f"c{asked}"] = []
            asked += 1
        elif what == "shutter":
            shutter = value
            desk, effects = check(desk, moment(now_s, shutter=shutter, turning=False))
        elif what == "wait":
            now_s += float(value)
            desk, effects = elapse(desk, moment(now_s, shutter=shutter, turning=False))
        elif what == "drop":
            desk, effects = drop(desk, CommandStatus.ABORTED, "stop")
        else:
            desk, effects = reply(desk, value, what, "", at)
        for effect in effects:
            if isinstance(effect, Finish):
                ends[effect.pending.command_id].append(str(effect.status))
            elif isinstance(effect, Join):
                joined[effect.command_id] = effect.running_id
    for _ in range(asked * 6):
        now_s += 130.0
        desk, effects = elapse(desk, moment(now_s, shutter="stuck"))
        for effect in effects:
            if isinstance(effect, Finish):
                ends[effect.pending.command_id].append(str(effect.status))
    assert desk.idle
    for name, outcomes in ends.items():
        assert len(ends[joined[name]] if name in joined else outcomes) == 1, (name, outcomes)
