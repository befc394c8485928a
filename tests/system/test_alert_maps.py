"""Sky maps that notices only name: fetched from a real server, and what they change on the sky."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from actors.alert_handler.actor import AlertHandler
from actors.alert_handler.rules import RuleFile
from actors.alert_handler.settings import AlertHandlerSettings
from actors.alert_handler.templates import AlertTemplates
from actors.alert_source.messages import PacketReceived
from actors.journal.messages import JournalEntry
from protocols.notice_restamp import restamp
from pyros.actor import ActorSystem, ChildSpec
from pyros.app.settings import load_settings
from pyros.domain.alert.localisation import separation_deg
from pyros.sky.engine import icrs_from_altaz
from pyros.store import Store
from pyros.store.settings import StoreSettings
from tests.protocols.map_server import map_server
from tests.protocols.maps import flat_map, multi_order_map
from tests.system.test_alerts_over_sockets import (
    DATA,
    ROOT,
    TIMES,
    Listener,
    night_side,
    until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pyros.actor import Message
    from pyros.sky import Site

pytestmark = pytest.mark.asyncio

GBM = DATA / "fermi_gbm" / "792135758_fermi_gbm_gnd_pos_1703.xml"
GBM_JSON = DATA / "gcn_unified_json" / "fermi__gbm__trigger.ground1.example.json"
LVK = DATA / "lvk_voevent" / "S230524x-1-EarlyWarning.xml"


class Ear(Listener):
    """A listener that also keeps what the handler says."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    async def on_start(self) -> None:
        """Listen."""
        self.subscribe(JournalEntry)

    async def on_receive(self, message: Message) -> Any:
        """Keep."""
        if isinstance(message, JournalEntry):
            self.said.append(message.text)
            return None
        return await super().on_receive(message)


class Desk:
    """The handler under test, with a listener for telescope and scheduler."""

    def __init__(self, system: ActorSystem, site: Site, ear: Ear, handler: Any) -> None:
        self.system, self.site, self.ear, self.handler = system, site, ear, handler

    def in_view(self) -> tuple[float, float]:
        """A place that is well up."""
        ra_deg, dec_deg = icrs_from_altaz(self.site, 65.0, 40.0, self.system.clock.unix_s())
        return float(ra_deg) % 360.0, float(dec_deg)

    def gbm(self, place: tuple[float, float], url: str) -> bytes:
        """Fermi's position of a burst a minute ago, with its map at an address."""
        raw = restamp(
            GBM.read_bytes(),
            time_utc=self.system.clock.now() - timedelta(seconds=60.0),
            ra_deg=place[0],
            dec_deg=place[1],
            serial=7,
        )
        named = re.sub(rb'(name="LocationMap_URL" value=)""', rb'\1"%s"' % url.encode(), raw)
        assert named != raw
        return named

    def ago(self, age_s: float) -> datetime:
        """An instant before now."""
        return self.system.clock.now() - timedelta(seconds=age_s)

    async def send(self, raw: bytes, *, source: str = "vtp") -> None:
        """Hand a packet in."""
        clock = self.system.clock
        packet = PacketReceived(
            raw=raw,
            source=source,
            topic=None,
            received_utc=clock.now(),
            received_monotonic_s=clock.monotonic_s(),
        )
        assert (await self.handler.ask(packet, timeout_s=30.0)).accepted


@pytest.fixture
def rules(tmp_path: Path) -> RuleFile:
    """The shipped rules, with maps from this machine too, and short waits."""
    text = (ROOT / "config" / "alerts.toml").read_text()
    for old, new in (
        ("[maps]\n", '[maps]\nplain_hosts = ["127.0.0.1"]\n'),
        ("first_retry_s = 5.0", "first_retry_s = 0.05"),
        ("longest_retry_s = 120.0", "longest_retry_s = 0.1"),
    ):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "alerts.toml"
    path.write_text(text)
    return RuleFile(path)


@contextlib.asynccontextmanager
async def desk(store: Store, rules: RuleFile, *, fetch_maps: bool = True) -> AsyncIterator[Desk]:
    """A handler on the night side of the Earth."""
    ear = Ear()
    async with ActorSystem() as system:
        site = night_side(system.clock.unix_s())
        listener = await system.spawn(ChildSpec(name="ear", factory=lambda: ear))
        handler = await system.spawn(
            ChildSpec(
                name="handler",
                factory=lambda: AlertHandler(
                    site=site,
                    store=store,
                    rules=RuleFile(rules.path),
                    templates=AlertTemplates(ROOT / "config" / "alert_templates"),
                    settings=AlertHandlerSettings(fetch_maps=fetch_maps),
                    majordome=listener,
                    scheduler=listener,
                    channel_times=TIMES,
                ),
            )
        )
        yield Desk(system, site, ear, handler)


def apart_deg(one: Any, place: tuple[float, float]) -> float:
    """How far a burst that was called is from a place."""
    target = one.sequence.target
    return separation_deg(target.ra_deg, target.dec_deg, *place)


async def test_a_map_that_appears_later_moves_the_tiling(rules: RuleFile) -> None:
    """Fermi's circle is tiled at once; its map, there at the third try, is tiled instead."""
    async with (
        Store(None, StoreSettings()) as store,
        map_server() as server,
        desk(store, rules) as at,
    ):
        place = at.in_view()
        there = (place[0], place[1] + 2.5)
        await at.send(at.gbm(place, server.url()))
        await until(lambda: len(at.ear.bursts) == 1)
        await until(lambda: len(server.asked) >= 2)
        assert len(at.ear.bursts) == 1
        server.fits = multi_order_map(*there, 0.3, order=7)
        await until(lambda: len(at.ear.bursts) == 2)
        first, second = at.ear.bursts
        assert (second.alert_id, second.again) == (first.alert_id, True)
        assert apart_deg(second, there) < 0.6 < apart_deg(first, there)
        assert any("tiled anew" in text for text in at.ear.said)
        packets = await store.alerts.recent_packets()
        assert [packet.source for packet in packets] == ["vtp", "vtp"]
        assert {packet.alert_id for packet in packets} == {first.alert_id}
        await until(lambda: len(at.ear.requests) == 2)


async def test_a_map_beside_a_position_is_tiled_instead_of_the_circle(rules: RuleFile) -> None:
    """A notice of GCN's schema carries both: the circle at once, then the map, which is smaller."""
    async with Store(None, StoreSettings()) as store, desk(store, rules) as at:
        place = at.in_view()
        there = (place[0], place[1] + 2.5)
        fits = gzip.compress(flat_map(*there, 0.4, order=7, ordering="RING"))
        packet = json.loads(restamp(GBM_JSON.read_bytes(), time_utc=at.ago(60.0), serial=5))
        packet |= {"ra": place[0], "dec": place[1], "ra_dec_error": 4.0}
        packet |= {"healpix_file": base64.b64encode(fits).decode()}
        await at.send(json.dumps(packet).encode(), source="mqtt")
        await until(lambda: len(at.ear.bursts) == 2)
        first, second = at.ear.bursts
        assert second.alert_id == first.alert_id
        assert apart_deg(second, there) < 0.6 < apart_deg(first, there)


async def test_a_gravitational_wave_of_which_only_the_maps_address_comes(rules: RuleFile) -> None:
    """Ignored for want of a place, then accepted and tiled when the map is there."""
    async with (
        Store(None, StoreSettings()) as store,
        map_server() as server,
        desk(store, rules) as at,
    ):
        raw = restamp(
            LVK.read_bytes(),
            time_utc=at.system.clock.now() - timedelta(seconds=300.0),
            serial=3,
        )
        named = re.sub(rb"https://gracedb[^\"]*\.fits,0", server.url().encode(), raw)
        assert named != raw
        server.fits = None
        await at.send(named)
        await until(lambda: len(server.asked) >= 2)
        (packet,) = await store.alerts.recent_packets()
        assert packet.decision == "ignored"
        assert "no position; its sky map is elsewhere" in packet.reasons
        place = at.in_view()
        server.fits = multi_order_map(*place, 1.0, order=6)
        await until(lambda: len(at.ear.bursts) == 1)
        assert at.ear.bursts[0].alert_id == packet.alert_id
        assert apart_deg(at.ear.bursts[0], place) < 3.0


async def test_a_map_that_was_not_there_before_a_restart_is_fetched_after_it(
    rules: RuleFile,
) -> None:
    """The address is remembered with its notice; and a map that is there is not fetched again."""
    async with Store(None, StoreSettings()) as store, map_server() as server:
        async with desk(store, rules) as at:
            place = at.in_view()
            await at.send(at.gbm(place, server.url()))
            await until(lambda: server.asked)
        there = (place[0], place[1] + 2.5)
        server.fits = multi_order_map(*there, 0.3, order=7)
        async with desk(store, rules) as at:
            await until(lambda: any(apart_deg(one, there) < 0.6 for one in at.ear.bursts))
            await until(lambda: any("tiled anew" in text for text in at.ear.said))
        tries = len(server.asked)
        async with desk(store, rules) as at:
            await until(lambda: at.ear.bursts)
            assert apart_deg(at.ear.bursts[0], there) < 0.6
        assert len(server.asked) == tries


async def test_a_map_from_elsewhere_is_refused_and_the_position_stands(rules: RuleFile) -> None:
    """The host is not listed: nobody is asked, the circle is tiled, the journal says why."""
    async with (
        Store(None, StoreSettings()) as store,
        map_server() as server,
        desk(store, rules) as at,
    ):
        await at.send(at.gbm(at.in_view(), server.url("/elsewhere")))
        await until(lambda: len(at.ear.bursts) == 1)
        await until(lambda: any("is not among [maps] hosts" in text for text in at.ear.said))
        assert server.asked == ["/elsewhere"]
        assert len(await store.alerts.recent_packets()) == 1


async def test_a_simulated_site_asks_nobody(rules: RuleFile) -> None:
    """Told not to fetch, the handler goes by positions; the simulated observatory is told so."""
    shipped = load_settings(ROOT / "config" / "simulated" / "observatory.toml")
    assert not shipped.alerts.handler.fetch_maps
    async with (
        Store(None, StoreSettings()) as store,
        map_server() as server,
        desk(store, rules, fetch_maps=False) as at,
    ):
        await at.send(at.gbm(at.in_view(), server.url()))
        await until(lambda: len(at.ear.requests) == 1)
        await asyncio.sleep(0.2)
        assert server.asked == []
