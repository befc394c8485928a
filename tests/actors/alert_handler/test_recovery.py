"""What the alert handler finds after a crash: each leftover is taken up, judged or closed, once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from actors.alert_handler.actor import AlertHandler
from actors.alert_handler.events import FollowedEvent
from actors.alert_handler.follow_up import Place, follow_up
from actors.alert_handler.records import memory_of, recall_memory
from actors.alert_handler.rules import RuleFile
from actors.alert_handler.settings import AlertHandlerSettings
from actors.alert_handler.templates import AlertTemplates
from actors.alert_handler.trace import Trace
from actors.alert_source.messages import PacketReceived
from actors.scheduler.messages import Withdraw
from protocols.notice_restamp import restamp
from pyros.actor import ActorSystem, ChildSpec
from pyros.sky.engine import icrs_from_altaz
from pyros.store import AlertRecord, Judgement, Store
from pyros.store.settings import StoreSettings
from tests.system.test_alerts_over_sockets import (
    DATA,
    ROOT,
    TIMES,
    Listener,
    night_side,
    until,
)

if TYPE_CHECKING:
    from typing import Any

    from pyros.actor import ActorRef, Message
    from pyros.clock import Clock
    from pyros.domain.request import Request
    from pyros.sky import Site

SWIFT = DATA / "swift" / "BAT_GRB_Pos_1194500-314.xml"


class Ear(Listener):
    """A listener that also keeps what is withdrawn."""

    def __init__(self) -> None:
        super().__init__()
        self.withdrawn: list[str] = []

    async def on_receive(self, message: Message) -> Any:
        """Keep."""
        if isinstance(message, Withdraw):
            self.withdrawn.append(message.alert_id)
            return None
        return await super().on_receive(message)


def young(site: Site, clock: Clock, serial: int) -> bytes:
    """A burst that is well up."""
    ra_deg, dec_deg = icrs_from_altaz(site, 60.0, 40.0 * serial, clock.unix_s())
    return restamp(
        SWIFT.read_bytes(),
        time_utc=clock.now() - timedelta(seconds=1000.0 * serial),
        ra_deg=float(ra_deg) % 360.0,
        dec_deg=float(dec_deg),
        serial=serial,
    )


def event(alert_id: str, now_utc: datetime, *, state: str, number: int) -> AlertRecord:
    """A record as an earlier run left it."""
    return AlertRecord(
        alert_id=alert_id,
        state=state,
        ivorn="ivo://nasa.gsfc.gcn/x",
        stream="swift-bat",
        decision="accepted",
        reasons=("observable then",),
        t0_utc=now_utc,
        ra_deg=1.0,
        dec_deg=2.0,
        error_deg=0.05,
        injected=False,
        received_utc=now_utc,
        updated_utc=now_utc,
        sequence_id=f"{alert_id}-{number}",
        details={"phase_done": -1, "number": number},
    )


def request(rules: RuleFile, alert_id: str, number: int) -> Request:
    """A follow-up as an earlier run submitted it."""
    plan = follow_up(
        alert_id=alert_id,
        number=number,
        strategy=rules.rules.book.named("grb-localised"),
        age_s=100.0,
        place=Place(ra_deg=1.0, dec_deg=2.0),
        programme="grb",
        channel_times=TIMES,
        max_rounds=3,
    )
    assert plan is not None
    return plan.request


async def judged(store: Store, raw: bytes, record: AlertRecord) -> None:
    """A packet that opened an event, as an earlier run stored both."""
    now_utc = record.received_utc
    known = await store.alerts.store_packet(raw, source="vtp", topic=None, received_utc=now_utc)
    await store.alerts.judge(
        Judgement(
            packet_id=known.packet_id,
            ivorn="x",
            notice=None,
            decision="accepted",
            reasons=(),
            alert_id=record.alert_id,
            judged_utc=now_utc,
        ),
        event=record,
    )


async def leave_behind(store: Store, rules: RuleFile, site: Site, clock: Clock, day: str) -> None:
    """Events with follow-ups, aborted, without packets, a request of nobody's, and garbage."""
    now_utc = clock.now()
    aborted = event(f"{day}-006", now_utc, state="OBSERVING", number=1)
    aborted = replace(aborted, details={**aborted.details, "aborted": True})
    await judged(store, young(site, clock, 3), aborted)
    known = event(f"{day}-007", now_utc, state="OBSERVING", number=1)
    await judged(store, young(site, clock, 1), known)
    await store.alerts.put(event(f"{day}-008", now_utc, state="ACCEPTED", number=1))
    for made in (request(rules, f"{day}-007", 2), request(rules, f"{day}-009", 1)):
        await store.requests.add(made, submitted_by="alert", submitted_utc=now_utc)
    await store.alerts.store_packet(b"<VOEvent", source="vtp", topic=None, received_utc=now_utc)


@pytest.mark.asyncio
async def test_a_start_takes_up_what_a_crash_left() -> None:
    """Follow-ups get new numbers, orphans are withdrawn, keys are not given twice."""
    ear, rules = Ear(), RuleFile(ROOT / "config" / "alerts.toml")
    async with Store(None, StoreSettings()) as store, ActorSystem() as system:
        clock = system.clock
        site = night_side(clock.unix_s())
        day = f"grb-{clock.now():%y%m%d}"
        await leave_behind(store, rules, site, clock, day)
        listener = await system.spawn(ChildSpec(name="ear", factory=lambda: ear))
        handler: ActorRef[Any] = await system.spawn(
            ChildSpec(
                name="handler",
                factory=lambda: AlertHandler(
                    site=site,
                    store=store,
                    rules=rules,
                    templates=AlertTemplates(ROOT / "config" / "alert_templates"),
                    settings=AlertHandlerSettings(),
                    majordome=listener,
                    scheduler=listener,
                    channel_times=TIMES,
                ),
            )
        )
        await until(lambda: len(ear.requests) == 1)
        assert ear.withdrawn == [f"{day}-009", f"{day}-007"]
        assert ear.requests[0].request.request_id == f"{day}-007-3"
        assert [burst.alert_id for burst in ear.bursts] == [f"{day}-007"]
        lost = await store.alerts.get(f"{day}-008")
        assert lost is not None
        assert lost.state == "CLOSED"
        garbage = (await store.alerts.recent_packets(limit=1))[0]
        assert garbage.decision == "unreadable"
        await handler.ask(
            PacketReceived(
                raw=young(site, clock, 2),
                source="vtp",
                topic=None,
                received_utc=clock.now(),
                received_monotonic_s=clock.monotonic_s(),
            ),
            timeout_s=10.0,
        )
        await until(lambda: len(ear.requests) == 2)
        new_id = ear.requests[1].request.alert_id
        assert new_id is not None
        assert new_id.endswith("-010")


ONE, TWO = Place(ra_deg=1.0, dec_deg=2.0, field="1/2"), Place(ra_deg=3.0, dec_deg=4.0, field="2/2")


@pytest.mark.parametrize(
    ("running", "fields", "begun", "completed", "left", "phase_done"),
    [
        (None, (), False, False, (), -1),  # a pointing that was planned
        (None, (), True, False, (), -1),  # a pointing on the telescope
        (None, (), False, True, (), 0),  # a pointing that ended unheard
        (ONE, (TWO,), False, False, (ONE, TWO), -1),  # a field that was interrupted
        (ONE, (TWO,), True, False, (TWO,), -1),  # a field on the telescope
        (ONE, (TWO,), False, True, (TWO,), -1),  # a field that ended unheard
        (TWO, (), False, True, (), 0),  # the last field ended unheard
    ],
)
def test_memory_of_an_event_gives_back_what_is_left(
    running: Place | None,
    fields: tuple[Place, ...],
    begun: bool,
    completed: bool,
    left: tuple[Place, ...],
    phase_done: int,
) -> None:
    """What was done is not done again, what was not is, through JSON and back."""
    rules = RuleFile(ROOT / "config" / "alerts.toml").rules
    now_utc = datetime(2026, 11, 24, 6, tzinfo=UTC)

    def fresh() -> FollowedEvent:
        trace = Trace(received_utc=now_utc, received_monotonic_s=0.0)
        return FollowedEvent(alert_id="grb-1", trace=trace, ivorn="x", stream="swift-bat")

    before, after = fresh(), fresh()
    before.strategy, before.strategy_by_hand = rules.book.named("other"), True
    before.fields, before.field_running, before.number = fields, running, 5
    before.aborted = begun
    kept = json.loads(json.dumps(memory_of(before)))
    after.begun = begun
    recall_memory(after, kept, rules.book, completed=completed)
    assert (after.fields, after.phase_done, after.number) == (left, phase_done, 5)
    assert after.field_running == (running if begun else None)
    assert after.aborted == begun
    assert after.strategy is not None
    assert (after.strategy.name, after.strategy_by_hand) == ("other", True)
