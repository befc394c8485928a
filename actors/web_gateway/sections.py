"""What each event of the observatory changes on the pages: pure functions, event -> changes.

One function per group of events; `changes_of` finds the right one. They read the model where an
event only makes sense with what was known before (a stage of an alert, the end of a sequence), and
never write it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.alert_handler.messages import AlertUpdated, StrategiesInForce
from actors.archive.messages import FrameArchived
from actors.camera.messages import ExposureStarted, FrameSpooled
from actors.device.messages import DeviceStateChanged, DeviceStatus
from actors.journal.messages import JournalEntry, JournalWritten
from actors.majordome.messages import ModeChanged, SkyPhaseChanged
from actors.safety.messages import CloseOrder, SafetyVerdict
from actors.scheduler.messages import (
    NightClosed,
    PlanPublished,
    QuotasChanged,
    SequenceStateChanged,
)
from actors.sequencer.messages import AlertStage, SequenceEnded, SequenceProgress
from actors.weather_source.messages import WeatherReport
from actors.weather_verdict.messages import WeatherVerdict
from actors.web_gateway import alert_section, image_section, log_section, observing_section
from actors.web_gateway.changes import Change, Json, Put
from actors.web_gateway.json_values import instant, number, readings, reasons, verdict

if TYPE_CHECKING:
    from datetime import datetime

    from actors.web_gateway.live_model import LiveModel
    from pyros.actor import Message

EVENTS: tuple[type[Message], ...] = (
    AlertStage,
    AlertUpdated,
    CloseOrder,
    DeviceStateChanged,
    DeviceStatus,
    ExposureStarted,
    FrameArchived,
    FrameSpooled,
    JournalEntry,
    JournalWritten,
    ModeChanged,
    NightClosed,
    PlanPublished,
    QuotasChanged,
    SafetyVerdict,
    SequenceEnded,
    SequenceProgress,
    SequenceStateChanged,
    SkyPhaseChanged,
    StrategiesInForce,
    WeatherReport,
    WeatherVerdict,
)
"""All that the pages are made of."""


def changes_of(event: Message, model: LiveModel, now_utc: datetime) -> list[Change]:
    """What an event changes; nothing for events that the pages do not show."""
    match event:
        case DeviceStatus():
            return [device(event)]
        case SafetyVerdict() | CloseOrder() | WeatherVerdict() | WeatherReport():
            return [conditions(event, now_utc)]
        case ModeChanged() | SkyPhaseChanged():
            return [mode(event)]
        case PlanPublished():
            return observing_section.plan(event, model)
        case QuotasChanged():
            return observing_section.quotas(event, model)
        case SequenceProgress() | SequenceEnded() | SequenceStateChanged() | NightClosed():
            return observing_section.sequence(event, model)
        case ExposureStarted() | FrameSpooled() | FrameArchived():
            return image_section.frame(event, model)
        case AlertUpdated() | AlertStage():
            return alert_section.alert(event, model)
        case StrategiesInForce():
            return [alert_section.strategies(event)]
        case JournalEntry() | JournalWritten():
            return log_section.line(event, model)
        case _:
            return []


def device(event: DeviceStatus) -> Change:
    """The cell of one device."""
    return Put(
        key=f"devices/{event.unit}/{event.device}",
        value={
            "unit": event.unit,
            "device": event.device,
            "kind": str(event.kind),
            "state": str(event.state),
            "reason": event.reason,
            "since_utc": instant(event.since_utc),
            "readings": dict(readings(event.readings)),
            "blocking": event.blocking,
            "simulated": event.simulated,
            "running_command": event.running_command,
            "time_utc": instant(event.time_utc),
        },
    )


def conditions(
    event: SafetyVerdict | CloseOrder | WeatherVerdict | WeatherReport,
    now_utc: datetime,
) -> Change:
    """Verdicts, closing orders and stations."""
    match event:
        case SafetyVerdict():
            return Put(key="safety", value=verdict(event.verdict))
        case CloseOrder():
            order: Json = {"reasons": reasons(event.reasons), "time_utc": instant(now_utc)}
            return Put(key="close_order", value=order)
        case WeatherVerdict():
            value = verdict(event.verdict)
            value["votes"] = [
                {"station": vote.station, "vote": vote.vote, "text": vote.text}
                for vote in event.votes
            ]
            value["fused"] = {
                name: item if isinstance(item, bool) else number(item)
                for name, item in event.fused.items()
            }
            return Put(key="weather", value=value)
        case WeatherReport():
            return Put(
                key=f"stations/{event.station}",
                value={
                    "station": event.station,
                    "state": str(event.state),
                    "readings": dict(readings(event.readings)),
                    "time_utc": instant(event.time_utc),
                },
            )


def mode(event: ModeChanged | SkyPhaseChanged) -> Change:
    """The observatory's mode and the phase of the sky."""
    if isinstance(event, SkyPhaseChanged):
        return Put(
            key="phase",
            value={
                "phase": str(event.phase),
                "night": event.night,
                "time_utc": instant(event.time_utc),
            },
        )
    return Put(
        key="mode",
        value={
            "mode": str(event.mode),
            "previous": str(event.previous),
            "reason": event.reason,
            "who": event.who,
            "since_utc": instant(event.since_utc),
        },
    )
