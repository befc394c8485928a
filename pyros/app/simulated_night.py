"""One simulated night from before sunset to the end of calibrations, and what came of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.alert_handler.messages import AlertUpdated
from actors.alert_handler.templates import place_in_view
from actors.archive.messages import FrameArchived
from actors.journal.messages import Flush
from actors.majordome.messages import ModeChanged
from actors.scheduler.messages import NightClosed, SequenceStateChanged
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.message import MqttMessage
from pyros.actor import Actor, ChildSpec, Message, Undelivered
from pyros.actor.loops import run_virtual
from pyros.app.simulated_site import SimulatedSite, simulated_site
from pyros.clock import datetime_from_unix
from pyros.domain.observatory import Mode
from pyros.domain.sequence import FINAL_STATES, SequenceState
from pyros.errors import ConfigurationError
from pyros.sky import Night, noon_unix_s

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from pyros.app.settings import ObservatorySettings
    from simulators.scenario import Scenario

_BEFORE_SUNSET_S = 1200.0
_AFTER_SUNRISE_S = 3 * 3600.0
_KINDS = ("swift-bat", "svom-eclairs")
_STEP_S = 60.0
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
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of a night that is run.

    Attributes:
        start: Time of day in UTC at which it begins; None for some minutes before sunset.
        end: Time of day in UTC at which it is cut off; None for when the calibrations are done.
    """

    start: dt.time | None = None
    end: dt.time | None = None

    def of(self, sky: Night) -> tuple[float, float]:
        """(first, latest) instant, Unix seconds, in a night.

        Raises:
            ConfigurationError: When the end does not come after the start.
        """
        sunset_s = sky.sunset if sky.sunset is not None else sky.start_unix_s
        sunrise_s = sky.sunrise if sky.sunrise is not None else sky.end_unix_s
        start_s = sunset_s - _BEFORE_SUNSET_S if self.start is None else _at(sky, self.start)
        end_s = sunrise_s + _AFTER_SUNRISE_S if self.end is None else _at(sky, self.end)
        if end_s <= start_s:
            raise ConfigurationError(
                f"night {sky.label}: it would end at {datetime_from_unix(end_s):%H:%M} UTC, before "
                f"it begins at {datetime_from_unix(start_s):%H:%M}; give times between sunset "
                f"{datetime_from_unix(sunset_s):%H:%M} and sunrise "
                f"{datetime_from_unix(sunrise_s):%H:%M} UTC"
            )
        return start_s, end_s


WHOLE_NIGHT = Window()


def _at(sky: Night, time_utc: dt.time) -> float:
    """The instant of a time of day within the night (from noon to noon)."""
    noon = datetime_from_unix(sky.start_unix_s)
    instant = dt.datetime.combine(noon.date(), time_utc, tzinfo=dt.UTC)
    if instant < noon:
        instant += dt.timedelta(days=1)
    return instant.timestamp()


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


def run_night(
    settings: ObservatorySettings,
    *,
    config: Path,
    night: str,
    seed: int,
    data_dir: Path,
    rng: Random,
    scenario: Scenario | None = None,
    keep_database: bool = False,
    burst: bool = True,
    window: Window = WHOLE_NIGHT,
) -> NightReport:
    """Run one night in virtual time.

    Args:
        settings: The site, with simulators.
        config: Its file.
        night: Night label.
        seed: Of everything drawn.
        data_dir: Where frames go.
        rng: Draws the burst.
        scenario: Prescribed weather and faults.
        keep_database: Whether the database stays in `data_dir`.
        burst: Whether one burst is drawn into the night.
        window: The part of the night to run.

    Returns:
        The report.

    Raises:
        ConfigurationError: When the window lies outside the night.
    """
    site = settings.site.sky_site()
    sky = Night.at(site, noon_unix_s(site, night) + 3600.0)
    start_s, latest_s = window.of(sky)
    began_s = time.monotonic()

    async def main() -> NightReport:
        async with simulated_site(
            settings,
            config=config,
            data_dir=data_dir,
            seed=seed,
            rng=rng,
            scenario=scenario,
            keep_database=keep_database,
        ) as built:
            log = NightLog()
            await built.control.spawn(ChildSpec(name="night-log", factory=lambda: log))
            if burst:
                _ = built.control.spawn_task(_burst(built, sky, rng), "burst")
            await _until_over(built, log, latest_s)
            unfinished = [] if window.end is not None else _unfinished(log, night)
            return await _report(built, log, night, seed, start_s, began_s, unfinished)

    return run_virtual(main, start_unix_s=start_s)


async def _burst(built: SimulatedSite, sky: Night, rng: Random) -> None:
    """One burst in the dark, heard over MQTT like one of a broker."""
    span = sky.span(-12.0)
    if span is None:
        return
    start_s, end_s = span
    at_s = start_s + rng.uniform(0.15, 0.8) * (end_s - start_s)
    kind = rng.choice(_KINDS)
    clock = built.control.clock
    await asyncio.sleep(max(at_s - clock.unix_s(), 0.0))
    ra_deg, dec_deg = place_in_view(built.plant.site, clock.unix_s(), rng)
    raw = built.plant.templates.build(
        kind,
        time_utc=datetime_from_unix(clock.unix_s() - 20.0),
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        serial=rng.randrange(10, 99),
    )
    link = MemoryLink(built.router, client_id="alert-broker")
    await link.connect()
    await link.publish(MqttMessage(topic=built.plant.topics.alert_in(), payload=raw, qos=1))
    await link.disconnect()


async def _until_over(built: SimulatedSite, log: NightLog, latest_s: float) -> None:
    """Until the books are closed and the telescope rests, or it is far too late."""
    clock = built.control.clock
    while clock.unix_s() < latest_s:
        await asyncio.sleep(_STEP_S)
        if log.closed is not None and log.mode is Mode.STANDBY:
            return


async def _report(
    built: SimulatedSite,
    log: NightLog,
    night: str,
    seed: int,
    start_s: float,
    began_s: float,
    unfinished: list[str],
) -> NightReport:
    journal = built.control.ref("/infrastructure/journal")
    await journal.ask(Flush(), timeout_s=60.0)
    violations = list(built.findings.violations)
    violations += unfinished
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
        night=night,
        seed=seed,
        wall_s=time.monotonic() - began_s,
        sim_s=built.control.clock.unix_s() - start_s,
        sequences=dict(sorted(counts.items())),
        frames=log.frames,
        open_s=built.findings.open_s,
        alerts=alerts,
        violations=tuple(violations),
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
