"""Records numeric telemetry: every device and station by channel, with a dead-band, in batches.

A trend needs no more than what changed: a value within its dead-band of the last recorded one is
written again only after `quiet_s`. Only good values are recorded; a gap in a trend is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.device.messages import DeviceStatus
from actors.journal.dead_band import DeadBand
from actors.weather_source.messages import WeatherReport
from protocols.topics import SITE_UNIT
from pyros.actor import Actor, Message
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.journal.settings import RecorderSettings
    from pyros.actor import TimerHandle
    from pyros.domain.device import Reading
    from pyros.store import Sample, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write(Message):
    """To itself: a batch has waited long enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maintain(Message):
    """To itself: time to roll up and to forget."""


class Recorder(Actor):
    """Records telemetry.

    Args:
        store: An open store.
        settings: Batches, dead-band, maintenance.
    """

    def __init__(self, *, store: Store, settings: RecorderSettings) -> None:
        super().__init__()
        self._store = store
        self._settings = settings
        self._band = DeadBand(quiet_s=settings.quiet_s)
        self._waiting: list[Sample] = []
        self._due: TimerHandle | None = None
        self._busy = False
        self._failing = False
        self._dropped = 0

    async def on_start(self) -> None:
        """Listen to devices and stations."""
        self.subscribe(DeviceStatus, WeatherReport)
        self.every(self._settings.maintain_s, _Maintain())

    async def on_stop(self) -> None:
        """Write what waits."""
        if self._waiting:
            await self._append(self._waiting)

    async def on_receive(self, message: Message) -> Any:
        """Take readings; write and maintain when it is time."""
        match message:
            case DeviceStatus():
                self._take(message.unit, message.device, message.readings)
            case WeatherReport():
                self._take(SITE_UNIT, message.station, message.readings)
            case _Write():
                self._due = None
                self._write()
            case _Maintain():
                self._start(self._maintain(), name="maintain")
            case _:
                return await super().on_receive(message)
        return None

    def _take(self, unit: str, device: str, readings: Mapping[str, Reading]) -> None:
        fresh = self._band.news(unit, device, readings)
        if not fresh:
            return
        self._waiting += fresh
        beyond = len(self._waiting) - self._settings.kept_samples
        if beyond > 0:
            del self._waiting[:beyond]
            self._dropped += beyond
        if len(self._waiting) >= self._settings.batch_samples and not self._failing:
            self._write()
        elif self._due is None:
            self._due = self.tell_later(self.clock.wall_to_loop_s(self._settings.batch_s), _Write())

    def _write(self) -> None:
        if self._busy or not self._waiting:
            return
        if self._due is not None:
            self._due.cancel()
            self._due = None
        batch, self._waiting = self._waiting, []
        self._start(self._append_or_keep(batch), name="write")

    def _start(self, work: Any, *, name: str) -> None:
        self._busy = True
        self.start_task(self._and_then_rest(work), name=name)

    async def _and_then_rest(self, work: Any) -> None:
        try:
            await work
        finally:
            self._busy = False

    async def _append_or_keep(self, batch: list[Sample]) -> None:
        if not await self._append(batch):
            self._waiting = batch + self._waiting

    async def _append(self, batch: list[Sample]) -> bool:
        try:
            await self._store.telemetry.append(batch)
        except PyrosError as error:
            if not self._failing:
                self.log.error("cannot record telemetry: %s", error)  # noqa: TRY400 - one line
            self._failing = True
            return False
        if self._failing:
            self.log.warning("recording again; %d samples were dropped", self._dropped)
        self._failing, self._dropped = False, 0
        return True

    async def _maintain(self) -> None:
        now_utc = self.clock.now()
        try:
            await self._store.telemetry.roll_up(until_utc=now_utc)
            await self._store.telemetry.forget(now_utc=now_utc)
        except PyrosError as error:
            self.log.error("cannot maintain telemetry: %s", error)  # noqa: TRY400 - one line
