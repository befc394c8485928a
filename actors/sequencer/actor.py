"""The sequencer of one telescope: executes one sequence at a time, and can drop it at once.

An execution is an owned task, so that the mailbox stays free: an abort or a more urgent sequence is
handled within a message. Ending is cooperative: the hardware is aborted, running readouts come back
saved and marked, and the execution ends INTERRUPTED with what it has.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from actors.camera.messages import ExposureContext
from actors.device.messages import DeviceStatus
from actors.sequencer.alignment import light_blocked
from actors.sequencer.hardware import Hardware, StepError
from actors.sequencer.messages import (
    AbortExecution,
    AlertStage,
    Execute,
    SequenceEnded,
    SequenceProgress,
)
from actors.sequencer.steps import (
    ExposureStep,
    dither_position_arcsec,
    dithers,
    frames_asked,
    rounds,
)
from pyros.actor import Actor, Deferred, Message, Rejected
from pyros.domain.device import DeviceKind
from pyros.domain.sequence import ChannelTimes, SequenceState, duration_s

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from actors.dome.settings import DomeSettings
    from actors.sequencer.settings import SequencerSettings
    from pyros.domain.device import Reading


_LIGHT_PATH = frozenset({DeviceKind.TELESCOPE, DeviceKind.DOME})


@dataclass(slots=True, kw_only=True)
class _Execution:
    """What is known of the sequence being executed."""

    order: Execute
    reply: Deferred[SequenceEnded]
    started_utc: datetime
    expected_end_utc: datetime
    step: str = "starting"
    frames: int = 0
    slewing: bool = False
    stop_reason: str | None = None
    slew_follows: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Sequencer(Actor):
    """Executes sequences on one telescope.

    Args:
        unit: Telescope id.
        hardware: The devices it commands.
        settings: Patience and focus channel.
        dome: Geometry of dome and slit.
        channel_times: Readout and filter change of each channel, for the expected end.
    """

    def __init__(
        self,
        *,
        unit: str,
        hardware: Hardware,
        settings: SequencerSettings,
        dome: DomeSettings,
        channel_times: Mapping[str, ChannelTimes],
    ) -> None:
        super().__init__()
        self._unit = unit
        self._hardware = hardware
        self._settings = settings
        self._dome = dome
        self._channel_times = channel_times
        self._execution: _Execution | None = None
        self._readings: dict[DeviceKind, Mapping[str, Reading]] = {}
        self._moved: asyncio.Event | None = None

    async def on_start(self) -> None:
        """Follow the telescope and the dome."""
        self._moved = asyncio.Event()
        unit = self._unit
        self.subscribe(
            DeviceStatus, only=lambda said: said.unit == unit and said.kind in _LIGHT_PATH
        )

    async def on_receive(self, message: Message) -> Any:
        """Execute, abort, or take note of where the telescope and the slit are."""
        match message:
            case DeviceStatus():
                self._note(message)
            case Execute():
                self._begin(message)
            case AbortExecution():
                self._end(message.reason, slew_follows=False)
            case _:
                return await super().on_receive(message)
        return None

    def _note(self, status: DeviceStatus) -> None:
        self._readings[status.kind] = status.readings
        if self._moved is not None:
            self._moved.set()

    def _begin(self, order: Execute) -> None:
        previous = self._execution
        if previous is not None:
            if not order.preempt:
                raise Rejected(
                    f"{self.path} executes {previous.order.sequence.sequence_id}; "
                    "abort it first or preempt"
                )
            self._end(f"preempted by {order.sequence.name}", slew_follows=True)
        now_utc = self.clock.now()
        length_s = duration_s(order.sequence, self._channel_times)
        execution = _Execution(
            order=order,
            reply=self.defer(),
            started_utc=now_utc,
            expected_end_utc=now_utc + timedelta(seconds=length_s),
        )
        self._execution = execution
        self.start_task(
            self._conduct(execution, previous), name=f"execute {order.sequence.sequence_id}"
        )

    def _end(self, reason: str, *, slew_follows: bool) -> None:
        execution = self._execution
        if execution is not None and execution.stop_reason is None:
            execution.stop_reason = reason
            execution.slew_follows = slew_follows
            execution.stop.set()

    async def _conduct(self, execution: _Execution, previous: _Execution | None) -> None:
        """Run the steps until they end or are told to; then say how it ended."""
        steps = asyncio.ensure_future(self._perform(execution, previous))
        stopped = asyncio.ensure_future(execution.stop.wait())
        try:
            await asyncio.wait({steps, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not steps.done():
                await self._abort_hardware(execution)
                await asyncio.wait({steps}, timeout=self._settings.abort_timeout_s)
            state, reason = _verdict(steps, execution)
        finally:
            for task in (steps, stopped):
                task.cancel()
            await asyncio.gather(steps, stopped, return_exceptions=True)
        self._finish(execution, state, reason)

    async def _abort_hardware(self, execution: _Execution) -> None:
        cause = execution.stop_reason or "aborted"
        aborts = [
            self._hardware.abort_cameras(cause=cause, timeout_s=self._settings.abort_timeout_s)
        ]
        if execution.slewing and not execution.slew_follows:
            aborts.append(self._hardware.stop_telescope(cause=cause))
        await asyncio.gather(*aborts)

    def _finish(self, execution: _Execution, state: SequenceState, reason: str) -> None:
        now_utc = self.clock.now()
        sequence = execution.order.sequence
        ended = SequenceEnded(
            sequence_id=sequence.sequence_id,
            request_id=sequence.request_id,
            state=state,
            reason=reason,
            frames=execution.frames,
            used_s=(now_utc - execution.started_utc).total_seconds(),
            started_utc=execution.started_utc,
            ended_utc=now_utc,
            alert_id=sequence.alert_id,
        )
        if self._execution is execution:
            self._execution = None
        execution.ended.set()
        self.publish(ended)
        execution.reply.set(ended)

    async def _perform(self, execution: _Execution, previous: _Execution | None) -> None:
        """Slew with filters and focus in parallel, wait for the slit, then expose."""
        order = execution.order
        sequence = order.sequence
        cause = sequence.sequence_id
        self._report(execution, "slewing")
        first_filters = {
            album.channel: album.plans[0].filter_name for album in sequence.albums if album.plans
        }
        execution.slewing = True
        self._stage(order, "slew-command")
        try:
            async with asyncio.TaskGroup() as group:
                now_utc = self.clock.now()
                group.create_task(
                    self._hardware.slew(sequence.target, time_utc=now_utc, cause=cause)
                )
                for channel, filter_name in first_filters.items():
                    group.create_task(self._select_after(previous, execution, channel, filter_name))
        except* StepError as failures:
            raise StepError("; ".join(str(error) for error in failures.exceptions)) from None
        execution.slewing = False
        if previous is not None:
            await previous.ended.wait()
        self._report(execution, "waiting for the slit")
        await self._wait_for_light(execution)
        self._stage(order, "on-target")
        await self._expose_all(execution)

    async def _select_after(
        self, previous: _Execution | None, execution: _Execution, channel: str, filter_name: str
    ) -> None:
        """Filters move only when the readout of what ran before is over."""
        if previous is not None:
            await previous.ended.wait()
        await self._select(execution, channel, filter_name)

    async def _select(self, execution: _Execution, channel: str, filter_name: str) -> None:
        cause = execution.order.sequence.sequence_id
        await self._hardware.select_filter(channel, filter_name, cause=cause)
        settings = self._settings
        if channel == settings.focus_channel:
            await self._hardware.focus_for(filter_name, cause=cause)

    async def _wait_for_light(self, execution: _Execution) -> None:
        """Until dome, cover and slit let light in; `StepError` with the reason otherwise."""
        assert self._moved is not None  # noqa: S101  (set in on_start)
        deadline_s = self.clock.monotonic_s() + self._settings.align_timeout_s
        while True:
            blocked = light_blocked(
                self._readings.get(DeviceKind.DOME, {}),
                self._readings.get(DeviceKind.TELESCOPE, {}),
                self._dome,
            )
            if blocked is None or execution.stop.is_set():
                return
            left_s = deadline_s - self.clock.monotonic_s()
            if left_s <= 0:
                raise StepError(f"no light after {self._settings.align_timeout_s:.0f} s: {blocked}")
            self._moved.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._moved.wait()
            except TimeoutError:
                continue

    async def _expose_all(self, execution: _Execution) -> None:
        sequence = execution.order.sequence
        groups = rounds(sequence)
        if not dithers(sequence):
            await _together(self._expose_in_order(execution, steps) for steps in groups)
            return
        east_arcsec = north_arcsec = 0.0
        for index, steps in enumerate(groups):
            radius_arcsec = max(step.dither_arcsec for step in steps)
            east, north = dither_position_arcsec(index, radius_arcsec, len(groups))
            if (east, north) != (east_arcsec, north_arcsec) and not execution.stop.is_set():
                await self._hardware.offset(
                    east - east_arcsec, north - north_arcsec, cause=sequence.sequence_id
                )
                east_arcsec, north_arcsec = east, north
            await _together(self._expose_in_order(execution, (step,)) for step in steps)

    async def _expose_in_order(
        self, execution: _Execution, steps: tuple[ExposureStep, ...]
    ) -> None:
        """One channel's exposures; ends early when the execution was told to stop."""
        for step in steps:
            if execution.stop.is_set():
                return
            await self._select(execution, step.channel, step.filter_name)
            await self._wait_for_light(execution)
            if execution.stop.is_set():
                return
            self._report(execution, f"exposing {step.filter_name}")
            result = await self._hardware.expose(
                step.channel,
                step.exposure_s,
                "light",
                self._context(execution.order, step),
                margin_s=self._settings.exposure_margin_s,
                cause=execution.order.sequence.sequence_id,
            )
            if result.frame is None and not execution.stop.is_set():
                raise StepError(f"{step.channel}: {result.detail}")
            if result.frame is not None and not result.aborted:
                execution.frames += 1

    def _context(self, order: Execute, step: ExposureStep) -> ExposureContext:
        sequence = order.sequence
        return ExposureContext(
            night=order.night,
            request_id=sequence.request_id,
            sequence_id=sequence.sequence_id,
            programme_id=sequence.programme_id,
            observer=order.observer,
            object_name=sequence.target.name,
            ra_deg=sequence.target.ra_deg,
            dec_deg=sequence.target.dec_deg,
            filter_name=step.filter_name,
            image_index=step.image_index,
            image_count=step.image_count,
            alert_id=sequence.alert_id,
            plan_index=step.plan_index,
        )

    def _report(self, execution: _Execution, step: str) -> None:
        sequence = execution.order.sequence
        execution.step = step
        self.publish(
            SequenceProgress(
                sequence_id=sequence.sequence_id,
                request_id=sequence.request_id,
                name=sequence.name,
                programme_id=sequence.programme_id,
                object_name=sequence.target.name,
                step=step,
                frames_done=execution.frames,
                frames_asked=frames_asked(sequence),
                started_utc=execution.started_utc,
                expected_end_utc=execution.expected_end_utc,
                alert_id=sequence.alert_id,
            )
        )

    def _stage(self, order: Execute, stage: str) -> None:
        """For alerts: when this stage was reached, in wall milliseconds after receipt."""
        if order.received_monotonic_s is None or order.sequence.alert_id is None:
            return
        elapsed_s = self.clock.monotonic_s() - order.received_monotonic_s
        self.publish(
            AlertStage(
                alert_id=order.sequence.alert_id,
                stage=stage,
                time_utc=self.clock.now(),
                after_ms=1000.0 * elapsed_s / self.clock.wall_to_loop_s(1.0),
            )
        )


async def _together(coroutines: Any) -> None:
    """Run channels side by side; one that fails lets the others finish what they have begun."""
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, StepError):
            raise failure
    if failures:
        raise StepError("; ".join(str(failure) for failure in failures))


def _verdict(steps: asyncio.Future[None], execution: _Execution) -> tuple[SequenceState, str]:
    """How an execution ended, from its task and whether it was told to stop."""
    if execution.stop_reason is not None:
        return SequenceState.INTERRUPTED, execution.stop_reason
    error = steps.exception() if steps.done() and not steps.cancelled() else None
    if error is None:
        return SequenceState.COMPLETED, ""
    if isinstance(error, StepError):
        return SequenceState.FAILED, str(error)
    raise error
