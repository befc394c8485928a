"""What PyROS tries by itself when a device is faulty or silent, as data: ladders of few steps.

Each rung waits, then acts once. After the last one a person is called; nothing is repeated for
ever, so that a broken device does not fill the journal. The ladder starts again from the bottom
after the device was usable for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pyros.domain.device import DeviceKind, DeviceState

Action = Literal["listen-again", "command", "call"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of a ladder.

    Attributes:
        after_s: Observatory seconds since the previous rung, or since the state was entered.
        action: Listen to its topics afresh, send it a command, or call a person.
        verb: Command sent, for `command`.
    """

    after_s: float
    action: Action
    verb: str = ""


SILENT: tuple[Rung, ...] = (
    Rung(after_s=5.0, action="listen-again"),
    Rung(after_s=60.0, action="listen-again"),
    Rung(after_s=240.0, action="listen-again"),
    Rung(after_s=10.0, action="call"),
)
"""For DISABLED: ask the broker again for what it retains, in case a subscription was lost."""

_CALL = Rung(after_s=60.0, action="call")
FAULTY: dict[DeviceKind, tuple[Rung, ...]] = {
    DeviceKind.TELESCOPE: (
        Rung(after_s=5.0, action="command", verb="stop"),
        Rung(after_s=30.0, action="command", verb="park"),
        Rung(after_s=200.0, action="command", verb="park"),
        _CALL,
    ),
    DeviceKind.CAMERA: (
        Rung(after_s=5.0, action="command", verb="abort"),
        Rung(after_s=60.0, action="command", verb="abort"),
        _CALL,
    ),
    DeviceKind.DOME: (
        Rung(after_s=5.0, action="command", verb="close"),
        Rung(after_s=130.0, action="command", verb="close"),
        _CALL,
    ),
}
"""For FAULT; kinds that are missing have no command that could help: a person is called."""


def ladder(kind: DeviceKind, state: DeviceState) -> tuple[Rung, ...]:
    """The rungs for a state of a kind of device; empty when nothing is to be recovered."""
    if state is DeviceState.DISABLED:
        return SILENT
    if state is DeviceState.FAULT:
        return FAULTY.get(kind, (_CALL,))
    return ()


HEALTHY_AFTER_S = 300.0
"""Observatory seconds of use after which a ladder starts from the bottom again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """How far a ladder was climbed, and when the last rung was taken."""

    state: DeviceState | None = None
    rung: int = 0
    since_s: float = 0.0
    usable_since_s: float | None = None


def entered(climb: Climb, state: DeviceState, now_s: float, *, usable: bool) -> Climb:
    """The device entered a state: a relapse soon after recovery goes on where it stopped."""
    if usable:
        since_s = climb.usable_since_s
        return Climb(
            state=climb.state,
            rung=climb.rung,
            since_s=climb.since_s,
            usable_since_s=now_s if since_s is None else since_s,
        )
    if state not in {DeviceState.FAULT, DeviceState.DISABLED}:
        return climb
    healthy = climb.usable_since_s is not None and now_s - climb.usable_since_s >= HEALTHY_AFTER_S
    fresh = healthy or climb.state is not state
    return Climb(state=state, rung=0 if fresh else climb.rung, since_s=now_s)


def due_s(climb: Climb, kind: DeviceKind, state: DeviceState) -> float | None:
    """Loop time of the next rung, None when the ladder has none left."""
    rungs = ladder(kind, state)
    if climb.state is not state or climb.rung >= len(rungs):
        return None
    return climb.since_s + rungs[climb.rung].after_s


def take(climb: Climb, kind: DeviceKind, state: DeviceState, now_s: float) -> tuple[Climb, Rung]:
    """The next rung and the ladder after it; only when `due_s` has passed."""
    rung = ladder(kind, state)[climb.rung]
    return Climb(state=state, rung=climb.rung + 1, since_s=now_s), rung
