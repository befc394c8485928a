"""Recovery ladders climb once, pause, and start again only after health."""

from __future__ import annotations

import pytest

from actors.device.policies import POLICIES
from actors.device.recovery import FAULTY, HEALTHY_AFTER_S, Climb, due_s, entered, ladder, take
from protocols.device_table import DEVICE_TABLE
from pyros.domain.device import DeviceKind, DeviceState

S = DeviceState


def climb_all(climb: Climb, kind: DeviceKind, state: DeviceState) -> tuple[Climb, list[str]]:
    """Take every rung as it falls due; the actions."""
    taken = []
    while (at_s := due_s(climb, kind, state)) is not None:
        climb, rung = take(climb, kind, state, at_s)
        taken.append(rung.verb or rung.action)
    return climb, taken


@pytest.mark.parametrize("kind", list(DeviceKind))
@pytest.mark.parametrize("state", [S.FAULT, S.DISABLED])
def test_every_ladder_ends_with_a_person(kind: DeviceKind, state: DeviceState) -> None:
    """Whatever is tried, in the end somebody is called, once."""
    _, taken = climb_all(entered(Climb(), state, 0.0, usable=False), kind, state)
    assert taken.count("call") == 1
    assert taken[-1] == "call"


def test_relapse_goes_on_where_it_stopped() -> None:
    """A device that is ready for a moment between two faults does not start the ladder anew."""
    climb = entered(Climb(), S.FAULT, 0.0, usable=False)
    climb, _ = take(climb, DeviceKind.DOME, S.FAULT, 5.0)
    climb = entered(climb, S.READY, 10.0, usable=True)
    climb = entered(climb, S.FAULT, 20.0, usable=False)
    assert climb.rung == 1


def test_health_starts_the_ladder_from_the_bottom() -> None:
    """After minutes of use a fault is a new one."""
    climb = entered(Climb(), S.FAULT, 0.0, usable=False)
    climb, _ = climb_all(climb, DeviceKind.DOME, S.FAULT)
    climb = entered(climb, S.READY, 500.0, usable=True)
    climb = entered(climb, S.BUSY, 600.0, usable=True)
    climb = entered(climb, S.FAULT, 500.0 + HEALTHY_AFTER_S, usable=False)
    assert climb.rung == 0


def test_ladders_and_policies_name_commands_that_exist_and_are_safe() -> None:
    """Data is checked: a rung's verb belongs to its kind and may be given to a faulty device."""
    for kind, rungs in FAULTY.items():
        for rung in rungs:
            if rung.action == "command":
                assert rung.verb in DEVICE_TABLE[kind].commands
                assert POLICIES[(kind, rung.verb)].safe
    for kind, verb in POLICIES:
        assert verb in DEVICE_TABLE[kind].commands
    for kind, table in DEVICE_TABLE.items():
        assert {verb for other, verb in POLICIES if other is kind} == set(table.commands)
    assert ladder(DeviceKind.DOME, S.READY) == ()
