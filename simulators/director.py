"""The director: lets happen what the scenario prescribes and what is asked for on MQTT.

`bridge/{id}/cmd/transient`, `.../fault` and `.../weather` take the fields of the scenario's events
as arguments (`at_s` counts from now), so that a demonstration or a test can make it rain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from protocols.mqtt.message import MqttMessage
from protocols.mqtt.session import MqttReceived, Publish, Subscribe
from protocols.payloads import PayloadError, ReplyPayload, encode
from pyros.actor import Actor, Message
from simulators.faults import FaultKind, FaultsChanged
from simulators.orders import order_of
from simulators.scenario import FaultEvent, TransientEvent, WeatherEvent

if TYPE_CHECKING:
    from simulators.faults import Fault
    from simulators.orders import Order
    from simulators.scenario import Scenario
    from simulators.severable_link import LinkCutter
    from simulators.simulated_device import Wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class Break(Message):
    """Pin a fault."""

    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair(Message):
    """Remove a fault."""

    fault: Fault


class Director(Actor):
    """Runs a scenario.

    Args:
        wiring: The site and the process.
        scenario: What happens.
        devices: `{unit}/{device}` of all devices.
        cutter: Cuts the link to the broker.
        start_unix_s: When the simulation started; a restart of the director does not move it.
    """

    def __init__(
        self,
        wiring: Wiring,
        scenario: Scenario,
        *,
        devices: tuple[str, ...],
        cutter: LinkCutter,
        start_unix_s: float,
    ) -> None:
        self._wiring = wiring
        self._scenario = scenario
        self._devices = devices
        self._cutter = cutter
        self._start_unix_s = start_unix_s

    async def on_start(self) -> None:
        """Put everything on the calendar."""
        metal, scenario = self._wiring.metal, self._scenario
        self._obeyed: dict[str, None] = {}
        root = self._wiring.topics.root
        topic_filter = f"{root}/bridge/{self._wiring.bridge}/cmd/+"
        self._wiring.mqtt.tell(Subscribe(filter=topic_filter, subscriber=self.ref))
        origin_s = scenario.origin_unix_s(metal.site, self._start_unix_s)
        prescribed = tuple(event.override(origin_s) for event in scenario.weather)
        known = tuple(o for o in metal.weather.overrides if o not in prescribed)
        metal.weather.overrides = (*prescribed, *known)
        for event in scenario.transients:
            transient = event.transient(origin_s)
            if transient not in metal.transients:
                metal.transients.append(transient)
        for fault in scenario.faults:
            self._schedule(fault, origin_s)

    async def on_receive(self, message: Message) -> Any:
        """Break, repair, obey."""
        match message:
            case Break(fault=fault):
                self._break(fault)
            case Repair(fault=fault):
                self._wiring.metal.faults.remove(fault)
                self.publish(FaultsChanged(device=fault.device))
            case MqttReceived():
                self._obey(message)
            case _:
                return await super().on_receive(message)
        return None

    def _schedule(self, event: FaultEvent, origin_unix_s: float) -> None:
        now_s = self.clock.unix_s()
        start_s = origin_unix_s + event.at_s
        end_s = None if event.for_s is None else start_s + event.for_s
        if end_s is not None and end_s <= now_s:
            self._wiring.metal.faults.remove(event.fault())
            return
        self.tell_later(max(0.0, start_s - now_s), Break(fault=event.fault()))
        if end_s is not None:
            self.tell_later(end_s - now_s, Repair(fault=event.fault()))

    def _break(self, fault: Fault) -> None:
        board = self._wiring.metal.faults
        board.remove(fault)
        board.pin(fault)
        self.log.info("fault: %s is %s %s", fault.device, fault.kind, fault.reason)
        if fault.kind == FaultKind.LINK:
            self._cutter.cut()
        self.publish(FaultsChanged(device=fault.device))

    # --- orders --------------------------------------------------------------------------------

    def _obey(self, received: MqttReceived) -> None:
        try:
            order = order_of(received.message)
        except PayloadError as error:
            self.log.warning("refused: %s", error)
            return
        if order.id in self._obeyed:
            self._reply(order, "")
            return
        why_not = self._direct(order)
        if not why_not:
            self._obeyed[order.id] = None
        self._reply(order, why_not)

    def _direct(self, order: Order) -> str:
        """Let it happen; why not, when it cannot."""
        now_s, metal = self.clock.unix_s(), self._wiring.metal
        arguments: dict[str, Any] = {"at_s": 0.0} | dict(order.args)
        try:
            match order.verb:
                case "transient":
                    event = msgspec.convert(arguments, TransientEvent, strict=False)
                    metal.transients.append(event.transient(now_s))
                case "weather":
                    stretch = msgspec.convert(arguments, WeatherEvent, strict=False)
                    metal.weather.prescribe(stretch.override(now_s))
                case "fault":
                    fault = msgspec.convert(arguments, FaultEvent, strict=False)
                    if complaint := fault.complaint(self._devices):
                        return complaint
                    self._schedule(fault, now_s)
                case _:
                    return f"unknown command {order.verb!r}; known: transient, weather, fault"
        except msgspec.ValidationError as error:
            return f"{order.verb}: {error}"
        return ""

    def _reply(self, order: Order, why_not: str) -> None:
        if order.reply_topic is None:
            return
        payload = ReplyPayload(
            id=order.id,
            s="failed" if why_not else "done",
            t=self.clock.now(),
            detail=why_not,
        )
        message = MqttMessage(
            topic=order.reply_topic,
            payload=encode(payload),
            qos=1,
            correlation=order.correlation,
        )
        self._wiring.mqtt.tell(Publish(message=message))
