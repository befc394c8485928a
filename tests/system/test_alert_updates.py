"""What comes after a first notice: updates, retractions, and what people correct and inject."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from actors.alert_handler.messages import (
    ChangeFollowUp,
    InjectTestAlert,
    NoteByHand,
    StopFollowUp,
)
from pyros.actor import Rejected
from pyros.domain.alert.localisation import separation_deg
from pyros.domain.sequence import SequenceState
from pyros.sky.engine import icrs_from_altaz
from tests.system.alert_night import (
    ECLAIRS,
    MXT,
    SWIFT,
    XRT,
    AlertNight,
    at_night,
)

if TYPE_CHECKING:
    from pathlib import Path


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
