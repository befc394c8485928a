"""A whole simulated site in the dark, in virtual time, with what the alert tests ask of it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from actors.alert_handler.messages import AlertUpdated
from actors.alert_handler.templates import place_in_view
from actors.alert_source.messages import PacketReceived, PacketStored
from actors.archive.messages import FrameArchived
from actors.journal.messages import Flush, JournalEntry
from actors.majordome.messages import ModeChanged
from actors.scheduler.messages import PlanPublished, SequenceStateChanged
from actors.sequencer.messages import SequenceEnded
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.message import MqttMessage
from protocols.notice_restamp import restamp
from pyros.actor import Actor, ChildSpec, Message
from pyros.actor.loops import run_virtual
from pyros.app.settings import load_settings
from pyros.app.simulated_site import SimulatedSite, simulated_site
from pyros.clock import datetime_from_unix, unix_from_datetime
from pyros.domain.observatory import Mode
from pyros.domain.sequence import SequenceState
from pyros.sky import Night, noon_unix_s

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pyros.app.settings import ObservatorySettings
    from pyros.store import WrittenLine

T = TypeVar("T")
CONFIG = Path(__file__).parents[2] / "config" / "simulated" / "observatory.toml"
DATA = Path(__file__).parents[1] / "data" / "alerts"
SWIFT = "swift/BAT_GRB_Pos_1194500-314.xml"
XRT = "swift/XRT_Pos_1194500-577.xml"
ECLAIRS = "svom/sb26050402_eclairs_312.xml"
MXT = "svom/sb26050402_mxt_50.xml"
EP = "einstein_probe/alert_249.json"
GBM = "fermi_gbm/GBM_Flt_Pos_2023-11-04T01_47_28.14_720755253_59-318.xml"
GBM_LATER = "fermi_gbm/798437606_fermi_gbm_gnd_pos_1870.xml"
NIGHT, FOLLOWING = "2026-11-23", "2026-11-24"
EVENTS = (
    AlertUpdated,
    FrameArchived,
    ModeChanged,
    PlanPublished,
    SequenceEnded,
    SequenceStateChanged,
)


class Spy(Actor):
    """Keeps the events of the night."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, AlertUpdated] = {}
        self.states: dict[str, SequenceState] = {}
        self.frames: list[FrameArchived] = []
        self.ended: list[SequenceEnded] = []
        self.journal: list[JournalEntry] = []
        self.mode = Mode.STARTING
        self.plan: PlanPublished | None = None

    async def on_start(self) -> None:
        """Listen."""
        self.subscribe(*EVENTS, JournalEntry)

    async def on_receive(self, message: Message) -> Any:
        """Note."""
        match message:
            case AlertUpdated():
                self.alerts[message.alert_id] = message
            case SequenceStateChanged():
                self.states[message.sequence_id] = message.new
            case FrameArchived():
                self.frames.append(message)
            case SequenceEnded():
                self.ended.append(message)
            case JournalEntry():
                self.journal.append(message)
            case ModeChanged():
                self.mode = message.mode
            case PlanPublished():
                self.plan = message


@dataclass(slots=True, kw_only=True)
class AlertNight:
    """The site and what was seen of it."""

    site: SimulatedSite
    spy: Spy
    rng: random.Random = field(default_factory=lambda: random.Random(3))  # noqa: S311 - a test's places
    _serial: int = 10

    @property
    def clock(self) -> Any:
        """The observatory's clock."""
        return self.site.control.clock

    @property
    def handler(self) -> Any:
        """The alert handler."""
        return self.site.control.ref("/alerts/handler")

    def in_view(self) -> tuple[float, float]:
        """A place that is well up."""
        return place_in_view(self.site.plant.site, self.clock.unix_s(), self.rng)

    def young(
        self,
        name: str,
        *,
        age_s: float = 30.0,
        place: tuple[float, float] | None = None,
        serial: int | None = None,
    ) -> bytes:
        """A recorded packet whose burst was `age_s` ago, in view unless a place is given."""
        self._serial += 1
        ra_deg, dec_deg = place or self.in_view()
        return restamp(
            (DATA / name).read_bytes(),
            time_utc=self.clock.now() - timedelta(seconds=age_s),
            ra_deg=ra_deg,
            dec_deg=dec_deg,
            serial=self._serial if serial is None else serial,
        )

    async def send(self, raw: bytes, *, source: str = "vtp") -> PacketStored:
        """Hand a packet in as a source does."""
        packet = PacketReceived(
            raw=raw,
            source=source,
            topic=None,
            received_utc=self.clock.now(),
            received_monotonic_s=self.clock.monotonic_s(),
        )
        return await self.handler.ask(packet, timeout_s=10.0)

    async def send_by_mqtt(self, raw: bytes) -> None:
        """Publish a packet as a broker of alerts does."""
        link = MemoryLink(self.site.router, client_id="author")
        await link.connect()
        await link.publish(MqttMessage(topic=self.site.plant.topics.alert_in(), payload=raw, qos=1))
        await link.disconnect()

    async def until(self, condition: Callable[[], T], *, within_s: float, what: str) -> T:
        """Wait in the observatory's time until something holds."""
        end_s = self.clock.monotonic_s() + within_s
        while not (found := condition()):
            assert self.clock.monotonic_s() < end_s, f"{what}: not within {within_s:.0f} s"
            await asyncio.sleep(0.5)
        return found

    def event(self, ending: str) -> AlertUpdated | None:
        """The event whose id ends so."""
        return next((one for key, one in self.spy.alerts.items() if key.endswith(ending)), None)

    async def stage(self, ending: str, stage: str, *, within_s: float = 400.0) -> AlertUpdated:
        """Wait until an event has reached a stage."""

        def reached() -> AlertUpdated | None:
            event = self.event(ending)
            return event if event is not None and stage in event.stages else None

        return await self.until(reached, within_s=within_s, what=f"{ending} {stage}")  # type: ignore[return-value]

    async def routine_runs(self) -> str:
        """Wait until a routine sequence is exposing; its id."""

        def running() -> str | None:
            alerts = {event.sequence_id for event in self.spy.alerts.values()}
            return next(
                (
                    key
                    for key, state in self.spy.states.items()
                    if state is SequenceState.EXECUTING and key not in alerts
                ),
                None,
            )

        found = await self.until(running, within_s=7200.0, what="routine work")
        assert found is not None
        await asyncio.sleep(45.0)
        return (
            found
            if self.spy.states[found] is SequenceState.EXECUTING
            else await self.routine_runs()
        )

    async def lines(self) -> list[WrittenLine]:
        """The journal as it is stored."""
        await self.site.control.ref("/infrastructure/journal").ask(Flush(), timeout_s=60.0)
        return await self.site.plant.store.journal.read(limit=5000)


@lru_cache(maxsize=1)
def settings() -> ObservatorySettings:
    """The simulated observatory with small detectors, a short hold-off and no sockets."""
    read = load_settings(CONFIG)
    simulators = read.simulators
    assert simulators is not None
    telescope = simulators.telescopes[0]
    cameras = tuple(
        msgspec.structs.replace(
            camera, detector=msgspec.structs.replace(camera.detector, width_px=64, height_px=64)
        )
        for camera in telescope.cameras
    )
    return msgspec.structs.replace(
        read,
        safety=msgspec.structs.replace(read.safety, start_hold_off_s=30.0, hold_off_s=60.0),
        simulators=msgspec.structs.replace(
            simulators, telescopes=(msgspec.structs.replace(telescope, cameras=cameras),)
        ),
        alerts=msgspec.structs.replace(
            read.alerts,
            sources=msgspec.structs.replace(read.alerts.sources, vtp_receiver=None),
        ),
    )


@contextlib.asynccontextmanager
async def alert_night(
    tmp_path: Path, changed: ObservatorySettings, *, keep_database: bool = False
) -> AsyncIterator[AlertNight]:
    """The site in the dark, on the running virtual loop."""
    async with simulated_site(
        changed,
        config=CONFIG,
        data_dir=tmp_path,
        seed=5,
        rng=random.Random(5),  # noqa: S311
        keep_database=keep_database,
    ) as built:
        spy = Spy()
        await built.control.spawn(ChildSpec(name="spy", factory=lambda: spy))
        yield AlertNight(site=built, spy=spy)


def dark_span(night: str) -> tuple[datetime, datetime]:
    """Nautical dusk and dawn of a night of the simulated observatory."""
    site = settings().site.sky_site()
    span = Night.at(site, noon_unix_s(site, night) + 3600.0).span(-12.0)
    assert span is not None
    return datetime_from_unix(span[0]), datetime_from_unix(span[1])


def at_night(
    tmp_path: Path,
    story: Callable[[AlertNight], Awaitable[T]],
    *,
    changed: ObservatorySettings | None = None,
    after_dark_s: float = 600.0,
    before_dawn_s: float | None = None,
    night: str = NIGHT,
    keep_database: bool = False,
) -> T:
    """Run a story on a site that starts in the dark, so long after dusk or before dawn."""
    chosen = changed or settings()
    dusk_utc, dawn_utc = dark_span(night)

    async def main() -> T:
        async with alert_night(tmp_path, chosen, keep_database=keep_database) as running:
            return await story(running)

    start_unix_s = unix_from_datetime(dusk_utc) + after_dark_s
    if before_dawn_s is not None:
        start_unix_s = unix_from_datetime(dawn_utc) - before_dawn_s
    return run_virtual(main, start_unix_s=start_unix_s)
