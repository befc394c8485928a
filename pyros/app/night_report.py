"""What came of a simulated night: kept from its events, judged at its end, printed as JSON."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.alert_handler.messages import AlertUpdated
from actors.archive.messages import FrameArchived
from actors.journal.messages import Flush
from actors.majordome.messages import ModeChanged
from actors.scheduler.messages import NightClosed, SequenceStateChanged
from pyros.actor import Actor, Message, Undelivered
from pyros.domain.observatory import Mode
from pyros.domain.sequence import FINAL_STATES, SequenceState

if TYPE_CHECKING:
    from pyros.app.simulated_site import SimulatedSite

_LOST = frozenset({Undelivered.DEAD, Undelivered.FULL})


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReport:
    """What became of one alert."""

    ivorn: str
    decision: str
    reason: str
    slew_command_after_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightReport:
    """What came of a night; `as_json` is what `pyros simulate --json` prints."""

    night: str
    seed: int
    wall_s: float
    sim_s: float
    sequences: dict[str, int]
    frames: int
    open_s: float
    alerts: tuple[AlertReport, ...]
    violations: tuple[str, ...]
    excused: tuple[str, ...]
    digest: str

    @property
    def speedup(self) -> float:
        """Simulated seconds per wall second."""
        return self.sim_s / self.wall_s if self.wall_s > 0 else float("inf")

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "night": self.night,
            "seed": self.seed,
            "wall_s": round(self.wall_s, 3),
            "sim_s": round(self.sim_s, 3),
            "speedup": round(self.speedup, 1),
            "sequences": self.sequences,
            "frames": self.frames,
            "open_s": self.open_s,
            "alerts": [
                {
                    "ivorn": alert.ivorn,
                    "decision": alert.decision,
                    "reason": alert.reason,
                    "slew_command_after_s": alert.slew_command_after_s,
                }
                for alert in self.alerts
            ],
            "violations": list(self.violations),
            "excused": list(self.excused),
            "digest": self.digest,
        }


class NightLog(Actor):
    """Keeps what the report needs of the night's events."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, SequenceState] = {}
        self.alerts: dict[str, AlertUpdated] = {}
        self.frames = 0
        self.mode: Mode = Mode.STARTING
        self.closed: str | None = None

    async def on_start(self) -> None:
        """Listen."""
        self.subscribe(SequenceStateChanged, AlertUpdated, FrameArchived, ModeChanged, NightClosed)

    async def on_receive(self, message: Message) -> Any:
        """Note."""
        match message:
            case SequenceStateChanged():
                self.states[message.sequence_id] = message.new
            case AlertUpdated():
                self.alerts[message.alert_id] = message
            case FrameArchived():
                self.frames += 1
            case ModeChanged():
                self.mode = message.mode
            case NightClosed():
                self.closed = message.night
            case _:
                return await super().on_receive(message)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a night began with.

    Attributes:
        night: Its label.
        seed: Of everything drawn.
        start_unix_s: Its first instant.
        wall_s: The computer's monotonic seconds then.
        closes: Whether its books are to be closed: it is dark for a while, and not cut off.
    """

    night: str
    seed: int
    start_unix_s: float
    wall_s: float
    closes: bool


async def report_of(built: SimulatedSite, log: NightLog, beginning: Beginning) -> NightReport:
    """The report of a night that is over, all journalled."""
    journal = built.control.ref("/infrastructure/journal")
    await journal.ask(Flush(), timeout_s=60.0)
    violations = list(built.findings.violations)
    violations += _unfinished(log, beginning.night) if beginning.closes else []
    violations += _kernel_violations(built)
    alerts = tuple(
        AlertReport(
            ivorn=alert.ivorn,
            decision=alert.decision,
            reason="; ".join(alert.reasons),
            slew_command_after_s=(
                round(alert.stages["slew-command"] / 1000.0, 3)
                if "slew-command" in alert.stages
                else None
            ),
        )
        for alert in log.alerts.values()
    )
    counts = Counter(state.value.lower() for state in log.states.values())
    return NightReport(
        night=beginning.night,
        seed=beginning.seed,
        wall_s=time.monotonic() - beginning.wall_s,
        sim_s=built.control.clock.unix_s() - beginning.start_unix_s,
        sequences=dict(sorted(counts.items())),
        frames=log.frames,
        open_s=built.findings.open_s,
        alerts=alerts,
        violations=tuple(violations),
        excused=tuple(built.findings.excused),
        digest=await built.plant.store.journal.digest(),
    )


def _unfinished(log: NightLog, night: str) -> list[str]:
    if log.closed is None:
        return [f"night not closed: the books of {night} are still open"]
    return [
        f"sequence without a final state: {identity} is {state}"
        for identity, state in log.states.items()
        if state not in FINAL_STATES
    ]


def _kernel_violations(built: SimulatedSite) -> list[str]:
    """Replies that were lost, and actors of one name."""
    violations: list[str] = []
    for system in (built.control, built.metal_system):
        paths = Counter(info.path for info in system.tree())
        violations += [f"two actors of one name: {path}" for path, n in paths.items() if n > 1]
        violations += [
            f"message lost: {type(letter.message).__name__} to {letter.target} ({letter.reason})"
            for letter in system.dead_letters.recent()
            if letter.reason in _LOST and letter.in_lane <= 1
        ]
    return violations
