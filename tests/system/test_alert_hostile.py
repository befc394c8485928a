"""Hostile packets on the whole site: kept with a reason, and nothing of the night moves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyros.domain.alert.notice import NoticeError
from pyros.domain.sequence import SequenceState
from tests.system.alert_night import DATA, ECLAIRS, SWIFT, AlertNight, at_night

if TYPE_CHECKING:
    from pathlib import Path

ACTS_ALONE = "same_ivorn_other_content.xml"  # hostile only as a second content of a known packet
TRICKS = sorted(
    path.relative_to(DATA).as_posix()
    for folder in ("malformed", "traps")
    for path in (DATA / folder).iterdir()
    if path.name != ACTS_ALONE
)


def test_tricks_are_kept_with_their_reason_and_move_nothing(tmp_path: Path) -> None:
    """Entities, bombs, other units, tests in disguise: all young, so that age is no reason."""

    async def story(night: AlertNight) -> None:
        running = await night.routine_runs()
        sent: list[bytes] = []
        for name in TRICKS:
            try:
                sent.append(night.young(name))
            except NoticeError:  # no alert at all: as it is
                sent.append((DATA / name).read_bytes())
            await night.send(sent[-1], source="mqtt")
        await asyncio.sleep(5.0)
        packets = await night.site.plant.store.alerts.recent_packets(limit=500)
        assert {packet.raw for packet in packets} == set(sent)
        assert {packet.decision for packet in packets} == {"unreadable", "ignored"}
        assert all(packet.reasons for packet in packets)
        assert not any("root:" in str(packet.notice) for packet in packets), "a file was read"
        assert night.spy.states[running] is SequenceState.EXECUTING
        assert not any("slew-command" in one.stages for one in night.spy.alerts.values())

    at_night(tmp_path, story)


def test_other_content_under_a_known_id_is_kept_and_does_not_lead_astray(tmp_path: Path) -> None:
    """From a stranger it is ignored; from the mission it is a revision of the same event."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        raw = night.young(ECLAIRS, serial=40)
        await night.send(raw)
        event = await night.stage("-001", "first-photon")
        forged = raw.replace(b"</voe:VOEvent>", b"<!-- forged --></voe:VOEvent>")
        assert forged != raw
        await night.send(forged, source="stranger")
        revised = raw.replace(b"</voe:VOEvent>", b"<!-- revised --></voe:VOEvent>")
        await night.send(revised)
        await night.send(raw)
        await asyncio.sleep(5.0)
        packets = await night.site.plant.store.alerts.recent_packets(limit=10)
        by_raw = {packet.raw: packet for packet in reversed(packets)}
        assert "source stranger may only be logged" in by_raw[forged].reasons
        assert by_raw[forged].alert_id is None
        assert by_raw[revised].alert_id == event.alert_id
        lines = [line.line for line in await night.lines() if line.line.kind == "alert"]
        hows = [str(line.data.get("how", "")) for line in lines]
        assert any("other content" in how or "revision" in how for how in hows), hows
        now = night.event("-001")
        assert now is not None
        assert now.sequence_id == event.sequence_id
        assert night.spy.states[event.sequence_id or ""] is SequenceState.EXECUTING
        assert len({one.alert_id for one in night.spy.alerts.values() if one.sequence_id}) == 1

    at_night(tmp_path, story)


def test_a_source_that_opens_too_many_events_has_the_rest_held(tmp_path: Path) -> None:
    """Twenty an hour are followed; the others are stored, held, and planned for nobody."""
    bursts, most = 40, 20

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        for number in range(bursts):
            raw = night.young(SWIFT, age_s=40.0 + 1500.0 * number, serial=200 + number)
            await night.send(raw, source="mqtt")
        await asyncio.sleep(60.0)
        packets = await night.site.plant.store.alerts.recent_packets(limit=500)
        held = [packet for packet in packets if packet.alert_id is None]
        assert len(packets) == bursts
        assert len(held) == bursts - most
        assert all("operator" in " ".join(packet.reasons) for packet in held)
        follow_ups = await night.site.plant.store.alerts.follow_ups(
            since_utc=night.clock.now().replace(hour=0)
        )
        assert len({one.alert_id for one in follow_ups}) == most

    at_night(tmp_path, story)
