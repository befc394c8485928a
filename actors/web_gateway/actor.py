"""The web gateway: hears everything, keeps the live model behind the pages, hands orders on.

It never asks a device anything: what the pages show is what was published. Orders of operators go
through it to whoever carries them out and are journalled with who and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from actors.alert_handler.messages import AlertUpdated
from actors.alert_source.messages import PacketReceived, PacketStored
from actors.scheduler.messages import PlanPublished
from actors.web_gateway import expert_orders, orders
from actors.web_gateway.alert_section import alert_targets
from actors.web_gateway.changes import Append, Json, Put
from actors.web_gateway.messages import ExpertOrder, OperatorOrder, OrderTaken, SubmitPacket
from actors.web_gateway.sections import EVENTS, changes_of
from actors.web_gateway.sky_view import (
    Target,
    block_curves,
    night_label,
    night_section,
    sky_section,
)
from actors.web_gateway.system_section import system_section
from actors.web_gateway.trends import TrendRing, sample
from protocols.mqtt.session import LinkDown, LinkUp
from pyros.actor import Actor, Lane, Message, Rejected
from pyros.errors import PyrosError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from actors.web_gateway.live_model import LiveModel
    from actors.web_gateway.messages import ExpertWish
    from actors.web_gateway.orders import OrderParties
    from actors.web_gateway.settings import WebGatewaySettings
    from pyros.actor import ActorRef, Deferred
    from pyros.sky.site import Site


NIGHT_WITHIN_S = 20.0
"""Most wall seconds for the curves of a night; it takes a tenth of one, once a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Message):
    """To itself: time to look at the sky, the tree or the weather again."""

    lane: ClassVar[Lane] = Lane.TELEMETRY
    at: str

    def conflation_key(self) -> Hashable:
        """Looking once is enough."""
        return ("look", self.at)


class WebGateway(Actor):
    """Keeps the live model.

    Args:
        model: The live model it writes; whoever serves pages reads it.
        trends: The rings of the weather trends, likewise.
        site: Where the observatory is.
        about: What the pages say of the site beside its place: ids, limits, horizon, speed.
        parties: Who carries out orders.
        settings: How much is kept, how often the sky is drawn.
    """

    def __init__(
        self,
        *,
        model: LiveModel,
        trends: TrendRing,
        site: Site,
        about: Mapping[str, Json],
        parties: OrderParties,
        settings: WebGatewaySettings,
    ) -> None:
        super().__init__()
        self._model = model
        self._trends = trends
        self._site = site
        self._about = about
        self._parties = parties
        self._settings = settings
        self._targets: tuple[Target, ...] = ()
        self._orders = 0

    async def on_start(self) -> None:
        """Say what never changes, look at the sky, and listen."""
        self.subscribe(*EVENTS, LinkUp, LinkDown)
        self._model.apply([Put(key="site", value=self._site_section())])
        await self._look_at_sky()
        wall_s = self.clock.wall_to_loop_s(1.0)
        self.every(max(self._settings.sky_step_s, wall_s), Look(at="sky"))
        self.every(self._settings.tree_period_s * wall_s, Look(at="tree"), initial_delay_s=0.0)
        self.every(self._settings.trend_step_s, Look(at="weather"))

    async def on_receive(self, message: Message) -> Any:
        """Events change the model, orders and packets are handed on."""
        match message:
            case Look(at="sky"):
                if self._model.watched:
                    await self._look_at_sky()
            case Look(at="tree"):
                if self._model.watched:
                    self._look_at_tree()
            case Look():
                self._look_at_weather()
            case OperatorOrder():
                self._take(message)
            case ExpertOrder():
                self._take_of_expert(message)
            case SubmitPacket():
                self._submit(message)
            case LinkUp() | LinkDown():
                self._link(message)
            case _:
                self._model.apply(changes_of(message, self._model, self.clock.now()))
                if isinstance(message, PlanPublished):
                    await self._draw_plan(message)
                elif isinstance(message, AlertUpdated) and self._model.watched:
                    await self._look_at_sky()

    def _site_section(self) -> dict[str, Json]:
        horizon = self._site.horizon
        points = horizon.points if horizon is not None else ()
        return {
            "name": self._site.name,
            "latitude_deg": self._site.latitude_deg,
            "longitude_deg": self._site.longitude_deg,
            "height_m": self._site.height_m,
            "horizon": [[azimuth, altitude] for azimuth, altitude in points],
            **self._about,
        }

    async def _look_at_sky(self) -> None:
        unix_s = self.clock.unix_s()
        label = night_label(self._site, unix_s)
        if self._model.record("night").get("night") != label:
            night = await self.blocking(night_section, self._site, label, deadline_s=NIGHT_WITHIN_S)
            self._model.apply([Put(key="night", value=night)])
        targets = (*self._targets, *alert_targets(self._model))
        sky = sky_section(self._site, unix_s, targets)
        self._model.apply([Put(key="sky", value=sky)])

    def _look_at_tree(self) -> None:
        section = system_section(self.system.tree(), self.system.dead_letters.total)
        self._model.apply([Put(key="system", value=section)])

    def _look_at_weather(self) -> None:
        values = sample(self._model.under("stations"))
        if not values:
            return
        unix_s = self.clock.unix_s()
        self._trends.add(unix_s, values)
        point: dict[str, Json] = {name: dict(good) for name, good in values.items()}
        self._model.apply([Append(stream="trend", item={"t": unix_s, "stations": point})])

    async def _draw_plan(self, plan: PlanPublished) -> None:
        self._targets = tuple(
            Target(item.sequence_id, item.ra_deg, item.dec_deg)
            for item in plan.scheduled[: self._settings.targets_drawn]
        )
        curves = block_curves(self._site, plan.night, plan.scheduled)
        self._model.apply([Put(key="curves", value={"version": plan.version, "alt_deg": curves})])
        if self._model.watched:
            await self._look_at_sky()

    def _link(self, event: LinkUp | LinkDown) -> None:
        down = isinstance(event, LinkDown)
        value: Json = {
            "broker": "down" if down else "up",
            "reason": str(event.reason) if isinstance(event, LinkDown) else "",
            "since_unix_s": self.clock.unix_s(),
        }
        self._model.apply([Put(key="link", value=value)])

    def _take(self, order: OperatorOrder) -> None:
        self._orders += 1
        deferred: Deferred[OrderTaken] = self.defer()
        self._journal(order)
        self.start_task(self._carry_out(order, deferred), name=f"order-{self._orders}")

    async def _carry_out(self, order: OperatorOrder, deferred: Deferred[OrderTaken]) -> None:
        timeout_s = self._settings.order_timeout_s
        try:
            text = await orders.carry_out(order, self._parties, timeout_s)
        except PyrosError as error:
            self._journal(order, outcome=str(error), failed=True)
            deferred.fail(Rejected(f"{order.action} was not carried out: {error}"))
        else:
            deferred.set(OrderTaken(text=text))

    def _take_of_expert(self, order: ExpertOrder) -> None:
        self._orders += 1
        deferred: Deferred[OrderTaken] = self.defer()
        self.publish(
            expert_orders.journal_entry(order.wish, subject=self.path, now_utc=self.clock.now())
        )
        self.start_task(self._ask_handler(order.wish, deferred), name=f"order-{self._orders}")

    async def _ask_handler(self, wish: ExpertWish, deferred: Deferred[OrderTaken]) -> None:
        try:
            text = await expert_orders.carry_out(
                wish, self._parties.alert_handler, self._settings.order_timeout_s
            )
        except PyrosError as error:
            refused = expert_orders.journal_entry(
                wish, subject=self.path, now_utc=self.clock.now(), outcome=str(error), failed=True
            )
            self.publish(refused)
            deferred.fail(Rejected(str(error)))
        else:
            deferred.set(OrderTaken(text=text))

    def _journal(self, order: OperatorOrder, *, outcome: str = "", failed: bool = False) -> None:
        self.publish(
            orders.journal_entry(
                order, subject=self.path, now_utc=self.clock.now(), outcome=outcome, failed=failed
            )
        )

    def _submit(self, submitted: SubmitPacket) -> None:
        inlet = self._parties.inlet_of(submitted.source)
        if inlet is None:
            raise Rejected(f"there is no alert source {submitted.source!r}")
        self._orders += 1
        deferred: Deferred[PacketStored] = self.defer()
        packet = PacketReceived(
            raw=submitted.raw,
            source=submitted.source,
            topic=None,
            received_utc=self.clock.now(),
            received_monotonic_s=self.clock.monotonic_s(),
        )
        self.start_task(self._hand_in(packet, inlet, deferred), name=f"packet-{self._orders}")

    async def _hand_in(
        self, packet: PacketReceived, inlet: ActorRef[Actor], deferred: Deferred[PacketStored]
    ) -> None:
        try:
            stored = await inlet.ask(packet, timeout_s=self._settings.order_timeout_s)
        except PyrosError as error:
            deferred.fail(Rejected(f"the packet could not be stored: {error}; send it again"))
        else:
            deferred.set(stored)
