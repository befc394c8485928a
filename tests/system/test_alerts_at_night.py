"""Alerts on the whole site in virtual time: from a packet to frames, each decision with reasons."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from actors.alert_handler.messages import (
    ChangeFollowUp,
    InjectTestAlert,
    NoteByHand,
    StopFollowUp,
)
from actors.alert_handler.trace import STAGES
from actors.alert_source.settings import PaceSettings
from protocols.mqtt.memory import MemoryLink
from protocols.mqtt.message import MqttMessage
from pyros.actor import Rejected
from pyros.domain.alert.localisation import separation_deg
from pyros.domain.sequence import SequenceState
from pyros.sky.engine import icrs_from_altaz
from tests.actors.alert_handler.test_tile_plan import lvk_alert
from tests.system.alert_night import DATA, AlertNight, at_night, settings

if TYPE_CHECKING:
    from pathlib import Path

SWIFT = "swift/BAT_GRB_Pos_1194500-314.xml"
XRT = "swift/XRT_Pos_1194500-577.xml"
ECLAIRS = "svom/sb26050402_eclairs_312.xml"
MXT = "svom/sb26050402_mxt_50.xml"
EP = "einstein_probe/alert_249.json"
GBM = "fermi_gbm/GBM_Flt_Pos_2023-11-04T01_47_28.14_720755253_59-318.xml"
GBM_LATER = "fermi_gbm/798437606_fermi_gbm_gnd_pos_1870.xml"


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


def test_a_wide_region_is_tiled_field_by_field(tmp_path: Path) -> None:
    """Fermi's circle is covered with fields that do not repeat, in one sequence each."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        await night.send(night.young(GBM))
        await night.stage("-001", "planned")
        await night.until(
            lambda: len([e for e in night.spy.ended if e.alert_id]) >= 3,
            within_s=3600.0,
            what="three fields",
        )
        requests = await night.site.plant.store.requests.open_requests()
        fields = [
            one.sequences[0]
            for one in requests
            if one.alert_id and "field" in one.sequences[0].name
        ]
        ended = [one for one in night.spy.ended if one.alert_id]
        assert {one.state for one in ended} == {SequenceState.COMPLETED}
        places = {(round(f.target.ra_deg, 4), round(f.target.dec_deg, 4)) for f in fields}
        assert len(places) == len(fields)
        said = [one.text for one in night.spy.journal if "fields hold" in one.text]
        assert said

    at_night(tmp_path, story)


def test_a_gravitational_wave_map_is_read_judged_and_tiled(tmp_path: Path) -> None:
    """An LVK alert without a position: its map is up, a strategy takes it, fields are exposed."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        packet = json.loads(lvk_alert(*night.in_view()))
        packet["event"]["time"] = (night.clock.now() - timedelta(seconds=300)).isoformat()
        await night.send(json.dumps(packet).encode(), source="mqtt")
        event = await night.stage("-001", "first-photon")
        assert event.alert_id.startswith("gw-")
        assert any("of a region of" in reason for reason in event.reasons)
        assert any(reason.startswith("gw-with-matter applies") for reason in event.reasons)
        assert any("fields hold" in one.text for one in night.spy.journal)

    at_night(tmp_path, story)


def test_another_missions_position_joins_the_event_and_ends_its_tiling(tmp_path: Path) -> None:
    """Fermi's region is being tiled when Swift's position of the same burst comes: point there."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        place = night.in_view()
        await night.send(night.young(GBM, place=place, age_s=40.0))
        wide = await night.stage("-001", "first-photon")
        assert wide.sequence_id is not None
        near = (place[0], place[1] + 1.0)
        await night.send(night.young(SWIFT, place=near, age_s=48.0))
        await night.until(
            lambda: night.event("-001").sequence_id != wide.sequence_id,  # type: ignore[union-attr]
            within_s=30.0,
            what="pointed at",
        )
        joined = night.event("-001")
        assert joined is not None
        assert (joined.ra_deg, joined.stream) == (pytest.approx(near[0], abs=1e-3), "swift-bat")
        assert night.event("-002") is None
        assert joined.t0_utc == wide.t0_utc
        await night.until(
            lambda: night.spy.states.get(joined.sequence_id or "") is SequenceState.EXECUTING,
            within_s=60.0,
            what="the position is exposed",
        )

    at_night(tmp_path, story)


def test_updates_point_anew_only_when_needed_and_a_retraction_stops(tmp_path: Path) -> None:
    """A position within the inner field changes nothing, one outside re-points, a stop is final."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        ra_deg, dec_deg = night.in_view()
        await night.send(night.young(SWIFT, place=(ra_deg, dec_deg), serial=50))
        first = await night.stage("-001", "first-photon")
        near = (ra_deg, dec_deg + 0.01)
        await night.send(night.young(XRT, place=near, serial=50))
        await night.until(
            lambda: any("arcmin from the pointing" in one.text for one in night.spy.journal),
            within_s=30.0,
            what="update is judged",
        )
        assert night.event("-001").sequence_id == first.sequence_id  # type: ignore[union-attr]
        far = (ra_deg, dec_deg + 0.2)
        corrected = await night.handler.ask(
            NoteByHand(
                alert_id=first.alert_id,
                t0_utc=None,
                ra_deg=far[0],
                dec_deg=far[1],
                error_deg=0.02,
                who="expert",
                why="GCN Circular 41234",
            )
        )
        assert corrected.startswith("hand:")
        moved = await night.until(
            lambda: (
                one
                if (one := night.event("-001")) and one.sequence_id != first.sequence_id
                else None
            ),
            within_s=30.0,
            what="pointed anew",
        )
        assert moved is not None
        assert moved.ra_deg is not None
        assert moved.dec_deg is not None
        assert separation_deg(moved.ra_deg, moved.dec_deg, *far) < 1e-4
        await night.until(
            lambda: night.spy.states.get(moved.sequence_id or "") is SequenceState.EXECUTING,
            within_s=60.0,
            what="the new pointing runs",
        )
        await night.handler.ask(StopFollowUp(alert_id=moved.alert_id, who="expert", why="a flare"))
        await night.until(
            lambda: night.spy.states[moved.sequence_id or ""] is SequenceState.INTERRUPTED,
            within_s=60.0,
            what="stopped",
        )
        assert night.event("-001").state == "CLOSED"  # type: ignore[union-attr]
        with pytest.raises(Rejected, match="nothing to stop"):
            await night.handler.ask(
                StopFollowUp(alert_id=moved.alert_id, who="expert", why="again")
            )

    at_night(tmp_path, story)


def test_a_retraction_stops_the_running_block(tmp_path: Path) -> None:
    """SVOM takes back: the block ends INTERRUPTED, the event RETRACTED, nothing of it waits."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        await night.send(night.young(ECLAIRS, serial=60))
        event = await night.stage("-001", "first-photon")
        young = night.young(ECLAIRS, serial=60)
        retraction = (
            young.replace(b'value="204"', b'value="219"')
            .replace(b'value="202"', b'value="219"')
            .replace(b'value="205"', b'value="219"')
            .replace(b"_r60", b"_retraction")
        )
        assert (await night.send(retraction)).accepted
        await night.until(
            lambda: night.event("-001").state == "RETRACTED",  # type: ignore[union-attr]
            within_s=30.0,
            what="retracted",
        )
        await night.until(
            lambda: night.spy.states[event.sequence_id or ""] is not SequenceState.EXECUTING,
            within_s=60.0,
            what="block ends",
        )
        ended = [one for one in night.spy.ended if one.alert_id == event.alert_id]
        assert "retracted" in ended[-1].reason

    at_night(tmp_path, story)


def test_a_burst_not_yet_up_waits_for_its_window(tmp_path: Path) -> None:
    """Deferred with the hour of its window, then observed when it rises, at its rank."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        ra_deg, dec_deg = icrs_from_altaz(night.site.plant.site, 12.5, 95.0, night.clock.unix_s())
        await night.send(night.young(SWIFT, place=(float(ra_deg), float(dec_deg))))
        event = await night.until(lambda: night.event("-001"), within_s=30.0, what="judged")
        assert event is not None
        assert (event.decision, event.state) == ("deferred", "DEFERRED")
        assert any("next window at" in reason for reason in event.reasons)
        seen = await night.stage("-001", "first-photon", within_s=4 * 3600.0)
        assert seen.state == "OBSERVING"

    at_night(tmp_path, story)


def test_an_injected_alert_acts_as_a_real_one_and_is_marked(tmp_path: Path) -> None:
    """An operator's test interrupts, is marked everywhere, and may be followed in another way."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        ivorn = await night.handler.ask(
            InjectTestAlert(kind="swift-bat", ra_deg=None, dec_deg=None, who="op", why="drill")
        )
        event = await night.stage("-001", "first-photon")
        assert (event.injected, event.ivorn) == (True, ivorn)
        changed = await night.handler.ask(
            ChangeFollowUp(alert_id=event.alert_id, strategy="other", who="op", why="deeper")
        )
        assert "by other instead" in changed
        again = await night.until(
            lambda: (
                one
                if (one := night.event("-001")) and one.sequence_id != event.sequence_id
                else None
            ),
            within_s=60.0,
            what="followed anew",
        )
        assert again is not None
        second = await night.handler.ask(
            InjectTestAlert(kind="swift-bat", ra_deg=None, dec_deg=None, who="op", why="two")
        )
        assert second != ivorn
        await night.until(lambda: night.event("-002"), within_s=30.0, what="another event")

    at_night(tmp_path, story)


def test_a_new_burst_by_hand_is_followed_up(tmp_path: Path) -> None:
    """An expert's position from a Circular is an alert like any other; nonsense is refused."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        ra_deg, dec_deg = night.in_view()
        order = NoteByHand(
            alert_id=None,
            t0_utc=night.clock.now(),
            ra_deg=ra_deg,
            dec_deg=dec_deg,
            error_deg=0.01,
            who="expert",
            why="GCN Circular 40000",
        )
        with pytest.raises(Rejected, match="error_deg"):
            await night.handler.ask(replace(order, error_deg=0.0))
        with pytest.raises(Rejected, match="no event"):
            await night.handler.ask(replace(order, alert_id="grb-000000-001"))
        await night.handler.ask(order)
        event = await night.stage("-001", "first-photon")
        assert (event.stream, event.decision) == ("operator", "accepted")

    at_night(tmp_path, story)


def test_nothing_is_slewed_to_while_closed_and_it_is_planned(tmp_path: Path) -> None:
    """With the dome closed an accepted burst waits; it is the first thing observed once open."""

    async def story(night: AlertNight) -> None:
        await night.send(night.young(SWIFT))
        event = await night.until(lambda: night.event("-001"), within_s=30.0, what="judged")
        assert event is not None
        assert "slew-command" not in event.stages
        assert any("is planned, not slewed to" in one.text for one in night.spy.journal)
        await night.stage("-001", "first-photon", within_s=600.0)
        assert {one.alert_id for one in night.spy.ended} <= {event.alert_id, None}
        assert not [frame for frame in night.spy.frames if frame.frame.context.alert_id is None]

    at_night(tmp_path, story)


def test_a_flood_is_bounded_and_a_real_burst_passes_it(tmp_path: Path) -> None:
    """Of 5,000 packets at once over MQTT few are taken; a burst from elsewhere slews meanwhile."""
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
        for number in range(5_000):
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


def test_after_a_restart_events_are_known_and_what_was_not_judged_is(tmp_path: Path) -> None:
    """A packet that a crash left unjudged slews at the next start; updates find their old event."""
    place: list[tuple[float, float]] = []

    async def before(night: AlertNight) -> str:
        await night.routine_runs()
        place.append(night.in_view())
        await night.send(night.young(SWIFT, place=place[0], serial=70))
        event = await night.stage("-001", "frame-on-disk")
        await night.site.plant.store.alerts.store_packet(
            night.young(SWIFT, age_s=700.0, serial=71),
            source="vtp",
            topic=None,
            received_utc=night.clock.now(),
        )
        return event.alert_id

    async def after(night: AlertNight) -> str:
        late = await night.until(lambda: night.event("-002"), within_s=60.0, what="left over")
        assert late is not None
        assert late.decision == "accepted"
        await night.stage("-002", "first-photon", within_s=900.0)
        near = (place[0][0], place[0][1] + 0.01)
        await night.send(night.young(XRT, place=near, age_s=3600.0, serial=70))
        known = await night.until(lambda: night.event("-001"), within_s=60.0, what="update")
        assert known is not None
        assert night.event("-003") is None
        return known.alert_id

    first = at_night(tmp_path, before, keep_database=True)
    assert at_night(tmp_path, after, keep_database=True, after_dark_s=4200.0) == first


def test_a_retraction_gives_the_time_of_a_waiting_burst_back(tmp_path: Path) -> None:
    """A deferred burst is planned; when its mission takes it back its sequence is cancelled."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        ra_deg, dec_deg = icrs_from_altaz(night.site.plant.site, 5.0, 95.0, night.clock.unix_s())
        place = (float(ra_deg) % 360.0, float(dec_deg))
        await night.send(night.young(MXT, place=place, serial=80))
        waiting = await night.until(lambda: night.event("-001"), within_s=30.0, what="judged")
        assert waiting is not None
        assert waiting.state == "DEFERRED"
        assert waiting.sequence_id is not None
        sequence_id = waiting.sequence_id
        await night.until(
            lambda: night.spy.states.get(sequence_id) is SequenceState.PLANNED,
            within_s=60.0,
            what="planned",
        )
        retraction = night.young(MXT, place=place, serial=80)
        for kind in (b"209", b"210"):
            retraction = retraction.replace(b'value="%s"' % kind, b'value="219"')
        await night.send(retraction.replace(b"_r80", b"_retraction"))
        await night.until(
            lambda: night.spy.states[sequence_id] is SequenceState.CANCELLED,
            within_s=60.0,
            what="released",
        )
        await night.until(
            lambda: night.event("-001").state == "RETRACTED",  # type: ignore[union-attr]
            within_s=30.0,
            what="told",
        )

    at_night(tmp_path, story)


def test_a_wide_tiling_goes_on_after_a_better_burst(tmp_path: Path) -> None:
    """Interrupted in a field, the tiling takes that field up again when the better one is done."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        await night.send(night.young(GBM, age_s=3000.0))
        wide = await night.stage("-001", "first-photon")
        await night.send(night.young(SWIFT))
        best = await night.stage("-002", "first-photon")
        await night.handler.ask(StopFollowUp(alert_id=best.alert_id, who="expert", why="flare"))
        again = await night.until(
            lambda: next(
                (
                    one
                    for one in night.spy.ended
                    if one.alert_id == wide.alert_id and one.state is SequenceState.COMPLETED
                ),
                None,
            ),
            within_s=600.0,
            what="a field is completed",
        )
        assert again is not None
        assert again.sequence_id != wide.sequence_id

    at_night(tmp_path, story)
