"""The actor of one device: listens to it, knows its state, gives it commands and sees them done.

The kinds (telescope, camera ...) derive from `DeviceActor` and add what is theirs through the hooks
at its end. All decisions are in the pure modules beside this one; this one awaits and sends.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Generic, assert_never

from actors.device import commands, notes, recovery
from actors.device.arguments import SettingsT
from actors.device.attention import Attention
from actors.device.command_desks import CommandDesks, malformed, not_now
from actors.device.commands import Finish, Moment, Send
from actors.device.messages import (
    AbortCommand,
    Command,
    DeviceStateChanged,
    DeviceStatus,
    GetStatus,
    SetMaintenance,
)
from actors.device.model import DeviceModel, Patience
from actors.device.policies import ABORT_WITH, SLOTS
from actors.device.wake import Flush, Wake, WakeTimer
from actors.device.wire import DeviceWire, PropertyWord
from protocols.device_table import DEVICE_TABLE
from protocols.mqtt.session import LinkDown, LinkUp, MqttReceived, MqttSession
from protocols.payloads import (
    BridgeState,
    DescriptionPayload,
    DeviceStatePayload,
    FirstPhotonEvent,
    FrameEvent,
    PayloadError,
    ReplyPayload,
)
from pyros.actor import Actor, Message
from pyros.domain.device import USABLE, CommandOutcome, CommandStatus, DeviceState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.device.command_desks import ToDo
    from actors.device.commands import Pending
    from protocols.payloads import Value
    from protocols.topics import SiteTopics
    from pyros.actor import ActorRef, Deferred, TimerHandle
    from pyros.domain.device import DeviceKind, Reading


class DeviceActor(Actor, Generic[SettingsT]):
    """One device, made from `DeviceArguments`."""

    kind: ClassVar[DeviceKind]
    """What it is."""
    model: DeviceModel
    """What is known of the device; there from `on_start`."""

    def __init__(
        self,
        *,
        topics: SiteTopics,
        unit: str,
        device: str,
        settings: SettingsT,
        mqtt: ActorRef[MqttSession],
    ) -> None:
        super().__init__()
        self.unit = unit
        self.device = device
        self.desks = CommandDesks(self.kind, name=device, queue_limit=settings.queue_limit)
        self._settings = settings
        self._mqtt, self._wire = mqtt, DeviceWire(topics, unit, device)
        self._climb = recovery.Climb()
        self._link_up = True
        self._wake = WakeTimer(self, Wake())
        self._flush: TimerHandle | None = None
        self._published_s = -math.inf

    # --- life ----------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Listen to the device; it counts as silent from now on."""
        clock = self.clock
        self._boot = f"{int(clock.unix_s()):x}"
        patience = Patience.of(self._settings, loop_per_wall=clock.wall_to_loop_s(1.0))
        self.model = DeviceModel(
            self.kind, patience=patience, now_s=clock.monotonic_s(), now_utc=clock.now()
        )
        self.subscribe(LinkUp, LinkDown)
        self._attention = Attention(self._wire, mqtt=self._mqtt, subscriber=self.ref)
        self._attention.listen()
        self.settle()

    async def on_stop(self) -> None:
        """Stop listening."""
        self._attention.stop()

    # --- messages ------------------------------------------------------------------------------

    async def on_receive(self, message: Message) -> Any:
        """Handle what every device obeys; the kinds handle theirs and leave the rest to this."""
        match message:
            case MqttReceived():
                self._hear(message)
            case Command(verb=verb, args=args, cause=cause):
                self.take(verb, args, cause=cause)
            case AbortCommand(cause=cause):
                return self.abort(cause=cause)
            case GetStatus():
                return self.status()
            case Wake():
                self._wake.rang()
                self._overdue()
            case Flush():
                self._flush = None
                self.publish_status()
            case SetMaintenance(on=on, who=who, why=why):
                self.model.maintenance = f"{who}: {why}" if on else ""
                self.settle()
                return self.status()
            case LinkUp():
                self._link_up = True
                self._attention.listen()
            case LinkDown():
                self._link_up = False
            case _:
                return await super().on_receive(message)
        return None

    def _hear(self, received: MqttReceived) -> None:
        message = received.message
        try:
            word = self._wire.read(message.topic, message.payload)
        except PayloadError as error:
            self.log.warning("%s", error)
            return
        now_utc = received.received_utc
        if not message.retain:
            self.model.heard_s = received.received_monotonic_s
        match word:
            case PropertyWord(name=name, payload=payload):
                heard, complaint = self.model.hear_property(name, payload, now_utc=now_utc)
                if complaint:
                    self.log.warning("%s of %s is bad: %s", name, self.device, complaint)
                if heard != "nothing":
                    self._telemetry(received.received_monotonic_s, changed=heard == "changed")
                return
            case DescriptionPayload():
                if self.model.hear_description(word, now_utc=now_utc):
                    self._described(word)
            case DeviceStatePayload():
                self.model.hear_device(word)
            case BridgeState():
                self.model.hear_bridge(word)
            case ReplyPayload(id=wire_id, s=state, detail=detail):
                self._carry_out(self.desks.reply(wire_id, state, detail, self._moment()))
            case FrameEvent() | FirstPhotonEvent():
                self.on_device_event(word)
            case None:
                return
            case _:
                assert_never(word)
        self.settle()

    def _described(self, description: DescriptionPayload) -> None:
        if description.kind != self.kind:
            text = "%s says it is a %s, configured as a %s: correct one of them"
            self.log.error(text, self.device, description.kind, str(self.kind))
        if self._attention.follow(description.bridge):
            self.model.bridge = None

    def _telemetry(self, now_s: float, *, changed: bool) -> None:
        if self.desks.waits:
            self._carry_out(self.desks.check(self._moment()))
            self.settle()
        elif not self.model.usable:
            self.settle()
        self.on_telemetry(changed=changed)
        quiet_s = now_s - self._published_s
        if changed or quiet_s >= 0.9 * self._settings.refresh_period_s:  # not just too early
            self._publish_soon()

    # --- state ---------------------------------------------------------------------------------

    def settle(self) -> None:
        """Take the transitions that follow from what is known, then look what falls due next."""
        now_utc, now_s = self.clock.now(), self.clock.monotonic_s()
        busy = self.desks.running is not None
        for step in self.model.settle(now_s=now_s, now_utc=now_utc, busy=busy):
            old = self.model.state
            self.model.enter(step, now_utc)
            self._entered(old, step.reason)
        ladder_s = recovery.due_s(self._climb, self.kind, self.model.state)
        limits = (self.model.due_s(now_s, now_utc), self.desks.due_s, ladder_s, self.due_s())
        self._wake.arm(limits, now_s=now_s)

    def _entered(self, old: DeviceState, reason: str) -> None:
        new, now_s = self.model.state, self.clock.monotonic_s()
        self._climb = recovery.entered(self._climb, new, now_s, usable=new in USABLE)
        change = DeviceStateChanged(
            unit=self.unit,
            device=self.device,
            kind=self.kind,
            old=old,
            new=new,
            reason=reason,
            blocking=self._settings.blocking,
            time_utc=self.model.since_utc,
        )
        if (entry := notes.transition(self.path, change)) is not None:
            self.publish(entry)
        if new in {DeviceState.DISABLED, DeviceState.INITIALIZING} and old in USABLE:
            detail = f"the device was lost: {reason}"
            self._carry_out(self.desks.drop(SLOTS, CommandStatus.FAILED, detail))
        self.publish_status()
        self.publish(change)
        self.on_state(change)

    def _overdue(self) -> None:
        now_s, stale = self.clock.monotonic_s(), self.model.retire(self.clock.now())
        if self.desks.waits:
            self._carry_out(self.desks.elapse(self._moment()))
        state = self.model.state
        ladder_s = recovery.due_s(self._climb, self.kind, state)
        if ladder_s is not None and now_s >= ladder_s:
            self._climb, rung = recovery.take(self._climb, self.kind, state, now_s)
            self._recover(rung)
        self.on_due(now_s)
        if stale:
            self.on_telemetry(changed=True)
            self._publish_soon()
        self.settle()

    def _recover(self, rung: recovery.Rung) -> None:
        state, reason = self.model.state, self.model.reason
        match rung.action:
            case "listen-again":
                self._attention.listen()
            case "command":
                self.start_command(rung.verb, {}, cause=f"recovery from {state}")
            case "call":
                text = (
                    f"{self.device} stays {state} ({reason}), nothing tried has helped: see to it"
                )
                self.publish(notes.alarm(self.path, text, self.clock.now(), state=str(state)))
            case _:
                assert_never(rung.action)

    # --- commands ------------------------------------------------------------------------------

    def take(self, verb: str, args: Mapping[str, Value], *, cause: str) -> None:
        """Start a command; who asked the message being handled gets its outcome in the end."""
        self.start_command(verb, args, cause=cause, asker=self.defer())

    def start_command(
        self,
        verb: str,
        args: Mapping[str, Value],
        *,
        cause: str,
        asker: Deferred[CommandOutcome] | None = None,
    ) -> None:
        """Start a command, or end it at once REJECTED with what is wrong."""
        pending = self.desks.pending(
            verb,
            args,
            cause=cause,
            now_utc=self.clock.now(),
            boot=self._boot,
            traceparent=self.system.trace.traceparent(self.trace_id),
            asker=asker,
        )
        refused = (
            malformed(self.kind, verb, args)
            or not_now(self.kind, verb, self.model.state, self.model.reason, link_up=self._link_up)
            or self.refusal(verb, args)
        )
        if refused:
            self._carry_out([Finish(pending, CommandStatus.REJECTED, refused)])
            return
        deadline_s = self.deadline_s(verb, args)
        self._carry_out(self.desks.ask(pending, self._moment(), deadline_s=deadline_s))
        self.settle()

    def abort(self, *, cause: str) -> CommandOutcome | None:
        """End what runs and waits in the main slot, and have the device stop.

        Answers at once when there is nothing to stop, else when telemetry shows that it stopped.
        """
        moved = not self.desks["main"].idle
        self._carry_out(self.desks.drop(("main",), CommandStatus.ABORTED, f"aborted: {cause}"))
        stop = ABORT_WITH.get(self.kind)
        if stop is not None and (moved or not self.at_rest()):
            self.take(stop[0], stop[1], cause=cause)
            return None
        self.settle()
        return commands.nothing_to_do("abort", self.clock.now())

    def _moment(self) -> Moment:
        clock = self.clock
        answer_s = clock.wall_to_loop_s(self._settings.answer_s)
        return self.model.moment(clock.monotonic_s(), clock.now(), answer_s=answer_s)

    def _carry_out(self, effects: ToDo) -> None:
        for effect in effects:
            match effect:
                case Send(pending):
                    answer_s = self.clock.wall_to_loop_s(self._settings.answer_s)
                    self._attention.say(self._wire.command(pending, answer_s=answer_s))
                    self.on_command_sent(pending)
                case Finish(pending):
                    # Who is answered must not decide by a status from before the command's end.
                    self.publish_status()
                    outcome = self.desks.answer(effect, self.clock.now())
                    self.publish(notes.command_end(self.path, self.device, pending, outcome))
                    self.on_command_end(pending, outcome)
                case _:
                    assert_never(effect)

    # --- status --------------------------------------------------------------------------------

    def status(self) -> DeviceStatus:
        """What is known of the device now."""
        now_utc, model, running = self.clock.now(), self.model, self.desks.running
        return DeviceStatus(
            unit=self.unit,
            device=self.device,
            kind=self.kind,
            state=model.state,
            reason=model.reason,
            since_utc=model.since_utc,
            readings=model.now(now_utc) | self.derived(),
            blocking=self._settings.blocking,
            simulated=model.description is not None and model.description.simulated,
            running_command=None if running is None else running.verb,
            time_utc=now_utc,
        )

    def publish_status(self) -> None:
        """Publish the status now."""
        self._published_s = self.clock.monotonic_s()
        self.publish(self.status())

    def _publish_soon(self) -> None:
        if self._flush is None:
            wait_s = self.clock.wall_to_loop_s(self._settings.status_period_s)
            self._flush = self.tell_later(wait_s, Flush())

    # --- hooks of the kinds --------------------------------------------------------------------

    def refusal(self, verb: str, args: Mapping[str, Value]) -> str:
        """Why a well-formed command must not be given now; empty when it may."""
        del verb, args
        return ""

    def deadline_s(self, verb: str, args: Mapping[str, Value]) -> float:
        """Observatory seconds in which a command must be done."""
        del args
        return DEVICE_TABLE[self.kind].commands[verb].deadline_s

    def at_rest(self) -> bool:
        """Whether telemetry shows that there is nothing to abort."""
        return True

    def derived(self) -> dict[str, Reading]:
        """Readings that PyROS works out itself, added to the status."""
        return {}

    def on_device_event(self, event: FrameEvent | FirstPhotonEvent) -> None:
        """The device reported an event."""
        self.log.warning("%s reported %s, which no %s does", self.device, event, self.kind)

    def on_telemetry(self, *, changed: bool) -> None:
        """A reading came; `changed` when its value did, or when one became stale."""

    def on_state(self, change: DeviceStateChanged) -> None:
        """The device entered another state."""

    def on_command_sent(self, pending: Pending) -> None:
        """A command went out."""

    def on_command_end(self, pending: Pending, outcome: CommandOutcome) -> None:
        """A command ended, whoever asked it."""

    def due_s(self) -> float | None:
        """Loop time at which `on_due` wants to be called."""
        return None

    def on_due(self, now_s: float) -> None:
        """Called when something was due."""
