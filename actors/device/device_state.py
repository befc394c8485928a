"""The state machine of a device: what is known about it decides the next state. Pure.

UNKNOWN -> CONNECTING -> INITIALIZING -> READY <-> BUSY; any -> FAULT (answers, reports an error) or
DISABLED (lost or silent), both leave through INITIALIZING; MAINTENANCE is an operator's.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyros.domain.device import DeviceState

_S = DeviceState
_ANYWHERE = frozenset({_S.FAULT, _S.DISABLED, _S.MAINTENANCE})
EDGES: dict[DeviceState, frozenset[DeviceState]] = {
    _S.UNKNOWN: _ANYWHERE | {_S.CONNECTING},
    _S.CONNECTING: _ANYWHERE | {_S.INITIALIZING},
    _S.INITIALIZING: _ANYWHERE | {_S.READY, _S.BUSY},
    _S.READY: _ANYWHERE | {_S.BUSY, _S.INITIALIZING},
    _S.BUSY: _ANYWHERE | {_S.READY, _S.INITIALIZING},
    _S.FAULT: frozenset({_S.DISABLED, _S.MAINTENANCE, _S.INITIALIZING}),
    _S.DISABLED: frozenset({_S.FAULT, _S.MAINTENANCE, _S.INITIALIZING}),
    _S.MAINTENANCE: frozenset({_S.FAULT, _S.DISABLED, _S.INITIALIZING}),
}
"""Every transition there is; `step` takes no other."""

_GONE = frozenset({"lost", "disconnected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known about a device at an instant.

    Attributes:
        bridge: State of the process that owns it, None before it was heard.
        bridge_boot: Boot id in that state.
        device: The device's own state, None before it was heard.
        device_boot: Boot id in that state.
        device_reason: What the device gives as reason, e.g. of a fault.
        described_boot: Boot id in the description, None before it was heard.
        silent_s: Wall seconds since the last live word, or since listening began.
        silence_s: Wall seconds of silence after which the device is lost.
        awaited: Described properties that have no fresh value.
        busy: Whether a command runs.
        maintenance: Who keeps it and why; empty when nobody does.
    """

    bridge: str | None = None
    bridge_boot: str | None = None
    device: str | None = None
    device_boot: str | None = None
    device_reason: str = ""
    described_boot: str | None = None
    silent_s: float = 0.0
    silence_s: float = 30.0
    awaited: tuple[str, ...] = ()
    busy: bool = False
    maintenance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where the machine goes, and why."""

    state: DeviceState
    reason: str = ""


def loss(evidence: Evidence) -> str:
    """Why the device counts as lost, or an empty text."""
    if evidence.bridge in _GONE:
        return f"the process that owns it is {evidence.bridge}"
    if evidence.device in _GONE:
        reason = f": {evidence.device_reason}" if evidence.device_reason else ""
        return f"its driver says {evidence.device}{reason}"
    if evidence.silent_s > evidence.silence_s:
        return f"no word for {evidence.silence_s:g} s"
    return ""


def unfinished(evidence: Evidence) -> str:
    """What is still missing before the device may be used, or an empty text."""
    if evidence.device is None or evidence.bridge is None or evidence.described_boot is None:
        return "waiting for its description and state"
    if evidence.device_boot != evidence.bridge_boot:
        return "waiting for its state after its process was started again"
    if evidence.described_boot != evidence.device_boot:
        return "waiting for its description after it was started again"
    if evidence.device == "init":
        return "its driver initialises it"
    return ""


def step(current: DeviceState, evidence: Evidence) -> Step:
    """The next state; call again until it stays, so that no edge is skipped."""
    if evidence.maintenance:
        return Step(state=_S.MAINTENANCE, reason=evidence.maintenance)
    if gone := loss(evidence):
        return Step(state=_S.DISABLED, reason=gone)
    if current is _S.UNKNOWN:
        return Step(state=_S.CONNECTING, reason="listening")
    missing = unfinished(evidence)
    if not missing and evidence.device == "fault":
        return Step(state=_S.FAULT, reason=evidence.device_reason or "its driver reports a fault")
    if current is _S.CONNECTING and evidence.device is None:
        return Step(state=_S.CONNECTING, reason=missing)
    if missing:
        return Step(state=_S.INITIALIZING, reason=missing)
    busy = evidence.busy or evidence.device == "busy"
    if current in {_S.READY, _S.BUSY}:
        return Step(state=_S.BUSY if busy else _S.READY)
    if current is not _S.INITIALIZING:
        return Step(state=_S.INITIALIZING, reason="it answers")
    if evidence.awaited:
        shown = ", ".join(evidence.awaited[:4])
        return Step(state=_S.INITIALIZING, reason=f"waiting for fresh {shown}")
    return Step(state=_S.BUSY if busy else _S.READY)


def settle(current: DeviceState, evidence: Evidence) -> list[Step]:
    """The transitions that follow from `evidence`, in order; empty when the state stays."""
    taken: list[Step] = []
    state = current
    for _ in DeviceState:
        following = step(state, evidence)
        if following.state is state:
            break
        taken.append(following)
        state = following.state
    return taken
