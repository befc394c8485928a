"""The device state machine against its edges and the event table."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.device.device_state import EDGES, Evidence, settle, step
from pyros.domain.device import USABLE, DeviceState

S = DeviceState
READY = Evidence(
    bridge="ready", bridge_boot="b1", device="ready", device_boot="b1", described_boot="b1"
)
_boots = st.sampled_from([None, "b1", "b2"])
EVIDENCE = st.builds(
    Evidence,
    bridge=st.sampled_from([None, "init", "ready", "disconnected", "lost"]),
    bridge_boot=_boots,
    device=st.sampled_from([None, "init", "ready", "busy", "fault", "disconnected", "lost"]),
    device_boot=_boots,
    device_reason=st.sampled_from(["", "motor stalled"]),
    described_boot=_boots,
    silent_s=st.sampled_from([0.0, 29.9, 30.0, 30.1, 500.0]),
    awaited=st.sampled_from([(), ("ra_deg",)]),
    busy=st.booleans(),
    maintenance=st.sampled_from(["", "mirror wash"]),
)


def states(current: DeviceState, evidence: Evidence) -> list[DeviceState]:
    return [taken.state for taken in settle(current, evidence)]


@settings(deadline=None)
@given(st.sampled_from(list(DeviceState)), EVIDENCE)
def test_machine_takes_only_edges_that_exist_and_comes_to_rest(
    current: DeviceState, evidence: Evidence
) -> None:
    """From any state, on any evidence: legal edges only, and an end that stays."""
    path = [current, *states(current, evidence)]
    for old, new in pairwise(path):
        assert new in EDGES[old], (old, new)
    assert step(path[-1], evidence).state is path[-1]


@settings(deadline=None)
@given(st.sampled_from(list(DeviceState)), EVIDENCE)
def test_usable_means_heard_complete_and_alive(current: DeviceState, evidence: Evidence) -> None:
    """READY or BUSY is never reached, nor kept, without a live, present, described device."""
    end = [current, *states(current, evidence)][-1]
    if end in USABLE:
        assert evidence.bridge not in {None, "lost", "disconnected"}
        assert evidence.device in {"ready", "busy"}
        assert evidence.silent_s <= 30.0
        assert evidence.bridge_boot == evidence.device_boot == evidence.described_boot
        assert not evidence.maintenance


def test_device_comes_up_through_connecting_and_initializing() -> None:
    """UNKNOWN -> CONNECTING -> INITIALIZING -> READY, whichever side was started first."""
    assert states(S.UNKNOWN, Evidence()) == [S.CONNECTING]
    assert states(S.CONNECTING, READY) == [S.INITIALIZING, S.READY]
    assert states(S.UNKNOWN, READY) == [S.CONNECTING, S.INITIALIZING, S.READY]


def test_lost_device_is_disabled_and_taken_back_through_initializing() -> None:
    """The will of its process disables it; its answer initialises it before it is READY."""
    lost = Evidence(bridge="lost", bridge_boot="b1", device="ready", device_boot="b1")
    assert states(S.BUSY, lost) == [S.DISABLED]
    assert states(S.DISABLED, READY) == [S.INITIALIZING, S.READY]


def test_device_is_not_taken_back_on_retained_words_alone() -> None:
    """Values that are not fresh keep a returning device INITIALIZING."""
    waiting = Evidence(
        bridge="ready",
        bridge_boot="b1",
        device="ready",
        device_boot="b1",
        described_boot="b1",
        awaited=("ra_deg",),
    )
    assert states(S.DISABLED, waiting) == [S.INITIALIZING]
    assert states(S.READY, waiting) == []


def test_silence_disables_only_beyond_its_limit() -> None:
    """Exactly at the limit nothing happens; beyond it the device is lost."""

    def silent(for_s: float) -> Evidence:
        return Evidence(
            bridge="ready",
            bridge_boot="b1",
            device="ready",
            device_boot="b1",
            described_boot="b1",
            silent_s=for_s,
        )

    assert states(S.READY, silent(30.0)) == []
    assert states(S.READY, silent(30.001)) == [S.DISABLED]


def test_restarted_process_reinitialises_its_devices() -> None:
    """A new boot id of the process voids what the device said under the old one."""
    new_boot = Evidence(
        bridge="ready", bridge_boot="b2", device="ready", device_boot="b1", described_boot="b1"
    )
    assert states(S.READY, new_boot) == [S.INITIALIZING]


def test_fault_carries_the_devices_reason_and_ends_through_initializing() -> None:
    """FAULT says why; a device that reports ready again is initialised first."""
    faulty = Evidence(
        bridge="ready",
        bridge_boot="b1",
        device="fault",
        device_boot="b1",
        device_reason="motor stalled",
        described_boot="b1",
    )
    taken = settle(S.READY, faulty)
    assert [(one.state, one.reason) for one in taken] == [(S.FAULT, "motor stalled")]
    assert states(S.FAULT, READY) == [S.INITIALIZING, S.READY]
