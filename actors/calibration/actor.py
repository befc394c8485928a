"""Takes the calibration frames of a night, and combines them into masters.

It remembers with what the night's light frames were taken, and at the end of the night takes
matching darks and dome flats. Nothing is exposed before the dome is verified closed [194].
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from actors.archive.messages import FrameArchived
from actors.calibration.masters import combine_darks, combine_flats
from actors.calibration.messages import CalibrationsTaken, TakeCalibrations
from actors.calibration.needs import CalibrationFrame, LightTaken, frames_needed
from actors.camera.messages import ExposureContext, FrameSpooled
from actors.device.messages import Command, DeviceStatus
from actors.journal.messages import JournalEntry
from actors.majordome.picture import good
from actors.majordome.procedures import order
from actors.sequencer.hardware import Hardware, StepError
from pyros.actor import Actor, Deferred, Message, Rejected
from pyros.domain.device import USABLE, DeviceKind
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from pathlib import Path

    from actors.calibration.settings import CalibrationSettings
    from pyros.actor import ActorRef

_MASTER_DEADLINE_S = 120.0


class Calibration(Actor):
    """Takes darks and flats on one telescope.

    Args:
        unit: Telescope id.
        hardware: The devices it commands.
        plc: Who switches the flat lamp; None where there is none, then no flats are taken.
        settings: How many of each.
        data_dir: Where the archive keeps frames; masters go beside them.
    """

    def __init__(
        self,
        *,
        unit: str,
        hardware: Hardware,
        plc: ActorRef[Any] | None,
        settings: CalibrationSettings,
        data_dir: Path,
    ) -> None:
        super().__init__()
        self._unit = unit
        self._hardware = hardware
        self._plc = plc
        self._settings = settings
        self._data_dir = data_dir
        self._lights: set[LightTaken] = set()
        self._devices: dict[DeviceKind, DeviceStatus] = {}
        self._archived: dict[str, Path] = {}
        self._arrived: asyncio.Event | None = None
        self._busy = False

    async def on_start(self) -> None:
        """Watch frames and the dome."""
        self._arrived = asyncio.Event()
        unit = self._unit
        self.subscribe(FrameSpooled, FrameArchived)
        self.subscribe(
            DeviceStatus,
            only=lambda said: said.kind is DeviceKind.DOME and said.unit == unit,
        )

    async def on_receive(self, message: Message) -> Any:
        """Remember lights; take calibrations when told."""
        match message:
            case FrameSpooled(kind="light", aborted=False) if message.unit == self._unit:
                self._lights.add(
                    LightTaken(
                        camera=message.camera,
                        filter_name=message.context.filter_name,
                        exposure_s=round(message.exposure_s, 3),
                    )
                )
            case FrameArchived() if message.frame.kind != "light":
                self._archived[message.frame.exposure_id] = self._data_dir / message.path
                if self._arrived is not None:
                    self._arrived.set()
            case DeviceStatus() if message.unit == self._unit:
                self._devices[message.kind] = message
            case TakeCalibrations():
                if self._busy:
                    raise Rejected("calibrations are being taken already")
                self._busy = True
                self.start_task(
                    self._take(message.night, self.defer()), name=f"calibrate {message.night}"
                )
            case FrameSpooled() | FrameArchived() | DeviceStatus():
                pass
            case _:
                return await super().on_receive(message)
        return None

    async def _take(self, night: str, reply: Deferred[CalibrationsTaken]) -> None:
        try:
            not_closed = self._not_closed()
            if not_closed is not None:
                reply.fail(Rejected(f"no calibrations: {not_closed}"))
                return
            taken = await self._expose_all(night)
        finally:
            self._busy = False
        self._lights.clear()
        self.publish(
            JournalEntry(
                kind="decision",
                subject=self.path,
                text=f"night {night}: {taken.darks} darks, {taken.flats} flats, "
                f"{len(taken.masters)} masters"
                + (f"; not done: {'; '.join(taken.failures)}" if taken.failures else ""),
                time_utc=self.clock.now(),
                data={"darks": taken.darks, "flats": taken.flats, "masters": len(taken.masters)},
                severity="warning" if taken.failures else "info",
                who="calibration",
            )
        )
        reply.set(taken)

    def _not_closed(self) -> str | None:
        dome = self._devices.get(DeviceKind.DOME)
        if dome is None or dome.state not in USABLE:
            return "the dome does not answer"
        shutter = good(dome.readings, "shutter")
        return None if shutter == "closed" else f"the dome is {shutter or 'in an unknown state'}"

    async def _expose_all(self, night: str) -> CalibrationsTaken:
        needed = frames_needed(self._lights, self._settings)
        darks = [frame for frame in needed if frame.kind == "dark"]
        flats = [frame for frame in needed if frame.kind == "flat"]
        failures: list[str] = []
        ids = await self._expose_cameras(night, darks, failures)
        if flats and self._plc is not None:
            ids |= await self._with_lamp(night, flats, failures)
        masters = await self._combine(night, ids, failures)
        return CalibrationsTaken(
            night=night,
            darks=sum(frame.kind == "dark" for frame in ids.values()),
            flats=sum(frame.kind == "flat" for frame in ids.values()),
            masters=tuple(masters),
            failures=tuple(failures),
        )

    async def _with_lamp(
        self, night: str, flats: list[CalibrationFrame], failures: list[str]
    ) -> dict[str, CalibrationFrame]:
        """Flats with cover open under the closed dome; cover and lamp are put back always."""
        cause = f"flats of {night}"
        telescope = self._hardware.telescope
        try:
            for failure in (
                await order(telescope, "open_cover", cause=cause),
                await self._lamp(on=True, cause=cause),
            ):
                if failure is not None:
                    failures.append(failure)
                    return {}
            return await self._expose_cameras(night, flats, failures)
        finally:
            undone = (
                await self._lamp(on=False, cause=cause),
                await order(telescope, "close_cover", cause=cause),
            )
            failures.extend(failure for failure in undone if failure is not None)

    async def _lamp(self, *, on: bool, cause: str) -> str | None:
        assert self._plc is not None  # noqa: S101  (checked by the caller)
        try:
            outcome = await self._plc.ask(
                Command(verb="flat_lamp", args={"on": on}, cause=cause), timeout_s=60.0
            )
        except (Rejected, PyrosError, TimeoutError) as error:
            return f"flat lamp: {error}"
        return None if outcome.done else f"flat lamp {outcome.status}: {outcome.detail}"

    async def _expose_cameras(
        self, night: str, frames: list[CalibrationFrame], failures: list[str]
    ) -> dict[str, CalibrationFrame]:
        """All cameras side by side, each its own frames in order."""
        cameras = sorted({frame.camera for frame in frames})
        results = await asyncio.gather(
            *(
                self._expose_camera(night, [f for f in frames if f.camera == camera], failures)
                for camera in cameras
            )
        )
        return {identity: frame for result in results for identity, frame in result.items()}

    async def _expose_camera(
        self, night: str, frames: list[CalibrationFrame], failures: list[str]
    ) -> dict[str, CalibrationFrame]:
        taken: dict[str, CalibrationFrame] = {}
        for frame in frames:
            try:
                if frame.kind == "flat":
                    await self._hardware.select_filter(
                        frame.camera, frame.filter_name, cause=f"flats of {night}"
                    )
                result = await self._hardware.expose(
                    frame.camera,
                    frame.exposure_s,
                    frame.kind,
                    _context(night, frame),
                    margin_s=self._settings.frame_margin_s,
                    cause=f"calibrations of {night}",
                )
            except StepError as error:
                failures.append(str(error))
                break
            if result.frame is not None and not result.aborted:
                taken[result.exposure_id] = frame
        return taken

    async def _combine(
        self, night: str, ids: dict[str, CalibrationFrame], failures: list[str]
    ) -> list[str]:
        """Masters of everything that has arrived on disk."""
        await self._await_archive(ids)
        groups: dict[tuple[str, str, str, float], list[Path]] = {}
        for identity, frame in ids.items():
            path = self._archived.pop(identity, None)
            if path is not None:
                key = (frame.kind, frame.camera, frame.filter_name, frame.exposure_s)
                groups.setdefault(key, []).append(path)
        directory = self._data_dir / "PRODUCED_DATA" / f"calibrations_{night}" / "masters"
        masters: list[str] = []
        for (kind, camera, filter_name, exposure_s), paths in sorted(groups.items()):
            target = directory / _master_name(kind, camera, filter_name, exposure_s)
            try:
                if kind == "dark":
                    await self.blocking(combine_darks, paths, target, deadline_s=_MASTER_DEADLINE_S)
                else:
                    dark = directory / _master_name("dark", camera, "dark", exposure_s)
                    await self.blocking(
                        combine_flats,
                        paths,
                        dark if dark.exists() else None,
                        target,
                        deadline_s=_MASTER_DEADLINE_S,
                    )
            except (PyrosError, OSError) as error:
                failures.append(f"{target.name}: {error}")
                continue
            masters.append(str(target.relative_to(self._data_dir)))
        return masters

    async def _await_archive(self, ids: dict[str, CalibrationFrame]) -> None:
        assert self._arrived is not None  # noqa: S101  (set in on_start)
        deadline_s = self.clock.monotonic_s() + self._settings.archive_wait_s
        while any(identity not in self._archived for identity in ids):
            left_s = deadline_s - self.clock.monotonic_s()
            if left_s <= 0:
                return
            self._arrived.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._arrived.wait()
            except TimeoutError:
                return


def _master_name(kind: str, camera: str, filter_name: str, exposure_s: float) -> str:
    what = f"{exposure_s:g}s" if kind == "dark" else filter_name
    return f"master_{kind}_{camera}_{what}.fits"


def _context(night: str, frame: CalibrationFrame) -> ExposureContext:
    return ExposureContext(
        night=night,
        request_id=None,
        sequence_id=None,
        programme_id=None,
        observer="PyROS",
        object_name=frame.kind,
        ra_deg=None,
        dec_deg=None,
        filter_name=frame.filter_name,
        image_index=frame.index,
        image_count=frame.count,
    )
