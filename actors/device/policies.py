"""How each command is to be treated, as data: retries, what it supersedes, whether it is safe.

Read by `actors.device.commands`; a verb that has no row gets `DEFAULT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pyros.domain.device import DeviceKind

Slot = Literal["main", "cover", "cooling"]
SLOTS: tuple[Slot, ...] = ("main", "cover", "cooling")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPolicy:
    """What may be done with a command.

    Attributes:
        sends: How often it is published, under one id, before silence is final.
        attempts: How often it is tried anew, under a new id, after the device said failed.
        supersedes: Verbs that end ABORTED when this one is asked while they run or wait.
        joins: A second equal command while one runs shares its outcome.
        skips: DONE without a word on the wire when the post-condition already holds.
        safe: Allowed in every state of the device: it can only make things safer.
        slot: Commands of a slot run one at a time; slots are hardware that moves independently.
    """

    sends: int = 1
    attempts: int = 1
    supersedes: frozenset[str] = frozenset()
    joins: bool = True
    skips: bool = True
    safe: bool = False
    slot: Slot = "main"


DEFAULT = CommandPolicy()
_MOVES = frozenset({"slew", "slew_altaz", "offset"})
_K = DeviceKind
POLICIES: dict[tuple[DeviceKind, str], CommandPolicy] = {
    (_K.TELESCOPE, "slew"): CommandPolicy(supersedes=_MOVES, skips=False),
    (_K.TELESCOPE, "slew_altaz"): CommandPolicy(supersedes=_MOVES, skips=False),
    (_K.TELESCOPE, "offset"): CommandPolicy(joins=False, skips=False),
    (_K.TELESCOPE, "park"): CommandPolicy(
        supersedes=_MOVES | {"unpark"}, sends=2, attempts=2, safe=True
    ),
    (_K.TELESCOPE, "unpark"): CommandPolicy(attempts=2),
    (_K.TELESCOPE, "stop"): CommandPolicy(
        supersedes=_MOVES | {"park", "unpark"}, sends=3, attempts=2, skips=False, safe=True
    ),
    (_K.TELESCOPE, "open_cover"): CommandPolicy(attempts=2, slot="cover"),
    (_K.TELESCOPE, "close_cover"): CommandPolicy(
        supersedes=frozenset({"open_cover"}), sends=3, attempts=2, safe=True, slot="cover"
    ),
    (_K.CAMERA, "expose"): CommandPolicy(joins=False, skips=False),
    (_K.CAMERA, "abort"): CommandPolicy(sends=3, attempts=2, skips=False, safe=True),
    (_K.CAMERA, "cool"): CommandPolicy(attempts=2, skips=False, slot="cooling"),
    (_K.FILTER_WHEEL, "select"): CommandPolicy(attempts=2),
    (_K.FOCUSER, "move"): CommandPolicy(attempts=2),
    (_K.DOME, "open"): CommandPolicy(),
    (_K.DOME, "close"): CommandPolicy(
        supersedes=frozenset({"open", "turn", "stop"}), sends=3, attempts=3, safe=True
    ),
    (_K.DOME, "turn"): CommandPolicy(supersedes=frozenset({"turn"})),
    (_K.DOME, "stop"): CommandPolicy(
        supersedes=frozenset({"open", "turn"}), sends=3, skips=False, safe=True
    ),
    (_K.PLC, "lights"): CommandPolicy(attempts=2),
    (_K.PLC, "flat_lamp"): CommandPolicy(attempts=2),
}

ABORT_WITH: dict[DeviceKind, tuple[str, dict[str, bool]]] = {
    DeviceKind.TELESCOPE: ("stop", {}),
    DeviceKind.CAMERA: ("abort", {"save": True}),
    DeviceKind.DOME: ("stop", {}),
}
"""The command that stops what a kind does; kinds that are missing finish by themselves soon."""


def policy(kind: DeviceKind, verb: str) -> CommandPolicy:
    """The policy of a kind's command."""
    return POLICIES.get((kind, verb), DEFAULT)
