"""The camera actor: a device that exposes, checks its frames and never loses one quietly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

from actors.camera import exposure as life
from actors.camera import spool
from actors.camera.exposure import Exposure
from actors.camera.messages import Expose, ExposureResult, ExposureStarted, FrameSpooled
from actors.camera.settings import CameraSettings
from actors.device import notes
from actors.device.actor import DeviceActor
from actors.device.readings import good_text
from protocols.payloads import FirstPhotonEvent, FrameEvent
from pyros.actor import Message
from pyros.domain.device import USABLE, CommandStatus, DeviceKind, DeviceState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.device.arguments import DeviceArguments
    from actors.device.commands import Pending
    from actors.device.messages import DeviceStateChanged
    from actors.journal.messages import Severity
    from protocols.payloads import Value
    from pyros.actor import Deferred
    from pyros.domain.device import CommandOutcome

_REMEMBERED = 32
"""Ended exposures whose frames are still taken when they come late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _FrameChecked(Message):
    """To itself: a frame's file was looked at; `fault` says what is wrong with it."""

    exposure_id: str
    event: FrameEvent
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Searched(Message):
    """To itself: the spool was searched for an exposure's frame."""

    exposure_id: str
    found: spool.SpoolFile | None


class CameraActor(DeviceActor[CameraSettings]):
    """One camera: one detector of one channel, which the device's id names."""

    kind = DeviceKind.CAMERA

    def __init__(self, **device: Unpack[DeviceArguments[CameraSettings]]) -> None:
        super().__init__(**device)
        self._exposures: dict[str, Exposure] = {}
        self._askers: dict[str, Deferred[ExposureResult]] = {}
        self._ended: dict[str, Exposure] = {}
        self._searched: set[str] = set()
        self._exposures_asked = 0

    async def on_receive(self, message: Message) -> Any:
        """Handle what concerns cameras only."""
        match message:
            case Expose():
                self._expose(message)
            case _FrameChecked():
                self._frame_checked(message)
            case _Searched(exposure_id=exposure_id, found=found):
                self._search_ended(exposure_id, found)
            case _:
                return await super().on_receive(message)
        return None

    # --- exposing ------------------------------------------------------------------------------

    def _expose(self, asked: Expose) -> None:
        self._exposures_asked += 1
        exposure_id = f"{self.unit}-{self.device}-{self._boot}-{self._exposures_asked}"
        now_s = self.clock.monotonic_s()
        self._exposures[exposure_id] = Exposure(
            exposure_id=exposure_id,
            exposure_s=asked.exposure_s,
            kind=asked.kind,
            context=asked.context,
            asked_utc=self.clock.now(),
            # Queued behind others it may wait; the command's own end comes first then.
            overdue_s=now_s + 4.0 * (asked.exposure_s + self._settings.readout_s),
        )
        self._askers[exposure_id] = self.defer()
        args: dict[str, Value] = {
            "exposure_id": exposure_id,
            "exposure_s": asked.exposure_s,
            "kind": asked.kind,
            "binning": asked.binning,
        }
        self.start_command("expose", args, cause=asked.cause)

    def refusal(self, verb: str, args: Mapping[str, Value]) -> str:
        """Refuse exposure times that make no sense."""
        if verb != "expose":
            return ""
        exposure_s, binning = args["exposure_s"], args["binning"]
        if not isinstance(exposure_s, int | float) or not (
            0.0 <= exposure_s <= self._settings.max_exposure_s
        ):
            return f"exposure_s = {exposure_s}: give 0..{self._settings.max_exposure_s:g}"
        if not isinstance(binning, int) or binning < 1:
            return f"binning = {binning}: give a whole number from 1"
        return ""

    def deadline_s(self, verb: str, args: Mapping[str, Value]) -> float:
        """An exposure has its own length beyond the table's deadline."""
        exposure_s = args.get("exposure_s")
        extra_s = float(exposure_s) if isinstance(exposure_s, int | float) else 0.0
        return super().deadline_s(verb, args) + extra_s

    def at_rest(self) -> bool:
        """Whether it is seen to be idle."""
        return good_text(self.model.now(self.clock.now()), "activity") == "idle"

    def on_state(self, change: DeviceStateChanged) -> None:
        """When it comes up: end what it exposes for nobody, and cool it to its setpoint."""
        if change.old is not DeviceState.INITIALIZING or change.new not in USABLE:
            return
        if not self.at_rest():
            cause = f"{change.new} again, and nobody waits for what it exposes"
            self.start_command("abort", {"save": True}, cause=cause)
        if self._settings.setpoint_deg_C is not None:
            args = {"setpoint_deg_C": self._settings.setpoint_deg_C}
            self.start_command("cool", args, cause="initialisation")

    def on_command_end(self, pending: Pending, outcome: CommandOutcome) -> None:
        """The camera is done with an exposure, or never began it; or it has stopped as told."""
        if pending.verb == "abort" and outcome.done:
            soon_s = self.clock.monotonic_s() + self._grace_s()
            for one in [one for one in self._exposures.values() if one.aborted]:
                search_s = soon_s if one.search_s is None else min(one.search_s, soon_s)
                self._exposures[one.exposure_id] = replace(one, search_s=search_s)
            return
        exposure_id = str(pending.args.get("exposure_id", ""))
        exposure = self._exposures.get(exposure_id)
        if pending.verb != "expose" or exposure is None:
            return
        if outcome.status is CommandStatus.ABORTED and pending.sent_utc is None:
            self._give_up(replace(exposure, outcome=outcome, aborted=True))
            return
        grace_s = self._settings.readout_s
        if outcome.status is CommandStatus.DONE:
            grace_s = self._grace_s()
        exposure, following = life.commanded(
            exposure, outcome, self.clock.monotonic_s(), grace_s=grace_s
        )
        self._exposures[exposure_id] = exposure
        if following == "give-up":
            self._give_up(exposure)

    def _grace_s(self) -> float:
        return life.GRACE_S + self.clock.wall_to_loop_s(self._settings.slack_s)

    # --- frames --------------------------------------------------------------------------------

    def on_device_event(self, event: FrameEvent | FirstPhotonEvent) -> None:
        """The shutter opened, or a frame lies in the spool."""
        exposure = self._exposures.get(event.exposure_id) or self._ended.get(event.exposure_id)
        if exposure is None:
            if isinstance(event, FrameEvent):
                self.publish(
                    notes.alarm(
                        self.path,
                        f"{self.device} wrote frame {event.exposure_id} that this run did not ask "
                        f"for; it stays in the spool",
                        self.clock.now(),
                        exposure_id=event.exposure_id,
                        path_spool=event.path,
                    )
                )
            return
        if isinstance(event, FirstPhotonEvent):
            self._opened(exposure, event)
            return
        if exposure.frame is not None:
            return  # told twice
        self._keep(replace(exposure, frame=event))
        self.start_task(self._check(event), name=f"check {event.exposure_id}")

    def _opened(self, exposure: Exposure, event: FirstPhotonEvent) -> None:
        if exposure.opened_utc is not None:
            return
        exposure = life.opened(exposure, event.start_utc)
        self._keep(exposure)
        self.publish(
            ExposureStarted(
                unit=self.unit,
                camera=self.device,
                exposure_id=exposure.exposure_id,
                exposure_s=exposure.exposure_s,
                start_utc=event.start_utc,
                context=exposure.context,
            )
        )

    def _keep(self, exposure: Exposure) -> None:
        known = self._exposures if exposure.exposure_id in self._exposures else self._ended
        known[exposure.exposure_id] = exposure

    async def _check(self, event: FrameEvent) -> None:
        fault = await self.blocking(
            lambda: spool.check(event.path, sha256=event.sha256, size=event.bytes),
            deadline_s=self._settings.read_s,
        )
        self.ref.tell(_FrameChecked(exposure_id=event.exposure_id, event=event, fault=fault))

    def _frame_checked(self, checked: _FrameChecked) -> None:
        exposure = self._exposures.get(checked.exposure_id) or self._ended.get(checked.exposure_id)
        if exposure is None:
            return
        event = checked.event
        if checked.fault:
            self._end(exposure, None, checked.fault)
            return
        if exposure.opened_utc is None:
            # Word of the open shutter was lost; better late than never for an alert's trace.
            first = FirstPhotonEvent(exposure_id=event.exposure_id, start_utc=event.start_utc)
            self._opened(exposure, first)
        frame = FrameSpooled(
            unit=self.unit,
            camera=self.device,
            exposure_id=event.exposure_id,
            path=event.path,
            sha256=event.sha256,
            kind=event.kind,
            start_utc=event.start_utc,
            end_utc=event.end_utc,
            exposure_s=event.exposure_s,
            aborted=event.aborted,
            context=exposure.context,
        )
        self.publish(frame)
        self._end(exposure, frame, "")

    # --- ends ----------------------------------------------------------------------------------

    def _end(self, exposure: Exposure, frame: FrameSpooled | None, detail: str) -> None:
        exposure_id = exposure.exposure_id
        if self._exposures.pop(exposure_id, None) is not None:
            self._ended[exposure_id] = exposure
            while len(self._ended) > _REMEMBERED:
                del self._ended[next(iter(self._ended))]
        self._searched.discard(exposure_id)
        if frame is None:
            text = f"{self.device} exposure {exposure_id} gave no frame: {detail}"
            note = notes.alarm(self.path, text, self.clock.now(), exposure_id=exposure_id)
            severity: Severity = "info" if exposure.aborted else "warning"
            self.publish(replace(note, kind="frame", severity=severity))
        asker = self._askers.pop(exposure_id, None)
        if asker is not None:
            aborted = exposure.aborted or (frame is not None and frame.aborted)
            asker.set(
                ExposureResult(exposure_id=exposure_id, frame=frame, aborted=aborted, detail=detail)
            )

    def _give_up(self, exposure: Exposure) -> None:
        self._end(exposure, None, life.failure(exposure))

    def due_s(self) -> float | None:
        """When the first exposure needs a look."""
        waiting = (one.due_s for one in self._exposures.values() if one.frame is None)
        return min(waiting, default=None)

    def on_due(self, now_s: float) -> None:
        """Search for frames without word, and give up what is overdue."""
        for exposure_id, exposure in list(self._exposures.items()):
            match life.looked(exposure, now_s, searched=exposure_id in self._searched):
                case "search":
                    self._searched.add(exposure_id)
                    later_s = now_s + self._settings.read_s
                    self._exposures[exposure_id] = replace(exposure, search_s=later_s)
                    self.start_task(self._search(exposure_id), name=f"search {exposure_id}")
                case "give-up":
                    self._give_up(exposure)
                case _:
                    pass

    async def _search(self, exposure_id: str) -> None:
        found = await self.blocking(
            lambda: spool.find(self._settings.spool, exposure_id),
            deadline_s=self._settings.read_s,
        )
        self.ref.tell(_Searched(exposure_id=exposure_id, found=found))

    def _search_ended(self, exposure_id: str, found: spool.SpoolFile | None) -> None:
        exposure = self._exposures.get(exposure_id)
        if exposure is None or exposure.frame is not None:
            return
        if found is None:
            self._give_up(exposure)
            return
        start_utc = exposure.opened_utc or exposure.asked_utc
        event = FrameEvent(
            exposure_id=exposure_id,
            path=found.path,
            sha256=found.sha256,
            bytes=found.bytes,
            start_utc=start_utc,
            end_utc=self.clock.now(),
            exposure_s=exposure.exposure_s,
            kind=exposure.kind,
            aborted=exposure.aborted,
        )
        self._keep(replace(exposure, frame=event))
        self._frame_checked(_FrameChecked(exposure_id=exposure_id, event=event, fault=""))
