"""What every simulated device does: say what and how it is, and obey orders as firmware would.

A device is a kind, a way to read itself (`readings`), and ways to begin and to conclude an order.
Motions are formulas, so it looks at itself rarely: every period, every second while something
moves, and at the exact end of each motion.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, assert_never

from protocols.device_table import DEVICE_TABLE
from protocols.mqtt.session import LinkUp, MqttReceived, Subscribe
from protocols.payloads import DescriptionPayload, PayloadError, ReplyPayload
from pyros.actor import Actor, Message
from simulators.faults import FaultsChanged
from simulators.orders import Answer, Begun, Desk, Done, Order, Refused, Running, order_of, refusal
from simulators.outlet import Outlet, property_descriptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.device_table import PropertyRow
    from protocols.payloads import DeviceEvent, Value
    from protocols.topics import SiteTopics
    from pyros.actor import ActorRef, TimerHandle
    from pyros.domain.device import DeviceKind
    from simulators.faults import Condition
    from simulators.metal import SiteMetal
    from simulators.orders import ReplyState

STEP_S = 1.0
"""Observatory seconds between looks at a device that moves."""
REPORT_S = 10.0
"""Observatory seconds between reports of progress."""
_SOON_S = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What connects a device to its site and its process.

    Attributes:
        topics: Of the site.
        mqtt: The process's MQTT session.
        bridge: Id of the process.
        boot: Id of this run of the process.
        metal: The physical state.
    """

    topics: SiteTopics
    mqtt: ActorRef[Any]
    bridge: str
    boot: str
    metal: SiteMetal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Message):
    """Look at yourself: a period is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Message):
    """Look at yourself: something moves, or should have arrived."""


class SimulatedDevice(Actor):
    """One simulated device.

    Args:
        wiring: Its site and process.
        unit: Telescope id, or `site`.
        device: Its id.
    """

    kind: ClassVar[DeviceKind]
    period_s: ClassVar[float] = 10.0
    dead_bands: ClassVar[Mapping[str, float]] = {}

    def __init__(self, wiring: Wiring, unit: str, device: str) -> None:
        self.wiring = wiring
        self.unit = unit
        self.device = device
        self.key = f"{unit}/{device}"

    async def on_start(self) -> None:
        """Subscribe to orders and say everything once."""
        topics = self.wiring.topics.device(self.unit, self.device)
        self.desk = Desk()
        self.outlet = Outlet(
            topics,
            mqtt=self.wiring.mqtt,
            boot=self.wiring.boot,
            rows=self.rows(),
            dead_bands=self.dead_bands,
            period_s=self.period_s,
        )
        self._commands_prefix = topics.command("")
        self._step: TimerHandle | None = None
        self._step_unix_s = math.inf
        self._frozen: dict[str, Value] = {}
        self._condition = self.condition
        self.subscribe(LinkUp, FaultsChanged)
        self.wiring.mqtt.tell(Subscribe(filter=topics.commands, subscriber=self.ref))
        self.every(self.period_s, Tick())
        self.announce()

    async def on_receive(self, message: Message) -> Any:
        """Handle ticks, orders, faults and the link's return."""
        match message:
            case Tick():
                self.on_tick(self.unix_s)
                self.sense()
            case Step():
                self._step = None
                self._look()
            case MqttReceived():
                if message.message.topic.startswith(self._commands_prefix):
                    self._obey(message)
                else:
                    self.on_message(message)
            case LinkUp():
                self.announce()
            case FaultsChanged(device=device):
                if device == self.key:
                    self._faults_changed()
            case _:
                return await super().on_receive(message)
        return None

    # --- what kinds say of themselves ----------------------------------------------------------

    def rows(self) -> Mapping[str, PropertyRow]:
        """The properties it publishes."""
        return DEVICE_TABLE[self.kind].properties

    @abstractmethod
    def readings(self, unix_s: float) -> dict[str, Value]:
        """Its properties at an instant."""

    def details(self) -> dict[str, Value]:
        """Constants worth telling in the description."""
        return {}

    @abstractmethod
    def begin(self, order: Order, unix_s: float) -> Answer:
        """Begin an order that makes sense."""

    def conclude(self, order: Order, unix_s: float) -> Answer:
        """The time of a running order is over: what came of it."""
        del order, unix_s
        return Done()

    def dropped(self, order: Order, unix_s: float) -> None:
        """A running order ended early (superseded, stuck, broken)."""

    def halt(self, unix_s: float) -> None:
        """Its motors stop where they are: they are stuck now."""

    def on_tick(self, unix_s: float) -> None:
        """A period is over."""

    def on_message(self, received: MqttReceived) -> None:
        """Something else than an order arrived."""

    # --- state ---------------------------------------------------------------------------------

    @property
    def unix_s(self) -> float:
        """The observatory's instant."""
        return self.clock.unix_s()

    @property
    def condition(self) -> Condition:
        """What is wrong with it."""
        return self.wiring.metal.faults.condition(self.key)

    def announce(self) -> None:
        """Say everything again: description, state, all properties."""
        if self.condition.silent:
            return
        kind = DEVICE_TABLE[self.kind]
        self.outlet.forget()
        self.outlet.describe(
            DescriptionPayload(
                kind=self.kind,
                bridge=self.wiring.bridge,
                boot=self.wiring.boot,
                simulated=True,
                properties=property_descriptions(self.rows()),
                commands=tuple(kind.commands),
                details=self.details(),
            )
        )
        self.sense()

    def sense(self, *, exact: bool = False) -> None:
        """Read itself and publish what is worth it."""
        condition = self.condition
        if condition.silent:
            return
        now_s, now_utc = self.unix_s, self.clock.now()
        if condition.frozen:
            values = self._frozen = self._frozen or self.readings(now_s)
        else:
            self._frozen = {}
            values = self.readings(now_s)
        if condition.readings:
            values = values | {k: v for k, v in condition.readings.items() if k in values}
        if condition.broken:
            self.outlet.live("fault", time_utc=now_utc, reason=condition.broken)
        else:
            self.outlet.live("busy" if self.desk.running else "ready", time_utc=now_utc)
        self.outlet.offer(values, time_utc=now_utc, unix_s=now_s, exact=exact)

    def emit(self, event: DeviceEvent) -> None:
        """Publish an event, unless it is silent."""
        if not self.condition.silent:
            self.outlet.event(event)

    def _faults_changed(self) -> None:
        was, now = self._condition, self.condition
        self._condition = now
        if now.stuck and not was.stuck:
            self.halt(self.unix_s)
            self.fail_all("motor stalls")
        if now.broken and not was.broken:
            self.fail_all(now.broken)
        if was.silent and not now.silent:
            self.announce()
        else:
            self.sense(exact=True)

    # --- orders --------------------------------------------------------------------------------

    def _obey(self, received: MqttReceived) -> None:
        if self.condition.silent:
            return
        try:
            order = order_of(received.message)
        except PayloadError as error:
            self.log.warning("refused: %s", error)
            return
        last = self.desk.last_word(order.id)
        if last is not None:
            self._say(order, *last)
            return
        if order.expires_utc is not None and self.clock.now() > order.expires_utc:
            self._reply(order, "failed", f"{order.verb} came after its expiry")
            return
        why_not = self.condition.broken or refusal(order, DEVICE_TABLE[self.kind].commands)
        if why_not:
            self._reply(order, "failed", why_not)
            return
        self._enter(order, self.begin(order, self.unix_s))
        self.sense(exact=True)
        self.step_later()

    def _enter(self, order: Order, answer: Answer) -> None:
        now_s = self.unix_s
        match answer:
            case Refused(reason):
                self._reply(order, "failed", reason)
            case Done(detail):
                self._reply(order, "done", detail)
            case Begun(group, until_s):
                self.end_group(group, f"superseded by {order.verb} {order.id}")
                self.desk.running[group] = Running(
                    order=order,
                    group=group,
                    since_unix_s=now_s,
                    until_unix_s=until_s,
                    reported_unix_s=now_s,
                )
                self._reply(order, "accepted", "")
            case _:
                assert_never(answer)

    def end_group(self, group: str, why: str) -> None:
        """End the running order of a group early, if there is one."""
        running = self.desk.running.pop(group, None)
        if running is not None:
            self.dropped(running.order, self.unix_s)
            self._reply(running.order, "failed", why)

    def fail_all(self, why: str) -> None:
        """End every running order early."""
        for group in tuple(self.desk.running):
            self.end_group(group, why)

    def finish(self, group: str, answer: Answer) -> None:
        """End, fail or prolong the running order of a group; does nothing when there is none."""
        running = self.desk.running.pop(group, None)
        if running is None:
            return
        match answer:
            case Refused(reason):
                self._reply(running.order, "failed", reason)
            case Done(detail):
                self.sense(exact=True)
                self._reply(running.order, "done", detail)
            case Begun(_, until_s):
                self.desk.running[group] = running.prolonged(until_s)
            case _:
                assert_never(answer)

    def _look(self) -> None:
        now_s = self.unix_s
        for group, running in tuple(self.desk.running.items()):
            if now_s >= running.until_unix_s - _SOON_S:
                self.finish(group, self.conclude(running.order, now_s))
            elif now_s - running.reported_unix_s >= REPORT_S:
                self._report(group, running, now_s)
        self.on_step(now_s)
        self.sense(exact=not self.desk.running)
        self.step_later()

    def _report(self, group: str, running: Running, now_s: float) -> None:
        progress = running.progress(now_s)
        if progress is not None:
            self.desk.running[group] = replace(running, reported_unix_s=now_s)
            self._say(running.order, "progress", "", progress=progress)

    def on_step(self, unix_s: float) -> None:
        """Something moved."""

    def moving_until(self, unix_s: float) -> float | None:
        """Until when something moves that no order asked for; None when nothing does."""
        del unix_s
        return None

    def step_s(self) -> float:
        """Seconds between looks while something moves."""
        return STEP_S

    def step_later(self) -> None:
        """Arrange to look again at the next step or the next end of a motion."""
        now_s = self.unix_s
        ends = (self.desk.due_unix_s(), self.moving_until(now_s))
        dues = [end_s for end_s in ends if end_s is not None]
        if not dues:
            return
        at_s = min(*dues, now_s + self.step_s())
        if self._step is not None:
            if self._step_unix_s <= at_s:
                return
            self._step.cancel()
        self._step_unix_s = at_s
        self._step = self.tell_later(max(0.0, at_s - now_s), Step())

    def _reply(self, order: Order, state: ReplyState, detail: str) -> None:
        self.desk.remember(order.id, state, detail)
        self._say(order, state, detail)

    def _say(
        self, order: Order, state: ReplyState, detail: str, *, progress: float | None = None
    ) -> None:
        if order.reply_topic is None or self.condition.silent:
            return
        payload = ReplyPayload(
            id=order.id, s=state, t=self.clock.now(), detail=detail, progress=progress
        )
        self.outlet.reply(order.reply_topic, order.correlation, payload)
