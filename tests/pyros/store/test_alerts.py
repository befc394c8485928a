"""Tests of alert packets, judgements, events and traces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pyros.store import (
    AlertRecord,
    Judgement,
    StageRecord,
    Store,
    StoreConflictError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.asyncio

RAW = b"<?xml version='1.0'?><voe:VOEvent/>\x00\xff"


@pytest.fixture
def event(at) -> AlertRecord:
    """An accepted burst."""
    return AlertRecord(
        alert_id="grb261123a",
        state="ACCEPTED",
        ivorn="ivo://nasa.gsfc.gcn/SWIFT#1",
        stream="swift-bat",
        decision="accepted",
        reasons=("position 3 arcmin", "altitude 55 deg"),
        t0_utc=at(-20),
        ra_deg=10.0,
        dec_deg=20.0,
        error_deg=0.05,
        injected=False,
        received_utc=at(0),
        updated_utc=at(0.2),
        sequence_id="grb261123a-1",
        details={"phase": 1},
    )


@pytest.fixture
def judged(at) -> Callable[..., Judgement]:
    """Judgements of a packet."""

    def make(packet_id: int, **changes: object) -> Judgement:
        fields: dict[str, object] = {
            "packet_id": packet_id,
            "ivorn": "ivo://nasa.gsfc.gcn/SWIFT#1",
            "notice": {"role": "observation"},
            "decision": "accepted",
            "reasons": ("bright",),
            "alert_id": "grb261123a",
            "judged_utc": at(0.2),
        }
        return Judgement(**(fields | changes))  # type: ignore[arg-type]  # checked by the test

    return make


async def test_packet_is_kept_bit_for_bit(store: Store, at):
    """The raw bytes, where they came from and when."""
    stored = await store.alerts.store_packet(
        RAW, source="mqtt", topic="alerts/in", received_utc=at(0), injected=True
    )
    assert stored.duplicate_of is None
    found = await store.alerts.packet(stored.packet_id)
    assert found is not None
    assert found.raw == RAW
    assert (found.source, found.topic, found.received_utc) == ("mqtt", "alerts/in", at(0))
    assert found.injected
    assert found.decision is None
    assert await store.alerts.packet(99) is None


async def test_same_bytes_are_kept_once(store: Store, at):
    """A packet that comes over two sources is two arrivals of one content."""
    first = await store.alerts.store_packet(RAW, source="vtp", topic=None, received_utc=at(0))
    for second in range(1, 3):
        again = await store.alerts.store_packet(
            RAW, source="mqtt", topic="t", received_utc=at(second)
        )
        assert again.duplicate_of == first.packet_id
        assert again.sha256 == first.sha256
    kept = await store.database.read(
        lambda c: c.exec_driver_sql("SELECT count(raw) FROM packet").scalar_one()
    )
    assert kept == 1
    assert [packet.raw for packet in await store.alerts.recent_packets()] == [RAW] * 3


async def test_unjudged_packets_are_what_a_crash_left(file_store: Store, judged, at, tmp_path):
    """Stored and not judged survives; judged is done with."""
    ids = [
        (
            await file_store.alerts.store_packet(
                bytes([number]), source="vtp", topic=None, received_utc=at(number)
            )
        ).packet_id
        for number in range(3)
    ]
    await file_store.alerts.judge(judged(ids[1]))
    await file_store.close()
    async with Store(tmp_path / "data") as again:
        assert [packet.packet_id for packet in await again.alerts.unjudged()] == [ids[0], ids[2]]


async def test_judgement_event_stages_and_lines_are_one_transaction(
    store: Store, event, judged, line, at
):
    """What was decided, why, and what follows are written together."""
    stored = await store.alerts.store_packet(RAW, source="vtp", topic=None, received_utc=at(0))
    stage = StageRecord(alert_id=event.alert_id, stage="judged", time_utc=at(0.2), after_ms=200.0)
    assert await store.alerts.judge(
        judged(stored.packet_id, notice=event),
        event=event,
        stages=[stage],
        lines=[line("accepted")],
    ) == (1,)
    (packet,) = await store.alerts.packets_of(event.alert_id)
    assert packet.notice is not None
    assert packet.notice["t0_utc"] == "2026-11-23T17:59:40.250000Z"
    assert (packet.decision, packet.reasons, packet.judged_utc) == (
        "accepted",
        ("bright",),
        at(0.2),
    )
    assert await store.alerts.get(event.alert_id) == event
    assert await store.alerts.stages(event.alert_id) == [stage]


async def test_judging_an_unknown_packet_writes_nothing(store: Store, event, judged, line):
    """No packet, no event."""
    with pytest.raises(StoreConflictError, match="packet 7: not stored"):
        await store.alerts.judge(judged(7), event=event, lines=[line("no")])
    assert await store.alerts.get(event.alert_id) is None
    assert await store.journal.last_seq() == 0


async def test_event_is_replaced_and_listed_newest_first(store: Store, event, at):
    """An update is the same event; lists begin with the newest."""
    await store.alerts.put(event)
    await store.alerts.put(replace(event, state="OBSERVING"))
    await store.alerts.put(replace(event, alert_id="grb261123b", received_utc=at(60)))
    found = await store.alerts.recent()
    assert [(e.alert_id, e.state) for e in found] == [
        ("grb261123b", "ACCEPTED"),
        ("grb261123a", "OBSERVING"),
    ]
    assert len(await store.alerts.recent(since_utc=at(30))) == 1


async def test_first_time_of_a_stage_counts(store: Store, at):
    """A trace is not rewritten by later photons."""
    for after_ms in (900.0, 5000.0):
        await store.alerts.add_stages(
            [
                StageRecord(alert_id="a", stage="first-photon", time_utc=at(1), after_ms=after_ms),
                StageRecord(alert_id="a", stage="received", time_utc=at(0), after_ms=0.0),
            ]
        )
    found = await store.alerts.stages("a")
    assert [(s.stage, s.after_ms) for s in found] == [("received", 0.0), ("first-photon", 900.0)]
