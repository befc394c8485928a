"""Events become sections: every event the pages are made of, by the real message classes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from actors.journal.messages import JournalEntry, JournalWritten
from actors.scheduler.messages import (
    NightClosed,
    ProgrammeTime,
    QuotasChanged,
    SequenceStateChanged,
)
from actors.web_gateway.alert_section import MAX_ALERTS
from actors.web_gateway.live_model import LiveModel
from actors.web_gateway.observing_section import MAX_HISTORY
from actors.web_gateway.sections import changes_of
from pyros.domain.device import Quality
from pyros.domain.sequence import SequenceState
from tests.browser import staged_night as staged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyros.actor import Message

NOW = staged.NOW


def told(events: Iterable[Message], model: LiveModel | None = None) -> LiveModel:
    """The model after some events."""
    model = model or LiveModel({"log": 50})
    for event in events:
        model.apply(changes_of(event, model, NOW))
    return model


def record(model: LiveModel, key: str) -> dict[str, Any]:
    """A cell as it would be read from JSON."""
    return dict(orjson.loads(model.encoded(key)))


def test_every_cell_of_a_night_is_json() -> None:
    """Nothing that the gateway keeps fails to encode, and all sections of the page are there."""
    model = told([*staged.clear_night(), *staged.rain(NOW), *staged.burst(NOW)])
    for key in model.paths():
        orjson.loads(model.encoded(key))
    heads = {key.split("/")[0] for key in model.paths()}
    assert heads >= {
        "mode", "phase", "safety", "weather", "stations", "devices", "plan", "sequence",
        "history", "exposures", "images", "alerts", "close_order",
    }  # fmt: skip


def test_device_keeps_value_unit_time_and_quality() -> None:
    """A reading reaches the page with its unit, its source time and its quality."""
    status = staged.devices(NOW)[0]
    stale = replace(
        status, readings=staged.readings(NOW, {"alt_deg": float("nan")}, stale=("alt_deg",))
    )
    cell = record(told([stale]), "devices/t1/telescope")
    reading = cell["readings"]["alt_deg"]
    assert reading == {"v": None, "u": "deg", "t": "2026-11-23T21:04:30.000Z", "q": "stale"}
    assert reading["q"] == Quality.STALE


def test_safety_tells_reasons_with_source() -> None:
    """Why closed: code, sentence and source stand in the cell, and the order to close beside it."""
    model = told(staged.rain(NOW))
    safety = record(model, "safety")
    assert safety["safety"] == "UNSAFE"
    assert safety["reasons"] == [
        {"code": "RAIN", "text": "mast reports rain since 4 s", "source": "mast"}
    ]
    assert record(model, "close_order")["time_utc"] == "2026-11-23T21:04:30.000Z"


def test_sequence_ends_into_the_history() -> None:
    """An ended sequence leaves the running place and stands in the history with its name."""
    published = staged.plan(NOW)
    running = staged.progress(published, NOW)
    ended = replace(
        staged.done_so_far(published, NOW)[0],
        sequence_id=running.sequence_id,
        started_utc=running.started_utc,
    )
    model = told([published, running])
    assert record(model, "sequence")["name"] == running.name
    told([ended], model)
    assert model.get("sequence") is None
    (past,) = model.under("history").values()
    assert isinstance(past, dict)
    assert (past["name"], past["state"]) == (running.name, "COMPLETED")


def test_end_of_another_sequence_leaves_the_running_one() -> None:
    """A late end of a sequence does not wipe the one that runs now (an alert overtook it)."""
    published = staged.plan(NOW)
    running = staged.progress(published, NOW)
    model = told([published, running, *staged.done_so_far(published, NOW)])
    assert record(model, "sequence")["sequence_id"] == running.sequence_id


def test_progress_of_one_sequence_never_goes_back() -> None:
    """Frames done of one sequence only grow, though channels report in any order."""
    published = staged.plan(NOW)
    model = told([staged.progress(published, NOW, frames_done=n) for n in (3, 2)])
    assert record(model, "sequence")["frames_done"] == 3


def test_new_night_sweeps_the_history() -> None:
    """The plan of another night drops the blocks of the last one; a new version keeps them."""
    published = staged.plan(NOW)
    model = told([published, *staged.done_so_far(published, NOW)])
    told([replace(published, version=4)], model)
    assert model.under("history")
    told([replace(published, night="2026-11-24", version=1)], model)
    assert not model.under("history")


def test_history_and_alerts_are_bounded() -> None:
    """However long the process runs, blocks and alerts on the page stay bounded, newest kept."""
    published = staged.plan(NOW)
    ended = staged.done_so_far(published, NOW)[0]
    model = told(
        replace(ended, started_utc=NOW + timedelta(seconds=n)) for n in range(MAX_HISTORY + 5)
    )
    assert len(model.under("history")) == MAX_HISTORY
    told((replace(staged.alert(NOW), alert_id=f"a-{n}") for n in range(MAX_ALERTS + 5)), model)
    assert len(model.under("alerts")) == MAX_ALERTS
    assert f"a-{MAX_ALERTS + 4}" in model.under("alerts")


def test_alert_collects_stages_from_both_events() -> None:
    """Stages come by their own events and with the alert; none is lost, in either order."""
    for events in (
        [staged.alert(NOW), *staged.stages(NOW)],
        [*staged.stages(NOW), staged.alert(NOW)],
    ):
        alert = record(told(events), "alerts/a-0001")
        assert alert["decision"] == "accepted"
        assert alert["stages"]["slew-command"] == 6.8
        assert alert["stages"]["judged"] == 4.4


def test_first_time_of_a_stage_stands() -> None:
    """A second frame on disk does not move the latency of the first."""
    late = replace(staged.stages(NOW)[-1], after_ms=99999.0)
    alert = record(told([staged.alert(NOW), *staged.stages(NOW), late]), "alerts/a-0001")
    assert alert["stages"]["frame-on-disk"] == 53800.0


def test_exposure_runs_until_its_own_frame() -> None:
    """Only the frame of the running exposure ends it."""
    model = told([staged.exposure(NOW)])
    other = staged.frame(NOW).frame
    told([other], model)
    assert record(model, "exposures/t1/cam-vis")["running"] is True
    told([replace(other, exposure_id="x-cam-vis", aborted=True)], model)
    ended = record(model, "exposures/t1/cam-vis")
    assert (ended["running"], ended["aborted"]) == (False, True)


def test_frame_tells_where_and_how_good() -> None:
    """The last image of a camera has its path, its preview and its quality."""
    image = record(told([staged.frame(NOW)]), "images/t1/cam-vis")
    assert image["path"].startswith("PRODUCED_DATA/")
    assert (image["stars"], image["fwhm_arcsec"], image["filter_name"]) == (143, 1.82, "r")


def test_log_line_does_not_wait_for_the_disk() -> None:
    """An entry is a line at once; written, it only moves the journal's number."""
    entry = JournalEntry(
        kind="alarm",
        subject="/safety/safety",
        text="rain",
        time_utc=NOW,
        data={"limit": float("inf"), "at": (1, 2), "path": staged.SITE},
        severity="alarm",
    )
    model = told([entry, JournalWritten(seq=7, entry=entry), JournalWritten(seq=5, entry=entry)])
    (line,) = model.stream("log")
    assert isinstance(line, dict)
    assert (line["text"], line["severity"]) == ("rain", "alarm")
    assert orjson.loads(orjson.dumps(line))["data"]["limit"] is None
    assert model.record("journal") == {"seq": 7}


def test_states_of_sequences_go_with_their_night() -> None:
    """Each sequence's state has its cell until the night is closed."""
    moved = SequenceStateChanged(
        sequence_id="s-1", request_id="r-1", name="M 1", old=SequenceState.PLANNED,
        new=SequenceState.UNPLANNABLE, reason="cam-nir is disabled", time_utc=NOW,
    )  # fmt: skip
    model = told([moved])
    assert record(model, "sequences/s-1")["state"] == "UNPLANNABLE"
    told([NightClosed(night=staged.NIGHT, counts={"COMPLETED": 3})], model)
    assert not model.under("sequences")
    assert model.record("night_closed") == {"night": staged.NIGHT, "counts": {"COMPLETED": 3}}


def test_programmes_show_what_is_left() -> None:
    """A cell per programme: the site's semester, and what each telescope has left tonight."""
    time = ProgrammeTime(
        programme_id="agn", allocation_s=1000.0, charged_s=300.0, reserved_s=200.0, bonus_s=50.0,
        left_s=500.0, left_tonight_s=None,
    )  # fmt: skip
    one = QuotasChanged(unit="t1", programmes=(replace(time, left_tonight_s=400.0),))
    model = told([one, QuotasChanged(unit="t2", programmes=(time,))])
    assert record(model, "quotas/agn") == {
        "programme_id": "agn", "allocation_s": 1000.0, "charged_s": 300.0, "reserved_s": 200.0,
        "bonus_s": 50.0, "left_s": 500.0, "left_tonight_s": {"t1": 400.0, "t2": None},
    }  # fmt: skip
    version = model.version
    told([one], model)
    assert model.version == version  # nothing new is told twice
