"""The gateway actor in virtual time: events in, cells out, orders handed on and journalled."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from actors.alert_handler.messages import StopFollowUp
from actors.alert_source.messages import PacketReceived
from actors.device.messages import Command
from actors.journal.messages import JournalEntry
from actors.majordome.messages import CloseDome, Pause
from actors.web_gateway.actor import WebGateway
from actors.web_gateway.live_model import LiveModel
from actors.web_gateway.messages import ExpertOrder, OperatorOrder, OrderAction, SubmitPacket
from actors.web_gateway.orders import OrderParties
from actors.web_gateway.settings import WebGatewaySettings
from actors.web_gateway.trends import TrendRing
from protocols.mqtt.session import LinkDown, LinkUp
from pyros.actor import Actor, ActorRef, ActorSystem, ChildSpec, Rejected
from tests.browser import staged_night as staged
from tests.browser.stage import Operator

if TYPE_CHECKING:
    from pyros.actor import Message

pytestmark = pytest.mark.asyncio


class _Rig:
    """A gateway with its surroundings."""

    def __init__(
        self, system: ActorSystem, *, party: str = "/operator", slow: bool = False
    ) -> None:
        self.system = system
        self.model = LiveModel({"log": 100})
        self.trends = TrendRing(500)
        self.taken: list[Message] = []
        self.party = party
        self.settings = (
            WebGatewaySettings(sky_step_s=3600.0, tree_period_s=3600.0, trend_step_s=3600.0)
            if slow
            else WebGatewaySettings()
        )
        self.gateway: ActorRef[WebGateway]

    async def start(self) -> _Rig:
        await self.system.spawn(ChildSpec(name="operator", factory=lambda: Operator(self.taken)))
        party: ActorRef[Actor] = self.system.ref(self.party)
        self.gateway = await self.system.spawn(
            ChildSpec(
                name="gateway",
                factory=lambda: WebGateway(
                    model=self.model,
                    trends=self.trends,
                    site=staged.SITE,
                    about=staged.ABOUT,
                    parties=OrderParties(
                        majordome=party,
                        alert_handler=party,
                        alert_inlet=party,
                        domes=(self.system.ref("/operator"),),
                    ),
                    settings=self.settings,
                ),
            )
        )
        return self

    def log(self) -> list[dict[str, Any]]:
        return [line for line in self.model.stream("log") if isinstance(line, dict)]


class _Watcher:
    """Makes the model watched."""

    def cell_changed(self, key: str) -> None:
        """Nothing."""

    def item_appended(self, stream: str, encoded: bytes) -> None:
        """Nothing."""


async def test_gateway_shows_site_and_night_at_once(system: ActorSystem) -> None:
    """Before any event the page knows where it is and what night it is."""
    rig = await _Rig(system).start()
    assert rig.model.record("site")["name"] == staged.SITE.name
    assert rig.model.record("night")["night"]
    assert rig.model.record("sky")["stars"]


async def test_gateway_turns_events_into_cells(system: ActorSystem) -> None:
    """What is published stands in the model, the plan with its curves."""
    rig = await _Rig(system).start()
    for event in staged.clear_night():
        system.events.publish(event)
    await asyncio.sleep(1.0)
    assert rig.model.record("mode")["mode"] == "OBSERVING"
    assert rig.model.record("safety")["safety"] == "SAFE"
    curves = rig.model.record("curves")["alt_deg"]
    assert isinstance(curves, dict)
    assert len(curves) == len(staged.plan(staged.NOW).scheduled)


async def test_gateway_samples_weather_into_trends(system: ActorSystem) -> None:
    """Each step one point, in the ring and in the stream."""
    rig = await _Rig(system).start()
    for event in staged.weather(staged.NOW):
        system.events.publish(event)
    await asyncio.sleep(61.0)
    assert len(rig.trends) == 4
    assert rig.trends.stations == ["mast", "roof", "cloud-watcher"]


async def test_gateway_draws_the_sky_only_for_somebody(system: ActorSystem) -> None:
    """Nobody watching, no ephemerides; somebody watching, a new sky each step."""
    rig = await _Rig(system).start()
    first = rig.model.record("sky")["time_utc"]
    await asyncio.sleep(300.0)
    assert rig.model.record("sky")["time_utc"] == first
    assert rig.model.get("system") is None
    rig.model.listen(_Watcher())
    await asyncio.sleep(31.0)
    assert rig.model.record("sky")["time_utc"] != first
    actors = rig.model.record("system")["actors"]
    assert isinstance(actors, list)
    assert any(isinstance(a, dict) and a["path"] == "/gateway" for a in actors)


async def test_gateway_moves_on_to_the_next_night(system: ActorSystem) -> None:
    """At noon the night's curves are those of the coming night."""
    rig = await _Rig(system, slow=True).start()
    rig.model.listen(_Watcher())
    before = rig.model.record("night")["night"]
    await asyncio.sleep(86400.0)
    assert rig.model.record("night")["night"] != before


async def test_gateway_tells_of_the_broker(system: ActorSystem) -> None:
    """A lost broker is told with its reason, a found one clears it."""
    rig = await _Rig(system).start()
    system.events.publish(LinkDown(reason="connection refused"))
    await asyncio.sleep(0.1)
    link = rig.model.record("link")
    assert (link["broker"], link["reason"]) == ("down", "connection refused")
    system.events.publish(LinkUp())
    await asyncio.sleep(0.1)
    assert rig.model.record("link")["broker"] == "up"


async def test_order_reaches_the_majordome_and_the_journal(system: ActorSystem) -> None:
    """Who and why go with the order and stand in the journal."""
    rig = await _Rig(system).start()
    taken = await rig.gateway.ask(
        OperatorOrder(action=OrderAction.CLOSE_DOME, who="Ann", why="storm coming")
    )
    assert taken.text == "CloseDome accepted"
    assert rig.taken == [CloseDome(who="Ann", why="storm coming")]
    await asyncio.sleep(0.1)
    (line,) = rig.log()
    assert (line["kind"], line["who"]) == ("operator", "Ann")
    assert line["text"] == "Ann ordered close-dome: storm coming"


async def test_refused_order_is_told_and_journalled(system: ActorSystem) -> None:
    """A refusal reaches the operator in words and the journal as a warning."""
    rig = await _Rig(system).start()
    with pytest.raises(Rejected, match="rain at mast 40 s ago"):
        await rig.gateway.ask(OperatorOrder(action=OrderAction.RESUME, who="Ann", why="clear"))
    await asyncio.sleep(0.1)
    assert [line["severity"] for line in rig.log()] == ["notice", "warning"]
    assert "was not carried out" in rig.log()[1]["text"]


async def test_order_to_nobody_is_refused_not_lost(system: ActorSystem) -> None:
    """With the majordome gone the operator is told; the gateway lives on."""
    rig = await _Rig(system, party="/nobody").start()
    with pytest.raises(Rejected, match="pause was not carried out"):
        await rig.gateway.ask(
            OperatorOrder(action=OrderAction.PAUSE, who="Ann", why="x"), timeout_s=30.0
        )
    with pytest.raises(Rejected, match="could not be stored"):
        await rig.gateway.ask(SubmitPacket(raw=b"<x/>"), timeout_s=30.0)
    assert rig.gateway.is_alive()


async def test_dome_closes_though_the_majordome_is_gone(system: ActorSystem) -> None:
    """Closing does not hang on the majordome: the dome is told directly, and the operator so."""
    rig = await _Rig(system, party="/nobody").start()
    order = OperatorOrder(action=OrderAction.CLOSE_DOME, who="Ann", why="storm")
    answer = await rig.gateway.ask(order, timeout_s=30.0)
    assert "/operator told to close directly" in answer.text
    await asyncio.sleep(0.1)
    assert rig.taken == [Command(verb="close", args={}, cause="operator Ann: storm")]


async def test_sky_shows_where_an_accepted_alert_is(system: ActorSystem) -> None:
    """An accepted alert stands on the sky plot at once; an ignored one does not."""
    rig = await _Rig(system).start()
    rig.model.listen(_Watcher())
    for number, decision in ((1, "accepted"), (2, "ignored")):
        system.events.publish(staged.alert(staged.NOW, decision=decision, number=number))
    await asyncio.sleep(0.1)
    targets = rig.model.record("sky")["targets"]
    assert isinstance(targets, dict)
    assert list(targets) == ["alert/a-0001"]


async def test_slow_order_does_not_hold_the_next(system: ActorSystem) -> None:
    """While one order waits for its answer the gateway goes on with events and orders."""

    class Slow(Operator):
        async def on_receive(self, message: Message) -> Any:
            if isinstance(message, Pause):
                await asyncio.sleep(5.0)
            return await super().on_receive(message)

    rig = _Rig(system, party="/slow")
    await system.spawn(ChildSpec(name="slow", factory=lambda: Slow(rig.taken)))
    await rig.start()
    order = OperatorOrder(action=OrderAction.PAUSE, who="Ann", why="x")
    waiting = asyncio.ensure_future(rig.gateway.ask(order, timeout_s=20.0))
    await asyncio.sleep(0.5)
    for event in staged.clear_night():
        system.events.publish(event)
    await asyncio.sleep(0.5)
    assert rig.model.record("mode")["mode"] == "OBSERVING"
    assert not waiting.done()
    assert (await waiting).text == "Pause accepted"


async def test_packet_is_handed_on_with_its_arrival(system: ActorSystem) -> None:
    """Raw bytes go to the alert inlet as they came, source http, with the time of arrival."""
    rig = await _Rig(system).start()
    stored = await rig.gateway.ask(SubmitPacket(raw=b"<voe/>"))
    assert stored.accepted
    (packet,) = rig.taken
    assert isinstance(packet, PacketReceived)
    assert (packet.raw, packet.source, packet.injected) == (b"<voe/>", "http", False)


async def test_crashed_gateway_says_site_and_night_again(system: ActorSystem) -> None:
    """After a restart the model still stands and events flow again."""
    rig = await _Rig(system).start()
    system.events.publish(
        JournalEntry(kind="system", subject="x", text="before", time_utc=staged.NOW, data={})
    )
    await asyncio.sleep(0.1)
    poison: Any = staged.weather(staged.NOW)[0]
    object.__setattr__(poison, "readings", None)
    system.events.publish(poison)
    await asyncio.sleep(30.0)
    for event in staged.verdicts(staged.NOW):
        system.events.publish(event)
    await asyncio.sleep(0.1)
    assert rig.log()[0]["text"] == "before"
    assert rig.model.record("safety")["safety"] == "SAFE"


async def test_experts_order_reaches_the_handler_and_the_journal(system: ActorSystem) -> None:
    """The wish arrives as it was made, who and why are journalled, the answer is the handler's."""
    rig = await _Rig(system).start()
    wish = StopFollowUp(alert_id="grb-261123-001", who="Ann", why="a flare star")
    taken = await rig.gateway.ask(ExpertOrder(wish=wish))
    assert taken.text == "grb-261123-001 is not followed up any more"
    assert rig.taken == [wish]
    gone = replace(wish, alert_id="grb-gone")
    with pytest.raises(Rejected, match="there is no event 'grb-gone'"):
        await rig.gateway.ask(ExpertOrder(wish=gone))
    await asyncio.sleep(0.1)
    texts = [line["text"] for line in rig.log()]
    assert texts[0] == "Ann ordered the end of the follow-up of grb-261123-001: a flare star"
    assert "was not carried out: there is no event" in texts[-1]


async def test_packet_of_an_unknown_source_goes_nowhere(system: ActorSystem) -> None:
    """Without an inlet of its own a source is refused: it never borrows another's trust."""
    rig = await _Rig(system).start()
    with pytest.raises(Rejected, match="there is no alert source 'stranger'"):
        await rig.gateway.ask(SubmitPacket(raw=b"<voe/>", source="stranger"))
    assert rig.taken == []
