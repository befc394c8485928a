"""Wide error regions and sky maps on the whole site: tiled field by field, anew when needed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from actors.alert_handler.messages import (
    StopFollowUp,
)
from protocols.notice_parser import parse_notice
from pyros.domain.sequence import SequenceState
from tests.actors.alert_handler.test_tile_plan import lvk_alert
from tests.system.alert_night import (
    GBM,
    SWIFT,
    AlertNight,
    at_night,
)

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_position_that_is_taken_back_leaves_the_region_that_stands(tmp_path: Path) -> None:
    """Swift retracts what it added to Fermi's burst: its block stops, Fermi's region is tiled."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        place = night.in_view()
        await night.send(night.young(GBM, place=place, age_s=40.0))
        await night.stage("-001", "first-photon")
        swift = night.young(SWIFT, place=(place[0], place[1] + 1.0), age_s=48.0, serial=70)
        await night.send(swift)
        pointed = await night.until(
            lambda: (
                one
                if (one := night.event("-001"))
                and one.stream == "swift-bat"
                and night.spy.states.get(one.sequence_id or "") is SequenceState.EXECUTING
                else None
            ),
            within_s=120.0,
            what="Swift's position is on the telescope",
        )
        assert pointed is not None
        ivorn = parse_notice(swift, source="vtp", received_utc=night.clock.now()).notice_id
        cites = f'<Citations><EventIVORN cite="retraction">{ivorn}</EventIVORN></Citations>'
        retraction = swift.replace(b"_r70", b"_r70_back").replace(
            b"</voe:VOEvent>", cites.encode() + b"</voe:VOEvent>"
        )
        assert (await night.send(retraction)).accepted

        def tiled_again() -> bool:
            now = night.event("-001")
            return (
                now is not None
                and now.sequence_id != pointed.sequence_id
                and night.spy.states.get(now.sequence_id or "") is SequenceState.EXECUTING
            )

        await night.until(tiled_again, within_s=300.0, what="Fermi's region is observed")
        now = night.event("-001")
        assert now is not None
        assert now.state == "OBSERVING"
        assert now.dec_deg == pytest.approx(place[1], abs=1e-3)
        assert now.t0_utc == pointed.t0_utc
        ended = await night.until(
            lambda: next(
                (one for one in night.spy.ended if one.sequence_id == pointed.sequence_id), None
            ),
            within_s=120.0,
            what="Swift's block has ended",
        )
        assert ended is not None
        assert ended.state is SequenceState.INTERRUPTED

    at_night(tmp_path, story)
