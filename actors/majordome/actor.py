"""The majordome of one telescope: conducts it through the modes, and gives bursts the right of way.

Events update a picture; `conduct` decides from the picture; this actor does what was decided. What
takes minutes (opening, closing, calibrating, executing) runs in owned tasks that report back by
message, so the mailbox is always free for safety, alerts and operators.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, assert_never

from actors.calibration.messages import TakeCalibrations
from actors.device.messages import DeviceStateChanged, DeviceStatus, GetStatus
from actors.journal.messages import JournalEntry
from actors.majordome import procedures
from actors.majordome.conduct import (
    Closed,
    Decision,
    Procedure,
    conduct,
    must_be_closed,
    sky_phase,
)
from actors.majordome.messages import (
    AbortSequence,
    AlertRank,
    CloseDome,
    ModeChanged,
    OperatorDone,
    Pause,
    PrepareStop,
    Resume,
    RetractTarget,
    SkyPhaseChanged,
    TargetOfOpportunity,
)
from actors.majordome.night_run import NightRun
from actors.majordome.operator_orders import effect_of
from actors.majordome.picture import Picture
from actors.safety.messages import CloseOrder, SafetyVerdict
from actors.scheduler.messages import ChannelAvailability, PlanPublished, Replan
from actors.sequencer.messages import AbortExecution
from pyros.actor import Actor, Deferred, Message
from pyros.domain.observatory import Mode, SkyPhase
from pyros.errors import PyrosError
from pyros.sky.bodies import sun_altaz
from pyros.sky.twilight import Night, night_label

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from actors.journal.messages import JournalKind, Severity
    from actors.majordome.procedures import Shelter
    from actors.majordome.settings import MajordomeSettings
    from pyros.actor import ActorRef
    from pyros.sky.site import Site

_TICK_S = 10.0
_STATUS_S = 10.0
_CLOSE_AGAIN = timedelta(seconds=8.0)
_HALF_DAY_S = 43200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tick(Message):
    """Look at the Sun and at the age of what is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ProcedureEnded(Message):
    """An owned task reports: `failure` is None when all was verified."""

    procedure: Procedure
    failure: str | None


class Majordome(Actor):
    """Conducts one telescope.

    Args:
        unit: Telescope id.
        site: Where it stands.
        settings: Limits and retries.
        shelter: Dome and telescope.
        scheduler: Who says what comes next.
        sequencer: Who executes.
        calibration: Who takes darks and flats.
        expected: By `unit/device`, the devices it asks at once and waits for in STARTING.
    """

    def __init__(
        self,
        *,
        unit: str,
        site: Site,
        settings: MajordomeSettings,
        shelter: Shelter,
        scheduler: ActorRef[Any],
        sequencer: ActorRef[Any],
        calibration: ActorRef[Any],
        expected: Mapping[str, ActorRef[Any]],
    ) -> None:
        super().__init__()
        self._unit = unit
        self._site = site
        self._settings = settings
        self._shelter = shelter
        self._scheduler = scheduler
        self._sequencer = sequencer
        self._calibration = calibration
        self._devices = expected
        self._picture = Picture(unit=unit, expected=tuple(expected))
        self._reason = "starting"
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._sun_again_s = -math.inf
        self._stopped: list[Deferred[OperatorDone]] = []
        self._channels: tuple[str, ...] | None = None
        self._run: NightRun | None = None

    async def on_start(self) -> None:
        """Listen, look at the Sun, and begin to decide."""
        self._run = NightRun(
            actor=self,
            scheduler=self._scheduler,
            sequencer=self._sequencer,
            telescope=self._shelter.telescope,
            settings=self._settings,
            site=self._site,
        )
        self.subscribe(
            SafetyVerdict,
            CloseOrder,
            DeviceStatus,
            DeviceStateChanged,
            PlanPublished,
        )
        for name, device in self._devices.items():
            self.start_task(self._ask_status(device), name=f"status of {name}")
        self.every(_TICK_S, _Tick(), initial_delay_s=0.0)

    async def _ask_status(self, device: ActorRef[Any]) -> None:
        """What the device said before this majordome was there to hear it."""
        try:
            status: DeviceStatus = await device.ask(GetStatus(), timeout_s=_STATUS_S)
        except (PyrosError, TimeoutError) as error:
            self.log.warning("%s does not say how it is: %s", device.path, error)
        else:
            self.ref.tell(status)

    async def on_receive(self, message: Message) -> Any:
        """Update the picture, then decide."""
        answer: Any = None
        match message:
            case DeviceStatus():
                if not self._takes_note(message):
                    return None
            case _Tick():
                self._look_at_the_sun()
            case SafetyVerdict():
                self._picture.verdict = message.verdict
            case CloseOrder():
                self._sequencer.tell(AbortExecution(reason=_reasons(message)))
            case PlanPublished():
                self._night.plan_changed()
                return None
            case _ProcedureEnded():
                self._procedure_ended(message)
            case TargetOfOpportunity():
                await self._urgent(message)
            case AlertRank():
                self._night.note_rank(message.alert_id, message.rank)
                return None
            case RetractTarget():
                self._retract(message)
            case Pause() | Resume() | AbortSequence() | CloseDome():
                answer = self._operator(message)
            case PrepareStop():
                self._picture.stopping = True
                self._stopped.append(self.defer())
            case DeviceStateChanged():
                pass
            case _:
                return await super().on_receive(message)
        self._decide()
        return answer

    @property
    def _night(self) -> NightRun:
        assert self._run is not None  # noqa: S101  (set in on_start)
        return self._run

    def _takes_note(self, status: DeviceStatus) -> bool:
        """Whether the status changes what is decided; tells the scheduler of lost channels."""
        if not self._picture.note(status):
            return False
        channels = self._picture.channels()
        if self._picture.situation().devices_known and channels != self._channels:
            self._channels = channels
            self._scheduler.tell(ChannelAvailability(available=channels))
        return True

    def _look_at_the_sun(self) -> None:
        now_s = self.clock.unix_s()
        if now_s < self._sun_again_s:
            return
        altitude_deg, _ = sun_altaz(self._site, now_s)
        night = Night.at(self._site, now_s)
        middle_s = night.start_unix_s + _HALF_DAY_S
        rising = now_s > middle_s
        self._sun_again_s = now_s + self._sun_needs_s(altitude_deg)
        if not rising:
            self._sun_again_s = min(self._sun_again_s, middle_s)
        phase = sky_phase(altitude_deg, rising=rising, settings=self._settings)
        if phase is self._picture.phase:
            return
        previous, self._picture.phase = self._picture.phase, phase
        label = night_label(self._site, now_s)
        self.publish(SkyPhaseChanged(phase=phase, night=label, time_utc=self.clock.now()))
        if phase is SkyPhase.NIGHT:
            self._night.begin(label, night.span(self._settings.observing_sun_altitude_deg))
        if previous is SkyPhase.NIGHT and phase is not SkyPhase.NIGHT:
            self._picture.calibrations_due = self._night.end(f"the night {label} is over")

    def _sun_needs_s(self, altitude_deg: float) -> float:
        """Seconds before which the Sun, at 15 degrees an hour, cannot reach a limit."""
        settings = self._settings
        limits = (settings.observing_sun_altitude_deg, settings.open_sun_altitude_deg)
        return 240.0 * min(abs(altitude_deg - limit_deg) for limit_deg in limits)

    def _decide(self) -> None:
        decision = conduct(self._picture.situation(), self.clock.now(), self._settings)
        if decision.mode is not self._picture.mode or decision.reason != self._reason:
            self._enter(decision)
        if decision.cancel and self._task is not None:
            self._task.cancel()
            self._task = None
            self._picture.procedure = None
        if decision.observe:
            self._night.go()
        else:
            self._night.hold(decision.reason)
        if decision.start is not None:
            self._start(decision.start)
        self._answer_stop()

    def _enter(self, decision: Decision) -> None:
        previous = self._picture.mode
        self._picture.mode = decision.mode
        self._reason = decision.reason
        if decision.mode is previous:
            return
        if decision.mode is Mode.OBSERVING:
            self._scheduler.tell(Replan(trigger=f"{previous} is over"))
        who = self._picture.hold.who if self._picture.hold is not None else "majordome"
        self.publish(
            ModeChanged(
                mode=decision.mode,
                previous=previous,
                reason=decision.reason,
                who=who,
                since_utc=self.clock.now(),
            )
        )
        self._journal(
            f"{previous} -> {decision.mode}: {decision.reason}",
            data={"from": previous, "to": decision.mode, "reason": decision.reason},
            severity="alarm" if decision.mode is Mode.EMERGENCY else "notice",
        )

    def _start(self, procedure: Procedure) -> None:
        self._picture.procedure = procedure
        self._task = self.start_task(self._proceed(procedure), name=procedure.value)

    async def _proceed(self, procedure: Procedure) -> None:
        """Run a procedure and report to the own mailbox."""
        cause = f"{self.path}: {self._reason}"
        match procedure:
            case Procedure.OPEN:
                failure = await procedures.open_up(self._shelter, cause=cause)
            case Procedure.CLOSE:
                await self._night.idle()
                failure = await procedures.put_away(self._shelter, cause=cause)
            case Procedure.CALIBRATE:
                failure = await self._calibrate()
            case _:
                assert_never(procedure)
        self.ref.tell(_ProcedureEnded(procedure=procedure, failure=failure))

    async def _calibrate(self) -> str | None:
        night = self._picture.calibrations_due
        if night is None:
            return None
        try:
            await self._calibration.ask(TakeCalibrations(night=night), timeout_s=6 * 3600.0)
        except Exception as error:  # noqa: BLE001  (a night without darks is journalled, not fatal)
            return str(error)
        return None

    def _procedure_ended(self, ended: _ProcedureEnded) -> None:
        if self._picture.procedure is not ended.procedure:
            return
        self._task = None
        self._picture.procedure = None
        if ended.procedure is Procedure.CLOSE:
            self._picture.close_again_utc = self.clock.now() + _CLOSE_AGAIN
        if ended.procedure is Procedure.CALIBRATE:
            self._picture.calibrations_due = None
        if ended.failure is None:
            self._failures = 0
            self._picture.not_before_utc = None
            return
        self._failures += 1
        ladder = self._settings.retry_s
        wait_s = ladder[min(self._failures, len(ladder)) - 1]
        self._picture.not_before_utc = self.clock.now() + timedelta(seconds=wait_s)
        if ended.procedure is Procedure.CLOSE and self._picture.situation().closed is Closed.NO:
            self._picture.mode = Mode.EMERGENCY
        closing = ended.procedure is Procedure.CLOSE
        again_s = _CLOSE_AGAIN.total_seconds() if closing else wait_s
        self._journal(
            f"{ended.procedure} failed: {ended.failure}; next try in {again_s:.0f} s",
            data={"procedure": ended.procedure, "failure": ended.failure, "tries": self._failures},
            severity="warning" if closing and self._failures > 1 else "alarm",
        )

    async def _urgent(self, too: TargetOfOpportunity) -> None:
        """A burst: now when observing, into the plan when not."""
        self._night.note_rank(too.alert_id, too.rank)
        situation = self._picture.situation()
        closed = must_be_closed(situation, self.clock.now(), self._settings)
        if closed is not None or self._picture.mode is not Mode.OBSERVING:
            why = closed or f"the observatory is {self._picture.mode}: {self._reason}"
            self._journal(
                f"alert {too.alert_id} is planned, not slewed to: {why}",
                data={"alert": too.alert_id, "ivorn": too.ivorn, "why": why},
                kind="decision",
            )
            return
        self._night.preempt(too)

    def _retract(self, retraction: RetractTarget) -> None:
        if self._night.running_alert() == retraction.alert_id:
            self._sequencer.tell(AbortExecution(reason=f"alert retracted: {retraction.reason}"))

    def _operator(self, order: Pause | Resume | AbortSequence | CloseDome) -> OperatorDone:
        effect = effect_of(order, hold=self._picture.hold, running=self._night.running_name())
        self._picture.hold = effect.hold
        if isinstance(order, Resume):
            self._picture.not_before_utc = None
        if effect.abort is not None:
            self._sequencer.tell(AbortExecution(reason=effect.abort))
        self._journal(
            f"{type(order).__name__} by {order.who}: {order.why}; {effect.text}",
            data={"order": type(order).__name__, "why": order.why},
            kind="operator",
            who=order.who,
        )
        return OperatorDone(text=effect.text)

    def _answer_stop(self) -> None:
        """Tell who waits for the stop that everything is put away."""
        if self._stopped and self._picture.situation().closed is Closed.YES:
            for reply in self._stopped:
                reply.set(OperatorDone(text="dome closed, cover closed, telescope parked"))
            self._stopped.clear()

    def _journal(
        self,
        text: str,
        *,
        data: dict[str, object],
        severity: Severity = "notice",
        kind: JournalKind = "transition",
        who: str = "majordome",
    ) -> None:
        self.publish(
            JournalEntry(
                kind=kind,
                subject=self.path,
                text=text,
                time_utc=self.clock.now(),
                data=data,
                severity=severity,
                who=who,
            )
        )


def _reasons(order: CloseOrder) -> str:
    return "; ".join(reason.text for reason in order.reasons) or "safety ordered to close"
