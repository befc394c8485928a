"""Alerts on the whole site in virtual time: from a packet to frames, each decision with reasons."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from actors.alert_handler.trace import STAGES
from actors.alert_source.settings import PaceSettings
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.message import MqttMessage
from pyros.domain.sequence import SequenceState
from tests.system.alert_night import (
    DATA,
    ECLAIRS,
    EP,
    GBM,
    GBM_LATER,
    MXT,
    SWIFT,
    AlertNight,
    at_night,
    settings,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_burst_interrupts_routine_work_and_its_whole_trace_is_kept(tmp_path: Path) -> None:
    """Stored raw, judged with reasons, slewed to, exposed; journal and store have each stage."""

    async def story(night: AlertNight) -> None:
        routine = await night.routine_runs()
        raw = night.young(SWIFT)
        stored = await night.send(raw)
        assert stored.accepted
        event = await night.stage("-001", "frame-on-disk")
        assert (event.decision, event.state) == ("accepted", "OBSERVING")
        assert any("observable now" in reason for reason in event.reasons)
        await night.until(
            lambda: night.spy.states[routine] is not SequenceState.EXECUTING,
            within_s=60.0,
            what="routine work ends",
        )
        assert night.spy.states[routine] in {SequenceState.INTERRUPTED, SequenceState.TO_BE_PLANNED}
        frames = [one for one in night.spy.frames if one.frame.context.alert_id == event.alert_id]
        assert frames[0].path.startswith("PRODUCED_DATA/alert_")
        alerts = night.site.plant.store.alerts
        (packet,) = await alerts.packets_of(event.alert_id)
        assert packet.raw == raw
        assert packet.decision == "accepted"
        assert packet.judged_utc is not None
        stages = {record.stage: record.after_ms for record in await alerts.stages(event.alert_id)}
        assert set(STAGES) - {"ended"} <= set(stages)
        reached = [stages[name] for name in STAGES if name in stages]
        assert reached == sorted(reached), "the stages are in order"
        lines = [one.line for one in await night.lines() if one.line.kind == "alert"]
        assert any(line.data.get("decision") == "accepted" for line in lines)
        assert any("wall_slew-command_ms" in line.data for line in lines)

    at_night(tmp_path, story)


@pytest.mark.parametrize("name", [ECLAIRS, EP, MXT])
def test_other_missions_bursts_are_observed_too(tmp_path: Path, name: str) -> None:
    """SVOM's XML and Einstein Probe's JSON over MQTT lead to the same slew."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        await night.send_by_mqtt(night.young(name))
        event = await night.stage("-001", "first-photon")
        assert event.decision == "accepted"

    at_night(tmp_path, story)


def test_what_is_not_acted_on_is_stored_with_its_reason(tmp_path: Path) -> None:
    """Samples are too old, others no alert or a spoof; each says so, and nothing moves."""

    async def story(night: AlertNight) -> None:
        old = await night.send((DATA / SWIFT).read_bytes())
        assert old.accepted
        broken = await night.send(b"<VOEvent", source="vtp")
        assert not broken.accepted
        assert "XML" in broken.reason
        spoof = await night.send(night.young(SWIFT), source="unheard-of")
        assert spoof.accepted
        hand = b'{"schema":"pyros:hand-notice:1","notice_id":"x","event_id":"x","t0_utc":"%s",' % (
            night.clock.now().isoformat().encode()
        )
        forged = hand + b'"ra_deg":10,"dec_deg":10,"error_deg":0.1,"classification":"GRB"}'
        assert (await night.send(forged, source="mqtt")).accepted
        packets = await night.site.plant.store.alerts.recent_packets()
        by_raw = {packet.raw: packet for packet in packets}
        assert by_raw[b"<VOEvent"].decision == "unreadable"
        why = " ".join(by_raw[(DATA / SWIFT).read_bytes()].reasons)
        assert "h old, limit" in why
        assert any("may not speak for" in text for text in by_raw[forged].reasons)
        assert len(packets) == 4
        assert not any(event.sequence_id for event in night.spy.alerts.values())

    at_night(tmp_path, story)


def test_a_better_burst_interrupts_a_worse_one_never_the_other_way_round(tmp_path: Path) -> None:
    """Rank 3 gives way to rank 1, is taken up again afterwards, and does not come between."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        await night.send(night.young(GBM, age_s=3000.0))
        wide = await night.stage("-001", "first-photon")
        assert wide.sequence_id is not None
        await night.send(night.young(SWIFT))
        best = await night.stage("-002", "first-photon")
        assert best.sequence_id is not None
        assert night.spy.states[wide.sequence_id] is not SequenceState.EXECUTING
        before = best.sequence_id
        await night.send(night.young(GBM_LATER, age_s=6000.0))
        third = await night.until(
            lambda: night.event("-003"), within_s=30.0, what="third burst is judged"
        )
        assert third is not None
        await night.until(
            lambda: night.event("-002").sequence_id != before,  # type: ignore[union-attr]
            within_s=900.0,
            what="second phase",
        )
        waits = [one.text for one in night.spy.journal if third.alert_id in one.text]
        assert any("waits: alert" in text for text in waits)
        assert night.spy.states[before] is SequenceState.COMPLETED

    at_night(tmp_path, story)


def test_a_flood_is_bounded_and_a_real_burst_passes_it(tmp_path: Path) -> None:
    """Of 10,000 packets at once over MQTT few are taken; a burst from elsewhere slews meanwhile."""
    shipped = settings()
    pace = PaceSettings(per_s=20.0, burst=20.0, patience_s=5.0)
    sources = msgspec.structs.replace(shipped.alerts.sources, pace=pace)
    changed = msgspec.structs.replace(
        shipped, alerts=msgspec.structs.replace(shipped.alerts, sources=sources)
    )

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        link = MemoryLink(night.site.router, client_id="flood")
        await link.connect()
        topic = night.site.plant.topics.alert_in()
        for number in range(10_000):
            raw = b"<nothing>%d</nothing>" % number
            await link.publish(MqttMessage(topic=topic, payload=raw, qos=0))
        await night.send(night.young(SWIFT))
        event = await night.stage("-001", "first-photon", within_s=60.0)
        assert event.stages["slew-command"] < 100.0
        await asyncio.sleep(60.0)
        packets = await night.site.plant.store.alerts.recent_packets(limit=10_000)
        assert 20 <= len(packets) <= 700
        assert {packet.decision for packet in packets} == {"unreadable", "accepted"}

    at_night(tmp_path, story, changed=changed)
