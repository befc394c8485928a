"""What can be wrong with a simulated device, and the board on which it is pinned.

A fault is physics: it is there whether the device's actor runs or not, and it outlives a restart
of the actor. The scenario pins and removes faults; devices look at the board.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pyros.actor import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.payloads import Value


class FaultKind(StrEnum):
    """How a device can fail."""

    SILENT = "silent"
    """Says and obeys nothing: dead sensor, cable pulled."""
    BROKEN = "broken"
    """Answers, but reports a fault and refuses commands."""
    STUCK = "stuck"
    """Its motors do not move."""
    SLOW = "slow"
    """Every motion takes `factor` times as long."""
    FROZEN = "frozen"
    """Repeats its last readings as if they were new."""
    WRONG = "wrong"
    """Reports `readings` instead of what is true."""
    LINK = "link"
    """The connection of all simulated devices to the broker is down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with one device.

    Attributes:
        device: `{unit}/{device}`; any text for `LINK`.
        kind: How it fails.
        reason: What the device says about it.
        factor: For `SLOW`.
        readings: For `WRONG`: property to value.
    """

    device: str
    kind: FaultKind
    reason: str = ""
    factor: float = 1.0
    readings: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultsChanged(Message):
    """Event: a fault of a device came or went."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the faults of one device amount to."""

    silent: bool = False
    broken: str = ""
    stuck: bool = False
    frozen: bool = False
    slowness: float = 1.0
    readings: Mapping[str, Value] = field(default_factory=dict)


SOUND = Condition()


class FaultBoard:
    """The faults in force, by device."""

    def __init__(self) -> None:
        self._faults: dict[str, tuple[Fault, ...]] = {}
        self._conditions: dict[str, Condition] = {}

    @property
    def link_down(self) -> bool:
        """Whether the connection to the broker is down."""
        return any(
            fault.kind == FaultKind.LINK for faults in self._faults.values() for fault in faults
        )

    def pin(self, fault: Fault) -> None:
        """Let something be wrong."""
        self._faults[fault.device] = (*self._faults.get(fault.device, ()), fault)
        self._settle(fault.device)

    def remove(self, fault: Fault) -> None:
        """Repair it; does nothing when it is not pinned."""
        left = tuple(pinned for pinned in self._faults.get(fault.device, ()) if pinned != fault)
        self._faults[fault.device] = left
        self._settle(fault.device)

    def condition(self, device: str) -> Condition:
        """What is wrong with a device."""
        return self._conditions.get(device, SOUND)

    def _settle(self, device: str) -> None:
        self._conditions[device] = condition_of(self._faults[device])


def condition_of(faults: tuple[Fault, ...]) -> Condition:
    """What several faults amount to together."""
    kinds = {fault.kind for fault in faults}
    readings: dict[str, Value] = {}
    slowness = 1.0
    for fault in faults:
        readings |= fault.readings
        if fault.kind == FaultKind.SLOW:
            slowness *= fault.factor
    broken = next(
        (fault.reason or "internal error" for fault in faults if fault.kind == FaultKind.BROKEN), ""
    )
    return Condition(
        silent=FaultKind.SILENT in kinds,
        broken=broken,
        stuck=FaultKind.STUCK in kinds,
        frozen=FaultKind.FROZEN in kinds,
        slowness=slowness,
        readings=readings,
    )
