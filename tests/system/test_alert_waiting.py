"""Bursts that wait: for their window, for the dome, for a following night, over a restart."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from actors.alert_handler.messages import StopFollowUp
from pyros.actor import Reason, Terminated
from pyros.domain.observatory import Mode
from pyros.domain.sequence import SequenceState
from pyros.sky.engine import icrs_from_altaz
from simulators.scenario import Scenario, WeatherEvent
from tests.system.alert_night import (
    FOLLOWING,
    GBM,
    NIGHT,
    SWIFT,
    XRT,
    AlertNight,
    at_night,
    dark_span,
    settings,
)

if TYPE_CHECKING:
    from pathlib import Path

    from actors.alert_handler.messages import AlertUpdated
    from pyros.app.settings import ObservatorySettings


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


def setting_place(night: AlertNight) -> tuple[float, float]:
    """A place low in the west: it has set for tonight, and is up again tomorrow evening."""
    ra_deg, dec_deg = icrs_from_altaz(night.site.plant.site, 6.0, 275.0, night.clock.unix_s())
    return float(ra_deg) % 360.0, float(dec_deg)


def test_a_burst_that_has_set_is_observed_in_the_following_night(tmp_path: Path) -> None:
    """Carried over as its strategy says: deferred at dawn, first photon in the next night [123]."""

    async def story(night: AlertNight) -> None:
        await night.send(night.young(SWIFT, place=setting_place(night)))
        event = await night.until(lambda: night.event("-001"), within_s=30.0, what="judged")
        assert event is not None
        assert (event.decision, event.state) == ("deferred", "DEFERRED")
        seen = await night.stage("-001", "first-photon", within_s=20 * 3600.0)
        assert seen.state == "OBSERVING"
        assert seen.t0_utc is not None
        assert (night.clock.now() - seen.t0_utc).total_seconds() > 8 * 3600.0

    at_night(tmp_path, story, before_dawn_s=1500.0)


def raining(for_s: float) -> ObservatorySettings:
    """The simulated observatory in the rain from the start on."""
    rain = WeatherEvent(at_s=0.0, for_s=for_s, rain_mm_h=3.0)
    return msgspec.structs.replace(settings(), scenario=Scenario(origin="start", weather=(rain,)))


async def lose_the_night(night: AlertNight) -> tuple[str, datetime]:
    """A burst in the rain at dawn: its event, and the window that it then waits for."""
    await night.send(night.young(SWIFT))
    event = await night.until(lambda: night.event("-001"), within_s=30.0, what="judged")
    assert event is not None
    assert event.state == "ACCEPTED"

    def put_off() -> bool:
        now = night.event("-001")
        return now is not None and now.state == "DEFERRED"

    await night.until(put_off, within_s=2 * 3600.0, what="put off to another night")
    assert "slew-command" not in event.stages
    await asyncio.sleep(60.0)
    requests = await night.site.plant.store.requests.open_requests()
    (waits,) = [one.sequences[0] for one in requests if one.alert_id == event.alert_id]
    assert waits.earliest_utc is not None
    assert waits.earliest_utc > night.clock.now() + timedelta(hours=6)
    return event.alert_id, waits.earliest_utc


def test_a_night_lost_to_rain_is_made_good_in_the_next_one_after_a_restart(tmp_path: Path) -> None:
    """At dawn it is put off to its next window; PyROS is restarted; then it is observed, once."""

    async def after(night: AlertNight) -> None:
        early = await night.site.plant.store.alerts.get(alert_id)
        assert early is not None
        assert early.state == "DEFERRED"
        await night.stage("-001", "first-photon", within_s=3600.0)
        assert night.clock.now() > window_utc
        assert {one.alert_id for one in night.spy.alerts.values()} == {alert_id}

    alert_id, window_utc = at_night(
        tmp_path, lose_the_night, changed=raining(7200.0), before_dawn_s=1200.0, keep_database=True
    )
    dusk_utc = dark_span(FOLLOWING)[0]
    at_night(
        tmp_path,
        after,
        night=FOLLOWING,
        after_dark_s=(window_utc - dusk_utc).total_seconds() - 900.0,
        keep_database=True,
    )


def test_what_dawn_interrupts_is_carried_over(tmp_path: Path) -> None:
    """The night ends in the middle of a sequence: the rest has its place in the next night."""

    async def story(night: AlertNight) -> None:
        await night.until(
            lambda: night.spy.mode is Mode.OBSERVING, within_s=1200.0, what="observing"
        )
        await night.send(night.young(SWIFT, age_s=5000.0))
        running = await night.stage("-001", "first-photon")

        def carried() -> AlertUpdated | None:
            now = night.event("-001")
            return now if now is not None and now.state == "DEFERRED" else None

        event = await night.until(carried, within_s=3600.0, what="carried over")
        assert event is not None
        assert event.sequence_id != running.sequence_id
        assert "waits for its next window: " in event.reasons[-1]
        (ended,) = [one for one in night.spy.ended if one.alert_id]
        assert ended.reason == f"the night {NIGHT} is over"
        await asyncio.sleep(60.0)
        kept = await night.site.plant.store.requests.get(event.sequence_id or "")
        assert kept is not None
        earliest_utc = kept.sequences[0].earliest_utc
        assert earliest_utc is not None
        assert earliest_utc > dark_span(FOLLOWING)[0]

    at_night(tmp_path, story, before_dawn_s=1500.0)


def test_a_burst_that_waits_beyond_its_age_limit_expires(tmp_path: Path) -> None:
    """Rain in the following night too: a day after T0 it is closed, with the reason, for good."""

    async def after(night: AlertNight) -> None:
        def over() -> AlertUpdated | None:
            event = night.event("-001")
            return event if event is not None and event.state == "CLOSED" else None

        event = await night.until(over, within_s=3600.0, what="expired")
        assert event is not None
        assert event.t0_utc is not None
        age_s = (night.clock.now() - event.t0_utc).total_seconds()
        assert age_s == pytest.approx(86_400.0, abs=30.0)
        assert event.reasons[-1] == "expired: older than its strategy's age limit"
        await asyncio.sleep(60.0)
        kept = await night.site.plant.store.alerts.get(event.alert_id)
        assert kept is not None
        assert (kept.state, kept.reasons) == ("CLOSED", event.reasons)
        assert not [one for one in night.spy.ended if one.alert_id]

    at_night(
        tmp_path, lose_the_night, changed=raining(7200.0), before_dawn_s=1200.0, keep_database=True
    )
    at_night(
        tmp_path,
        after,
        changed=raining(7200.0),
        night=FOLLOWING,
        before_dawn_s=1800.0,
        keep_database=True,
    )


def test_what_is_not_carried_over_is_refused_with_the_reason(tmp_path: Path) -> None:
    """A strategy for one night only, and a burst too old at its next window: both say so."""

    async def story(night: AlertNight) -> None:
        place = setting_place(night)
        await night.send(night.young(GBM, place=place, age_s=1000.0))
        await night.send(night.young(SWIFT, place=place, age_s=50_000.0))
        await night.until(lambda: night.event("-002"), within_s=30.0, what="judged")
        wide = await night.until(
            lambda: one if (one := night.event("-001")) and one.state == "IGNORED" else None,
            within_s=60.0,
            what="refused",
        )
        assert wide is not None
        assert "grb-wide begins nothing after 24 19:" in wide.reasons[-1]
        old = night.event("-002")
        assert old is not None
        assert old.state == "IGNORED"
        assert any("h old at its next window, limit 24.0 h" in text for text in old.reasons)
        assert night.spy.plan is None or not [
            one for one in night.spy.plan.scheduled if one.sequence_id.startswith("grb-")
        ]

    at_night(tmp_path, story, before_dawn_s=1500.0)


def test_a_wide_region_that_is_not_up_has_its_place_in_the_plan(tmp_path: Path) -> None:
    """Its first field stands in the night's plan hours before, and is observed when it is up."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        ra_deg, dec_deg = icrs_from_altaz(night.site.plant.site, -12.0, 92.0, night.clock.unix_s())
        place = (float(ra_deg) % 360.0, float(dec_deg))
        await night.send(night.young(GBM, place=place, age_s=1000.0))
        event = await night.until(lambda: night.event("-001"), within_s=30.0, what="judged")
        assert event is not None
        assert event.state == "DEFERRED"

        def planned() -> bool:
            now = night.event("-001")
            sequence_id = None if now is None else now.sequence_id
            return night.spy.states.get(sequence_id or "") is SequenceState.PLANNED

        await night.until(planned, within_s=120.0, what="planned")
        plan = night.spy.plan
        assert plan is not None
        (field,) = [one for one in plan.scheduled if one.sequence_id.startswith(event.alert_id)]
        assert "field 1/" in field.name
        assert field.start_utc > night.clock.now() + timedelta(hours=1)
        await night.stage("-001", "first-photon", within_s=5 * 3600.0)
        assert night.clock.now() >= field.start_utc - timedelta(seconds=1)

    at_night(tmp_path, story)


def test_a_tiling_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    """Fields that were done are not done again; what an expert stopped stays stopped."""

    async def completed(night: AlertNight) -> list[tuple[float, float]]:
        rows = night.site.plant.store.requests
        requests = {
            one.request_id: await rows.get(one.request_id)
            for one in await night.site.plant.store.alerts.follow_ups(
                since_utc=night.clock.now() - timedelta(days=1)
            )
        }
        states = await rows.states(tuple(requests))
        return [
            (request.sequences[0].target.ra_deg, request.sequences[0].target.dec_deg)
            for key, request in requests.items()
            if request is not None and states[key].state is SequenceState.COMPLETED
        ]

    async def fields_done(night: AlertNight, count: int) -> list[tuple[float, float]]:
        def done() -> bool:
            ends = [one.state for one in night.spy.ended if one.alert_id]
            return ends.count(SequenceState.COMPLETED) >= count

        await night.until(done, within_s=3600.0, what=f"{count} fields")
        await asyncio.sleep(5.0)
        return await completed(night)

    async def before(night: AlertNight) -> tuple[str, list[tuple[float, float]]]:
        await night.routine_runs()
        await night.send(night.young(SWIFT, serial=90))
        stopped = await night.stage("-001", "first-photon")
        await night.handler.ask(
            StopFollowUp(alert_id=stopped.alert_id, who="expert", why="a flare star")
        )
        await night.send(night.young(GBM, age_s=3000.0, serial=91))
        wide = await night.stage("-002", "first-photon")
        return wide.alert_id, await fields_done(night, 2)

    async def after(night: AlertNight) -> list[tuple[float, float]]:
        done = await fields_done(night, 2)
        stopped = await night.site.plant.store.alerts.get(alert_id.replace("-002", "-001"))
        assert stopped is not None
        assert stopped.state == "CLOSED"
        assert {one.alert_id for one in night.spy.ended if one.alert_id} == {alert_id}
        return done

    alert_id, first = at_night(tmp_path, before, keep_database=True)
    both = at_night(tmp_path, after, keep_database=True, after_dark_s=6000.0)
    assert len(both) >= len(first) + 2
    assert len(set(both)) == len(both), "a field was observed twice"


def test_a_handler_that_fails_and_is_restarted_leaves_the_telescope_alone(tmp_path: Path) -> None:
    """The sequence on the telescope is completed, and the next one follows it."""

    async def story(night: AlertNight) -> None:
        await night.routine_runs()
        await night.send(night.young(SWIFT, age_s=200.0))
        event = await night.stage("-001", "first-photon")
        assert event.sequence_id is not None
        before = night.handler.incarnation
        night.handler.tell(
            Terminated(ref=night.handler, reason=Reason.KILLED, incarnation=before)
        )  # which it does not expect: it fails
        await night.until(
            lambda: night.handler.incarnation > before, within_s=120.0, what="restarted"
        )

        def next_one() -> AlertUpdated | None:
            now = night.event("-001")
            follows = now is not None and now.sequence_id != event.sequence_id
            return now if follows else None

        after = await night.until(next_one, within_s=7200.0, what="the next phase")
        assert after is not None
        (ended,) = [one for one in night.spy.ended if one.sequence_id == event.sequence_id]
        assert ended.state is SequenceState.COMPLETED
        assert after.sequence_id == event.sequence_id[:-1] + "2"

    at_night(tmp_path, story)
