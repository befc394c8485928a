"""The plan, the running sequence, and what the night has done so far, as the pages show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.scheduler.messages import (
    NightClosed,
    PlanPublished,
    QuotasChanged,
    SequenceStateChanged,
)
from actors.sequencer.messages import SequenceEnded, SequenceProgress
from actors.web_gateway.changes import Change, Drop, Json, Put
from actors.web_gateway.json_values import instant, number

if TYPE_CHECKING:
    from actors.web_gateway.live_model import LiveModel

MAX_HISTORY = 400
"""Blocks of one night that are kept for the timeline; older ones give way."""


def plan(event: PlanPublished, model: LiveModel) -> list[Change]:
    """A new version of the plan; that of a new night sweeps the old night's blocks away."""
    changes: list[Change] = []
    if model.record("plan").get("night") not in (None, event.night):
        changes += [Drop(key=key) for key in model.paths() if key.startswith("history/")]
    scheduled: list[Json] = [
        {
            "sequence_id": item.sequence_id,
            "name": item.name,
            "programme_id": item.programme_id,
            "start_utc": instant(item.start_utc),
            "end_utc": instant(item.end_utc),
            "priority": item.priority,
            "filters": list(item.filters),
            "ra_deg": number(item.ra_deg),
            "dec_deg": number(item.dec_deg),
            "bonus": item.bonus,
        }
        for item in event.scheduled
    ]
    not_scheduled: list[Json] = [
        {
            "sequence_id": item.sequence_id,
            "name": item.name,
            "programme_id": item.programme_id,
            "code": item.code,
            "text": item.text,
        }
        for item in event.not_scheduled
    ]
    changes.append(
        Put(
            key="plan",
            value={
                "night": event.night,
                "version": event.version,
                "trigger": event.trigger,
                "scheduled": scheduled,
                "not_scheduled": not_scheduled,
                "value": number(event.value),
                "cpu_s": number(event.cpu_s, 4),
                "time_utc": instant(event.time_utc),
            },
        )
    )
    return changes


def quotas(event: QuotasChanged, model: LiveModel) -> list[Change]:
    """Programmes whose accounts changed; what is left tonight is each telescope's own."""
    changes: list[Change] = []
    for item in event.programmes:
        key = f"quotas/{item.programme_id}"
        before = model.record(key)
        tonight = before.get("left_tonight_s")
        left_tonight_s: dict[str, Json] = dict(tonight) if isinstance(tonight, dict) else {}
        left_tonight_s[event.unit] = number(item.left_tonight_s, 1)
        value: dict[str, Json] = {
            "programme_id": item.programme_id,
            "allocation_s": number(item.allocation_s, 1),
            "charged_s": number(item.charged_s, 1),
            "reserved_s": number(item.reserved_s, 1),
            "bonus_s": number(item.bonus_s, 1),
            "left_s": number(item.left_s, 1),
            "left_tonight_s": left_tonight_s,
        }
        if value != before:
            changes.append(Put(key=key, value=value))
    return changes


def sequence(
    event: SequenceProgress | SequenceEnded | SequenceStateChanged | NightClosed, model: LiveModel
) -> list[Change]:
    """The running sequence and the record of those that ended."""
    match event:
        case SequenceProgress():
            return [_progress(event, model)]
        case SequenceEnded():
            return _ended(event, model)
        case SequenceStateChanged():
            return [_state(event)]
        case NightClosed():
            counts: dict[str, Json] = dict(event.counts)
            closed: list[Change] = [
                Drop(key=key) for key in model.paths() if key.startswith("sequences/")
            ]
            return [
                Put(key="night_closed", value={"night": event.night, "counts": counts}),
                *closed,
            ]


def _progress(event: SequenceProgress, model: LiveModel) -> Change:
    before = model.record("sequence")
    same = before.get("sequence_id") == event.sequence_id
    return Put(
        key="sequence",
        value={
            "sequence_id": event.sequence_id,
            "request_id": event.request_id,
            "name": event.name,
            "programme_id": event.programme_id,
            "object_name": event.object_name,
            "step": event.step,
            "frames_done": max(event.frames_done, _whole(before.get("frames_done")) if same else 0),
            "frames_asked": event.frames_asked,
            "started_utc": instant(event.started_utc),
            "expected_end_utc": instant(event.expected_end_utc),
            "alert_id": event.alert_id,
        },
    )


def _whole(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _state(event: SequenceStateChanged) -> Change:
    return Put(
        key=f"sequences/{event.sequence_id}",
        value={
            "sequence_id": event.sequence_id,
            "request_id": event.request_id,
            "name": event.name,
            "state": str(event.new),
            "previous": str(event.old),
            "reason": event.reason,
            "time_utc": instant(event.time_utc),
        },
    )


def _ended(event: SequenceEnded, model: LiveModel) -> list[Change]:
    running = model.record("sequence")
    same = running.get("sequence_id") == event.sequence_id
    name = running.get("name") if same else _name_of(event.sequence_id, model)
    started = instant(event.started_utc)
    changes: list[Change] = [Drop(key="sequence")] if same else []
    changes.append(
        Put(
            key=f"history/{event.sequence_id}/{started}",
            value={
                "sequence_id": event.sequence_id,
                "request_id": event.request_id,
                "name": name or event.sequence_id,
                "state": str(event.state),
                "reason": event.reason,
                "frames": event.frames,
                "started_utc": started,
                "ended_utc": instant(event.ended_utc),
                "alert_id": event.alert_id,
            },
        )
    )
    kept = [key for key in model.paths() if key.startswith("history/")]
    changes += [Drop(key=key) for key in kept[: max(0, len(kept) + 1 - MAX_HISTORY)]]
    return changes


def _name_of(sequence_id: str, model: LiveModel) -> Json:
    scheduled = model.record("plan").get("scheduled")
    for item in scheduled if isinstance(scheduled, list) else []:
        if isinstance(item, dict) and item.get("sequence_id") == sequence_id:
            return item.get("name")
    return model.record(f"sequences/{sequence_id}").get("name")
